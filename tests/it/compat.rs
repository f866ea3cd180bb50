//! Plugins and hosts of different ages: what was built against a published contract keeps running,
//! two majors of one interface are called side by side, and contracts that are too new are refused
//! by name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use xinglin_runtime::{Digest, Manifest, Package, attach};

use crate::support::{
    Clinic, Person, Plugin, TestHospital,
    clinic::{draft, id, id_number, part},
    frozen,
    guest::Guest,
    line, record, repository, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_visit_on_plugins_built_against_the_first_contract,
    people_are_verified_under_the_first_contract,
    one_order_is_judged_under_two_majors_and_two_minors,
    a_checker_moves_to_the_next_major_and_back,
    an_unsupported_contract_version_is_named,
);

const LOG: &[(&str, &str)] =
    &[(r#"(import "xinglin:host/log@1.1.0" "write" (func $log (param i32 i32 i32)))"#, "xinglin:host/log@1.1.0")];

const OLD: [&Plugin; 3] = [&frozen::DIABETES, &frozen::DRUG_SAFETY, &frozen::MEDICAL_INSURANCE];

/// File names of the folder with their digests.
fn kept() -> BTreeMap<String, Digest> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("compat");
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.ends_with(".wasm"))
        .map(|name| {
            let digest = Digest::of(&repository(&format!("tests/compat/{name}")));
            (name, digest)
        })
        .collect()
}

#[test]
fn frozen_packages_are_unchanged() {
    let readme = String::from_utf8(repository("tests/compat/README.md")).expect("text");
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeMap<String, String> = rows
        .map(|row| {
            let cells: Vec<String> = row.split('|').map(cell).collect();
            (cells[1].clone(), cells.iter().rev().nth(1).expect("a digest").clone())
        })
        .collect();
    let kept: BTreeMap<String, String> = kept().into_iter().map(|(name, of)| (name, of.to_string())).collect();
    assert_eq!(kept, listed, "binaries are added and never built again; a new one is listed in tests/compat/README.md");
}

pub(crate) async fn replays(clinic: &Clinic) -> BTreeSet<String> {
    let calls = clinic.administrator.get("/api/v1/calls?limit=500").await;
    let mut hooks = BTreeSet::new();
    for call in calls.as_array().expect("calls") {
        let path = format!("/api/v1/calls/{}/replay", call["id"].as_str().expect("an id"));
        let report = clinic.administrator.post(&path, json!(null)).await;
        assert_eq!((&report["identical"], &report["conclusive"]), (&json!(true), &json!(true)), "{report}");
        hooks.insert(call["tape"]["hook"].as_str().expect("a hook").to_owned());
    }
    hooks
}

fn month() -> [Value; 2] {
    [line("metformin-500mg-60", "1000", "2", 30, 2), line("dapagliflozin-10mg-30", "10", "1", 30, 1)]
}

/// With amoxicillin, to which the synthetic patient is allergic.
fn allergic() -> Vec<Value> {
    [&month()[..], &[line("amoxicillin-500mg-24", "500", "3", 7, 1)]].concat()
}

/// Removes the amoxicillin.
async fn correct(clinic: &Clinic, visit: &str, prescription: &str) {
    let mut corrected = draft(visit, &month());
    corrected.as_object_mut().expect("an object").remove("encounter");
    clinic.doctor.put(prescription, corrected).await;
}

async fn a_visit_on_plugins_built_against_the_first_contract(hospital: TestHospital) {
    for plugin in OLD {
        // The original package; the copy used below has longer limits only.
        let package = Package::read(plugin.bytes()).expect("it is taken");
        assert_eq!(package.manifest().id, plugin.id);
    }
    let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &OLD, record::synthetic()).await;
    clinic.insure().await;
    let visit = clinic.visit().await;

    let enrol = json!({ "patient": clinic.subject, "plugin": frozen::DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let answers = format!("/api/v1/enrolments/{}/answers", enrolled["id"].as_str().expect("an id"));
    let glucose = json!({ "questionnaire": "follow-up", "answers": [
        { "link_id": "glucose", "value": { "quantity": { "value": "17.2", "unit": "mmol/L" } } },
        { "link_id": "needed-help", "value": { "boolean": false } },
    ] });
    clinic.patient.post(&answers, glucose).await;
    let alerts = clinic.doctor.get("/api/v1/alerts?state=open").await;
    assert!(
        alerts.as_array().expect("alerts").iter().any(|a| a["detail"]["alert"]["severity"] == "critical"),
        "{alerts}"
    );
    let held = clinic.draft(&visit, &month()).await;
    clinic.doctor.refused(&format!("{held}/sign"), json!({ "valid_days": 3 }), "ENC_RED_FLAG").await;
    let holds = clinic.doctor.get(&format!("/api/v1/patients/{}/holds", clinic.subject)).await;
    for hold in holds.as_array().expect("holds") {
        let path = format!("/api/v1/holds/{}/release", hold["id"].as_str().expect("an id"));
        clinic.doctor.post(&path, json!({ "reason": "Seen in person today: no ketosis." })).await;
    }

    let prescription = clinic.draft(&visit, &allergic()).await;
    let refused = clinic.doctor.refused(&format!("{prescription}/sign"), json!({ "valid_days": 3 }), "RX_VETOED").await;
    assert_eq!(refused["calls"][0]["plugin"], frozen::DRUG_SAFETY.id);
    correct(&clinic, &visit, &prescription).await;
    clinic.sign(&prescription).await;
    clinic.approve(&prescription).await;

    let quote = clinic.quote(&prescription).await;
    assert!(part(&quote, "basic_fund") > 0, "{quote}");
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    clinic.balanced().await;

    let called = replays(&clinic).await;
    for hook in [
        "xinglin:pathway/pathway@1.0.0#describe",
        "xinglin:pathway/pathway@1.0.0#screen",
        "xinglin:pathway/pathway@1.0.0#step",
        "xinglin:prescribing/review@1.0.0#review",
        "xinglin:payment/payer@1.0.0#quote",
        "xinglin:payment/payer@1.0.0#authorize",
        "xinglin:payment/payer@1.0.0#settle",
    ] {
        assert!(called.contains(hook), "{hook} was not called: {called:?}");
    }
}

async fn people_are_verified_under_the_first_contract(hospital: TestHospital) {
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[&frozen::IDENTITY_CHECK]).await;
    let card = id_number(77);
    let mut patient = record::patient(&format!("{}-{}-{}", &card[6..10], &card[10..12], &card[12..14]));
    patient["identifier"] = json!([{ "system": "urn:oid:2.16.156.10011.1.3", "value": card }]);
    let subject = clinic.import(&[patient]).await.remove(0).replace("Patient/", "");
    let account = Person::new("shown", "patient").acting_for(&subject, 972).account();
    clinic.operator.post(&format!("/api/v1/tenants/{}/accounts", clinic.tenant), account).await;
    let name = format!("/api/v1/tenants/{}/patients/{subject}/real-name", clinic.tenant);
    let decided = clinic.administrator.get(&name).await;
    assert_eq!((&decided["state"], &decided["decision"]["by"]), (&json!("verified"), &json!("plugin")), "{decided}");
    let hooks = ["person", "credential"].map(|what| format!("xinglin:identity/verifier@1.0.0#verify-{what}"));
    assert_eq!(replays(&clinic).await, BTreeSet::from(hooks));
}

async fn one_order_is_judged_under_two_majors_and_two_minors(hospital: TestHospital) {
    let checkers = [&frozen::DRUG_SAFETY, &frozen::COURSE_LENGTH];
    let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &checkers, record::synthetic()).await;
    let of_today = Guest::healthy().imports(LOG).manifest("[capabilities.log]\n[limits]\ndeadline-ms = 5000");
    of_today.enable(&hospital.operator, &clinic.tenant).await;

    // 1.0 vetoes, 2.0 warns: the veto wins, and both findings are reported.
    let visit = clinic.visit().await;
    let prescription = clinic.draft(&visit, &allergic()).await;
    let sign = format!("{prescription}/sign");
    let refused = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_VETOED").await;
    assert_eq!(refused["calls"].as_array().map(Vec::len), Some(3), "{refused}");
    let findings = refused["findings"].as_array().expect("findings");
    let long = findings.iter().find(|finding| finding["code"] == "COURSE_LONG").expect("what 2.0 found");
    assert!(findings.len() > 1, "{refused}");
    assert_eq!(long["lines"], json!([1, 2]), "{long}");

    // Without the line that 1.0 vetoes, the warning of 2.0 must be acknowledged.
    correct(&clinic, &visit, &prescription).await;
    let warned = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_WARNING_UNACKNOWLEDGED").await;
    assert!(warned["findings"].as_array().expect("findings").iter().any(|f| f["code"] == "COURSE_LONG"), "{warned}");
    assert_eq!(clinic.sign(&prescription).await["status"], "PENDING_REVIEW");

    let calls = clinic.administrator.get(&format!("/api/v1/calls?about={}", id(&prescription))).await;
    let asked = |plugin: &str| {
        let mut calls = calls.as_array().expect("calls").iter();
        calls.find(|call| call["tape"]["plugin"] == plugin).expect("a call")["tape"].clone()
    };
    let (old, new) = (asked(frozen::DRUG_SAFETY.id), asked(frozen::COURSE_LENGTH.id));
    assert_eq!(old["hook"], "xinglin:prescribing/review@1.0.0#review");
    assert_eq!(asked(of_today.id)["hook"], "xinglin:prescribing/review@1.0.0#review");
    assert_eq!(new["hook"], "xinglin:prescribing/review@2.0.0#review");
    // Members of 2.0 only: a language, and the rule of a finding.
    let said = new["output"].to_string();
    assert!(said.contains("2 项用药超过 14 天") && said.contains("course/14-days"), "{said}");
    replays(&clinic).await;
}

/// The same plugin with a contract of the next major, in shadow of the old version.
async fn a_checker_moves_to_the_next_major_and_back(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let old = Guest::healthy();
    old.enable(&hospital.operator, &clinic.tenant).await;
    let path = old.path(&clinic.tenant);
    clinic.signed().await;

    let package = Package::read(frozen::COURSE_LENGTH.bytes()).expect("a package");
    let mut manifest: Manifest = package.manifest().clone();
    (manifest.id, manifest.version) = (old.id.to_owned(), "2.0.0".parse().expect("a version"));
    let next = attach(package.bytes(), &manifest).expect("a package");
    hospital.operator.upload(next).await.done("/api/v1/plugins");

    // It receives its predecessor's input, converted to its contract.
    let gate = json!({ "max_differing_percent": 100.0, "minimum_calls": 1 });
    let start = json!({ "version": "2.0.0", "gate": gate, "over_tapes": 10 });
    let view = hospital.operator.put(&format!("{path}/shadow"), start).await;
    assert_eq!((&view["differing"], &view["inconclusive"]), (&json!(1), &json!(0)), "{view}");
    let examples = view["examples"].to_string();
    assert!(examples.contains("COURSE_LONG") && !examples.contains("PLUGIN_INTERFACE"), "{view}");
    assert_eq!(hospital.operator.post(&format!("{path}/promote"), json!({})).await["version"], "2.0.0");
    let sign = async || {
        let prescription = clinic.draft(&clinic.visit().await, &month()[..1]).await;
        let path = format!("{prescription}/sign");
        clinic.doctor.ask(reqwest::Method::POST, &path, Some(json!({ "valid_days": 3 }))).await
    };
    assert_eq!(sign().await.code(), "RX_WARNING_UNACKNOWLEDGED");
    hospital.operator.post(&format!("{path}/rollback"), json!(null)).await;
    sign().await.done("sign");
    replays(&clinic).await;
}

async fn an_unsupported_contract_version_is_named(hospital: TestHospital) {
    let refused = async |guest: Guest, edit: &dyn Fn(String) -> String, offered: &str, supported: &[&str]| {
        let package = guest.packed(&guest.component_of(edit));
        let refused = hospital.operator.upload(package).await.refused(offered, "PLUGIN_INTERFACE").to_string();
        for name in supported.iter().chain([&offered]) {
            assert!(refused.contains(name), "{name}: {refused}");
        }
    };
    // `@since` annotations are unchanged: they do not affect components.
    let third = |text: String| {
        let text = text.replace("package xinglin:prescribing@1.0.0", "package xinglin:prescribing@3.0.0");
        text.replace("xinglin:prescribing/review@1.0.0", "xinglin:prescribing/review@3.0.0")
    };
    let reviews = ["xinglin:prescribing/review@1.0.0", "xinglin:prescribing/review@2.0.0"];
    refused(Guest::healthy(), &third, "xinglin:prescribing/review@3.0.0", &reviews).await;

    let newer = |text: String| text.replace("@1.1.0", "@1.2.0");
    let guest = Guest::healthy().imports(LOG).manifest("[capabilities.log]");
    refused(guest, &newer, "xinglin:host/log@1.2.0", &["xinglin:host/log@1.1.0"]).await;
}
