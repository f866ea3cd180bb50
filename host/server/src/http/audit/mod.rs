//! The audit trail: one file a verb.

mod accesses;
mod list;
mod verify;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(accesses::accesses)).routes(routes!(list::list)).routes(routes!(verify::verify))
}
