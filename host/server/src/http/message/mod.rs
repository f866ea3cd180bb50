//! Messages to patients: one file a verb.

mod list;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::Hospital,
    http::access::{READERS, allowed},
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(allowed(READERS, routes!(list::list)))
}
