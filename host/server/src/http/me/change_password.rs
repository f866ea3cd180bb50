//! `POST /api/v1/me/password`

use axum::{extract::State, http::StatusCode};

use crate::{
    app::{AppResult, Caller, Hospital, password::ChangePassword},
    http::{extract::Body, problem::Problem},
};

/// Changes one's password, and ends one's other sign-ins.
#[utoipa::path(
    post, path = "/api/v1/me/password", tag = "Me",
    request_body = ChangePassword,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn change_password(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<ChangePassword>,
) -> AppResult<StatusCode> {
    hospital.change_password(&caller, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}
