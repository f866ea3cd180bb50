//! Custody of the records of hospitals that are no more: one file a verb.

mod list;
mod start;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageTenants, routes!(start::start)))
        .routes(by(&Action::ReadAudit, routes!(list::list)))
}
