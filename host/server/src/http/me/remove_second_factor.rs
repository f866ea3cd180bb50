//! `POST /api/v1/me/second-factor/remove`

use axum::{extract::State, http::StatusCode};

use crate::{
    app::{AppResult, Caller, Hospital, second_factor::OneTimeCode},
    http::{extract::Body, problem::Problem},
};

/// Passwords alone again, for who shows a last code.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor/remove", tag = "Me",
    request_body = OneTimeCode,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn remove_second_factor(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<OneTimeCode>,
) -> AppResult<StatusCode> {
    hospital.remove_second_factor(&caller, &ask.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
