//! The books: one file a verb.

mod trial_balance;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(trial_balance::trial_balance))
}
