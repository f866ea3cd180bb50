//! `POST /api/v1/tenants/{tenant}/accounts/{account}/certificates/{certificate}/suspend`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, CertificateId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, suspension::Because},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Suspends one certificate; it holds with the next act.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/{certificate}/suspend", tag = "Account",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("account" = String, Path, description = "`acc-…`"),
        ("certificate" = String, Path, description = "`cert-…`"),
    ),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn suspend_certificate(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account, certificate)): At<(TenantId, AccountId, CertificateId)>,
    Body(ask): Body<Because>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.suspend_certificate(&caller, tenant, (account, certificate), ask).await?))
}
