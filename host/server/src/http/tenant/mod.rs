//! Tenants: one file a verb.

mod consent;
mod create;
mod list;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(consent::consent)).routes(routes!(create::create)).routes(routes!(list::list))
}
