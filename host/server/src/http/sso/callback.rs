//! `GET /api/v1/sso/{tenant}/callback`

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, header::CACHE_CONTROL},
};
use xinglin_domain::{code::Code, id::TenantId};

use super::COOKIE;
use crate::{
    app::{AppError, AppResult, Hospital, session::Session, sso::Returned},
    http::{cookie, extract::At, problem::Problem},
};

/// Signs in who comes back from the provider: the same session that a password gives.
#[utoipa::path(
    get, path = "/api/v1/sso/{tenant}/callback", tag = "Session",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("code" = Option<String>, Query, description = "what the provider gives"),
        ("state" = Option<String>, Query, description = "what it was sent"),
    ),
    responses((status = 200, body = Session), (status = "4XX", body = Problem), (status = 502, body = Problem)),
    security(()),
)]
pub async fn callback(
    State(hospital): State<Hospital>,
    At(tenant): At<TenantId>,
    headers: HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> AppResult<([(HeaderName, &'static str); 1], Json<Session>)> {
    let Query(returned) = returned.map_err(|_| AppError::new(Code::BodyInvalid, "each parameter once"))?;
    let browser = cookie::find(&headers, COOKIE);
    let session = hospital.finish_sso(tenant, returned, browser.as_deref()).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(session)))
}
