//! `POST /api/v1/encounters/{id}/video/{video}/end`

use axum::{extract::State, http::StatusCode};
use xinglin_domain::id::{EncounterId, VideoId};

use crate::{
    app::{AppResult, Caller, Hospital},
    http::{extract::At, problem::Problem},
};

/// Ends a meeting: nobody is let in any more.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/video/{video}/end", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`"), ("video" = String, Path, description = "`video-…`")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn end_meeting(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((id, video)): At<(EncounterId, VideoId)>,
) -> AppResult<StatusCode> {
    hospital.end_meeting(&caller, id, video).await?;
    Ok(StatusCode::NO_CONTENT)
}
