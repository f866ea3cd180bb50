//! `POST /api/v1/me/second-factor/confirm`

use axum::{extract::State, http::StatusCode};

use crate::{
    app::{AppResult, Caller, Hospital, second_factor::OneTimeCode},
    http::{extract::Body, problem::Problem},
};

/// From now on a code is asked for at sign-in.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor/confirm", tag = "Me",
    request_body = OneTimeCode,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn confirm_second_factor(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<OneTimeCode>,
) -> AppResult<StatusCode> {
    hospital.confirm_second_factor(&caller, &ask.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
