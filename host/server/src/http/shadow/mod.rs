//! Candidates in the shadow: one file a verb.

mod get;
mod start;
mod stop;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::ManagePlugins, routes!(start::start, get::get, stop::stop)))
}
