//! `GET /api/v1/tenants/{tenant}/accounts`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView},
    http::{extract::At, problem::Problem},
};

/// The accounts of a tenant, by login.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/accounts", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = Vec<AccountView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> AppResult<Json<Vec<AccountView>>> {
    Ok(Json(hospital.list_accounts(&caller, tenant).await?))
}
