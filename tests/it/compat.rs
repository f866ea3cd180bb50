//! Plugins and hosts of different ages: what was built against a published contract keeps running,
//! two majors of one interface are called side by side, and contracts that are too new are refused
//! by name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use xinglin_domain::{
    capitation::{Account, Choice, Consumption, Enrolled, Enrolment, Indicator, MemberMonths, Place},
    clinical::{Observation, ObservationValue, Sex, Snapshot, Subject},
    coding::{Attribute, AttributeValue, Coding, Decimal, Quantity, system},
    id::{CallId, TenantId},
    insurance::Period,
    money::Money,
    panel::{Block, Standing, Viewer},
    pricing::{Priced, Progress, Purchase, Service},
    time::Instant,
};
use xinglin_runtime::{CallContext, Digest, Grants, HostServices, Manifest, Options, Package, Runtime, Tape, attach};

use crate::{
    follow_up, hiv,
    insured::{CONTRACT, bill_path, contract, insure, shares, since, today},
    support::{
        Clinic, Person, Plugin, TestHospital,
        clinic::{draft, id, id_number, part},
        frozen,
        guest::Guest,
        line, record, repository, rules_on_both_engines,
    },
};

rules_on_both_engines!(
    TestHospital:
    a_visit_on_plugins_built_against_the_first_contract,
    people_are_verified_under_the_first_contract,
    an_insurer_built_against_payment_1_1_decides,
    a_pathway_built_against_pathway_1_1_follows_a_patient,
    a_pathway_built_against_pathway_1_1_takes_over_patients,
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

/// A contract as it is compiled: without comments and blanks.
fn words(package: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit").join(package);
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).expect("text")).collect();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What is added to a role is a folder of its own. `host` grows in place, marked `@since`.
#[test]
fn published_contracts_are_unchanged() {
    let readme = String::from_utf8(repository("wit/README.md")).expect("text");
    let listed: BTreeMap<&str, &str> = readme
        .lines()
        .filter_map(|row| {
            let mut cells = row.strip_prefix("| `")?.strip_suffix("` |")?.split("` | `");
            Some((cells.next()?, cells.next()?)).filter(|_| cells.next().is_none())
        })
        .collect();
    let folders = std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")).expect("a folder");
    let names = folders.flatten().filter(|entry| entry.path().is_dir());
    let names: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let found: BTreeMap<&str, String> = names
        .iter()
        .filter(|name| *name != "host")
        .map(|name| (name.as_str(), Digest::of(words(name).as_bytes()).to_string()))
        .collect();
    let found: BTreeMap<&str, &str> = found.iter().map(|(name, digest)| (*name, digest.as_str())).collect();
    assert_eq!(found, listed, "a published contract never changes; what is new is a folder of its own");
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

pub fn follow_up_hook(function: &str) -> String {
    format!("xinglin:pathway/follow-up@1.1.0#{function}")
}

async fn a_pathway_built_against_pathway_1_1_follows_a_patient(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&frozen::HYPERTENSION]).await;
    let enrolment = follow_up::enrolled(&clinic, &hospital).await;
    let answers = format!("{enrolment}/answers");
    for _ in 0..2 {
        clinic.patient.post(&answers, follow_up::diary(150, 80, &[])).await;
    }
    let referral = follow_up::request(&clinic.doctor, &enrolment, "uncontrolled").await;
    clinic.doctor.post(&format!("{referral}/fulfil"), json!({ "note": "市一医院：调整为三联用药" })).await;
    clinic.patient.post(&answers, follow_up::diary(150, 80, &[])).await;
    let all = follow_up::requests(&clinic.doctor, &enrolment).await;
    assert!(all.contains(&follow_up::state("resistant", "open")), "{all:?}");
    clinic.patient.post(&answers, follow_up::diary(190, 118, &["chest"])).await;
    let all = follow_up::requests(&clinic.doctor, &enrolment).await;
    assert!(all.contains(&follow_up::state("emergency", "open")), "{all:?}");
    let hooks = replays(&clinic).await;
    assert!(["describe", "screen", "step"].iter().all(|hook| hooks.contains(&follow_up_hook(hook))), "{hooks:?}");
}

async fn a_pathway_built_against_pathway_1_1_takes_over_patients(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&frozen::HIV]).await;
    hiv::followed_by_the_first_version(&clinic).await;
    hiv::taken_over(&hospital, &clinic, &frozen::HIV_FOLLOW_UP).await;
}

/// Eligibility, guarantee, claim, books, appeal and cancellation, by an insurer that is never built again.
async fn an_insurer_built_against_payment_1_1_decides(hospital: TestHospital) {
    let insurer = &frozen::DIRECT_BILLING;
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[insurer]).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    // Without the word that would restrict the calls to who may read of mental illness.
    let terms = CONTRACT.replace("item:psychotherapy", "").replace("documents=34133-9", "documents=");
    contract(&clinic, &terms.replace("copay=10000", "copay=650")).await;
    insure(&clinic, &since(hospital.now(), 400)).await;
    let prescription = clinic.approved().await;
    let alone = json!({ "prescription": id(&prescription), "self_pay": true });
    let alone = clinic.patient.post("/api/v1/charges", alone).await;
    let ask = json!({ "payer": insurer.id, "bill": alone["id"] });
    for (path, status) in [("eligibility", "IN_FORCE"), ("guarantees", "GRANTED")] {
        let answer = clinic.patient.post(&format!("/api/v1/insurance/{path}"), ask.clone()).await;
        assert_eq!(answer["status"], status, "{answer}");
    }
    let spare = json!({ "payer": insurer.id, "bill": clinic.quote(&prescription).await["id"] });
    let spare = clinic.patient.post("/api/v1/insurance/guarantees", spare).await;
    let cancel = format!("/api/v1/insurance/requests/{}/cancel", spare["id"].as_str().expect("an id"));
    assert_eq!(clinic.patient.post(&cancel, json!(null)).await["status"], "CANCELLED");
    let bill = clinic.quote(&prescription).await;
    // 70 yuan, less five percent, less the copay.
    assert_eq!(shares(&bill), [6_000, 650], "{bill}");
    assert_eq!(clinic.confirm(&bill).await["status"], "SETTLED");

    let appeal = json!({ "payer": insurer.id, "lines": [], "grounds": "the copay was agreed otherwise" });
    assert_eq!(accountant.post(&bill_path(&bill, "appeals"), appeal).await["status"], "REFUSED");
    let books = json!({ "payer": insurer.id, "from": today(&hospital), "to": today(&hospital) });
    let books = accountant.post("/api/v1/reconciliation", books).await;
    assert_eq!((&books["ledger_fen"], &books["file_fen"]), (&json!(6_000), &json!(6_000)), "{books}");
    assert_eq!(clinic.pharmacist.post(&bill_path(&bill, "reverse"), json!(null)).await["status"], "REVERSED");
    clinic.balanced().await;

    let hooks = [
        "eligibility@1.1.0#check",
        "preauthorization@1.1.0#submit",
        "preauthorization@1.1.0#cancel",
        "claims@1.1.0#predetermine",
        "claims@1.1.0#submit",
        "claims@1.1.0#appeal",
        "claims@1.1.0#cancel",
        "reconciliation@1.1.0#compare",
        "reconciliation@1.1.0#remittances",
    ];
    assert_eq!(replays(&clinic).await, hooks.into_iter().map(|hook| format!("xinglin:payment/{hook}")).collect());
}

/// In a demonstration, with the shipped figures.
fn demonstrated(now: Instant) -> CallContext {
    let accept = Attribute { key: "accept-illustrative".to_owned(), value: AttributeValue::Boolean(true) };
    CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "req-1".to_owned(),
        settings: vec![accept],
        now,
        services: HostServices::default(),
    }
}

/// Every function of payment per head and of prices, by plugins that are never built again; each replays.
#[tokio::test]
async fn a_scheme_and_a_list_of_prices_built_against_payment_1_1_reckon() {
    let runtime = Runtime::new(Options { calls: 4, ..Options::default() }).expect("an engine");
    let load = async |plugin: &Plugin| {
        let package = Package::read(plugin.package()).expect("it is taken");
        runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded")
    };
    let (scheme, list) = (load(&frozen::CAPITATION).await, load(&frozen::PLATFORM_FEE).await);
    let day = |text: &str| Instant::parse(text).expect("a day");
    let (year, now, fen) = (Period { start: day("2026-01-01"), end: day("2027-01-01") }, day("2026-11-15"), Money::fen);
    let e11 = || vec![Coding::new(system::ICD10, "E11.9")];
    let mut tapes: Vec<(&xinglin_runtime::Plugin, Tape)> = Vec::new();

    let enrolment = Enrolment {
        member: "m-1".into(),
        choice: Choice::Join,
        lead: "lead-a".into(),
        partners: vec!["org-2".into()],
        chosen_at: now,
        diagnoses: e11(),
        age_years: Some(49),
        current: None,
    };
    let call = runtime.enrol_member(&scheme, demonstrated(now), &enrolment, now).await;
    let Ok(Enrolled::Accepted(accepted)) = call.outcome.expect("an answer") else { panic!("accepted") };
    assert_eq!((accepted.accrues_from, accepted.risk_class.code.as_str()), (day("2026-12-01"), "low"));
    tapes.push((&scheme, call.tape));
    let months = [MemberMonths { risk_class: accepted.risk_class, months: 120 }];
    let call = runtime.accrue_budget(&scheme, demonstrated(now), &year, &months).await;
    let budget = call.outcome.expect("an answer").expect("a budget");
    assert_eq!((budget.amount, budget.prepayment), (fen(4_800_000), fen(4_320_000)));
    tapes.push((&scheme, call.tape));
    let consumption = Consumption {
        bill: "bill-1".into(),
        served_at: now,
        institution: "lead-a".into(),
        place: Place::Lead,
        lead: "lead-a".into(),
        diagnoses: e11(),
        fund: fen(5_550),
    };
    let call = runtime.charge_budget(&scheme, demonstrated(now), &consumption).await;
    assert_eq!(call.outcome.expect("an answer"), Ok(fen(5_550)));
    tapes.push((&scheme, call.tape));
    let indicators = [Indicator { code: "management-rate".into(), numerator: 9, denominator: 9 }];
    let call = runtime.score_quality(&scheme, demonstrated(now), &year, &indicators).await;
    let quality = call.outcome.expect("an answer").expect("a score").total;
    tapes.push((&scheme, call.tape));
    let account = Account { year, budget: budget.amount, prepaid: budget.prepayment, used: fen(5_550), quality };
    let call = runtime.close_year(&scheme, demonstrated(now), &account).await;
    let closing = call.outcome.expect("an answer").expect("an end");
    // Below 60 points nothing is kept.
    assert_eq!((closing.kept, closing.returned), (fen(0), fen(4_794_450)));
    tapes.push((&scheme, call.tape));

    let service = Service {
        code: vec![Coding::new("https://xinglin.dev/catalogue", "online-consultation")],
        title: Some("associate-senior".to_owned()),
        age_years: Some(49),
        diagnoses: Vec::new(),
        severity: None,
        plan: None,
        entitlements: Vec::new(),
    };
    let call = runtime.price(&list, demonstrated(now), &service, now).await;
    let Ok(Priced::Offered(price)) = call.outcome.expect("an answer") else { panic!("offered") };
    assert_eq!(price.total(), Ok(fen(11_000)));
    tapes.push((&list, call.tape));
    let purchase = Purchase { price, bought_at: now, progress: Progress::NotStarted, used: Money::ZERO };
    let call = runtime.price_refund(&list, demonstrated(now), &purchase, now).await;
    let refund = call.outcome.expect("an answer").expect("a refund");
    assert_eq!(Money::sum(refund.fees.iter().map(|fee| fee.amount)), Ok(fen(11_000)));
    tapes.push((&list, call.tape));
    for (plugin, tape) in tapes {
        let report = runtime.replay(plugin, &tape).await.expect("replayed");
        assert!(report.identical && report.conclusive, "{report:?}");
    }
}

/// What is shown of a patient, by a plugin that is never built again; it replays.
#[tokio::test]
async fn a_panel_built_against_panel_1_0_is_taken() {
    let runtime = Runtime::new(Options { calls: 2, ..Options::default() }).expect("an engine");
    let package = Package::read(frozen::DIABETES_PANEL.package()).expect("it is taken");
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let now = Instant::parse("2026-11-15").expect("a day");
    let glucose = |days: i64, unscaled: i64| Observation {
        code: vec![Coding::new(system::LOINC, "14743-9")],
        value: ObservationValue::Quantity(Quantity {
            value: Decimal::new(unscaled, 1).expect("a decimal"),
            unit: "mmol/L".to_owned(),
        }),
        components: Vec::new(),
        effective: Some(now.plus_days(-days)),
        attributes: Vec::new(),
    };
    let snapshot = Snapshot {
        taken_at: now,
        subject: Subject { pseudonym: "p-1".to_owned(), age_months: Some(588), sex: Sex::Unknown },
        conditions: Vec::new(),
        allergies: Vec::new(),
        medications: Vec::new(),
        observations: vec![glucose(1, 62), glucose(8, 171)],
        omissions: Vec::new(),
        attributes: Vec::new(),
    };
    let standing =
        Standing { stage: "initial".to_owned(), enrolled: now, active: true, state: None, tasks: Vec::new() };
    let codes = ["follow-up".to_owned(), "recheck".to_owned()];
    let settings = package.manifest().resolve(&[]).expect("defaults");
    let context = CallContext { settings, ..demonstrated(now) };
    let call = runtime.render_panel(&plugin, context, (&standing, &codes), &snapshot, Viewer::Patient, now).await;
    let panel = call.outcome.expect("an answer").expect("a panel");
    let curve = panel.0.iter().find_map(|block| if let Block::Series(series) = block { Some(series) } else { None });
    let curve = curve.expect("a curve");
    let values: Vec<String> = curve.points.iter().map(|point| point.value.to_string()).collect();
    assert_eq!((values, curve.bands.len()), (vec!["17.1".to_owned(), "6.2".to_owned()], 5));
    let report = runtime.replay(&plugin, &call.tape).await.expect("replayed");
    assert!(report.identical && report.conclusive, "{report:?}");
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
