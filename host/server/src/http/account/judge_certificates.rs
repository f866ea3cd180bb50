//! `POST /api/v1/tenants/{tenant}/accounts/{account}/certificates/judge`

use axum::{Json, extract::State};
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, account::AccountView, practice::Judgement},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Decides certificates by hand.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/judge", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = Judgement,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn judge_certificates(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<Judgement>,
) -> AppResult<Json<AccountView>> {
    Ok(Json(hospital.judge_certificates(&caller, tenant, account, ask).await?))
}
