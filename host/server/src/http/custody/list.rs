//! `GET /api/v1/custodies`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, custody::CustodyView},
    http::problem::Problem,
};

/// What the hospital gave into custody, and what it has in custody, verified anew.
#[utoipa::path(
    get, path = "/api/v1/custodies", tag = "Custody",
    responses((status = 200, body = Vec<CustodyView>), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<Vec<CustodyView>>> {
    Ok(Json(hospital.list_custodies(&caller).await?))
}
