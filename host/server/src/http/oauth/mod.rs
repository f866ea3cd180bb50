//! OAuth 2: where service clients get their tokens, and where they read that.

mod smart_configuration;
mod token;

use axum::http::Method;

use super::{
    access::{Access, Routes},
    fhir::BASE,
};

/// The routes.
pub fn routes() -> Routes {
    let configuration = format!("{BASE}/.well-known/smart-configuration");
    Routes::default().at(Method::POST, "/oauth/token", Access::Public, token::token).at(
        Method::GET,
        &configuration,
        Access::Public,
        smart_configuration::smart_configuration,
    )
}
