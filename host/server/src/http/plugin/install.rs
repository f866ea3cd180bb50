//! `POST /api/v1/plugins`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use serde::Deserialize;
use utoipa::IntoParams;
use xinglin_runtime::Bundle;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        package::{PackageView, Upload},
    },
    http::{
        extract::{Asked, Raw},
        problem::Problem,
    },
};

/// How it is taken.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct How {
    /// Take it though a version that is not older was here before. Logged.
    #[serde(default)]
    allow_downgrade: bool,
}

/// Takes a package into this host. The body is the `.wasm` file, or a bundle of
/// it with its signatures, as `xinglin plugin save` writes them
/// (`application/vnd.xinglin.bundle+tar`).
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "Plugin",
    params(How),
    request_body(content(
        (Vec<u8> = "application/wasm"),
        (Vec<u8> = "application/vnd.xinglin.bundle+tar"),
    )),
    responses((status = 201, body = PackageView), (status = "4XX", body = Problem)),
)]
pub async fn install(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(how): Asked<How>,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> AppResult<(StatusCode, Json<PackageView>)> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bundled = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(Bundle::MEDIA_TYPE);
    let upload = Upload { bytes: bytes.to_vec(), bundled, allow_downgrade: how.allow_downgrade };
    Ok((StatusCode::CREATED, Json(hospital.install_plugin(&caller, upload).await?)))
}
