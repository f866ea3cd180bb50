//! `PUT /api/v1/tenants/{tenant}/practice-rules`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, practice::PracticeRules},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Sets what a tenant asks of those who practise in it.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/practice-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = PracticeRules,
    responses((status = 200, body = PracticeRules), (status = "4XX", body = Problem)),
)]
pub async fn put_practice_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<PracticeRules>,
) -> AppResult<Json<PracticeRules>> {
    Ok(Json(hospital.put_practice_rules(&caller, tenant, ask).await?))
}
