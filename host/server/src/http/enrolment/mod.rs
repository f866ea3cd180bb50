//! Patients in pathways: one file a verb.

mod answer;
mod create;
mod get;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{READERS, allowed, by},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::AnswerQuestionnaire, routes!(answer::answer)))
        .routes(by(&Action::EnrolPatient, routes!(create::create)))
        .routes(allowed(READERS, routes!(get::get)))
}
