//! `POST /api/v1/tenants/{tenant}/accounts/{account}/certificates`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, practice::NewCertificates},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Takes in certificates that somebody says they hold.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = NewCertificates,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn submit_certificates(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<NewCertificates>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.submit_certificates(&caller, tenant, account, ask).await?))
}
