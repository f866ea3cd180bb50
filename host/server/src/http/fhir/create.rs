//! `POST /fhir/R4/{type}`

use axum::{extract::State, http::StatusCode, response::Response};

use super::reply::{self, Refusal};
use crate::{
    app::{Caller, Hospital},
    http::extract::{At, Body},
};

/// Creates a resource under an id that the hospital draws.
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    Body(resource): Body<serde_json::Value>,
) -> Result<Response, Refusal> {
    let created = hospital.put_resource(&caller, &kind, None, None, resource).await?;
    Ok(reply::resource(StatusCode::CREATED, &created))
}
