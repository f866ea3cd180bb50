use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, audit::Who, id::PatientId, time::Instant};
use xinglin_fhir::audit_event;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::AuditQuery;

use super::{MOST, Restricted};

/// An entry of the trail.
#[derive(Serialize, ToSchema)]
pub struct AuditView {
    /// Its number in the chain.
    pub seq: i64,
    /// Hash over this entry and the previous hash.
    pub link: String,
    /// FHIR R4 AuditEvent, in the shape of IHE BALP.
    #[schema(value_type = Object)]
    pub event: Value,
}

/// Which entries.
#[derive(Debug, Default)]
pub struct AuditFilter {
    /// About whom.
    pub patient: Option<PatientId>,
    /// By which account or plugin.
    pub who: Option<String>,
    /// `read`, `write` or `disclose`.
    pub act: Option<String>,
    /// Then or later.
    pub from: Option<Instant>,
    /// Before then.
    pub until: Option<Instant>,
    /// Before this place.
    pub before: Option<i64>,
    /// How many.
    pub limit: u32,
}

/// The trail of the caller's hospital, newest first.
///
/// # Errors
/// If the caller may not read it.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, filter: AuditFilter) -> AppResult<Vec<AuditView>> {
    caller.may(Action::ReadAudit)?;
    caller.trail.asked();
    let AuditFilter { patient, who, act, from, until, before, limit } = filter;
    let query = AuditQuery { patient_id: patient.map(|id| id.to_string()), who, act, from, until };
    let records = platform.records(caller);
    let mut restricted = Restricted::for_the(caller);
    let mut views = Vec::new();
    for entry in records.list_audit(&query, before, limit.min(MOST)).await? {
        // Which plugin it was would say what the patient has.
        if let Who::Plugin { id, .. } = &entry.access.who
            && restricted.hides(&records, id).await?
        {
            continue;
        }
        let event = audit_event::audit_event(entry.seq, &entry.access);
        views.push(AuditView { seq: entry.seq, link: hex::encode(entry.link), event });
    }
    Ok(views)
}
