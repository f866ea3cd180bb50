//! `GET /api/v1/me`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView},
    http::problem::Problem,
};

/// The account that asks.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "Me",
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.whoami(&caller).await?))
}
