//! `POST /api/v1/prescriptions/{id}/approve`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        prescription::{Approve, PrescriptionView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// A pharmacist, never the prescriber, approves and signs.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/approve", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Approve,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn approve(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Approve>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.approve_prescription(&caller, id, ask).await?))
}
