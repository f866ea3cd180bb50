//! `POST /api/v1/encounters/{id}/video`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::EncounterId;

use crate::{
    app::{AppResult, Caller, Hospital, conversation::MeetingView},
    http::{extract::At, problem::Problem},
};

/// Opens a meeting by video, or lets staff into the one that is open.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/video", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`")),
    responses((status = 201, body = MeetingView), (status = "4XX", body = Problem)),
)]
pub async fn open_meeting(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
) -> AppResult<(StatusCode, Json<MeetingView>)> {
    Ok((StatusCode::CREATED, Json(hospital.open_meeting(&caller, id).await?)))
}
