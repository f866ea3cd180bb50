//! `GET /fhir/R4/{type}/{id}/_history/{version}`

use axum::{extract::State, http::StatusCode, response::Response};
use xinglin_platform::Caller;
use xinglin_records::resource;

use crate::{
    Hospital,
    http::{
        extract::At,
        fhir::reply::{self, Refusal},
    },
};

/// One version of a resource.
pub async fn vread(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id, version)): At<(String, String, i64)>,
) -> Result<Response, Refusal> {
    Ok(reply::resource(
        StatusCode::OK,
        &resource::read_version(&hospital.platform, &caller, &kind, &id, version).await?,
    ))
}
