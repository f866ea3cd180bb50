//! `POST /api/v1/prescriptions/{id}/withdraw`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{AppResult, Caller, Hospital, prescription::PrescriptionView},
    http::{extract::At, problem::Problem},
};

/// The prescriber withdraws what is approved and not yet ordered.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/withdraw", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn withdraw(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.withdraw_prescription(&caller, id).await?))
}
