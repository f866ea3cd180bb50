//! The movable clock of demonstrations: one file a verb.

mod advance;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(advance::advance))
}
