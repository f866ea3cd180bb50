//! `POST /api/v1/sessions/passkey/confirm`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{AppResult, Hospital, passkey::PasskeySignIn, session::Session},
    http::{extract::Body, problem::Problem},
};

/// Signs in with a passkey. It counts as both factors.
#[utoipa::path(
    post, path = "/api/v1/sessions/passkey/confirm", tag = "Session",
    request_body = PasskeySignIn,
    responses((status = 201, body = Session), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn confirm_passkey(
    State(hospital): State<Hospital>,
    Body(ask): Body<PasskeySignIn>,
) -> AppResult<(StatusCode, Json<Session>)> {
    Ok((StatusCode::CREATED, Json(hospital.sign_in_by_passkey(ask).await?)))
}
