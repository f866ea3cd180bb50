//! `GET /api/v1/formulary`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, formulary::Formulary},
    http::problem::Problem,
};

/// What the caller's hospital sells.
#[utoipa::path(
    get, path = "/api/v1/formulary", tag = "Formulary",
    responses((status = 200, body = Formulary), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<Formulary>> {
    Ok(Json(hospital.get_formulary(&caller).await?))
}
