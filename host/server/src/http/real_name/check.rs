//! `POST /api/v1/tenants/{tenant}/patients/{patient}/real-name/check`

use axum::{Json, extract::State};
use xinglin_domain::id::{PatientId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, verification::RealNameView},
    http::{extract::At, problem::Problem},
};

/// Puts it to the verifiers of the hospital.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/patients/{patient}/real-name/check", tag = "Real name",
    params(("tenant" = String, Path, description = "`ten-…`"), ("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = RealNameView), (status = "4XX", body = Problem)),
)]
pub async fn check(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, patient)): At<(TenantId, PatientId)>,
) -> AppResult<Json<RealNameView>> {
    Ok(Json(hospital.check_real_name(&caller, tenant, patient).await?))
}
