//! `POST /api/v1/tenants/{tenant}/accounts/{account}/restore`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, suspension::Because},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Opens a suspended account again.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/restore", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn restore(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<Because>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.restore_account(&caller, tenant, account, ask).await?))
}
