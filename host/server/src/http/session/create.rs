//! `POST /api/v1/sessions`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Hospital,
        session::{Session, SignIn},
    },
    http::{extract::Body, problem::Problem},
};

/// Exchanges login and password for an access token.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "Session",
    request_body = SignIn,
    responses((status = 201, body = Session), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    Body(ask): Body<SignIn>,
) -> AppResult<(StatusCode, Json<Session>)> {
    Ok((StatusCode::CREATED, Json(hospital.sign_in(ask).await?)))
}
