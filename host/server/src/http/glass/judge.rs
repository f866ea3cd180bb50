//! `POST /api/v1/break-glass/{id}/judge`

use axum::{Json, extract::State};
use xinglin_domain::id::GlassId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        glass::{GlassView, JudgeGlass},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Says whether it was right to break the glass. If it was not, it closes at once.
#[utoipa::path(
    post, path = "/api/v1/break-glass/{id}/judge", tag = "Break-glass",
    params(("id" = String, Path, description = "`glass-…`")),
    request_body = JudgeGlass,
    responses((status = 200, body = GlassView), (status = "4XX", body = Problem)),
)]
pub async fn judge(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<GlassId>,
    Body(ask): Body<JudgeGlass>,
) -> AppResult<Json<GlassView>> {
    Ok(Json(hospital.judge_glass(&caller, id, ask).await?))
}
