//! Holds on online prescribing.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::pathway::hold::{self, HoldView, Release};
use xinglin_domain::{
    access::Action,
    id::{HoldId, PatientId},
};
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
    OpenApiRouter::new().routes(allowed(READERS, routes!(list))).routes(by(&Action::ReleaseHold, routes!(release)))
}

/// A patient's holds on online prescribing.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/holds", tag = "Hold",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<HoldView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<HoldView>>> {
    Ok(Json(hold::list(&hospital.platform, &caller, patient).await?))
}

/// A doctor releases a hold, with a written reason.
#[utoipa::path(
    post, path = "/api/v1/holds/{id}/release", tag = "Hold",
    params(("id" = String, Path, description = "`hold-…`")),
    request_body = Release,
    responses((status = 200, body = HoldView), (status = "4XX", body = Problem)),
)]
pub async fn release(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<HoldId>,
    Body(ask): Body<Release>,
) -> Reply<Json<HoldView>> {
    Ok(Json(hold::release(&hospital.extensions, &caller, id, ask).await?))
}
