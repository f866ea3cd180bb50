//! `PUT /api/v1/tenants/{tenant}/sign-in-rules`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, second_factor::SignInRules},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Sets what a tenant wants of its staff at sign-in.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sign-in-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = SignInRules,
    responses((status = 200, body = SignInRules), (status = "4XX", body = Problem)),
)]
pub async fn put_sign_in_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(rules): Body<SignInRules>,
) -> AppResult<Json<SignInRules>> {
    Ok(Json(hospital.put_sign_in_rules(&caller, tenant, rules).await?))
}
