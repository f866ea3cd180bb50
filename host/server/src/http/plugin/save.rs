//! `GET /api/v1/plugins/{plugin}/bundle`

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use xinglin_runtime::Bundle;

use crate::{
    app::{AppResult, Caller, Hospital},
    http::{
        extract::{Asked, At},
        problem::Problem,
    },
};

/// Which package.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Which version; the newest one if left out.
    version: Option<String>,
}

/// A package with its signatures, to be taken to another host.
#[utoipa::path(
    get, path = "/api/v1/plugins/{plugin}/bundle", tag = "Plugin",
    params(("plugin" = String, Path, description = "Id of the plugin."), Which),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/vnd.xinglin.bundle+tar"),
        (status = "4XX", body = Problem),
    ),
)]
pub async fn save(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(plugin): At<String>,
    Asked(which): Asked<Which>,
) -> AppResult<Response> {
    let bundle = hospital.save_plugin(&caller, &plugin, which.version.as_deref()).await?;
    Ok(([(header::CONTENT_TYPE, Bundle::MEDIA_TYPE)], bundle).into_response())
}
