//! Keys of a plugin: one file a verb.

mod list;
mod make;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(make::make))
}
