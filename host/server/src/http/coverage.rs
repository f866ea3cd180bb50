//! Insurance coverage of patients.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{PatientId, TenantId},
};
use xinglin_payment::coverage::{self, CoverageView, NewCoverage};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{READERS, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(allowed(READERS, routes!(list))).routes(by(&Action::ManageCatalogue, routes!(put)))
}

/// The coverages of a patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/coverages", tag = "Coverage",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<CoverageView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<CoverageView>>> {
    Ok(Json(coverage::list(&hospital.platform, &caller, patient).await?))
}

/// Records a coverage of a patient.
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
) -> Reply<Json<CoverageView>> {
    Ok(Json(coverage::put(&hospital.platform, &caller, tenant, patient, payer, ask).await?))
}
