//! The audit trail: one file a verb.

mod accesses;
mod list;
mod verify;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ReadOwnRecord, routes!(accesses::accesses)))
        .routes(by(&Action::ReadAudit, routes!(list::list)))
        .routes(by(&Action::ReadAudit, routes!(verify::verify)))
}
