//! Secrets of a plugin: one file a verb.

mod delete;
mod list;
mod put;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(put::put, delete::delete))
}
