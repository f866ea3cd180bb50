//! Tenants: one file a verb.

mod consent;
mod create;
mod get_sign_in_rules;
mod list;
mod put_sign_in_rules;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(consent::consent))
        .routes(routes!(create::create))
        .routes(routes!(list::list))
        .routes(routes!(get_sign_in_rules::get_sign_in_rules, put_sign_in_rules::put_sign_in_rules))
}
