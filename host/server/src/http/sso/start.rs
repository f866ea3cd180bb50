//! `GET /api/v1/sso/{tenant}/start`

use axum::{
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, LOCATION, SET_COOKIE},
    },
};
use xinglin_domain::id::TenantId;

use super::COOKIE;
use crate::{
    app::{AppError, AppResult, Hospital},
    http::{cookie, extract::At, problem::Problem},
};

/// Sends a browser to the hospital's own provider to sign in.
#[utoipa::path(
    get, path = "/api/v1/sso/{tenant}/start", tag = "Session",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 302), (status = "4XX", body = Problem), (status = 502, body = Problem)),
    security(()),
)]
pub async fn start(State(hospital): State<Hospital>, At(tenant): At<TenantId>) -> AppResult<(StatusCode, HeaderMap)> {
    let browser = cookie::draw();
    let url = hospital.start_sso(tenant, &browser).await?;
    let secure = hospital.config().base_url().starts_with("https://");
    let cookie = cookie::set(COOKIE, &browser, "/api/v1/sso", secure);
    let header = |text: &str| HeaderValue::from_str(text).map_err(AppError::internal);
    let headers = [
        (LOCATION, header(&url)?),
        (SET_COOKIE, header(&cookie)?),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::FOUND, headers.into_iter().collect()))
}
