//! Prescriptions: one file a verb.

mod approve;
mod dispense;
mod draft;
mod get;
mod insist;
mod reject;
mod rewrite;
mod send_back;
mod sign;
mod withdraw;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(approve::approve))
        .routes(routes!(dispense::dispense))
        .routes(routes!(draft::draft))
        .routes(routes!(get::get))
        .routes(routes!(insist::insist))
        .routes(routes!(reject::reject))
        .routes(routes!(rewrite::rewrite))
        .routes(routes!(send_back::send_back))
        .routes(routes!(sign::sign))
        .routes(routes!(withdraw::withdraw))
}
