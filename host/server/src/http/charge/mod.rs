//! Bills: one file a verb.

mod confirm;
mod get;
mod quote;
mod reverse;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(confirm::confirm))
        .routes(routes!(get::get))
        .routes(routes!(quote::quote))
        .routes(routes!(reverse::reverse))
}
