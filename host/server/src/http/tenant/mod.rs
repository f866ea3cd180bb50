//! Tenants: one file a verb.

mod consent;
mod create;
mod list;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{Access, allowed, by},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(Access::SignedIn, routes!(consent::consent)))
        .routes(by(&Action::ManageTenants, routes!(create::create)))
        .routes(by(&Action::ManageTenants, routes!(list::list)))
}
