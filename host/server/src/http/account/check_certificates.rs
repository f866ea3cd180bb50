//! `POST /api/v1/tenants/{tenant}/accounts/{account}/certificates/check`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView},
    http::{extract::At, problem::Problem},
};

/// Puts what is not decided yet to the verifiers of the hospital.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/check", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn check_certificates(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.check_certificates(&caller, tenant, account).await?))
}
