//! `GET /api/v1/me/passkeys`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, passkey::PasskeyView},
    http::problem::Problem,
};

/// One's passkeys, oldest first.
#[utoipa::path(
    get, path = "/api/v1/me/passkeys", tag = "Me",
    responses((status = 200, body = Vec<PasskeyView>), (status = "4XX", body = Problem)),
)]
pub async fn list_passkeys(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<Vec<PasskeyView>>> {
    Ok(Json(hospital.list_passkeys(&caller).await?))
}
