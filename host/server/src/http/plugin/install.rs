//! `POST /api/v1/plugins`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{AppResult, Caller, Hospital, plugin::PackageView},
    http::{extract::Raw, problem::Problem},
};

/// Takes a package into this host. The body is the `.wasm` file.
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "Plugin",
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 201, body = PackageView), (status = "4XX", body = Problem)),
)]
pub async fn install(
    State(hospital): State<Hospital>,
    caller: Caller,
    Raw(bytes): Raw,
) -> AppResult<(StatusCode, Json<PackageView>)> {
    Ok((StatusCode::CREATED, Json(hospital.install_plugin(&caller, bytes.to_vec()).await?)))
}
