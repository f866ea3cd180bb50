//! Payers that are unavailable, fail, or change their answer.

use serde_json::{Value, json};

use crate::{
    money::{PAYER, promote, set_enabled, upload},
    support::{
        Clinic, DIRECT_BILLING, MEDICAL_INSURANCE, TestHospital,
        clinic::{confirm_path, confirmation, id, part},
        eventually,
        guest::{self, Does, Figures, PayerGuest},
        on_both_engines, repository,
    },
};

on_both_engines!(
    TestHospital:
    a_refunded_charge_frees_the_prescription,
    an_unavailable_payer_is_retried,
    a_failing_payer_is_retried,
    a_settlement_that_differs_from_the_quote_is_reversed,
    an_insurer_pays_after_the_fund,
    what_a_later_payer_does_befalls_those_before,
);

async fn found(hospital: &TestHospital) -> Clinic {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    clinic
}

/// Path of the payer in the tenant.
fn payer(clinic: &Clinic) -> String {
    format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, MEDICAL_INSURANCE.id)
}

fn bill(quote: &Value) -> String {
    format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"))
}

async fn a_refunded_charge_frees_the_prescription(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let prescription = clinic.approved().await;
    let first = clinic.quote(&prescription).await;
    clinic.confirm(&first).await;
    clinic.patient.refused("/api/v1/charges", json!({ "prescription": id(&prescription) }), "RX_ALREADY_USED").await;

    let reverse = format!("/api/v1/charges/{}/reverse", first["id"].as_str().expect("an id"));
    clinic.patient.refused(&reverse, json!(null), "AUTH_FORBIDDEN").await;
    assert_eq!(clinic.pharmacist.post(&reverse, json!(null)).await["status"], "REVERSED");
    clinic.pharmacist.refused(&reverse, json!(null), "PAY_ALREADY_REVERSED").await;
    let balance = clinic.balanced().await;
    assert_eq!((&balance["debit_fen"], &balance["credit_fen"]), (&json!(0), &json!(0)), "{balance}");

    // The same figures as before, and it can be used again.
    let second = clinic.quote(&prescription).await;
    assert_eq!(second["parts"], first["parts"]);
    assert_eq!(clinic.confirm(&second).await["status"], "SETTLED");
    let handout = clinic.handout(&prescription).await;
    clinic.pharmacist.post(&format!("{prescription}/dispense"), handout).await;
}

async fn an_unavailable_payer_is_retried(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    let payer = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, MEDICAL_INSURANCE.id);
    clinic.operator.post(&format!("{payer}/disable"), json!(null)).await;
    let refused = clinic.patient.ask(reqwest::Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "PAY_UNAVAILABLE"), "{}", refused.text);
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    clinic.operator.post(&format!("{payer}/enable"), json!(null)).await;
    // Nothing was begun that could be settled behind the patient's back.
    hospital.advance(31).await;
    let bill = format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"));
    assert_eq!(clinic.patient.get(&bill).await["status"], "QUOTED");
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    assert_eq!(clinic.balanced().await["debit_fen"], quote["total_fen"]);
}

async fn a_failing_payer_is_retried(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let quote = clinic.quote(&clinic.approved().await).await;
    // A newer version of the payer, in which every function panics.
    let broken = guest::broken(MEDICAL_INSURANCE.id, "9.0.0", "xinglin:payment/payer@1.0.0");
    hospital.operator.upload(broken).await.done("/api/v1/plugins");
    let promote = json!({ "version": "9.0.0", "without_gate": true });
    hospital.operator.post(&format!("{}/promote", payer(&clinic)), promote).await;
    let failed = clinic.patient.ask(reqwest::Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
    assert_eq!((failed.status.as_u16(), failed.code()), (503, "PAY_UNAVAILABLE"), "{}", failed.text);
    assert_eq!(
        (&failed.body["calls"][0]["plugin"], &failed.body["calls"][0]["outcome"]),
        (&json!(MEDICAL_INSURANCE.id), &json!("PLUGIN_TRAP"),)
    );
    assert_eq!(clinic.balanced().await["debit_fen"], 0);

    hospital.operator.post(&format!("{}/rollback", payer(&clinic)), json!(null)).await;
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    assert_eq!(clinic.balanced().await["debit_fen"], quote["total_fen"]);
}

async fn a_settlement_that_differs_from_the_quote_is_reversed(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    let scheme = String::from_utf8(repository("plugins/medical-insurance/data/scheme.toml")).expect("text");
    let scheme = scheme.replace("deductible = 50000", "deductible = 0").replace("illustrative = true", "");
    let other = json!({ "payer": "basic_insurance", "settings": { "scheme": scheme } });
    hospital.operator.put(&payer(&clinic), other).await;
    let before = clinic.balanced().await;
    clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), "INS_PRESETTLE_DRIFT").await;
    assert_eq!(clinic.patient.get(&bill(&quote)).await["status"], "REVERSED");
    assert_eq!(clinic.balanced().await, before);
    // The patient must confirm the new figures.
    let quote = clinic.quote(&prescription).await;
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
}

/// A whole contract with an insurer: nothing illustrative is needed.
pub(super) const CONTRACT: &str = "plans=SUPPLEMENT; networks=direct:0, partner:20; deductible=100000; copay=0; discount=0; \
     visit-limit=10000; annual-limit=none; visits=none; mental-visits=none; waiting-days=0; mental-waiting-days=0; \
     excluded=item:glucose-test-strips-50; preauthorization-above=200000; preauthorization-services=; \
     guarantee-days=30; documents=; claim-documents=; filing-days=90; appeal-days=60; year=calendar; remit-days=none";

/// Insures the patient with an insurer, 970 of a deductible of 1000 yuan used.
pub(super) async fn insure_commercially(clinic: &Clinic, year: i16) {
    let plugin = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, DIRECT_BILLING.id);
    let settings = json!({ "terms.cigna-cmb": CONTRACT });
    clinic.operator.put(&plugin, json!({ "payer": "commercial", "settings": settings })).await;
    let coverage = json!({
        "category": { "system": "urn:test", "code": "group" },
        "policy": {
            "valid_from": "2020-01-01",
            "plan": { "system": "https://xinglin.dev/insurers/cigna-cmb", "code": "SUPPLEMENT" },
            "network": "partner",
            "balances": [{
                "code": "deductible", "from": format!("{year}-01-01"), "until": format!("{}-01-01", year + 1),
                "used_fen": 97_000, "limit_fen": 100_000,
            }],
        },
    });
    let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{}", clinic.tenant, clinic.subject, DIRECT_BILLING.id);
    clinic.operator.put(&path, coverage).await;
}

/// What a payer counts of the patient: all figures by code.
pub(super) async fn counts(clinic: &Clinic, payer: &str, of: &str) -> Vec<(String, i64)> {
    let coverages = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
    let coverage = coverages.as_array().into_iter().flatten().find(|coverage| coverage["payer"] == payer);
    let figures = coverage.and_then(|coverage| coverage[of].as_array().cloned()).unwrap_or_default();
    let figure = |figure: &Value| {
        let amount = figure["fen"].as_i64().or_else(|| figure["used_fen"].as_i64()).unwrap_or_default();
        (figure["code"].as_str().unwrap_or_default().to_owned(), amount)
    };
    figures.iter().map(figure).collect()
}

async fn on_account(clinic: &Clinic, name: &str) -> i64 {
    let balance = clinic.balanced().await;
    let accounts = balance["accounts"].as_array().cloned().unwrap_or_default();
    accounts.iter().find(|account| account["account"] == name).map_or(0, |account| account["fen"].as_i64().unwrap_or(0))
}

/// D1 with a second payer, D2: 5550 from the fund, 4200 from the insurer, 8550 from the patient. Both decide
/// in Wasm.
async fn an_insurer_pays_after_the_fund(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE, &DIRECT_BILLING]).await;
    clinic.insure().await;
    insure_commercially(&clinic, hospital.now().china_year()).await;
    let prescription = clinic.worked_example().await;
    let quote = async |terms: Value| {
        let items = json!([{ "item": "glucose-test-strips-50", "quantity": 1 }]);
        let mut order = json!({ "prescription": id(&prescription), "items": items });
        order.as_object_mut().expect("an object").extend(terms.as_object().cloned().unwrap_or_default());
        clinic.patient.post("/api/v1/charges", order).await
    };
    let shares =
        |bill: &Value| ["basic_fund", "commercial", "personal_account", "cash"].map(|source| part(bill, source));
    // The patient may leave the insurer out; then the account pays.
    let alone = quote(json!({ "payers": [MEDICAL_INSURANCE.id] })).await;
    assert_eq!(shares(&alone), [5550, 0, 6000, 6750]);
    let both = quote(json!({})).await;
    assert_eq!(both["payers"], json!([MEDICAL_INSURANCE.id, DIRECT_BILLING.id]));
    assert_eq!(shares(&both), [5550, 4200, 0, 8550], "{both}");

    let settled = clinic.confirm(&both).await;
    assert_eq!((&settled["status"], shares(&settled)), (&json!("SETTLED"), [5550, 4200, 0, 8550]), "{settled}");
    for (account, fen) in [("basic-fund", 5550), ("commercial", 4200), ("personal-account", 0), ("patient", 8550)] {
        assert_eq!(on_account(&clinic, &format!("receivable.{account}")).await, fen, "{account}");
    }
    let deductible = async || counts(&clinic, DIRECT_BILLING.id, "balances").await;
    assert_eq!(deductible().await, [("deductible".to_owned(), 100_000)]);
    let fund = async || counts(&clinic, MEDICAL_INSURANCE.id, "accumulators").await;
    let used = fund().await;

    // Taken back in the opposite order, to the fen; then it is the same once more.
    let back = clinic.pharmacist.post(&format!("{}/reverse", bill(&both)), json!(null)).await;
    assert_eq!(back["status"], "REVERSED", "{back}");
    let asked: Vec<&Value> = back["calls"].as_array().expect("calls").iter().map(|call| &call["plugin"]).collect();
    assert_eq!(asked, [DIRECT_BILLING.id, MEDICAL_INSURANCE.id]);
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    assert_eq!(deductible().await, [("deductible".to_owned(), 97_000)]);
    assert_ne!(fund().await, used);
    let again = quote(json!({})).await;
    assert_eq!(shares(&again), [5550, 4200, 0, 8550]);
    assert_eq!(clinic.confirm(&again).await["status"], "SETTLED");
    assert_eq!(fund().await, used);
}

/// The second payer refuses, cannot be reached, does not answer, or settles other figures: nothing of the
/// first one's is left where the order does not come about.
async fn what_a_later_payer_does_befalls_those_before(hospital: TestHospital) {
    let figures = |insurer: i64| Figures {
        lines: vec![[0, 0, 0, 2000], [0, 0, 0, 5000]],
        parts: [1500, 5500 - insurer],
        insurer,
        accumulator: 0,
    };
    let well = || PayerGuest::settling(&figures(1000));
    let clinic = found(&hospital).await;
    upload(&clinic, &well()).await;
    let path = format!("/api/v1/tenants/{}/plugins/{PAYER}", clinic.tenant);
    clinic.operator.put(&path, json!({ "payer": "commercial" })).await;
    set_enabled(&clinic, PAYER, true).await;
    let coverage = json!({ "category": { "system": "urn:test", "code": "1" } });
    let covered = format!("/api/v1/tenants/{}/patients/{}/coverages/{PAYER}", clinic.tenant, clinic.subject);
    clinic.operator.put(&covered, coverage).await;
    let before = counts(&clinic, MEDICAL_INSURANCE.id, "accumulators").await;
    let prescription = clinic.approved().await;
    let rows = [
        (PayerGuest { settle: Does::Refuse, ..well() }, "PAY_REFUSED", "DECLINED"),
        (PayerGuest { settle: Does::Figures(figures(999)), ..well() }, "INS_PRESETTLE_DRIFT", "REVERSED"),
        (PayerGuest { settle: Does::Unavailable, ..well() }, "PAY_UNAVAILABLE", "CONFIRMED"),
        (PayerGuest { settle: Does::Panic, ..well() }, "", "UNKNOWN"),
    ];
    for (payer, code, state) in rows {
        promote(&clinic, &well()).await;
        let quote = clinic.quote(&prescription).await;
        assert_eq!((part(&quote, "basic_fund"), part(&quote, "commercial"), part(&quote, "cash")), (1500, 1000, 4500));
        promote(&clinic, &payer).await;
        let answer = clinic.patient.ask(reqwest::Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
        assert_eq!(answer.code(), code, "{}", answer.text);
        let status = async || clinic.patient.get(&bill(&quote)).await["status"].clone();
        assert_eq!(status().await, state);
        let stands = matches!(state, "CONFIRMED" | "UNKNOWN");
        // The fund has settled: its books and ours say so.
        assert_eq!(on_account(&clinic, "receivable.basic-fund").await, if stands { 1500 } else { 0 }, "{state}");
        if stands {
            promote(&clinic, &well()).await;
            if state == "CONFIRMED" {
                assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
            } else {
                // Its figures are not known, so no other bill is settled by them.
                let other = clinic.approved().await;
                let order = json!({ "prescription": id(&other), "payers": [MEDICAL_INSURANCE.id] });
                let other = clinic.patient.post("/api/v1/charges", order).await;
                clinic.patient.refused(&confirm_path(&other), confirmation(&other), "PAY_STATE").await;
                hospital.advance(31).await;
                eventually("it is sent again", async || status().await == "SETTLED").await;
            }
            assert_eq!(on_account(&clinic, "receivable.commercial").await, 1000);
            clinic.pharmacist.post(&format!("{}/reverse", bill(&quote)), json!(null)).await;
            eventually("it is taken back", async || status().await == "REVERSED").await;
        }
        assert_eq!(clinic.balanced().await["debit_fen"], 0, "{state}");
        assert_eq!(counts(&clinic, MEDICAL_INSURANCE.id, "accumulators").await, before, "{state}");
    }
    // A confirmed order of which one payer has settled can be cancelled as well.
    promote(&clinic, &well()).await;
    let quote = clinic.quote(&prescription).await;
    promote(&clinic, &PayerGuest { settle: Does::Unavailable, ..well() }).await;
    let asked = clinic.patient.ask(reqwest::Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
    assert_eq!(asked.code(), "PAY_UNAVAILABLE", "{}", asked.text);
    let cancelled = clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
    assert_eq!(cancelled["status"], "ABANDONED", "{cancelled}");
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    assert_eq!(counts(&clinic, MEDICAL_INSURANCE.id, "accumulators").await, before);
}
