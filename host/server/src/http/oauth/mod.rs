//! OAuth 2: where service clients get their tokens, and where they read that.

mod smart_configuration;
mod token;

use axum::{Router, routing};

use super::fhir::BASE;
use crate::app::Hospital;

/// The routes.
pub fn routes() -> Router<Hospital> {
    Router::new().route("/oauth/token", routing::post(token::token)).route(
        &format!("{BASE}/.well-known/smart-configuration"),
        routing::get(smart_configuration::smart_configuration),
    )
}
