//! `POST /api/v1/tenants/{tenant}/accounts/{account}/credentials/suspend`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, licence::LicenceChange},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Suspends one licence; it holds with the next act.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/credentials/suspend", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = LicenceChange,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn suspend_credential(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<LicenceChange>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.suspend_credential(&caller, tenant, account, ask).await?))
}
