//! Breaking the glass: one file a verb.

mod judge;
mod list;
mod open;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::BreakGlass, routes!(open::open)))
        .routes(by(&Action::ReviewBrokenGlass, routes!(list::list)))
        .routes(by(&Action::ReviewBrokenGlass, routes!(judge::judge)))
}
