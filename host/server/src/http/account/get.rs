//! `GET /api/v1/tenants/{tenant}/accounts/{account}`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView},
    http::{extract::At, problem::Problem},
};

/// One account of a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/accounts/{account}", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.get_account(&caller, tenant, account).await?))
}
