//! `PUT /api/v1/tenants/{tenant}/patients/{patient}/coverages/{payer}`

use axum::{Json, extract::State};
use xinglin_domain::id::{PatientId, TenantId};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        coverage::{CoverageView, NewCoverage},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Records what a patient is insured by.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/patients/{patient}/coverages/{payer}", tag = "Coverage",
    params(("tenant" = String, Path, description = "`ten-…`"), ("patient" = String, Path, description = "`pat-…`"), ("payer" = String, Path, description = "Id of the payer's plugin.")),
    request_body = NewCoverage,
    responses((status = 200, body = CoverageView), (status = "4XX", body = Problem)),
)]
pub async fn put(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, patient, payer)): At<(TenantId, PatientId, String)>,
    Body(ask): Body<NewCoverage>,
) -> AppResult<Json<CoverageView>> {
    Ok(Json(hospital.put_coverage(&caller, tenant, patient, payer, ask).await?))
}
