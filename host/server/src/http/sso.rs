//! Sign-in with the hospital's own identity provider.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{CACHE_CONTROL, LOCATION},
    },
};
use axum_extra::extract::CookieJar;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_identity::{
    session::Session,
    sso::{self, NewProvider, ProviderView, Returned},
};
use xinglin_platform::{AppError, Caller};

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        cookie,
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The cookie that identifies the browser during the sign-in.
const COOKIE: &str = "xinglin-sso";

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageAccounts, routes!(get, put, delete)))
        .routes(allowed(Access::Public, routes!(start)))
        .routes(allowed(Access::Public, routes!(callback)))
}

/// Signs in the person returning from the provider; the session equals that of a password.
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
) -> Reply<([(HeaderName, &'static str); 1], Json<Session>)> {
    let Query(returned) = returned.map_err(|_| AppError::new(Code::BodyInvalid, "each parameter once"))?;
    let browser = cookie::find(&headers, COOKIE);
    let session = sso::finish(&hospital.identity, tenant, returned, browser.as_deref()).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(session)))
}

/// Removes the identity provider, and the links of accounts to it.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/identity-provider", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn delete(State(hospital): State<Hospital>, caller: Caller, At(tenant): At<TenantId>) -> Reply<StatusCode> {
    sso::delete_provider(&hospital.platform, &caller, tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The identity provider of a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/identity-provider", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = ProviderView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<ProviderView>> {
    Ok(Json(sso::get_provider(&hospital.platform, &caller, tenant).await?))
}

/// Sets the identity provider of a tenant, after reading its discovery document.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/identity-provider", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = NewProvider,
    responses((status = 200, body = ProviderView), (status = "4XX", body = Problem), (status = 502, body = Problem)),
)]
pub async fn put(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<NewProvider>,
) -> Reply<Json<ProviderView>> {
    Ok(Json(sso::put_provider(&hospital.platform, &caller, tenant, ask).await?))
}

/// Redirects a browser to the hospital's identity provider.
#[utoipa::path(
    get, path = "/api/v1/sso/{tenant}/start", tag = "Session",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 302), (status = "4XX", body = Problem), (status = 502, body = Problem)),
    security(()),
)]
pub async fn start(
    State(hospital): State<Hospital>,
    At(tenant): At<TenantId>,
) -> Reply<(StatusCode, CookieJar, [(HeaderName, String); 2])> {
    let browser = cookie::draw();
    let url = sso::start(&hospital.platform, tenant, &browser).await?;
    let secure = hospital.platform.config().base_url().starts_with("https://");
    let cookie = cookie::set(COOKIE, browser, "/api/v1/sso", secure);
    Ok((StatusCode::FOUND, cookie, [(LOCATION, url), (CACHE_CONTROL, "no-store".to_owned())]))
}
