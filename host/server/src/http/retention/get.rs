//! `GET /api/v1/patients/{patient}/retention`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, erasure::RetentionView},
    http::{extract::At, problem::Problem},
};

/// Until when a patient's record must be kept, and what would go if they were erased.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/retention", tag = "Retention",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = RetentionView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<RetentionView>> {
    Ok(Json(hospital.retention_of(&caller, caller.actor.tenant, patient).await?))
}
