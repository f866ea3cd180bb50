//! What a hospital sells: one file a verb.

mod get;
mod put;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(get::get)).routes(routes!(put::put))
}
