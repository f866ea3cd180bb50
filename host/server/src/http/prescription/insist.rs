//! `POST /api/v1/prescriptions/{id}/confirm`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        prescription::{Insist, PrescriptionView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The prescriber insists on what came back, with a reason and a second signature.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/confirm", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Insist,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn insist(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Insist>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.insist_on_prescription(&caller, id, ask).await?))
}
