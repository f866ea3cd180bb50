//! `POST /api/v1/encounters/{id}/decline`

use axum::{Json, extract::State};
use xinglin_domain::id::EncounterId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        encounter::{DeclineVisit, VisitView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The doctor finds that this is no follow-up.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/decline", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = DeclineVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn decline(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<DeclineVisit>,
) -> AppResult<Json<VisitView>> {
    Ok(Json(hospital.decline_visit(&caller, id, ask).await?))
}
