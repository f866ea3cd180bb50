//! Guests in Python, built with componentize-py: `examples/python-plugin` and `examples/python-heads`, which
//! use no system calls, and `examples/python-wasi`, which does.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use xinglin_domain::{
    capitation::{Account, Choice, Consumption, Enrolled, Enrolment, Indicator, MemberMonths, Membership, Place},
    clinical::{Sex, Snapshot, Subject},
    coding::{Coding, Decimal, system},
    id::{CallId, TenantId},
    insurance::Period,
    money::Money,
    pricing::{Priced, Progress, Purchase, Service},
    review::{Order, Verdict},
    time::Instant,
};
use xinglin_runtime::{Call, CallContext, Grants, HostServices, Options, Package, Packs, Runtime, Tape};
use xinglin_store::Engine;

use crate::support::{Clinic, PYTHON, PYTHON_HEADS, PYTHON_WASI, TestHospital, line, record};

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

fn context(seed: u8) -> CallContext {
    CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "req-1".to_owned(),
        settings: Vec::new(),
        now: moment(),
        services: HostServices { seed: [seed; 32], ..HostServices::default() },
    }
}

async fn review(
    runtime: &Runtime,
    plugin: &xinglin_runtime::Plugin,
    code: &str,
    seed: u8,
) -> Call<Result<Verdict, xinglin_domain::review::ReviewError>> {
    let context = context(seed);
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

/// Every function of payment per head and of prices, by a component that was not written in Rust; each
/// answer passes the checks of the host and replays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_scheme_and_list_of_prices_answer() {
    let runtime = Runtime::new(Options { calls: 4, ..Options::default() }).expect("an engine");
    let package = Package::read(PYTHON_HEADS.package()).expect("a good package");
    assert!(package.imports().is_empty(), "no capability");
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let day = |text: &str| Instant::parse(text).expect("a day");
    let (year, fen) = (Period { start: day("2026-01-01"), end: day("2027-01-01") }, Money::fen);
    let e11 = || vec![Coding::new(system::ICD10, "E11.9")];
    let enrolment = |choice: Choice, current: Option<&str>, diagnoses: Vec<Coding>| Enrolment {
        member: "m-1".into(),
        choice,
        lead: "lead-a".into(),
        partners: vec!["org-2".into()],
        chosen_at: moment(),
        diagnoses,
        age_years: Some(58),
        current: current.map(|lead| Membership { lead: lead.into(), since: day("2026-01-01") }),
    };
    let mut tapes: Vec<Tape> = Vec::new();
    for (asked, outcome) in [
        (enrolment(Choice::Join, None, e11()), "accepted"),
        (enrolment(Choice::Change, Some("lead-b"), e11()), "accepted"),
        (enrolment(Choice::Join, Some("lead-b"), e11()), "refused"),
        (enrolment(Choice::Join, None, Vec::new()), "undecided"),
    ] {
        let call = runtime.enrol_member(&plugin, context(1), &asked, moment()).await;
        let found = match call.outcome.unwrap_or_else(|failure| panic!("{failure}")) {
            Ok(Enrolled::Accepted(accepted)) => {
                assert_eq!(accepted.accrues_from, day("2026-12-01"));
                "accepted"
            }
            Ok(Enrolled::Refused(_)) => "refused",
            Err(_) => "undecided",
        };
        assert_eq!(found, outcome);
        tapes.push(call.tape);
    }
    let class = Coding::new("https://heads.example/class", "all");
    let months = [MemberMonths { risk_class: class, months: 1200 }];
    let call = runtime.accrue_budget(&plugin, context(1), &year, &months).await;
    let budget = call.outcome.expect("an answer").expect("a budget");
    assert_eq!((budget.amount, budget.prepayment), (fen(60_000_000), fen(54_000_000)));
    tapes.push(call.tape);
    for (place, charged) in [(Place::Lead, 5), (Place::Partner, 5), (Place::Referred, 5), (Place::Elsewhere, 0)] {
        let consumption = Consumption {
            bill: "bill-1".into(),
            served_at: moment(),
            institution: "org-1".into(),
            place,
            lead: "lead-a".into(),
            diagnoses: e11(),
            fund: fen(5),
        };
        let call = runtime.charge_budget(&plugin, context(1), &consumption).await;
        assert_eq!(call.outcome.expect("an answer"), Ok(fen(charged)), "{place:?}");
        tapes.push(call.tape);
    }
    let indicators = [Indicator { code: "all".into(), numerator: 9, denominator: 9 }];
    let call = runtime.score_quality(&plugin, context(1), &year, &indicators).await;
    let quality = call.outcome.expect("an answer").expect("a score").total;
    assert_eq!(quality, Decimal::whole(100));
    tapes.push(call.tape);
    for (used, kept, borne, payable) in [(54_600_000, 5_400_000, 0, 6_000_000), (66_000_000, 0, 6_000_000, 6_000_000)] {
        let account = Account { year, budget: budget.amount, prepaid: budget.prepayment, used: fen(used), quality };
        let call = runtime.close_year(&plugin, context(1), &account).await;
        let closing = call.outcome.expect("an answer").expect("an end");
        assert_eq!((closing.kept, closing.provider_bears, closing.payable), (fen(kept), fen(borne), fen(payable)));
        tapes.push(call.tape);
    }
    for (code, age, costs) in [
        ("consultation", Some(58), Some(10_000)),
        ("consultation", Some(8), Some(5_000)),
        ("consultation", None, None),
        ("gold", Some(58), None),
    ] {
        let service = Service {
            code: vec![Coding::new("https://heads.example/services", code)],
            title: None,
            age_years: age,
            diagnoses: Vec::new(),
            severity: None,
            plan: None,
            entitlements: Vec::new(),
        };
        let call = runtime.price(&plugin, context(1), &service, moment()).await;
        tapes.push(call.tape);
        let Ok(Priced::Offered(price)) = call.outcome.expect("an answer") else {
            assert_eq!(costs, None, "{code} {age:?}");
            continue;
        };
        assert_eq!((price.total().ok(), Some(price.list_price)), (costs.map(fen), costs.map(fen)));
        for (progress, back) in [(Progress::NotStarted, costs), (Progress::Started, None)] {
            let purchase = Purchase { price: price.clone(), bought_at: moment(), progress, used: Money::ZERO };
            let call = runtime.price_refund(&plugin, context(1), &purchase, moment()).await;
            let refund = call.outcome.expect("an answer").expect("a refund");
            assert_eq!(refund.fees.first().map(|fee| fee.amount), back.map(fen));
            tapes.push(call.tape);
        }
    }
    let last = tapes.last().expect("many");
    let report = runtime.replay(&plugin, last).await.expect("replayed");
    assert!(report.identical && report.conclusive, "{report:?}");
}
