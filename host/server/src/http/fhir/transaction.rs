//! `POST /fhir/R4`

use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    asked::Base,
    reply::{self, Refusal},
};
use crate::{
    app::{Caller, Hospital},
    http::extract::Body,
};

/// Takes a transaction (all or nothing) or a batch (each for itself).
pub async fn transaction(
    State(hospital): State<Hospital>,
    caller: Caller,
    Base(base): Base,
    Body(bundle): Body<serde_json::Value>,
) -> Result<Response, Refusal> {
    Ok(reply::document(StatusCode::OK, &hospital.import_bundle(&caller, &base, bundle).await?))
}
