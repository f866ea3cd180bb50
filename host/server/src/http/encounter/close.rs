//! `POST /api/v1/encounters/{id}/close`

use axum::{Json, extract::State};
use xinglin_domain::id::EncounterId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        encounter::{CloseVisit, VisitView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The doctor ends the visit.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/close", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = CloseVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn close(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<CloseVisit>,
) -> AppResult<Json<VisitView>> {
    Ok(Json(hospital.close_visit(&caller, id, ask).await?))
}
