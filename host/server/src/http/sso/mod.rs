//! Sign-in at the hospital's own provider: one file a verb.

mod callback;
mod delete;
mod get;
mod put;
mod start;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// What a browser is known by while its person is away.
const COOKIE: &str = "xinglin-sso";

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(get::get, put::put, delete::delete))
        .routes(routes!(start::start))
        .routes(routes!(callback::callback))
}
