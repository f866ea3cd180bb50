//! `POST /api/v1/tenants/{tenant}/accounts/{account}/suspend`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, suspension::Because},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Closes an account until it is restored, and ends its sign-ins.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/suspend", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn suspend(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<Because>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.suspend_account(&caller, tenant, account, ask).await?))
}
