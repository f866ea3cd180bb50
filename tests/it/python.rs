//! Guests in Python, built with componentize-py: `examples/python-plugin`, which uses no system
//! calls, and `examples/python-wasi`, which does.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use xinglin_domain::{
    clinical::{Sex, Snapshot, Subject},
    coding::{Coding, system},
    id::{CallId, TenantId},
    review::{Order, Verdict},
    time::Instant,
};
use xinglin_runtime::{Call, CallContext, Grants, HostServices, Options, Package, Packs, Runtime, Tape};
use xinglin_store::Engine;

use crate::support::{Clinic, PYTHON, PYTHON_WASI, TestHospital, line, record};

/// Whether a child of this birth date may have codeine: the cards of the checker. As a draft of this
/// hospital it would not reach a plugin, being on the list of medicines that may not be prescribed
/// online, under whichever code; another system may ask about it.
async fn cards_of_codeine(hospital: &TestHospital, born: &str) -> Value {
    let patient = record::transaction(&[record::patient(born)]);
    let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &[&PYTHON], patient).await;
    let codeine = json!({
        "resourceType": "MedicationRequest", "id": "draft-1", "status": "draft", "intent": "order",
        "subject": { "reference": format!("Patient/{}", clinic.subject) },
        "medicationCodeableConcept": { "coding": [
            { "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "2670" },
        ] },
        "dosageInstruction": [{
            "timing": { "repeat": {
                "frequency": 1, "period": 1, "periodUnit": "d",
                "boundsDuration": { "value": 7, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d" },
            } },
            "doseAndRate": [{ "doseQuantity": { "value": 15, "unit": "mg", "code": "mg" } }],
        }],
    });
    let drafts = json!({ "resourceType": "Bundle", "type": "collection", "entry": [{ "resource": codeine }] });
    let ask = json!({
        "hook": "order-sign", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": { "userId": "Practitioner/1", "patientId": clinic.subject, "draftOrders": drafts },
    });
    clinic.doctor.post(&format!("/cds-services/order-sign.{}", PYTHON.id), ask).await["cards"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_plugin_answers() {
    let hospital = TestHospital::open(Engine::Sqlite).await;
    let eight_years_ago = hospital.now().plus_days(-8 * 365).to_string();
    let cards = cards_of_codeine(&hospital, &eight_years_ago[..10]).await;
    assert_eq!(
        (&cards[0]["indicator"], &cards[0]["source"]["topic"]["code"]),
        (&json!("critical"), &json!("PAEDIATRIC_OPIOID"))
    );
    assert!(cards[0]["source"]["label"].as_str().is_some_and(|label| label.contains("2017")), "{cards}");
    assert_eq!(cards_of_codeine(&hospital, "1977-09-11").await, json!([]));

    let clinic = hospital.clinic(&[&PYTHON]).await;
    let draft = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let signed = clinic.sign(&draft).await;
    assert_eq!((&signed["status"], &signed["calls"][0]["outcome"]), (&json!("PENDING_REVIEW"), &json!("answered")));
    assert_eq!(signed["calls"][0]["plugin"], PYTHON.id);
}

// --- with its system calls ---------------------------------------------------

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python-wasi/packs")
}

fn moment() -> Instant {
    Instant::parse("2026-11-01T08:30:00.250000Z").expect("instant")
}

async fn review(
    runtime: &Runtime,
    plugin: &xinglin_runtime::Plugin,
    code: &str,
    seed: u8,
) -> Call<Result<Verdict, xinglin_domain::review::ReviewError>> {
    let context = CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "req-1".to_owned(),
        settings: Vec::new(),
        now: moment(),
        services: HostServices { seed: [seed; 32], ..HostServices::default() },
    };
    let diagnoses = vec![Coding::new(system::ICD10, code)];
    let order = Order { diagnoses, lines: Vec::new(), long_term: false, attributes: Vec::new() };
    let snapshot = Snapshot {
        taken_at: moment(),
        subject: Subject { pseudonym: "p-1".into(), age_months: Some(700), sex: Sex::Female },
        conditions: Vec::new(),
        allergies: Vec::new(),
        medications: Vec::new(),
        observations: Vec::new(),
        omissions: Vec::new(),
        attributes: Vec::new(),
    };
    runtime.review(plugin, context, &order, &snapshot, moment()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_plugin_has_few_imports_and_replays() {
    let packs = Some(Packs::open(packs()).expect("the example's packs"));
    let runtime = Runtime::new(Options { calls: 4, packs, ..Options::default() }).expect("an engine");
    let package = Package::read(PYTHON_WASI.package()).expect("a good package");
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");

    let call = review(&runtime, &plugin, "E11.9", 1).await;
    let verdict = call.outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(verdict, Ok(Verdict::Allow));
    let printed: Vec<&str> = call.log.iter().map(|line| line.message.as_str()).collect();
    // Five of the six codes of the pack are in force, by the clock of the call.
    assert_eq!(printed[0], "at 1793521800.250000, 2026-11-01T08:30:00.250000+00:00: 5 codes");
    assert_eq!(printed[2], "socket: PermissionError, name: gaierror");
    let imports: Vec<&str> = call.tape.answers.iter().map(|answer| answer.import.as_str()).collect();
    assert!(imports.contains(&"wasi.packs") && imports.contains(&"random.seed"), "{imports:?}");

    for _ in 0..2 {
        let report = runtime.replay(&plugin, &call.tape).await.expect("replayed");
        assert!(report.identical && report.conclusive && report.same_component, "{report:?}");
    }
    let again = review(&runtime, &plugin, "E11.9", 1).await;
    assert_eq!(again.log, call.log, "the same seed, the same numbers");
    assert_eq!(again.tape.record_hash(), call.tape.record_hash());
    let other = review(&runtime, &plugin, "E11.9", 2).await;
    assert_ne!(other.log[1], call.log[1], "another seed, other numbers");

    for unknown in ["U07.1", "E11.9x"] {
        let verdict = review(&runtime, &plugin, unknown, 1).await.outcome.expect("an answer");
        let Ok(Verdict::Warn(findings)) = verdict else { panic!("{verdict:?}") };
        assert_eq!(findings[0].code, "DIAGNOSIS_CODE_UNKNOWN");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_plugin_with_wasi_is_granted_its_imports() {
    let hospital = TestHospital::open_with(Engine::Sqlite, |config| config.plugins.packs = Some(packs())).await;
    let operator = &hospital.operator;
    let clinic = hospital.clinic(&[]).await;
    operator.upload(PYTHON_WASI.package()).await.done("/api/v1/plugins");
    let path = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, PYTHON_WASI.id);
    operator.put(&path, json!({ "capabilities": ["files"] })).await;
    let refused = operator.refused(&format!("{path}/enable"), json!(null), "PLUGIN_CAPABILITY").await;
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("`wasi`")), "{refused}");

    operator.put(&path, json!({ "capabilities": ["files", "wasi"] })).await;
    operator.post(&format!("{path}/enable"), json!(null)).await;
    let prescription = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let signed = clinic.sign(&prescription).await;
    assert_eq!((&signed["status"], &signed["calls"][0]["outcome"]), (&json!("PENDING_REVIEW"), &json!("answered")));

    // The taped call replays, twice, from the stored package.
    let call: CallId = signed["calls"][0]["id"].as_str().expect("an id").parse().expect("an id");
    let tenant: TenantId = clinic.tenant.parse().expect("a tenant");
    let entry = hospital.hospital.store().tenant(tenant).get_tape_entry(call).await.expect("a tape");
    let tape: Tape = serde_json::from_slice(&entry.record).expect("a tape");
    let package = Package::read(PYTHON_WASI.package()).expect("a good package");
    let runtime = hospital.hospital.extensions.runtime();
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    for _ in 0..2 {
        let report = runtime.replay(&plugin, &tape).await.expect("replayed");
        assert!(report.identical && report.conclusive && report.same_component && report.same_engine, "{report:?}");
    }
}
