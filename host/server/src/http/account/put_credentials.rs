//! `PUT /api/v1/tenants/{tenant}/accounts/{account}/credentials`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, licence::NewCredentials},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Records an account's licences anew.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/accounts/{account}/credentials", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = NewCredentials,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn put_credentials(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<NewCredentials>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.put_credentials(&caller, tenant, account, ask).await?))
}
