//! `PUT /api/v1/prescriptions/{id}`

use axum::{Json, extract::State};
use xinglin_domain::id::PrescriptionId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        prescription::{PrescriptionView, Rewrite},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The doctor rewrites a draft, or what the pharmacist sent back.
#[utoipa::path(
    put, path = "/api/v1/prescriptions/{id}", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Rewrite,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn rewrite(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Rewrite>,
) -> AppResult<Json<PrescriptionView>> {
    Ok(Json(hospital.rewrite_prescription(&caller, id, ask).await?))
}
