//! Visits: one file a verb.

mod accept;
mod close;
mod get;
mod request;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(accept::accept))
        .routes(routes!(close::close))
        .routes(routes!(get::get))
        .routes(routes!(request::request))
}
