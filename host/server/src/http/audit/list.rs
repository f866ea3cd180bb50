//! `GET /api/v1/audit`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use xinglin_domain::id::PatientId;

use crate::{
    app::{
        AppError, AppResult, Caller, Hospital,
        audit::{AuditFilter, AuditView},
    },
    http::{extract::Asked, problem::Problem},
};

/// Which entries.
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
    /// Only then or later: a day or RFC 3339.
    from: Option<String>,
    /// Only before then.
    until: Option<String>,
    /// Only before this place of the trail.
    before: Option<i64>,
    /// How many; 100 if left out, 500 at most.
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
) -> AppResult<Json<Vec<AuditView>>> {
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
    Ok(Json(hospital.list_audit(&caller, filter).await?))
}
