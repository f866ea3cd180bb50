//! `GET /api/v1/tenants/{tenant}/practice-rules`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, practice::PracticeRules},
    http::{extract::At, problem::Problem},
};

/// What a tenant asks of those who practise in it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/practice-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = PracticeRules), (status = "4XX", body = Problem)),
)]
pub async fn get_practice_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> AppResult<Json<PracticeRules>> {
    Ok(Json(hospital.practice_rules(&caller, tenant).await?))
}
