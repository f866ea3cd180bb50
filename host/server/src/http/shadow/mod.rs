//! Candidates in the shadow: one file a verb.

mod get;
mod start;
mod stop;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(start::start, get::get, stop::stop))
}
