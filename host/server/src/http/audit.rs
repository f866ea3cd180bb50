//! The audit trail.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::PatientId};
use xinglin_platform::{AppError, Caller};
use xinglin_records::audit::{self, AccessView, AuditFilter, AuditView, ChainView};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ReadOwnRecord, routes!(accesses)))
        .routes(by(&Action::ReadAudit, routes!(list)))
        .routes(by(&Action::ReadAudit, routes!(verify)))
}

/// The page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only entries before this position of the trail.
    before: Option<i64>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// Accesses to the patient's record, and refused attempts, newest first. For the patient only.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/accesses", tag = "Audit",
    params(("patient" = String, Path, description = "`pat-…`"), Page),
    responses((status = 200, body = Vec<AccessView>), (status = "4XX", body = Problem)),
)]
pub async fn accesses(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Asked(page): Asked<Page>,
) -> Reply<Json<Vec<AccessView>>> {
    Ok(Json(audit::list_accesses(&hospital.platform, &caller, patient, page.before, page.limit.unwrap_or(100)).await?))
}

/// The filter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only about this patient.
    #[param(value_type = Option<String>)]
    patient: Option<PatientId>,
    /// Only by this account or plugin.
    who: Option<String>,
    /// Only `read`, `write` or `disclose`.
    act: Option<String>,
    /// Only from this time: a date or RFC 3339.
    from: Option<String>,
    /// Only before this time.
    until: Option<String>,
    /// Only entries before this position of the trail.
    before: Option<i64>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// The audit trail of the caller's hospital, newest first, as FHIR AuditEvents.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "Audit",
    params(Filter),
    responses((status = 200, body = Vec<AuditView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> Reply<Json<Vec<AuditView>>> {
    let time = |field, text: Option<String>| text.map(|text| AppError::time(field, &text)).transpose();
    let filter = AuditFilter {
        patient: filter.patient,
        who: filter.who,
        act: filter.act,
        from: time("from", filter.from)?,
        until: time("until", filter.until)?,
        before: filter.before,
        limit: filter.limit.unwrap_or(100),
    };
    Ok(Json(audit::list(&hospital.platform, &caller, filter).await?))
}

/// Verifies the audit trail and names the first broken link.
#[utoipa::path(
    get, path = "/api/v1/audit/chain", tag = "Audit",
    responses((status = 200, body = ChainView), (status = "4XX", body = Problem)),
)]
pub async fn verify(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<ChainView>> {
    Ok(Json(audit::verify(&hospital.platform, &caller).await?))
}
