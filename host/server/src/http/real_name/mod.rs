//! Whether patients are who the record says: one file a verb.

mod check;
mod get;
mod judge;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageAccounts, routes!(get::get)))
        .routes(by(&Action::ManageAccounts, routes!(check::check)))
        .routes(by(&Action::ManageAccounts, routes!(judge::judge)))
}
