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
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun. Packages may be large, other bodies not.
pub fn routes(packages: DefaultBodyLimit) -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::InstallPlugins, routes!(install::install)))
        .routes(by(&Action::ManagePlugins, routes!(packages::packages)))
        .layer(packages)
        .routes(by(&Action::ManagePlugins, routes!(disable::disable)))
        .routes(by(&Action::ManagePlugins, routes!(enable::enable)))
        .routes(by(&Action::ManagePlugins, routes!(grant::grant)))
        .routes(by(&Action::ManagePlugins, routes!(list::list)))
        .routes(by(&Action::InstallPlugins, routes!(save::save)))
        .routes(by(&Action::ManagePlugins, routes!(promote::promote)))
        .routes(by(&Action::ManagePlugins, routes!(rollback::rollback)))
        .merge(key::routes())
        .merge(secret::routes())
}
