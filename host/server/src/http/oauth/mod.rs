//! OAuth 2: how people let apps in, where apps and systems get their tokens, and where
//! they read that.

mod authorize;
mod credentials;
mod discovery;
mod page;
mod revoke;
mod token;

use axum::http::Method;

use crate::http::{
    access::{Access, Routes},
    fhir::BASE,
};

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Method::GET, "/oauth/authorize", Access::Public, authorize::ask)
        .at(Method::POST, "/oauth/authorize", Access::Public, authorize::step)
        .at(Method::POST, "/oauth/token", Access::Public, token::token)
        .at(Method::POST, "/oauth/revoke", Access::Public, revoke::revoke)
        .at(Method::GET, "/oauth/jwks", Access::Public, discovery::jwks)
        .at(Method::GET, "/.well-known/oauth-authorization-server", Access::Public, discovery::authorization_server)
        .at(Method::GET, "/.well-known/openid-configuration", Access::Public, discovery::openid)
        .at(Method::GET, &format!("{BASE}/.well-known/smart-configuration"), Access::Public, discovery::smart)
}
