use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::id::PatientId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_records::consent;

/// Something of who a patient is went to a server outside.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisclosureView {
    /// When.
    pub at: String,
    /// On behalf of which plugin.
    pub plugin: String,
    /// In which call: `call-…`.
    pub call: String,
    /// What: `name`, `id-number`, `phone`, `birth-date`, `insurance-number`.
    pub field: String,
    /// To which server.
    pub host: String,
}

/// Where something of who a patient is went, newest first: at most 500.
///
/// # Errors
/// `NOT_FOUND` for who may not see the patient's record.
#[boxed]
pub async fn list_disclosures(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
) -> AppResult<Vec<DisclosureView>> {
    caller.may_see(patient, "patient", patient)?;
    let found = platform.records(caller).list_disclosures(&patient.to_string(), None, 500).await?;
    let view = |d: xinglin_store::Disclosure| DisclosureView {
        at: d.at.to_string(),
        plugin: d.plugin_id,
        call: d.call_id.to_string(),
        field: d.field,
        host: d.host,
    };
    let record_access = consent::record_access(platform, caller, patient).await?;
    let mut views = Vec::with_capacity(found.len());
    for disclosure in found {
        // Which plugin it was would say it.
        let labels = consent::compartments_of(&platform.records(caller), &disclosure.plugin_id).await?;
        if labels.is_empty() || record_access.shows(labels) {
            views.push(view(disclosure));
        }
    }
    Ok(views)
}
