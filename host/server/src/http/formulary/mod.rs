//! What a hospital sells: one file a verb.

mod get;
mod put;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{Access, allowed, by},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(Access::SignedIn, routes!(get::get)))
        .routes(by(&Action::ManageCatalogue, routes!(put::put)))
}
