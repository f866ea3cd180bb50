//! Commercial insurance from the question whether a patient is insured to the money at the bank, decided in Wasm.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{
    id::InsuranceRequestId,
    time::{Day, Instant},
};

use crate::support::{
    Client, Clinic, DIRECT_BILLING, Person, TestHospital,
    clinic::{confirm_path, confirmation, id, line, medicine, part},
    eventually, on_both_engines,
};

on_both_engines!(
    TestHospital:
    an_insured_session_from_eligibility_to_appeal,
    what_an_insurer_denies_is_the_patients_only_if_undertaken,
);

const DAY: i64 = 24 * 3600;

/// A contract as of D2, primary: five percent off, 100 yuan copay; psychotherapy needs a guarantee, and a guarantee
/// the summary of the episode.
pub(crate) const CONTRACT: &str = "plans=GOLD; networks=direct:0; deductible=0; copay=10000; discount=5; visit-limit=none; \
     annual-limit=none; visits=20; mental-visits=none; waiting-days=30; mental-waiting-days=90; \
     excluded=item:glucose-test-strips-50; preauthorization-above=none; preauthorization-services=item:psychotherapy; \
     guarantee-days=30; documents=34133-9; claim-documents=; filing-days=90; appeal-days=60; year=calendar; \
     remit-days=1";

fn plugin(clinic: &Clinic, id: &str) -> String {
    format!("/api/v1/tenants/{}/plugins/{id}", clinic.tenant)
}

pub(crate) async fn contract(clinic: &Clinic, terms: &str) {
    let settings = json!({ "terms.cigna-cmb": terms });
    let grant = json!({ "payer": "commercial", "discount_per_mille": 50, "settings": settings });
    clinic.operator.put(&plugin(clinic, DIRECT_BILLING.id), grant).await;
}

/// The patient's policy, held since a day.
pub(crate) async fn insure(clinic: &Clinic, since: &str) {
    let coverage = json!({
        "category": { "system": "urn:test", "code": "group" },
        "policy": {
            "valid_from": since, "number": "G-7", "network": "direct",
            "plan": { "system": "https://xinglin.dev/insurers/cigna-cmb", "code": "GOLD" },
        },
    });
    let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{}", clinic.tenant, clinic.subject, DIRECT_BILLING.id);
    clinic.operator.put(&path, coverage).await;
}

/// A formulary in which a bill is the session alone: 1200 yuan.
async fn price_the_session(clinic: &Clinic) {
    let service = |code: &str, title: &str, price_fen: i64| {
        json!({
            "code": code, "title": title, "kind": "service", "price_fen": price_fen,
            "codings": [{ "system": "https://xinglin.dev/catalogue", "code": code }],
        })
    };
    let strips = json!({
        "code": "glucose-test-strips-50", "title": "血糖试纸 Glucose test strips", "kind": "material", "price_fen": 4500,
        "codings": [{ "system": "https://xinglin.dev/catalogue", "code": "glucose-test-strips-50" }],
    });
    let items = json!([
        service("follow-up-visit", "复诊诊查费 Follow-up visit", 0),
        service("psychotherapy", "心理治疗 Psychotherapy", 120_000),
        strips,
        medicine("vitamin", 0),
    ]);
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), json!({ "items": items })).await;
}

async fn approved(clinic: &Clinic) -> String {
    let path = clinic.draft(&clinic.visit().await, &[line("vitamin", "1", "1", 10, 1)]).await;
    clinic.sign(&path).await;
    clinic.approve(&path).await;
    clinic.order(&path, "psychotherapy", 1).await;
    path
}

pub(crate) async fn quote(clinic: &Clinic, prescription: &str, items: Value) -> Value {
    clinic.patient.post("/api/v1/charges", json!({ "prescription": id(prescription), "items": items })).await
}

fn session() -> Value {
    json!([{ "item": "psychotherapy", "quantity": 1 }])
}

pub(crate) fn shares(bill: &Value) -> [i64; 2] {
    ["commercial", "cash"].map(|source| part(bill, source))
}

pub(crate) async fn on_account(clinic: &Clinic, name: &str) -> i64 {
    let balance = clinic.balanced().await;
    let accounts = balance["accounts"].as_array().cloned().unwrap_or_default();
    accounts.iter().find(|account| account["account"] == name).map_or(0, |account| account["fen"].as_i64().unwrap_or(0))
}

/// Resources of a type of the patient, as the patient sees them.
pub(crate) async fn found(clinic: &Clinic, kind: &str) -> Vec<Value> {
    let bundle = clinic.patient.get(&format!("/fhir/R4/{kind}?patient={}", clinic.subject)).await;
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().map(|mut entry| entry["resource"].take()).collect()
}

pub(crate) fn bill_path(bill: &Value, verb: &str) -> String {
    format!("/api/v1/charges/{}/{verb}", bill["id"].as_str().expect("an id"))
}

pub(crate) fn today(hospital: &TestHospital) -> String {
    Day::of(hospital.now()).to_string()
}

pub(crate) fn since(now: Instant, days: i64) -> String {
    Day::of(now.plus_days(-days)).to_string()
}

async fn reconcile(accountant: &Client, hospital: &TestHospital, from: &str, more: Value) -> Value {
    let mut ask = json!({ "payer": DIRECT_BILLING.id, "from": from, "to": today(hospital) });
    ask.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    accountant.post("/api/v1/reconciliation", ask).await
}

/// D2, primary, in one journey: eligibility, guarantee with documents, claim, explanation of benefit, remittance,
/// reconciliation, appeal; 1200 yuan: 60 by contract, 100 copay, 1040 of the insurer. The session is an item of
/// a prescription's bill.
async fn an_insured_session_from_eligibility_to_appeal(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIRECT_BILLING]).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    // The days of this test are in one month.
    if &today(&hospital)[8..] > "20" {
        hospital.advance(12 * DAY).await;
    }
    contract(&clinic, CONTRACT).await;
    price_the_session(&clinic).await;
    insure(&clinic, &since(hospital.now(), 10)).await;
    let prescription = approved(&clinic).await;
    let first_day = today(&hospital);

    // What the insurer may learn of a session is the patient's word.
    let refused = json!({ "prescription": id(&prescription), "items": session() });
    clinic.patient.refused("/api/v1/charges", refused, "ACCESS_COMPARTMENT").await;
    let consent = json!({
        "scope": { "compartment": "mental-health" }, "recipient": { "plugin": DIRECT_BILLING.id },
        "purposes": ["payment"],
    });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), consent).await;

    // Eligibility: within the waiting period nothing is covered; later it is, and says what is needed. It brings
    // the balances without which the insurer decides nothing.
    let alone = clinic
        .patient
        .post("/api/v1/charges", json!({ "prescription": id(&prescription), "items": session(), "self_pay": true }))
        .await;
    let check = json!({ "payer": DIRECT_BILLING.id, "bill": alone["id"] });
    let waiting = clinic.patient.post("/api/v1/insurance/eligibility", check.clone()).await;
    assert_eq!(waiting["status"], "IN_FORCE", "{waiting}");
    assert_eq!(waiting["lines"][0]["covered"], false, "{waiting}");
    insure(&clinic, &since(hospital.now(), 400)).await;
    let eligible = clinic.patient.post("/api/v1/insurance/eligibility", check.clone()).await;
    let lines = eligible["lines"].as_array().expect("lines");
    let of_session = lines.last().expect("the session");
    assert_eq!((&of_session["covered"], &of_session["guarantee_required"]), (&json!(true), &json!(true)), "{eligible}");
    assert_eq!(eligible["balances"][0]["code"], "outpatient-visits", "{eligible}");
    let kept =
        clinic.patient.get(&format!("/api/v1/insurance/requests/{}", eligible["id"].as_str().expect("an id"))).await;
    assert_eq!((&kept["lines"], &kept["at"]), (&eligible["lines"], &eligible["at"]));
    accountant.refused("/api/v1/insurance/eligibility", json!({ "payer": DIRECT_BILLING.id }), "BODY_INVALID").await;
    let unknown = json!({ "payer": "nobody.here", "bill": alone["id"] });
    let refused = clinic.patient.ask(Method::POST, "/api/v1/insurance/eligibility", Some(unknown)).await;
    assert_eq!(refused.code(), "ACCESS_COMPARTMENT", "{}", refused.text);

    // A quote that needs a guarantee cannot be confirmed without one.
    let without = quote(&clinic, &prescription, session()).await;
    assert_eq!(
        (&without["guarantees_wanted"], shares(&without)),
        (&json!([DIRECT_BILLING.id]), [0, 120_000]),
        "{without}"
    );
    clinic.patient.refused(&confirm_path(&without), confirmation(&without), "PAY_NO_GUARANTEE").await;
    let ask = json!({ "payer": DIRECT_BILLING.id, "bill": without["id"] });
    let wanted = clinic.doctor.ask(Method::POST, "/api/v1/insurance/guarantees", Some(ask.clone())).await;
    // The doctor may not see what is restricted, so that they cannot ask about it either.
    assert_eq!(wanted.code(), "NOT_FOUND", "{}", wanted.text);
    let wanted = clinic.patient.post("/api/v1/insurance/guarantees", ask.clone()).await;
    assert_eq!(wanted["status"], "DOCUMENTS_WANTED", "{wanted}");
    assert_eq!(wanted["documents_wanted"][0]["code"], "34133-9");
    clinic.patient.refused("/api/v1/insurance/guarantees", ask, "PAY_STATE").await;
    let paper = format!("/api/v1/blobs?patient={}", clinic.subject);
    let paper = clinic.patient.post_text(&paper, "application/pdf", "%PDF-1.7 a summary").await.done(&paper);
    let documents = json!({
        "documents": [{ "kind": { "system": "http://loinc.org", "code": "34133-9" }, "id": paper["id"] }],
    });
    let pending = format!("/api/v1/insurance/requests/{}", wanted["id"].as_str().expect("an id"));
    let granted = clinic.patient.post(&format!("{pending}/complete"), documents.clone()).await;
    assert_eq!(
        (&granted["status"], granted["lines"][2]["amount_fen"].as_i64()),
        (&json!("GRANTED"), Some(120_000)),
        "{granted}"
    );
    assert_eq!(clinic.patient.get(&pending).await["status"], "COMPLETED");
    clinic.patient.refused(&format!("{pending}/complete"), documents, "PAY_STATE").await;

    // The next quote rests on it.
    let insured = quote(&clinic, &prescription, session()).await;
    assert_eq!((&insured["guarantees_wanted"], shares(&insured)), (&json!([]), [104_000, 10_000]), "{insured}");
    let settled = clinic.confirm(&insured).await;
    assert_eq!((&settled["status"], shares(&settled)), (&json!("SETTLED"), [104_000, 10_000]), "{settled}");
    for (account, fen) in [
        ("receivable.commercial", 104_000),
        ("receivable.patient", 10_000),
        ("adjustment.provider", 6_000),
        ("revenue.service", -120_000),
    ] {
        assert_eq!(on_account(&clinic, account).await, fen, "{account}");
    }
    // A guarantee that a claim rests on is not given back.
    let back = format!("/api/v1/insurance/requests/{}/cancel", granted["id"].as_str().expect("an id"));
    assert_eq!(clinic.patient.post(&back, json!(null)).await["status"], "GRANTED");

    // The record, with true parties; what is restricted stays so.
    let of_hospital = format!("Organization/{}", clinic.tenant);
    let of_insurer = format!("Organization/payer-{}", DIRECT_BILLING.id);
    let eob = found(&clinic, "ExplanationOfBenefit").await.remove(0);
    assert_eq!(
        (&eob["provider"]["reference"], &eob["insurer"]["reference"]),
        (&json!(of_hospital), &json!(of_insurer))
    );
    assert_eq!(eob["payee"]["party"]["reference"], of_hospital);
    for organization in [&of_hospital, &of_insurer] {
        assert_eq!(clinic.doctor.get(&format!("/fhir/R4/{organization}")).await["active"], true);
    }
    let claims = found(&clinic, "Claim").await;
    assert_eq!(claims.iter().filter(|claim| claim["use"] == "preauthorization").count(), 2, "{claims:?}");
    for kind in ["Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse", "ClaimResponse", "Invoice"] {
        assert!(!found(&clinic, kind).await.is_empty(), "{kind}");
    }
    for kind in ["Claim", "ExplanationOfBenefit", "ClaimResponse", "Invoice", "CoverageEligibilityResponse"] {
        assert!(clinic.found_in_record(kind).await.is_empty(), "{kind} is the patient's alone");
    }

    // A system of the hospital submits in FHIR by the same rules: another price is refused, an unpaid claim too.
    let submit = |usage: &str, bill: &Value, net: i64| {
        json!({
            "resourceType": "Claim", "status": "active", "use": usage,
            "identifier": [{ "system": "urn:xinglin:bill", "value": bill["id"] }],
            "patient": { "reference": format!("Patient/{}", clinic.subject) }, "insurer": { "reference": of_insurer },
            "total": { "value": net, "currency": "CNY" },
        })
    };
    let fhir = async |body: Value| {
        let answer = clinic.patient.ask(Method::POST, "/fhir/R4/Claim/$submit", Some(body)).await;
        (answer.status.as_u16(), answer.body)
    };
    let (status, response) = fhir(submit("claim", &insured, 1200)).await;
    assert_eq!(
        (status, &response["resourceType"], &response["outcome"]),
        (200, &json!("ClaimResponse"), &json!("complete")),
        "{response}"
    );
    for (usage, bill, net, code) in [
        ("claim", &insured, 1199, "MONEY_INVALID"),
        ("claim", &without, 1200, "FHIR_INVALID"),
        ("preauthorization", &insured, 1200, "PAY_STATE"),
        ("exchange", &insured, 1200, "FHIR_INVALID"),
    ] {
        let (status, outcome) = fhir(submit(usage, bill, net)).await;
        assert!(status >= 400 && outcome["resourceType"] == "OperationOutcome", "{usage} {outcome}");
        assert!(outcome.to_string().contains(code), "{usage} {outcome}");
    }
    let asked = json!({
        "resourceType": "CoverageEligibilityRequest", "status": "active", "purpose": ["benefits"],
        "created": "2026-11-30", "identifier": [{ "system": "urn:xinglin:bill", "value": without["id"] }],
        "patient": { "reference": format!("Patient/{}", clinic.subject) }, "insurer": { "reference": of_insurer },
    });
    let told = clinic.patient.post("/fhir/R4/CoverageEligibilityRequest/$submit", asked).await;
    assert_eq!(
        (&told["resourceType"], &told["insurance"][0]["inforce"]),
        (&json!("CoverageEligibilityResponse"), &json!(true)),
        "{told}"
    );

    // What other terms would have paid, changing nothing.
    let terms = CONTRACT.replace("copay=10000", "copay=20000");
    let run = json!({ "settings": { "terms.cigna-cmb": terms } });
    let dry = clinic.operator.post(&format!("{}/dry-run", plugin(&clinic, DIRECT_BILLING.id)), run).await;
    assert_eq!(
        (&dry["claims"], &dry["paid_fen"], &dry["would_pay_fen"]),
        (&json!(1), &json!(104_000), &json!(94_000)),
        "{dry}"
    );
    let of_line = &dry["examples"][0]["lines"][2];
    assert_eq!((&of_line["paid_fen"], &of_line["would_pay_fen"]), (&json!(104_000), &json!(94_000)), "{dry}");
    let same = clinic.operator.post(&format!("{}/dry-run", plugin(&clinic, DIRECT_BILLING.id)), json!({})).await;
    assert_eq!((&same["claims"], &same["differing"]), (&json!(1), &json!(0)), "{same}");

    // Remittance: two days later the insurer says it paid; the bank has not shown it, then it shows less, then all.
    hospital.advance(2 * DAY).await;
    let month = json!({});
    let compared = reconcile(&accountant, &hospital, &first_day, month).await;
    assert_eq!(
        (&compared["ledger_fen"], &compared["file_fen"], &compared["bank_fen"]),
        (&json!(104_000), &json!(104_000), &json!(0)),
        "{compared}"
    );
    assert_eq!(
        (compared["claims"][0]["remitted_fen"].as_i64(), &compared["breaks"]),
        (Some(104_000), &json!([])),
        "{compared}"
    );
    clinic
        .patient
        .refused(
            "/api/v1/reconciliation",
            json!({ "payer": "x", "from": first_day, "to": first_day }),
            "AUTH_FORBIDDEN",
        )
        .await;
    let missing = reconcile(&accountant, &hospital, &first_day, json!({ "bank": [] })).await;
    assert_eq!(missing["breaks"][0]["kind"], "bank", "{missing}");
    let found_break = missing["breaks"][0].clone();
    let trace = found_break["reference"].as_str().expect("a trace").to_owned();
    let arrived = json!({ "bank": [{ "trace": trace, "day": today(&hospital), "amount_fen": 104_000 }] });
    let matched = reconcile(&accountant, &hospital, &first_day, arrived).await;
    assert_eq!((&matched["bank_fen"], &matched["breaks"]), (&json!(104_000), &json!([])), "{matched}");
    for (account, fen) in [("bank", 104_000), ("receivable.commercial", 0)] {
        assert_eq!(on_account(&clinic, account).await, fen, "{account}");
    }
    let again = reconcile(&accountant, &hospital, &first_day, json!({ "bank": [] })).await;
    assert_eq!((&again["breaks"], on_account(&clinic, "bank").await), (&json!([]), 104_000), "booked once: {again}");
    let told = clinic.administrator.get("/fhir/R4/PaymentReconciliation").await;
    assert_eq!(told["entry"][0]["resource"]["paymentAmount"]["value"].to_string(), "1040.00", "{told}");
    let told = clinic.administrator.get("/fhir/R4/PaymentNotice").await;
    assert_eq!(told["entry"][0]["resource"]["recipient"]["reference"], of_hospital, "{told}");

    // Appeal: under better terms the insurer decides anew, and the patient, who has paid, is owed the copay.
    let settled = async || clinic.settle_at_counter(insured["id"].as_str().expect("an id")).await;
    assert_eq!(settled().await["received"][0]["amount_fen"], 10_000);
    let appeal = |grounds: &str| json!({ "payer": DIRECT_BILLING.id, "lines": [3], "grounds": grounds });
    let path = bill_path(&insured, "appeals");
    accountant.refused(&path, appeal(" "), "BODY_INVALID").await;
    clinic.patient.refused(&path, appeal("copay"), "AUTH_FORBIDDEN").await;
    let upheld = accountant.post(&path, appeal("the copay was agreed otherwise")).await;
    assert_eq!(
        (&upheld["status"], &upheld["refusals"][0]["code"]),
        (&json!("REFUSED"), &json!("APPEAL_UPHELD")),
        "{upheld}"
    );
    contract(&clinic, &CONTRACT.replace("copay=10000", "copay=4000")).await;
    let granted = accountant.post(&path, appeal("amendment 2 of the contract")).await;
    assert_eq!(
        (&granted["status"], granted["lines"][2]["amount_fen"].as_i64()),
        (&json!("DECIDED"), Some(110_000)),
        "{granted}"
    );
    let bill = clinic.patient.get(&format!("/api/v1/charges/{}", insured["id"].as_str().expect("an id"))).await;
    assert_eq!(shares(&bill), [110_000, 4_000], "{bill}");
    assert_eq!(settled().await["refunds"][0]["amount_fen"], 6_000);
    for (account, fen) in [("receivable.commercial", 6_000), ("receivable.patient", 0), ("cash", 4_000)] {
        assert_eq!(on_account(&clinic, account).await, fen, "{account}");
    }
    let after = reconcile(&accountant, &hospital, &first_day, json!({})).await;
    assert_eq!((&after["ledger_fen"], &after["file_fen"]), (&json!(110_000), &json!(110_000)), "{after}");
    // The former decision was remitted and is owed no more: a difference until the insurer settles both.
    assert_eq!(after["breaks"][0]["kind"], "remittance", "{after}");

    // A difference has an owner and ends with a reason; until then its month does not close.
    let open = accountant.get("/api/v1/reconciliation/breaks").await;
    let one = &open[0];
    assert_eq!((open.as_array().map(Vec::len), &one["status"]), (Some(1), &json!("open")), "{open}");
    let path = format!("/api/v1/reconciliation/breaks/{}", one["id"].as_str().expect("an id"));
    let period = json!({ "period": &first_day[..7] });
    hospital.advance(31 * DAY).await;
    let refused = accountant.refused("/api/v1/ledger/periods", period.clone(), "LEDGER_NOT_CLOSABLE").await;
    assert_eq!(refused["breaks"], json!([one["id"]]), "{refused}");
    let (other, other_id) = clinic.hire(Person::new("other-accountant", "accountant")).await;
    other
        .refused(&format!("{path}/resolve"), json!({ "reason": "settled with the next remittance" }), "AUTH_FORBIDDEN")
        .await;
    accountant.post(&format!("{path}/assign"), json!({ "owner": other_id })).await;
    other.refused(&format!("{path}/resolve"), json!({ "reason": " " }), "BODY_INVALID").await;
    let resolved =
        other.post(&format!("{path}/resolve"), json!({ "reason": "settled with the next remittance" })).await;
    assert_eq!((&resolved["status"], &resolved["resolved_by"]), (&json!("resolved"), &json!(other_id)));
    accountant.post("/api/v1/ledger/periods", period).await;

    // The prescription is over, and nothing was dispensed: what the insurer decided last is taken back.
    let path = format!("/api/v1/charges/{}", insured["id"].as_str().expect("an id"));
    eventually("the bill is reversed", async || clinic.patient.get(&path).await["status"] == "REVERSED").await;
    assert_eq!(on_account(&clinic, "receivable.commercial").await, 0);
    let eob = found(&clinic, "ExplanationOfBenefit").await.remove(0);
    assert_eq!(eob["status"], "cancelled", "{eob}");

    // As if its answer could never be applied: the accounts find the appeal, and end it.
    let records = hospital.hospital.store().tenant(clinic.tenant.parse().expect("a tenant"));
    let appeal: InsuranceRequestId = granted["id"].as_str().and_then(|id| id.parse().ok()).expect("an appeal");
    let mut row = records.get_document(appeal).await.expect("a question");
    row.body["state"] = json!({ "sent": { "verb": "submit", "operation": { "key": "k", "at": 0 }, "times": 1 } });
    row.status = "SENT".to_owned();
    let tx = records.begin().await.expect("a transaction");
    tx.update_document(&row).await.expect("written");
    tx.commit().await.expect("committed");
    let listed = async || {
        let all = accountant.get("/api/v1/charges/unresolved").await;
        let appeals = all.as_array().cloned().unwrap_or_default().into_iter().filter(|one| !one["appeal"].is_null());
        appeals.map(|one| [one["appeal"].clone(), one["id"].clone(), one["status"].clone()]).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [[granted["id"].clone(), insured["id"].clone(), json!("SENT")]]);
    let close = format!("/api/v1/insurance/requests/{appeal}/close");
    accountant.post(&close, json!({ "reason": "agreed by letter" })).await;
    assert!(listed().await.is_empty());
}

/// What an insurer denies after it has settled is the patient's only with an undertaking given before; otherwise the
/// provider writes it off. What a quote shows as not covered is in the amount that is confirmed, and undertakes no more.
async fn what_an_insurer_denies_is_the_patients_only_if_undertaken(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIRECT_BILLING]).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    contract(&clinic, &CONTRACT.replace("visits=20", "visits=none").replace("item:psychotherapy;", ";")).await;
    insure(&clinic, "2020-01-01").await;
    let text = clinic.patient.get("/api/v1/insurance/undertaking").await;
    let strips = || json!([{ "item": "glucose-test-strips-50", "quantity": 1 }]);
    let month = || line("metformin-500mg-60", "1000", "2", 30, 2);
    for undertaken in [true, false] {
        let before = (on_account(&clinic, "receivable.patient").await, on_account(&clinic, "loss.write-off").await);
        let prescription = clinic.draft(&clinic.visit().await, &[month()]).await;
        clinic.sign(&prescription).await;
        clinic.approve(&prescription).await;
        clinic.order(&prescription, "glucose-test-strips-50", 1).await;
        let bill = quote(&clinic, &prescription, strips()).await;
        // 20 and 50 yuan, less five percent, are less than the copay; the strips are excluded.
        assert_eq!(shares(&bill), [0, 11_150], "{bill}");
        contract(&clinic, &CONTRACT.replace("visits=20", "visits=none").replace("copay=10000", "copay=650")).await;
        let bill = quote(&clinic, &prescription, strips()).await;
        assert_eq!(shares(&bill), [6_000, 5_150], "{bill}");
        let path = bill_path(&bill, "undertaking");
        clinic.patient.refused(&path, json!({ "lines": [2], "sha256": "0" }), "BODY_INVALID").await;
        clinic.doctor.refused(&path, json!({ "lines": [2], "sha256": text["sha256"] }), "AUTH_FORBIDDEN").await;
        if undertaken {
            let told = clinic.patient.post(&path, json!({ "lines": [2], "sha256": text["sha256"] })).await;
            assert_eq!(told["undertaken"], json!([2]));
        }
        let settled = clinic.confirm(&bill).await;
        let lines = if undertaken { json!([2]) } else { json!([]) };
        assert_eq!((&settled["status"], &settled["undertaken"]), (&json!("SETTLED"), &lines), "{settled}");
        clinic.patient.refused(&path, json!({ "lines": [1], "sha256": text["sha256"] }), "PAY_STATE").await;
        let denials = bill_path(&bill, "denials");
        let deny = |line: u32, amount: i64| json!({ "payer": DIRECT_BILLING.id, "line": line, "amount_fen": amount, "reason": "audit letter 12" });
        accountant.refused(&denials, deny(2, 5_000), "REFUND_EXCEEDS").await;
        accountant.refused(&denials, deny(9, 1), "BODY_INVALID").await;
        let booked = accountant.post(&denials, deny(2, 1_000)).await;
        assert_eq!(booked["kind"], "denial", "{booked}");
        let after = (on_account(&clinic, "receivable.patient").await, on_account(&clinic, "loss.write-off").await);
        let moved = (after.0 - before.0, after.1 - before.1);
        assert_eq!(moved, if undertaken { (5_150 + 1_000, 0) } else { (5_150, 1_000) });
        // Together no more than it pays of the line, and under one id once.
        accountant.refused(&denials, deny(2, 4_000), "REFUND_EXCEEDS").await;
        let mut again = deny(2, 1);
        again["id"] = booked["id"].clone();
        accountant.refused(&denials, again, "PAY_IDEMPOTENCY_CONFLICT").await;
        // The insurer pays after all: what the patient had paid of it goes back.
        let share = clinic.settle_at_counter(bill["id"].as_str().expect("an id")).await;
        assert_eq!((&share["status"], &share["owed_fen"]), (&json!("PAID"), &json!(moved.0)));
        let correct = format!("/api/v1/ledger/transactions/{}/correct", booked["id"].as_str().expect("an id"));
        accountant.post(&correct, json!({ "reason": "the audit was withdrawn" })).await;
        let share = clinic.settle_at_counter(bill["id"].as_str().expect("an id")).await;
        assert_eq!((&share["status"], &share["owed_fen"]), (&json!("PAID"), &json!(5_150)), "{share}");
        // It is denied once more, and decided anew upon an appeal, 500 less of copay: what was denied is decided with it.
        accountant.post(&denials, deny(2, 4_000)).await;
        contract(&clinic, &CONTRACT.replace("visits=20", "visits=none").replace("copay=10000", "copay=150")).await;
        let appeal = json!({ "payer": DIRECT_BILLING.id, "lines": [2], "grounds": "amendment 3 of the contract" });
        let granted = accountant.post(&bill_path(&bill, "appeals"), appeal).await;
        assert_eq!(granted["status"], "DECIDED", "{granted}");
        assert_eq!(on_account(&clinic, "receivable.commercial").await, 6_500);
        assert_eq!(on_account(&clinic, "loss.write-off").await, before.1);
        let share = clinic.patient.get(&bill_path(&bill, "payments")).await;
        assert_eq!((&share["status"], &share["owed_fen"]), (&json!("PAID"), &json!(4_650)), "{share}");
        clinic.pharmacist.post(&bill_path(&bill, "reverse"), json!(null)).await;
        clinic.settle_at_counter(bill["id"].as_str().expect("an id")).await;
        contract(&clinic, &CONTRACT.replace("visits=20", "visits=none").replace("item:psychotherapy;", ";")).await;
    }
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
}
