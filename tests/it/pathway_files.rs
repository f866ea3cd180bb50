//! Pathways that are files: checked and built by the command line, executed in a hospital.

use serde_json::{Value, json};
use xinglin_runtime::{Limits, Package, attach};

use crate::{
    measurements::Enrolled,
    support::{Desk, TestHospital, built, eventually, repository, rules_on_both_engines},
};

rules_on_both_engines!(
    TestHospital:
    a_file_is_a_pathway_of_a_hospital,
);

pub(crate) const FILES: [&str; 5] = ["asthma-copd", "ckd", "gout", "lipids", "post-discharge-30-days"];

/// A folder with the files that ship, as `….yaml`.
pub(crate) fn desk() -> Desk {
    let desk = Desk::new();
    for name in FILES {
        desk.write(&format!("{name}.yaml"), repository(&format!("examples/pathways/{name}.yaml")));
    }
    desk
}

pub(crate) fn template() -> String {
    built("plugins/generic-pathway.wasm", "cargo xtask build-plugins").display().to_string()
}

#[tokio::test]
async fn files_are_checked_and_built_by_the_command_line() {
    let desk = desk();
    let files = FILES.map(|name| format!("{name}.yaml"));
    let check = [&["pathway", "check"], &files.each_ref().map(String::as_str)[..]].concat();
    let told = desk.xinglin(&check).await.done();
    assert_eq!(told.matches(": no finding").count(), FILES.len(), "{told}");
    assert!(told.contains("a specialist must review"), "{told}");

    // A mistake has a name and a place, and is not built.
    let gout = String::from_utf8(desk.read("gout.yaml")).expect("text");
    desk.write("wrong.yaml", gout.replacen("sla_min: 15", "sla_min: 2000", 1));
    let wrong = desk.xinglin(&["pathway", "check", "--json", "wrong.yaml"]).await;
    wrong.failed("1 finding");
    let document: Value = serde_json::from_str(&wrong.out).expect("JSON");
    let finding = &document[0]["findings"][0];
    assert_eq!((&finding["name"], &finding["path"]), (&json!("critical-too-slow"), &json!("rules[0].sla_min")));
    assert!(finding["line"].as_u64().is_some_and(|line| line > 40), "{finding}");
    let template = template();
    let build = ["pathway", "build", "wrong.yaml", "-o", "wrong.wasm", "--template", &template];
    desk.xinglin(&build).await.failed("wrong.yaml is not built");
    desk.write("no.yaml", "id: [");
    desk.xinglin(&["pathway", "check", "no.yaml"]).await.failed("no.yaml:1:");

    // The same file is the same package; it asks for nothing but data.
    for out in ["gout.wasm", "again.wasm"] {
        desk.xinglin(&["pathway", "build", "gout.yaml", "-o", out, "--template", &template]).await.done();
    }
    assert!(desk.read("gout.wasm") == desk.read("again.wasm"), "the same bytes");
    let package = Package::read(desk.read("gout.wasm")).expect("a package");
    assert_eq!(package.manifest().id, "xinglin.gout");
    assert!(package.imports().is_empty() && package.manifest().capabilities.is_empty());
    desk.xinglin(&["pathway", "build", "gout.yaml", "-o", "x.wasm", "--template", "again.wasm"]).await.done();
    desk.write("empty.wasm", b"\0asm");
    desk.xinglin(&["pathway", "build", "gout.yaml", "-o", "x.wasm", "--template", "empty.wasm"])
        .await
        .failed("0 slots");
}

#[tokio::test]
async fn compiled_pathways_are_explored() {
    let desk = desk();
    desk.xinglin(&["pathway", "build", "asthma-copd.yaml", "-o", "asthma-copd.wasm", "--template", &template()])
        .await
        .done();
    let plugins = ["diabetes", "hiv"]
        .map(|name| built(&format!("plugins/{name}.wasm"), "cargo xtask build-plugins").display().to_string());
    let check = ["pathway", "check", "--steps", "3000", "asthma-copd.wasm", &plugins[0], &plugins[1]];
    let told = desk.xinglin(&check).await.done();
    assert_eq!(told.matches(", 0 findings").count(), 3, "{told}");
    let other = built("plugins/drug-safety.wasm", "cargo xtask build-plugins").display().to_string();
    desk.xinglin(&["pathway", "check", &other]).await.failed("it is no pathway");
}

async fn a_file_is_a_pathway_of_a_hospital(hospital: TestHospital) {
    let desk = desk();
    desk.xinglin(&["pathway", "build", "gout.yaml", "-o", "gout.wasm", "--template", &template()]).await.done();
    // With the longest deadline: its speed on a busy machine is not tested.
    let package = Package::read(desk.read("gout.wasm")).expect("a package");
    let mut manifest = package.manifest().clone();
    manifest.limits.deadline_ms = Limits::MAXIMUM.deadline_ms;
    let package = attach(package.bytes(), &manifest).expect("the same with another deadline");

    let clinic = hospital.clinic(&[]).await;
    let installed = hospital.operator.upload(package).await;
    assert!(installed.status == 201 || installed.code() == "ALREADY_EXISTS", "{}", installed.text);
    let path = format!("/api/v1/tenants/{}/plugins/xinglin.gout", clinic.tenant);
    hospital.operator.put(&path, json!({})).await;
    hospital.operator.post(&format!("{path}/enable"), json!(null)).await;

    let enrol = json!({ "patient": clinic.subject, "plugin": "xinglin.gout" });
    let gout = json!({
        "resourceType": "Condition", "subject": { "reference": format!("Patient/{}", clinic.subject) },
        "clinicalStatus": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active",
        }] },
        "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "M10.0" }] },
    });
    clinic.import(&[gout]).await;
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let id = enrolled["id"].as_str().expect("an id").to_owned();
    let enrolled = Enrolled { hospital: &hospital, clinic, id };

    enrolled.posted(enrolled.result("14933-6", "560", "umol/L")).await;
    eventually("the alert", async || enrolled.alert("URATE_VERY_HIGH").await.is_some()).await;
    let alert = enrolled.alert("URATE_VERY_HIGH").await.expect("an alert");
    assert_eq!(alert["detail"]["alert"]["severity"], "warning", "{alert}");

    let said = |link: &str, value: bool| json!({ "link_id": link, "value": { "boolean": value } });
    let answers = [said("flare", false), said("fever", false), said("rash", true), said("tophi", false)];
    let answers = json!({ "questionnaire": "follow-up", "answers": answers });
    enrolled.clinic.patient.post(&enrolled.answers(), answers).await;
    eventually("the hold", async || enrolled.holds().await == ["rash-on-treatment"]).await;
}
