//! Two independent clients: fhirpy (PyPI) and fhir-kit-client (npm).

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::support::{TestHospital, built, rules_on_both_engines};

rules_on_both_engines!(TestHospital: fhirpy_completes_its_session, fhir_kit_client_completes_its_session);

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/clients").join(name)
}

async fn session(hospital: &TestHospital, command: &mut Command) -> String {
    let clinic = hospital.clinic(&[]).await;
    command.env("BASE", format!("{}/fhir/R4", clinic.administrator.base()));
    let output = command.env("TOKEN", clinic.administrator.token()).output().await.expect("a client");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

async fn fhirpy_completes_its_session(hospital: TestHospital) {
    let python = built("python/bin/python", "cargo xtask setup");
    let said = session(&hospital, Command::new(python).arg(script("fhirpy_session.py"))).await;
    assert_eq!(said.trim(), "fhirpy is content");
}

async fn fhir_kit_client_completes_its_session(hospital: TestHospital) {
    let package = built("node/node_modules/fhir-kit-client/package.json", "cargo xtask setup");
    let modules = package.ancestors().nth(2).expect("a folder of modules").to_owned();
    let mut node = Command::new("node");
    let said = session(&hospital, node.arg(script("fhir_kit_session.mjs")).env("MODULES", modules)).await;
    assert_eq!(said.trim(), "fhir-kit-client is content");
}
