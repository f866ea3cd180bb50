//! Accounts: one file a verb.

mod check_certificates;
mod create;
mod get;
mod judge_certificates;
mod list;
mod put_filings;
mod reset_password;
mod restore;
mod restore_certificate;
mod submit_certificates;
mod suspend;
mod suspend_certificate;

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
        .routes(by(&Action::ManageAccounts, routes!(submit_certificates::submit_certificates)))
        .routes(by(&Action::ManageAccounts, routes!(check_certificates::check_certificates)))
        .routes(by(&Action::ManageAccounts, routes!(judge_certificates::judge_certificates)))
        .routes(by(&Action::ManageAccounts, routes!(suspend_certificate::suspend_certificate)))
        .routes(by(&Action::ManageAccounts, routes!(restore_certificate::restore_certificate)))
        .routes(by(&Action::ManageAccounts, routes!(put_filings::put_filings)))
        .routes(by(&Action::ManageAccounts, routes!(reset_password::reset_password)))
}
