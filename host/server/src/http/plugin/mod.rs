//! Plugins: one file a verb.

mod disable;
mod enable;
mod grant;
mod install;
mod key;
mod list;
mod packages;
mod promote;
mod rollback;
mod save;
mod secret;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun. Packages may be large, other bodies not.
pub fn routes(packages: DefaultBodyLimit) -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(install::install, packages::packages))
        .layer(packages)
        .routes(routes!(disable::disable))
        .routes(routes!(enable::enable))
        .routes(routes!(grant::grant))
        .routes(routes!(list::list))
        .routes(routes!(save::save))
        .routes(routes!(promote::promote))
        .routes(routes!(rollback::rollback))
        .merge(key::routes())
        .merge(secret::routes())
}
