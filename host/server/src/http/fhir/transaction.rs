//! `POST /fhir/R4`

use axum::{extract::State, http::StatusCode, response::Response};
use xinglin_platform::Caller;
use xinglin_records::bundle;

use crate::{
    Hospital,
    http::{
        extract::Body,
        fhir::{
            asked::Base,
            reply::{self, Refusal},
        },
    },
};

/// Takes a transaction (all or nothing) or a batch (each for itself).
pub async fn transaction(
    State(hospital): State<Hospital>,
    caller: Caller,
    Base(base): Base,
    Body(bundle): Body<serde_json::Value>,
) -> Result<Response, Refusal> {
    Ok(reply::document(StatusCode::OK, &bundle::import(&hospital.platform, &caller, &base, bundle).await?))
}
