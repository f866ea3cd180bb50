//! What the law keeps stays, and what it does not can go.

use serde_json::json;
use xinglin_server::ambient::Clock;

use crate::support::{Clinic, DRUG_SAFETY, Process, advance, on_both_engines};

on_both_engines!(Process: tapes_are_kept_for_fifteen_years);

/// Fifteen years and a leap day more than there can be in them.
const FIFTEEN_YEARS: i64 = (15 * 365 + 5) * 86_400;
const CHAIN: &str = "/api/v1/calls/chain";
const PURGE: &str = "/api/v1/calls/purge";

async fn tapes_are_kept_for_fifteen_years(process: Process) {
    let started = Clock::default().now();
    let operator = process.anyone().sign_in(None, "operator").await;
    let clinic = Clinic::found(&operator, started, &[&DRUG_SAFETY]).await;
    clinic.approved().await;
    let before = clinic.administrator.get(CHAIN).await;
    let calls = before["length"].as_i64().expect("a length");
    assert!(calls > 0 && before["purged"] == 0, "{before}");
    let records = clinic.found_in_record("MedicationRequest").await.len();

    let today = json!({ "before": started.plus_days(1).to_string() });
    let held = clinic.administrator.refused(PURGE, today.clone(), "RETENTION_HOLD").await;
    assert!(held["detail"].as_str().is_some_and(|detail| detail.contains("15 years")), "{held}");
    clinic.doctor.refused(PURGE, today.clone(), "AUTH_FORBIDDEN").await;
    clinic.administrator.refused(PURGE, json!({ "before": "long ago" }), "BODY_INVALID").await;
    process.xinglin(&["audit", "purge", "--before", "2026-01-01"]).await.failed("must be kept");
    assert_eq!(clinic.administrator.get(CHAIN).await, before);

    advance(&operator, FIFTEEN_YEARS).await;
    let administrator = process.anyone().sign_in(Some(&clinic.tenant), "administrator").await;
    let old = json!({ "before": started.to_string() });
    assert_eq!(administrator.post(PURGE, old).await["purged"], 0, "none is older than this visit");
    administrator.refused(PURGE, json!({ "before": started.plus_days(10).to_string() }), "RETENTION_HOLD").await;
    assert_eq!(administrator.post(PURGE, today).await["purged"], calls);

    let after = administrator.get(CHAIN).await;
    assert_eq!((&after["intact"], &after["purged"]), (&json!(true), &json!(calls)));
    assert_eq!(after["head"], before["head"], "the chain ends where it ended");
    let told = process.xinglin(&["audit", "verify"]).await.done();
    assert!(told.contains(&format!("{calls} calls of which the first {calls} were purged")), "{told}");
    let kept = administrator.get("/fhir/R4/MedicationRequest").await;
    assert_eq!(kept["total"].as_u64(), u64::try_from(records).ok(), "only tapes are purged");
}
