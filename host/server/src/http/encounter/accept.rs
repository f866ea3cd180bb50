//! `POST /api/v1/encounters/{id}/accept`

use axum::{Json, extract::State};
use xinglin_domain::id::EncounterId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        encounter::{AcceptVisit, VisitView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The doctor decides that the visit is a follow-up, and signs that.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/accept", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = AcceptVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn accept(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<AcceptVisit>,
) -> AppResult<Json<VisitView>> {
    Ok(Json(hospital.accept_visit(&caller, id, ask).await?))
}
