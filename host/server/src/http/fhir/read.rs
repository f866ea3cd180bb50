//! `GET /fhir/R4/{type}/{id}`

use axum::{extract::State, http::StatusCode, response::Response};

use super::reply::{self, Refusal};
use crate::{
    app::{Caller, Hospital},
    http::extract::At,
};

/// The current version of a resource.
pub async fn read(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
) -> Result<Response, Refusal> {
    Ok(reply::resource(StatusCode::OK, &hospital.read_resource(&caller, &kind, &id).await?))
}
