//! Plugins: one file a verb.

mod disable;
mod enable;
mod grant;
mod install;
mod list;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(disable::disable))
        .routes(routes!(enable::enable))
        .routes(routes!(grant::grant))
        .routes(routes!(install::install))
        .routes(routes!(list::list))
}
