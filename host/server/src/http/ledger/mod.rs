//! The books: one file a verb.

mod trial_balance;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::ReadLedger, routes!(trial_balance::trial_balance)))
}
