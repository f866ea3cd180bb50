//! `POST /api/v1/holds/{id}/release`

use axum::{Json, extract::State};
use xinglin_domain::id::HoldId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        hold::{HoldView, Release},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// A doctor lifts a hold, with a written reason.
#[utoipa::path(
    post, path = "/api/v1/holds/{id}/release", tag = "Hold",
    params(("id" = String, Path, description = "`hold-…`")),
    request_body = Release,
    responses((status = 200, body = HoldView), (status = "4XX", body = Problem)),
)]
pub async fn release(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<HoldId>,
    Body(ask): Body<Release>,
) -> AppResult<Json<HoldView>> {
    Ok(Json(hospital.release_hold(&caller, id, ask).await?))
}
