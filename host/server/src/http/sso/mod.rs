//! Sign-in at the hospital's own provider: one file a verb.

mod callback;
mod delete;
mod get;
mod put;
mod start;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{Access, allowed, by},
};

/// What a browser is known by while its person is away.
const COOKIE: &str = "xinglin-sso";

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageAccounts, routes!(get::get, put::put, delete::delete)))
        .routes(allowed(Access::Public, routes!(start::start)))
        .routes(allowed(Access::Public, routes!(callback::callback)))
}
