//! Alerts.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::{
    alert::{self, AlertPage, AlertState, AlertView, EscalationRules, NotificationView},
    pathway,
};
use xinglin_domain::{
    access::Action,
    id::{AlertId, TenantId},
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::AcknowledgeAlert, routes!(acknowledge)))
        .routes(by(&Action::AcknowledgeAlert, routes!(list)))
        .routes(by(&Action::AcknowledgeAlert, routes!(list_told)))
        .routes(by(&Action::ManageAccounts, routes!(get_rules, put_rules)))
}

/// Acknowledges an alert.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/acknowledge", tag = "Alert",
    params(("id" = String, Path, description = "`alert-…`")),
    responses((status = 200, body = AlertView), (status = "4XX", body = Problem)),
)]
pub async fn acknowledge(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<AlertId>,
) -> Reply<Json<AlertView>> {
    Ok(Json(pathway::acknowledge_alert(&hospital.extensions, &caller, id).await?))
}

/// The filter, and the page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `open` or `acknowledged`; default `open`.
    #[param(value_type = Option<String>)]
    state: Option<AlertState>,
    /// Only those that follow this alert in the list: `alert-…`
    #[param(value_type = Option<String>)]
    after: Option<AlertId>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// The page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only those that follow this alert in the list: `alert-…`
    #[param(value_type = Option<String>)]
    after: Option<AlertId>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

impl From<Page> for AlertPage {
    fn from(Page { after, limit }: Page) -> Self {
        Self { after, limit: limit.unwrap_or(100) }
    }
}

/// Alerts of the caller's hospital in a state, whoever was told: the critical ones first, of equal
/// severity the first that is due. The id of the last is the `after` of the next page.
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "Alert",
    params(Filter),
    responses((status = 200, body = Vec<AlertView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> Reply<Json<Vec<AlertView>>> {
    let Filter { state, after, limit } = filter;
    let page = Page { after, limit }.into();
    Ok(Json(alert::list(&hospital.platform, &caller, state.unwrap_or(AlertState::Open), page).await?))
}

/// Alerts that the caller was told of, by their roles or because nobody acknowledged them, and that
/// are still open: the critical ones first, of equal severity the first that is due.
#[utoipa::path(
    get, path = "/api/v1/me/notifications", tag = "Alert",
    params(Page),
    responses((status = 200, body = Vec<NotificationView>), (status = "4XX", body = Problem)),
)]
pub async fn list_told(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(page): Asked<Page>,
) -> Reply<Json<Vec<NotificationView>>> {
    Ok(Json(alert::list_told(&hospital.platform, &caller, page.into()).await?))
}

/// To whom alerts of a tenant climb that nobody acknowledges.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/escalation-rules", tag = "Alert",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = EscalationRules), (status = "4XX", body = Problem)),
)]
pub async fn get_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<EscalationRules>> {
    Ok(Json(alert::rules(&hospital.platform, &caller, tenant).await?))
}

/// Sets to whom alerts of a tenant climb.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/escalation-rules", tag = "Alert",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = EscalationRules,
    responses((status = 200, body = EscalationRules), (status = "4XX", body = Problem)),
)]
pub async fn put_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(rules): Body<EscalationRules>,
) -> Reply<Json<EscalationRules>> {
    Ok(Json(alert::put_rules(&hospital.platform, &caller, tenant, rules).await?))
}
