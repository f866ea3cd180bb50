//! What patients agree to: one file a verb.

mod give;
mod list;
mod revoke;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageConsent, routes!(give::give, list::list)))
        .routes(by(&Action::ManageConsent, routes!(revoke::revoke)))
}
