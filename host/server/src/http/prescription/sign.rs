//! `POST /api/v1/prescriptions/{id}/sign`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        prescription::{PrescriptionView, Sign},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The doctor signs. Every enabled checker is asked first; a veto, or a checker that gave no answer, stops the signature.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/sign", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Sign,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn sign(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Sign>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.sign_prescription(&caller, id, ask).await?))
}
