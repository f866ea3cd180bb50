use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::{PatientId, TenantId},
    retention::Kept,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

/// Retention of a patient's record, and what an erasure would delete.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionView {
    /// Whose.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Retention periods, the latest end first, also ended ones.
    pub kept: Vec<KeptView>,
    /// Earliest time of erasure (RFC 3339); none if possible at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_from: Option<String>,
    /// Whether that is now.
    pub allowed: bool,
    /// Number of tapes about the patient. They must be purged (`xinglin audit purge`) before
    /// the erasure.
    pub tapes: i64,
    /// Number of rows by kind.
    pub rows: BTreeMap<String, i64>,
    /// When the patient was erased before (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
}

/// A retention period.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptView {
    /// `outpatient-record`, `conversation` or `prescription-sale`.
    pub what: &'static str,
    /// Years from the last entry.
    pub years: i16,
    /// Until when (RFC 3339).
    pub until: String,
}

/// Retention of a patient's record, and what an erasure would delete.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn retention_of(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<RetentionView> {
    caller.may_in(tenant, Action::PurgeRecords)?;
    caller.trail.saw(patient);
    let records = platform.store().tenant(tenant);
    let id = patient.to_string();
    let last = records.last_kept(&id).await?;
    let holds = last.holds();
    Ok(RetentionView {
        patient,
        allowed_from: holds.first().map(|(_, until)| until.to_string()),
        allowed: last.may_erase(caller.now).is_ok(),
        kept: holds.into_iter().map(view).collect(),
        tapes: records.count_tapes_about(&id).await?,
        rows: records.count_of_patient(&id).await?,
        erased: records.find_erasure(&id).await?.map(|erasure| erasure.at.to_string()),
    })
}

fn view((kept, until): (Kept, xinglin_domain::time::Instant)) -> KeptView {
    KeptView { what: kept.as_str(), years: kept.years(), until: until.to_string() }
}
