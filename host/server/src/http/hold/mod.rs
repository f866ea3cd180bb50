//! Holds on online prescribing: one file a verb.

mod list;
mod release;

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
        .routes(by(&Action::ReleaseHold, routes!(release::release)))
}
