//! `GET /api/v1/tenants/{tenant}/patients/{patient}/real-name`

use axum::{Json, extract::State};
use xinglin_domain::id::{PatientId, TenantId};

use crate::{
    app::{AppResult, Caller, Hospital, verification::RealNameView},
    http::{extract::At, problem::Problem},
};

/// Whether a patient is who the record says.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/patients/{patient}/real-name", tag = "Real name",
    params(("tenant" = String, Path, description = "`ten-…`"), ("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = RealNameView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, patient)): At<(TenantId, PatientId)>,
) -> AppResult<Json<RealNameView>> {
    Ok(Json(hospital.get_real_name(&caller, tenant, patient).await?))
}
