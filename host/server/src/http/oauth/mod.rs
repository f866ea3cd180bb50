//! OAuth 2: authorisation of apps by people, tokens for apps and systems, and metadata.

mod authorization;
mod discovery;
mod page;
mod token;

use axum::http::Method;

use crate::http::{
    access::{Access, Routes},
    fhir::BASE,
};

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Method::GET, "/oauth/authorize", Access::Public, authorization::ask)
        .at(Method::POST, "/oauth/authorize", Access::Public, authorization::step)
        .at(Method::POST, "/oauth/token", Access::Public, token::token)
        .at(Method::POST, "/oauth/revoke", Access::Public, token::revoke)
        .at(Method::GET, "/oauth/jwks", Access::Public, discovery::jwks)
        .at(Method::GET, "/.well-known/oauth-authorization-server", Access::Public, discovery::authorization_server)
        .at(Method::GET, "/.well-known/openid-configuration", Access::Public, discovery::openid)
        .at(Method::GET, &format!("{BASE}/.well-known/smart-configuration"), Access::Public, discovery::smart)
}
