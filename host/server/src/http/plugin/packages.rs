//! `GET /api/v1/plugins`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, package::PackageEntry},
    http::problem::Problem,
};

/// Packages of this host, with who vouches for them.
#[utoipa::path(
    get, path = "/api/v1/plugins", tag = "Plugin",
    responses((status = 200, body = Vec<PackageEntry>), (status = "4XX", body = Problem)),
)]
pub async fn packages(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<Vec<PackageEntry>>> {
    Ok(Json(hospital.list_packages(&caller).await?))
}
