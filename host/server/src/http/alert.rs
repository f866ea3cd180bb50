//! Alerts.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::pathway::alert::{self, AlertView};
use xinglin_domain::{access::Action, id::AlertId};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::AcknowledgeAlert, routes!(acknowledge)))
        .routes(by(&Action::AcknowledgeAlert, routes!(list)))
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
    Ok(Json(alert::acknowledge(&hospital.extensions, &caller, id).await?))
}

/// The filter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `open` or `acknowledged`; default: both.
    state: Option<String>,
}

/// Alerts of the caller's hospital, newest first.
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
    Ok(Json(alert::list(&hospital.platform, &caller, filter.state).await?))
}
