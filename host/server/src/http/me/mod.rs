//! One's own account: one file a verb.

mod change_password;
mod confirm_passkey;
mod confirm_second_factor;
mod get;
mod list_passkeys;
mod offer_passkey;
mod offer_second_factor;
mod remove_passkey;
mod remove_second_factor;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::Hospital,
    http::access::{Access, allowed},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(Access::SignedIn, routes!(get::get)))
        .routes(allowed(Access::SignedIn, routes!(change_password::change_password)))
        .routes(allowed(Access::SignedIn, routes!(list_passkeys::list_passkeys)))
        .routes(allowed(Access::SignedIn, routes!(offer_passkey::offer_passkey)))
        .routes(allowed(Access::SignedIn, routes!(confirm_passkey::confirm_passkey)))
        .routes(allowed(Access::SignedIn, routes!(remove_passkey::remove_passkey)))
        .routes(allowed(Access::SignedIn, routes!(offer_second_factor::offer_second_factor)))
        .routes(allowed(Access::SignedIn, routes!(confirm_second_factor::confirm_second_factor)))
        .routes(allowed(Access::SignedIn, routes!(remove_second_factor::remove_second_factor)))
}
