//! `POST /api/v1/tenants/{tenant}/accounts/{account}/certificates/{certificate}/restore`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, CertificateId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, suspension::Because},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Lifts the suspension of a certificate.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/{certificate}/restore", tag = "Account",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("account" = String, Path, description = "`acc-…`"),
        ("certificate" = String, Path, description = "`cert-…`"),
    ),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn restore_certificate(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account, certificate)): At<(TenantId, AccountId, CertificateId)>,
    Body(ask): Body<Because>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.restore_certificate(&caller, tenant, (account, certificate), ask).await?))
}
