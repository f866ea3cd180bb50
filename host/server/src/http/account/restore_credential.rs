//! `POST /api/v1/tenants/{tenant}/accounts/{account}/credentials/restore`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, licence::LicenceChange},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Lifts the suspension of a licence.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/credentials/restore", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = LicenceChange,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn restore_credential(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<LicenceChange>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.restore_credential(&caller, tenant, account, ask).await?))
}
