//! `POST /api/v1/tenants/{tenant}/accounts/{account}/password`

use axum::{extract::State, http::StatusCode};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, password::ResetPassword},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Sets an account's password, takes its authenticator off, and ends its sign-ins.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/password", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = ResetPassword,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn reset_password(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<ResetPassword>,
) -> AppResult<StatusCode> {
    hospital.reset_password(&caller, tenant, account, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}
