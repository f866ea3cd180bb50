//! Visits: one file a verb.

mod accept;
mod close;
mod decline;
mod get;
mod request;
mod stop;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{READERS, allowed, by},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::DecideFollowUp, routes!(accept::accept)))
        .routes(by(&Action::CloseEncounter, routes!(close::close)))
        .routes(by(&Action::DecideFollowUp, routes!(decline::decline)))
        .routes(allowed(READERS, routes!(get::get)))
        .routes(by(&Action::RequestEncounter, routes!(request::request)))
        .routes(by(&Action::StopEncounter, routes!(stop::stop)))
}
