//! `GET /fhir/R4/{type}/{id}`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use xinglin_platform::Caller;
use xinglin_records::resource;

use crate::{
    Hospital,
    http::{
        extract::At,
        fhir::reply::{self, Refusal},
    },
};

/// The current version of a resource, unless `If-None-Match` says that the caller has it.
pub async fn read(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let resource = resource::read(&hospital.platform, &caller, &kind, &id).await?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == reply::tag(&resource))) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok(reply::resource(StatusCode::OK, &resource))
}
