//! What must be kept, and what may go: one file a verb.

mod erase;
mod get;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::PurgeRecords, routes!(get::get)))
        .routes(by(&Action::PurgeRecords, routes!(erase::erase)))
}
