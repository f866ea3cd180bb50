//! Breaking the glass: one file a verb.

mod judge;
mod list;
mod open;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(open::open)).routes(routes!(list::list)).routes(routes!(judge::judge))
}
