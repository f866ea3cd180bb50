//! Conversations in visits: one file a verb.

mod end_meeting;
mod join_meeting;
mod list;
mod open_meeting;
mod purge;
mod say;
mod stream;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(end_meeting::end_meeting))
        .routes(routes!(join_meeting::join_meeting))
        .routes(routes!(list::list, say::say))
        .routes(routes!(open_meeting::open_meeting))
        .routes(routes!(purge::purge))
        .routes(routes!(stream::stream))
}
