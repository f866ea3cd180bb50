//! Conversations in visits: one file a verb.

mod end_meeting;
mod join_meeting;
mod list;
mod open_meeting;
mod purge;
mod say;
mod stream;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::Converse, routes!(end_meeting::end_meeting)))
        .routes(by(&Action::Converse, routes!(join_meeting::join_meeting)))
        .routes(by(&Action::Converse, routes!(list::list, say::say)))
        .routes(by(&Action::Converse, routes!(open_meeting::open_meeting)))
        .routes(by(&Action::PurgeRecords, routes!(purge::purge)))
        .routes(by(&Action::Converse, routes!(stream::stream)))
}
