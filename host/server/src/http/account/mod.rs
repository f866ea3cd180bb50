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
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageAccounts, routes!(create::create, list::list)))
        .routes(by(&Action::ManageAccounts, routes!(get::get)))
        .routes(by(&Action::ManageAccounts, routes!(suspend::suspend)))
        .routes(by(&Action::ManageAccounts, routes!(restore::restore)))
        .routes(by(&Action::ManageAccounts, routes!(put_credentials::put_credentials)))
        .routes(by(&Action::ManageAccounts, routes!(suspend_credential::suspend_credential)))
        .routes(by(&Action::ManageAccounts, routes!(restore_credential::restore_credential)))
        .routes(by(&Action::ManageAccounts, routes!(reset_password::reset_password)))
}
