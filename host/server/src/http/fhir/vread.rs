//! `GET /fhir/R4/{type}/{id}/_history/{version}`

use axum::{extract::State, http::StatusCode, response::Response};

use super::reply::{self, Refusal};
use crate::{
    app::{Caller, Hospital},
    http::extract::At,
};

/// One version of a resource.
pub async fn vread(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id, version)): At<(String, String, i64)>,
) -> Result<Response, Refusal> {
    Ok(reply::resource(StatusCode::OK, &hospital.read_version(&caller, &kind, &id, version).await?))
}
