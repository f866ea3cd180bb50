//! Retention periods and erasure.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::PatientId};
use xinglin_platform::Caller;
use xinglin_records::erasure::{self, ErasureView, RetentionView};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::At,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::PurgeRecords, routes!(get)))
        .routes(by(&Action::PurgeRecords, routes!(erase)))
}

/// Erases a patient whose retention period is over, permanently.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/erase", tag = "Retention",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = ErasureView), (status = "4XX", body = Problem)),
)]
pub async fn erase(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<ErasureView>> {
    Ok(Json(erasure::erase(&hospital.platform, &caller, caller.actor.tenant, patient).await?))
}

/// The end of a patient's retention period, and what an erasure would delete.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/retention", tag = "Retention",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = RetentionView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<RetentionView>> {
    Ok(Json(erasure::retention_of(&hospital.platform, &caller, caller.actor.tenant, patient).await?))
}
