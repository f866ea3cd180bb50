//! `GET /api/v1/tenants/{tenant}/sign-in-rules`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, second_factor::SignInRules},
    http::{extract::At, problem::Problem},
};

/// What a tenant wants of its staff at sign-in.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sign-in-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = SignInRules), (status = "4XX", body = Problem)),
)]
pub async fn get_sign_in_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> AppResult<Json<SignInRules>> {
    Ok(Json(hospital.sign_in_rules(&caller, tenant).await?))
}
