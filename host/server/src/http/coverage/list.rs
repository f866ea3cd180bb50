//! `GET /api/v1/patients/{patient}/coverages`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, coverage::CoverageView},
    http::{extract::At, problem::Problem},
};

/// What a patient is insured by.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/coverages", tag = "Coverage",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<CoverageView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<Vec<CoverageView>>> {
    Ok(Json(hospital.list_coverages(&caller, patient).await?))
}
