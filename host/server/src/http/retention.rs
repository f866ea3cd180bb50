//! What must be kept, and what may go.

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

/// Erases a patient whose record need not be kept any longer, for good.
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

/// Until when a patient's record must be kept, and what would go if they were erased.
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
