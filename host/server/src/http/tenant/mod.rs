//! Tenants: one file a verb.

mod consent;
mod create;
mod get_practice_rules;
mod get_sign_in_rules;
mod list;
mod put_practice_rules;
mod put_sign_in_rules;

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
        .routes(by(
            &Action::ManageAccounts,
            routes!(get_sign_in_rules::get_sign_in_rules, put_sign_in_rules::put_sign_in_rules),
        ))
        .routes(by(
            &Action::ManageAccounts,
            routes!(get_practice_rules::get_practice_rules, put_practice_rules::put_practice_rules),
        ))
}
