//! `GET /api/v1/patients/{patient}/holds`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, hold::HoldView},
    http::{extract::At, problem::Problem},
};

/// A patient's holds on online prescribing.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/holds", tag = "Hold",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<HoldView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<Vec<HoldView>>> {
    Ok(Json(hospital.list_holds(&caller, patient).await?))
}
