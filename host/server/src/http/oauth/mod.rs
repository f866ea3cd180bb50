//! OAuth 2: how people let apps in, where apps and systems get their tokens, and where
//! they read that.

mod authorize;
mod credentials;
mod discovery;
mod page;
mod revoke;
mod token;

use axum::{Router, routing};

use super::fhir::BASE;
use crate::app::Hospital;

/// The routes.
pub fn routes() -> Router<Hospital> {
    Router::new()
        .route("/oauth/authorize", routing::get(authorize::ask).post(authorize::step))
        .route("/oauth/token", routing::post(token::token))
        .route("/oauth/revoke", routing::post(revoke::revoke))
        .route("/oauth/jwks", routing::get(discovery::jwks))
        .route("/.well-known/oauth-authorization-server", routing::get(discovery::authorization_server))
        .route("/.well-known/openid-configuration", routing::get(discovery::openid))
        .route(&format!("{BASE}/.well-known/smart-configuration"), routing::get(discovery::smart))
}
