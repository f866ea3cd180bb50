//! Plugin calls on tape: one file a verb.

mod get;
mod list;
mod purge;
mod replay;
mod verify;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(get::get))
        .routes(routes!(list::list))
        .routes(routes!(purge::purge))
        .routes(routes!(replay::replay))
        .routes(routes!(verify::verify))
}
