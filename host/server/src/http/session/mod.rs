//! Sign-in: one file a verb.

mod confirm_passkey;
mod create;
mod delete;
mod list;
mod offer_passkey;
mod refresh;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::Hospital,
    http::access::{Access, allowed},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(Access::Public, routes!(create::create)))
        .routes(allowed(Access::SignedIn, routes!(list::list)))
        .routes(allowed(Access::SignedIn, routes!(delete::delete)))
        .routes(allowed(Access::Public, routes!(offer_passkey::offer_passkey)))
        .routes(allowed(Access::Public, routes!(confirm_passkey::confirm_passkey)))
        .routes(allowed(Access::Public, routes!(refresh::refresh)))
}
