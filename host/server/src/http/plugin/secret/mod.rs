//! Secrets of a plugin: one file a verb.

mod delete;
mod list;
mod put;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManagePlugins, routes!(list::list)))
        .routes(by(&Action::ManagePlugins, routes!(put::put, delete::delete)))
}
