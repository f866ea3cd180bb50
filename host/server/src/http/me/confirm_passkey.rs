//! `POST /api/v1/me/passkeys/confirm`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        passkey::{PasskeyAnswer, PasskeyView},
    },
    http::{extract::Body, problem::Problem},
};

/// Takes a passkey in. From now on one signs in with it.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys/confirm", tag = "Me",
    request_body = PasskeyAnswer,
    responses((status = 201, body = PasskeyView), (status = "4XX", body = Problem)),
)]
pub async fn confirm_passkey(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(answer): Body<PasskeyAnswer>,
) -> AppResult<(StatusCode, Json<PasskeyView>)> {
    Ok((StatusCode::CREATED, Json(hospital.confirm_passkey(&caller, answer).await?)))
}
