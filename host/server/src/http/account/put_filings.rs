//! `PUT /api/v1/tenants/{tenant}/accounts/{account}/filings`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, practice::NewFilings},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Records where somebody's practice is registered or filed.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/accounts/{account}/filings", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = NewFilings,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn put_filings(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<NewFilings>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.put_filings(&caller, tenant, account, ask).await?))
}
