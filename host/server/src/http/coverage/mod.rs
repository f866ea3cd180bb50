//! What patients are insured by: one file a verb.

mod list;
mod put;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{READERS, allowed, by},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(READERS, routes!(list::list)))
        .routes(by(&Action::ManageCatalogue, routes!(put::put)))
}
