//! `POST /api/v1/sessions/refresh`

use axum::{Json, extract::State};

use crate::{
    app::{
        AppResult, Hospital,
        session::{Refresh, Session},
    },
    http::{extract::Body, problem::Problem},
};

/// Exchanges a refresh token, once, for the next tokens.
#[utoipa::path(
    post, path = "/api/v1/sessions/refresh", tag = "Session",
    request_body = Refresh,
    responses((status = 200, body = Session), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn refresh(State(hospital): State<Hospital>, Body(ask): Body<Refresh>) -> AppResult<Json<Session>> {
    Ok(Json(hospital.refresh_session(ask).await?))
}
