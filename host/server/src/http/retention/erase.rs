//! `POST /api/v1/patients/{patient}/erase`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, erasure::ErasureView},
    http::{extract::At, problem::Problem},
};

/// Erases a patient whose record need not be kept any longer, for good.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/erase", tag = "Retention",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = ErasureView), (status = "4XX", body = Problem)),
)]
pub async fn erase(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<ErasureView>> {
    Ok(Json(hospital.erase_patient(&caller, caller.actor.tenant, patient).await?))
}
