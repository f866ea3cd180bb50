//! `POST /api/v1/encounters/{id}/stop`

use axum::{Json, extract::State};
use xinglin_domain::id::EncounterId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        encounter::{StopVisit, VisitView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// A danger sign stops the visit.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/stop", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = StopVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn stop(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<StopVisit>,
) -> AppResult<Json<VisitView>> {
    Ok(Json(hospital.stop_visit(&caller, id, ask).await?))
}
