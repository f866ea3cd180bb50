//! `GET /api/v1/me`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, account::MeView},
    http::problem::Problem,
};

/// The account that asks, and whom it belongs to.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "Me",
    responses((status = 200, body = MeView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<MeView>> {
    Ok(Json(hospital.whoami(&caller).await?))
}
