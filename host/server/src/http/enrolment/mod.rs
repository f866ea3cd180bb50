//! Patients in pathways: one file a verb.

mod answer;
mod create;
mod get;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(routes!(answer::answer)).routes(routes!(create::create)).routes(routes!(get::get))
}
