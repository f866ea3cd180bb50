//! The movable clock of demonstrations: one file a verb.

mod advance;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::ManageTenants, routes!(advance::advance)))
}
