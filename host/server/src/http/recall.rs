//! Recalls of packages.

use axum::{
    Json,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_extensions::recall::{self, RecallView};
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
        .routes(by(&Action::InstallPlugins, routes!(order, get)))
        .routes(by(&Action::ManagePlugins, routes!(list)))
}

/// The format of a report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// `json`, or `csv` for a table of what was touched.
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

impl Written {
    fn write(&self, report: RecallView) -> Response {
        match self.format {
            Format::Json => axum::Json(report).into_response(),
            Format::Csv => ([(CONTENT_TYPE, "text/csv; charset=utf-8")], report.to_csv()).into_response(),
        }
    }
}

/// What a package touched, in all tenants; also before it is recalled.
#[utoipa::path(
    get, path = "/api/v1/recalls/{digest}", tag = "Recall",
    params(("digest" = String, Path, description = "SHA-256 of the package."), ("format" = Option<String>, Query, description = "`json`, or `csv` for a table of what was touched.")),
    responses((status = 200, body = RecallView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(digest): At<String>,
    Asked(form): Asked<Written>,
) -> Reply<Response> {
    Ok(form.write(recall::get(&hospital.platform, &caller, &digest).await?))
}

/// What a package touched in one tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/recalls/{digest}", tag = "Recall",
    params(("tenant" = String, Path, description = "`ten-…`"), ("digest" = String, Path, description = "SHA-256 of the package."), ("format" = Option<String>, Query, description = "`json`, or `csv` for a table of what was touched.")),
    responses((status = 200, body = RecallView), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, digest)): At<(TenantId, String)>,
    Asked(form): Asked<Written>,
) -> Reply<Response> {
    Ok(form.write(recall::get_of_tenant(&hospital.platform, &caller, tenant, &digest).await?))
}

/// A recall.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The reason, for everybody concerned.
    reason: String,
}

/// Recalls a package everywhere and permanently, and reports what it touched.
#[utoipa::path(
    post, path = "/api/v1/recalls/{digest}", tag = "Recall",
    params(("digest" = String, Path, description = "SHA-256 of the package.")),
    request_body = Order,
    responses((status = 200, body = RecallView), (status = "4XX", body = Problem)),
)]
pub async fn order(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(digest): At<String>,
    Body(order): Body<Order>,
) -> Reply<Json<RecallView>> {
    Ok(Json(recall::order(&hospital.extensions, &caller, &digest, &order.reason).await?))
}
