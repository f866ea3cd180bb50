use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::id::PatientId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_records::consent;

/// A disclosure of a patient's identity data to an external server.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisclosureView {
    /// When.
    pub at: String,
    /// Id of the plugin.
    pub plugin: String,
    /// Id of the call: `call-…`.
    pub call: String,
    /// What: `name`, `id-number`, `phone`, `birth-date`, `insurance-number`.
    pub field: String,
    /// To which server.
    pub host: String,
}

/// Disclosures of a patient's identity data, newest first: at most 500.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see the patient's record.
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
