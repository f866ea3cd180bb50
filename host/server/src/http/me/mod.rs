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

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(get::get))
        .routes(routes!(change_password::change_password))
        .routes(routes!(list_passkeys::list_passkeys))
        .routes(routes!(offer_passkey::offer_passkey))
        .routes(routes!(confirm_passkey::confirm_passkey))
        .routes(routes!(remove_passkey::remove_passkey))
        .routes(routes!(offer_second_factor::offer_second_factor))
        .routes(routes!(confirm_second_factor::confirm_second_factor))
        .routes(routes!(remove_second_factor::remove_second_factor))
}
