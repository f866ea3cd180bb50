//! FHIR R4 at `/fhir/R4`: what the CapabilityStatement says, no more.

mod create;
mod history;
mod metadata;
mod read;
mod reply;
mod search;
mod transaction;
mod update;
mod vread;

use axum::{Router, routing::get};

use crate::app::Hospital;

/// Where FHIR is served.
pub(crate) const BASE: &str = "/fhir/R4";

/// The interactions.
pub fn routes() -> Router<Hospital> {
    let fhir = Router::new()
        .route("/metadata", get(metadata::metadata))
        .route("/{kind}", get(search::search).post(create::create))
        .route("/{kind}/{id}", get(read::read).put(update::update))
        .route("/{kind}/{id}/_history", get(history::history))
        .route("/{kind}/{id}/_history/{version}", get(vread::vread));
    // `nest` does not take the base itself, with or without a slash.
    Router::new()
        .route(BASE, axum::routing::post(transaction::transaction))
        .route(&format!("{BASE}/"), axum::routing::post(transaction::transaction))
        .nest(BASE, fhir)
}
