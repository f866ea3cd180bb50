//! `POST /api/v1/tenants/{tenant}/accounts`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::TenantId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        account::{AccountView, NewAccount},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Opens an account: a person in one tenant, in their roles.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = NewAccount,
    responses((status = 201, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<NewAccount>,
) -> AppResult<(StatusCode, Json<AccountView>)> {
    Ok((StatusCode::CREATED, Json(hospital.create_account(&caller, tenant, ask).await?)))
}
