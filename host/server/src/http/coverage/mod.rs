//! What patients are insured by: one file a verb.

mod list;
mod put;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(put::put))
}
