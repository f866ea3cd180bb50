//! Alerts: one file a verb.

mod acknowledge;
mod list;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(acknowledge::acknowledge)).routes(routes!(list::list))
}
