use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::{PatientId, TenantId},
    retention::Kept,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

/// What keeps a patient's record, and what would go with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionView {
    /// Whose.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// What must be kept until when, the last first; what has had its time, too.
    pub kept: Vec<KeptView>,
    /// From when on the patient may be erased (RFC 3339); at once if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_from: Option<String>,
    /// Whether that is now.
    pub allowed: bool,
    /// Calls about the patient that are still on tape. They are purged with all that are
    /// as old (`xinglin audit purge`), before the patient is erased.
    pub tapes: i64,
    /// How many rows of what there are.
    pub rows: BTreeMap<String, i64>,
    /// When the patient was erased before (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
}

/// Something that must be kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptView {
    /// `outpatient-record`, `conversation` or `prescription-sale`.
    pub what: &'static str,
    /// For how many years from the last entry.
    pub years: i16,
    /// Until when (RFC 3339).
    pub until: String,
}

/// What keeps a patient's record, and what would go if they were erased.
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
