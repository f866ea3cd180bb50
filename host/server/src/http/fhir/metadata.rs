//! `GET /fhir/R4/metadata`

use axum::{extract::State, http::StatusCode, response::Response};
use xinglin_fhir::capability;

use crate::{
    Hospital,
    http::fhir::{asked::Base, reply},
};

/// What this server does in FHIR. For everybody.
pub async fn metadata(State(hospital): State<Hospital>, Base(base): Base) -> Response {
    let statement = capability::statement(&base, env!("CARGO_PKG_VERSION"), hospital.platform.now());
    reply::document(StatusCode::OK, &statement)
}
