//! Policies.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;
use xinglin_platform::{
    Caller,
    explain::{self, Explain, Explanation, PoliciesView},
};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::Body,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ReadPolicies, routes!(list)))
        .routes(by(&Action::ReadPolicies, routes!(explain)))
}

/// Whether an account may perform an action, by which policies, and by the table of roles.
#[utoipa::path(
    post, path = "/api/v1/policies/explain", tag = "Policy",
    request_body = Explain,
    responses((status = 200, body = Explanation), (status = "4XX", body = Problem)),
)]
pub async fn explain(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Explain>,
) -> Reply<Json<Explanation>> {
    Ok(Json(explain::explain(&hospital.platform, &caller, ask).await?))
}

/// The policies in force in the caller's hospital, as written.
#[utoipa::path(
    get, path = "/api/v1/policies", tag = "Policy",
    responses((status = 200, body = PoliciesView), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<PoliciesView>> {
    Ok(Json(explain::list(&hospital.platform, &caller)?))
}
