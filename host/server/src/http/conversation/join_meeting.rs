//! `POST /api/v1/encounters/{id}/video/{video}/join`

use axum::{Json, extract::State};
use xinglin_domain::id::{EncounterId, VideoId};

use crate::{
    app::{AppResult, Caller, Hospital, conversation::MeetingView},
    http::{extract::At, problem::Problem},
};

/// Lets the caller into a meeting.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/video/{video}/join", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`"), ("video" = String, Path, description = "`video-…`")),
    responses((status = 200, body = MeetingView), (status = "4XX", body = Problem)),
)]
pub async fn join_meeting(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((id, video)): At<(EncounterId, VideoId)>,
) -> AppResult<Json<MeetingView>> {
    Ok(Json(hospital.join_meeting(&caller, id, video).await?))
}
