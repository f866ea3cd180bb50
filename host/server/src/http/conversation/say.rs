//! `POST /api/v1/encounters/{id}/messages`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::EncounterId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        conversation::{SaidView, Say},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Says something in a visit.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/messages", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = Say,
    responses((status = 201, body = SaidView), (status = "4XX", body = Problem)),
)]
pub async fn say(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(say): Body<Say>,
) -> AppResult<(StatusCode, Json<SaidView>)> {
    Ok((StatusCode::CREATED, Json(hospital.say(&caller, id, say).await?)))
}
