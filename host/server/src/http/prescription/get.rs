//! `GET /api/v1/prescriptions/{id}`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{AppResult, Caller, Hospital, prescription::PrescriptionView},
    http::{extract::At, problem::Problem},
};

/// One prescription.
#[utoipa::path(
    get, path = "/api/v1/prescriptions/{id}", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.get_prescription(&caller, id).await?))
}
