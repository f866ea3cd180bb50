//! Sign-in: one file a verb.

mod confirm_passkey;
mod create;
mod delete;
mod list;
mod offer_passkey;
mod refresh;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Hospital;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(delete::delete))
        .routes(routes!(offer_passkey::offer_passkey))
        .routes(routes!(confirm_passkey::confirm_passkey))
        .routes(routes!(refresh::refresh))
}
