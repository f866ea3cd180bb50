//! Accounts: one file a verb.

mod create;
mod get;
mod list;
mod put_credentials;
mod reset_password;
mod restore;
mod restore_credential;
mod suspend;
mod suspend_credential;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(get::get))
        .routes(routes!(suspend::suspend))
        .routes(routes!(restore::restore))
        .routes(routes!(put_credentials::put_credentials))
        .routes(routes!(suspend_credential::suspend_credential))
        .routes(routes!(restore_credential::restore_credential))
        .routes(routes!(reset_password::reset_password))
}
