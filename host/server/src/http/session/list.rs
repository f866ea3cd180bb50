//! `GET /api/v1/sessions`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, session::SessionView},
    http::problem::Problem,
};

/// One's sign-ins that have not ended, newest first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "Session",
    responses((status = 200, body = Vec<SessionView>), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<Vec<SessionView>>> {
    Ok(Json(hospital.list_sessions(&caller).await?))
}
