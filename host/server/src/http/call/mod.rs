//! Plugin calls on tape: one file a verb.

mod get;
mod list;
mod purge;
mod replay;
mod verify;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ReadAudit, routes!(get::get)))
        .routes(by(&Action::ReadAudit, routes!(list::list)))
        .routes(by(&Action::PurgeRecords, routes!(purge::purge)))
        .routes(by(&Action::ReadAudit, routes!(replay::replay)))
        .routes(by(&Action::ReadAudit, routes!(verify::verify)))
}
