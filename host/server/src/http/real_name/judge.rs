//! `POST /api/v1/tenants/{tenant}/patients/{patient}/real-name/judge`

use axum::{Json, extract::State};
use xinglin_domain::id::{PatientId, TenantId};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        verification::{RealNameJudgement, RealNameView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Decides it by hand.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/patients/{patient}/real-name/judge", tag = "Real name",
    params(("tenant" = String, Path, description = "`ten-…`"), ("patient" = String, Path, description = "`pat-…`")),
    request_body = RealNameJudgement,
    responses((status = 200, body = RealNameView), (status = "4XX", body = Problem)),
)]
pub async fn judge(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, patient)): At<(TenantId, PatientId)>,
    Body(ask): Body<RealNameJudgement>,
) -> AppResult<Json<RealNameView>> {
    Ok(Json(hospital.judge_real_name(&caller, tenant, patient, ask).await?))
}
