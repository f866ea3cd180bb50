//! Alerts: one file a verb.

mod acknowledge;
mod list;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::AcknowledgeAlert, routes!(acknowledge::acknowledge)))
        .routes(by(&Action::AcknowledgeAlert, routes!(list::list)))
}
