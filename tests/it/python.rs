//! Guests in Python, built with componentize-py: `examples/python-plugin`, `examples/python-heads` and
//! `examples/python-insurer`, which use no system calls, and `examples/python-wasi`, which does.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

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

use crate::{
    compat::replays,
    insured::{bill_path, found, on_account, quote, shares, since, today},
    support::{
        Client, Clinic, PYTHON, PYTHON_HEADS, PYTHON_INSURER, PYTHON_WASI, Person, TestHospital,
        clinic::{confirm_path, confirmation, id, medicine},
        eventually, line, on_both_engines, record,
    },
};

on_both_engines!(TestHospital: a_python_insurer_from_eligibility_to_appeal);

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

// --- an insurer ----------------------------------------------------------------

/// What is billed with a session: 20 yuan for the visit, 10 of an excluded medicine, 1200, and 45 of test strips.
async fn price(clinic: &Clinic) {
    let item = |code: &str, kind: &str, price_fen: i64| {
        json!({
            "code": code, "title": code, "kind": kind, "price_fen": price_fen,
            "codings": [{ "system": "https://xinglin.dev/catalogue", "code": code }],
        })
    };
    let items = json!([
        item("follow-up-visit", "service", 2_000),
        item("rehabilitation", "service", 120_000),
        item("glucose-test-strips-50", "material", 4_500),
        medicine("vitamin", 1_000),
    ]);
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), json!({ "items": items })).await;
}

async fn hold_policy(clinic: &Clinic, since: &str) {
    let coverage = json!({
        "category": { "system": "urn:test", "code": "group" },
        "policy": {
            "valid_from": since, "number": "G-7", "network": "silver",
            "plan": { "system": "https://insurer.example/plans", "code": "SILVER" },
        },
    });
    let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{}", clinic.tenant, clinic.subject, PYTHON_INSURER.id);
    clinic.operator.put(&path, coverage).await;
}

/// An approved prescription with a session of rehabilitation ordered; its path.
async fn ordered(clinic: &Clinic) -> String {
    let path = clinic.draft(&clinic.visit().await, &[line("vitamin", "1", "1", 10, 1)]).await;
    clinic.sign(&path).await;
    clinic.approve(&path).await;
    clinic.order(&path, "rehabilitation", 1).await;
    path
}

async fn paper(clinic: &Clinic, system: &str, code: &str) -> Value {
    let path = format!("/api/v1/blobs?patient={}", clinic.subject);
    let paper = clinic.patient.post_text(&path, "application/pdf", "%PDF-1.7 a paper").await.done(&path);
    json!([{ "kind": { "system": system, "code": code }, "id": paper["id"] }])
}

fn request(of: &Value, verb: &str) -> String {
    format!("/api/v1/insurance/requests/{}{verb}", of["id"].as_str().expect("an id"))
}

/// Number, amount and first reason of each line of an answer.
fn told(answer: &Value) -> Vec<(u64, Option<i64>, &str)> {
    let lines = answer["lines"].as_array().map_or(&[][..], Vec::as_slice);
    lines
        .iter()
        .map(|line| {
            let why = line["reasons"][0]["code"].as_str().unwrap_or_default();
            (line["number"].as_u64().expect("a number"), line["amount_fen"].as_i64(), why)
        })
        .collect()
}

/// Asks for a guarantee with the summary of the episode, and waits for the hour in which the insurer looks at it.
async fn guaranteed(hospital: &TestHospital, clinic: &Clinic, bill: &Value) -> Value {
    let ask = json!({ "payer": PYTHON_INSURER.id, "bill": bill["id"] });
    let wanted = clinic.patient.post("/api/v1/insurance/guarantees", ask).await;
    assert_eq!(
        (&wanted["status"], &wanted["documents_wanted"][0]["code"]),
        (&json!("DOCUMENTS_WANTED"), &json!("34133-9")),
        "{wanted}"
    );
    let documents = json!({ "documents": paper(clinic, "http://loinc.org", "34133-9").await });
    let pending = clinic.patient.post(&request(&wanted, "/complete"), documents).await;
    assert_eq!((&pending["status"], &pending["documents_wanted"]), (&json!("PENDING"), &json!([])), "{pending}");
    hospital.advance(3_660).await;
    let path = request(&pending, "");
    eventually("the insurer has decided", async || clinic.patient.get(&path).await["status"] != "PENDING").await;
    clinic.patient.get(&path).await
}

/// Amounts in yuan and reasons of a line of an explanation of benefit, by category.
fn explained(eob: &Value, number: usize) -> BTreeMap<String, String> {
    let of_line = eob["item"][number - 1]["adjudication"].as_array().expect("adjudications").iter();
    of_line
        .map(|one| {
            let category = one["category"]["coding"][0]["code"].as_str().expect("a category").to_owned();
            let reason = one["reason"]["coding"][0]["code"].as_str().map(str::to_owned);
            (category, reason.unwrap_or_else(|| one["amount"]["value"].to_string()))
        })
        .collect()
}

fn amounts(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(category, amount)| ((*category).to_owned(), (*amount).to_owned())).collect()
}

async fn compared(accountant: &Client, hospital: &TestHospital, from: &str, more: Value) -> Value {
    let mut ask = json!({ "payer": PYTHON_INSURER.id, "from": from, "to": today(hospital) });
    ask.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    accountant.post("/api/v1/reconciliation", ask).await
}

/// The four interfaces of an insurer by one that was not written in Rust: 1275 yuan, of which 60 are the contract's
/// discount; deductible 200, copay 100, 90 % of the rest. The strips are denied, and paid upon an appeal.
async fn a_python_insurer_from_eligibility_to_appeal(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&PYTHON_INSURER]).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    // The days of this test are in one month.
    if &today(&hospital)[8..] > "20" {
        hospital.advance(12 * 24 * 3600).await;
    }
    let grant = json!({ "payer": "commercial", "discount_per_mille": 50 });
    clinic.operator.put(&format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, PYTHON_INSURER.id), grant).await;
    price(&clinic).await;
    hold_policy(&clinic, &since(hospital.now(), 10)).await;
    let prescription = ordered(&clinic).await;
    clinic.order(&prescription, "glucose-test-strips-50", 1).await;
    let items =
        || json!([{ "item": "rehabilitation", "quantity": 1 }, { "item": "glucose-test-strips-50", "quantity": 1 }]);
    let first_day = today(&hospital);

    // Eligibility: a waiting period, an exclusion, what needs a guarantee, what needs a paper; and the balances.
    let alone = json!({ "prescription": id(&prescription), "items": items(), "self_pay": true });
    let alone = clinic.patient.post("/api/v1/charges", alone).await;
    let check = json!({ "payer": PYTHON_INSURER.id, "bill": alone["id"] });
    let waiting = clinic.patient.post("/api/v1/insurance/eligibility", check.clone()).await;
    let of_all = [(1, None, ""), (2, None, "EXCLUDED"), (3, None, "WAITING_PERIOD"), (4, None, "")];
    assert_eq!((&waiting["status"], told(&waiting)), (&json!("IN_FORCE"), of_all.to_vec()), "{waiting}");
    hold_policy(&clinic, &since(hospital.now(), -1)).await;
    let outside = clinic.patient.post("/api/v1/insurance/eligibility", check.clone()).await;
    assert_eq!(outside["refusals"][0]["code"], "NOT_YET_INSURED", "{outside}");
    hold_policy(&clinic, &since(hospital.now(), 400)).await;
    let eligible = clinic.patient.post("/api/v1/insurance/eligibility", check).await;
    let needs = |line: usize| (&eligible["lines"][line]["covered"], &eligible["lines"][line]["guarantee_required"]);
    assert_eq!((needs(1), needs(2)), ((&json!(false), &json!(false)), (&json!(true), &json!(true))), "{eligible}");
    assert_eq!(eligible["lines"][3]["documents_wanted"][0]["code"], "letter-of-necessity", "{eligible}");
    let codes = ["annual-limit", "deductible"].map(|code| json!(code));
    let known: BTreeSet<String> =
        eligible["balances"].as_array().into_iter().flatten().map(|one| one["code"].to_string()).collect();
    assert_eq!(known, codes.iter().map(ToString::to_string).collect(), "{eligible}");

    // Guarantee: documents, then an hour; in part, for the medicine is excluded and the strips are not shown to be
    // necessary.
    let without = quote(&clinic, &prescription, items()).await;
    assert_eq!(
        (&without["guarantees_wanted"], shares(&without)),
        (&json!([PYTHON_INSURER.id]), [0, 127_500]),
        "{without}"
    );
    clinic.patient.refused(&confirm_path(&without), confirmation(&without), "PAY_NO_GUARANTEE").await;
    let given = guaranteed(&hospital, &clinic, &without).await;
    let promised = vec![(1, Some(2_000), ""), (3, Some(120_000), "")];
    assert_eq!((&given["status"], told(&given)), (&json!("PARTIAL"), promised), "{given}");

    // Claim: every line with its figures.
    let bill = quote(&clinic, &prescription, items()).await;
    assert_eq!((&bill["guarantees_wanted"], shares(&bill)), (&json!([]), [77_400, 44_100]), "{bill}");
    let settled = clinic.confirm(&bill).await;
    assert_eq!((&settled["status"], shares(&settled)), (&json!("SETTLED"), [77_400, 44_100]), "{settled}");
    for (account, fen) in
        [("receivable.commercial", 77_400), ("receivable.patient", 44_100), ("adjustment.provider", 6_000)]
    {
        assert_eq!(on_account(&clinic, account).await, fen, "{account}");
    }
    let eob = found(&clinic, "ExplanationOfBenefit").await.remove(0);
    for (number, expected) in [
        (1, amounts(&[("eligible", "20.00"), ("benefit", "0.00"), ("deductible", "20.00")])),
        (2, amounts(&[("eligible", "0.00"), ("benefit", "0.00"), ("not-covered", "10.00"), ("reason", "96")])),
        (
            3,
            amounts(&[
                ("eligible", "1140.00"),
                ("benefit", "774.00"),
                ("deductible", "180.00"),
                ("copay", "100.00"),
                ("coinsurance", "86.00"),
                ("contractual", "60.00"),
                ("reason", "45"),
            ]),
        ),
        (4, amounts(&[("eligible", "0.00"), ("benefit", "0.00"), ("not-covered", "45.00"), ("reason", "50")])),
    ] {
        assert_eq!(explained(&eob, number), expected, "line {number}");
    }

    // A guarantee that a claim rests on is not given back; another one can be, and is no more than the year leaves.
    assert_eq!(clinic.patient.post(&request(&given, "/cancel"), json!(null)).await["status"], "PARTIAL");
    let second = ordered(&clinic).await;
    let session = || json!([{ "item": "rehabilitation", "quantity": 1 }]);
    let other = quote(&clinic, &second, session()).await;
    let given = guaranteed(&hospital, &clinic, &other).await;
    let promised = vec![(1, Some(2_000), ""), (3, Some(70_600), "BENEFIT_LIMIT")];
    assert_eq!((&given["status"], told(&given)), (&json!("PARTIAL"), promised), "{given}");
    assert_eq!(clinic.patient.post(&request(&given, "/cancel"), json!(null)).await["status"], "CANCELLED");
    let other = quote(&clinic, &second, session()).await;
    assert_eq!(other["guarantees_wanted"], json!([PYTHON_INSURER.id]), "it is given back: {other}");

    // Remittance and reconciliation.
    hospital.advance(24 * 3600).await;
    let missing = compared(&accountant, &hospital, &first_day, json!({ "bank": [] })).await;
    assert_eq!(
        (&missing["ledger_fen"], &missing["file_fen"], &missing["breaks"][0]["kind"]),
        (&json!(77_400), &json!(77_400), &json!("bank")),
        "{missing}"
    );
    let arrived = json!({ "trace": missing["breaks"][0]["reference"], "day": today(&hospital), "amount_fen": 77_400 });
    let matched = compared(&accountant, &hospital, &first_day, json!({ "bank": [arrived] })).await;
    assert_eq!((&matched["bank_fen"], &matched["breaks"]), (&json!(77_400), &json!([])), "{matched}");

    // Appeal: upheld without the letter, decided anew with it.
    let at_counter = async || clinic.settle_at_counter(bill["id"].as_str().expect("an id")).await;
    assert_eq!(at_counter().await["received"][0]["amount_fen"], 44_100);
    let mut appeal = json!({ "payer": PYTHON_INSURER.id, "lines": [4], "grounds": "the strips are necessary" });
    let path = bill_path(&bill, "appeals");
    let upheld = accountant.post(&path, appeal.clone()).await;
    assert_eq!(
        (&upheld["status"], &upheld["refusals"][0]["code"]),
        (&json!("REFUSED"), &json!("APPEAL_UPHELD")),
        "{upheld}"
    );
    appeal["documents"] = paper(&clinic, "https://insurer.example/documents", "letter-of-necessity").await;
    let anew = accountant.post(&path, appeal).await;
    let paid = vec![(1, Some(0), ""), (2, Some(0), "96"), (3, Some(77_400), "45"), (4, Some(3_600), "")];
    assert_eq!((&anew["status"], told(&anew)), (&json!("DECIDED"), paid), "{anew}");
    let path = format!("/api/v1/charges/{}", bill["id"].as_str().expect("an id"));
    assert_eq!(shares(&clinic.patient.get(&path).await), [81_000, 40_500]);
    assert_eq!(at_counter().await["refunds"][0]["amount_fen"], 3_600);
    for (account, fen) in [("receivable.commercial", 3_600), ("receivable.patient", 0), ("cash", 40_500)] {
        assert_eq!(on_account(&clinic, account).await, fen, "{account}");
    }
    let after = compared(&accountant, &hospital, &first_day, json!({})).await;
    assert_eq!((&after["ledger_fen"], &after["file_fen"]), (&json!(81_000), &json!(81_000)), "{after}");

    // The bill is taken back, as it was decided last; then nothing is owed.
    clinic.pharmacist.post(&bill_path(&bill, "reverse"), json!(null)).await;
    eventually("the bill is reversed", async || clinic.patient.get(&path).await["status"] == "REVERSED").await;
    let back = compared(&accountant, &hospital, &first_day, json!({})).await;
    assert_eq!((&back["ledger_fen"], &back["file_fen"]), (&json!(0), &json!(0)), "{back}");
    assert_eq!(clinic.balanced().await["debit_fen"], clinic.balanced().await["credit_fen"]);

    let hooks = [
        "eligibility@1.1.0#check",
        "preauthorization@1.1.0#submit",
        "preauthorization@1.1.0#status",
        "preauthorization@1.1.0#cancel",
        "claims@1.1.0#predetermine",
        "claims@1.1.0#submit",
        "claims@1.1.0#cancel",
        "claims@1.1.0#appeal",
        "reconciliation@1.1.0#compare",
        "reconciliation@1.1.0#remittances",
    ];
    assert_eq!(replays(&clinic).await, hooks.into_iter().map(|hook| format!("xinglin:payment/{hook}")).collect());
}
