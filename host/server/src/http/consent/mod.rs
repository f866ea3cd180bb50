//! What patients agree to: one file a verb.

mod give;
mod list;
mod revoke;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(give::give, list::list)).routes(routes!(revoke::revoke))
}
