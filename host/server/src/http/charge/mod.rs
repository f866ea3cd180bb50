//! Bills: one file a verb.

mod confirm;
mod get;
mod quote;
mod reverse;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{READERS, allowed, by},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ConfirmCharge, routes!(confirm::confirm)))
        .routes(allowed(READERS, routes!(get::get)))
        .routes(by(&Action::QuoteCharge, routes!(quote::quote)))
        .routes(by(&Action::ReverseCharge, routes!(reverse::reverse)))
}
