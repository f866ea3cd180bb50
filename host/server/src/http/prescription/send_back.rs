//! `POST /api/v1/prescriptions/{id}/return`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        prescription::{Object, PrescriptionView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// A pharmacist sends it back to the prescriber.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/return", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Object,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn send_back(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Object>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.return_prescription(&caller, id, ask).await?))
}
