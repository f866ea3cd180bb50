//! `GET /api/v1/tenants/{tenant}/recalls/{digest}`

use super::Written;
use crate::{
    app::{AppResult, Caller, Hospital, recall::RecallView},
    http::{
        extract::{Asked, At},
        problem::Problem,
    },
};
use axum::{extract::State, response::Response};
use xinglin_domain::id::TenantId;

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
) -> AppResult<Response> {
    Ok(form.write(hospital.get_tenant_recall(&caller, tenant, &digest).await?))
}
