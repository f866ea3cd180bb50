//! `POST /api/v1/prescriptions/{id}/dispense`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        prescription::{Dispense, PrescriptionView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Two of the pharmacy hand out what was ordered and paid. Once, ever.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/dispense", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Dispense,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn dispense(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Dispense>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.dispense(&caller, id, ask).await?))
}
