//! FHIR R4 at `/fhir/R4`: what the CapabilityStatement says, no more.

mod asked;
mod binary;
mod create;
mod delete;
mod everything;
mod export;
mod history;
mod metadata;
mod patch;
mod read;
mod reply;
mod search;
mod transaction;
mod update;
mod validate;
mod vread;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::app::Hospital;

pub(crate) use crate::fhir::BASE;

/// The interactions.
pub fn routes() -> Router<Hospital> {
    let fhir = Router::new()
        .route("/metadata", get(metadata::metadata))
        .route("/$export", get(export::all))
        .route("/$export-status/{id}", get(export::status).delete(export::cancel))
        .route("/Binary", get(binary::search).post(binary::create))
        .route("/{kind}", get(search::search).post(create::create).put(update::update_by).delete(delete::delete_by))
        .route("/{kind}/_search", post(search::search_by_body))
        .route("/{kind}/$export", get(export::of_type))
        .route("/{kind}/$validate", post(validate::validate))
        .route("/{kind}/{id}", get(read::read).put(update::update).patch(patch::patch).delete(delete::delete))
        .route("/{kind}/{id}/$everything", get(everything::everything))
        .route("/{kind}/{id}/_history", get(history::history))
        .route("/{kind}/{id}/_history/{version}", get(vread::vread));
    // `nest` does not take the base itself, with or without a slash.
    Router::new()
        .route(BASE, post(transaction::transaction))
        .route(&format!("{BASE}/"), post(transaction::transaction))
        .nest(BASE, fhir)
        .layer(middleware::from_fn(asked::layer))
        // Not JSON alone.
        .route(&format!("{BASE}/Binary/{{id}}"), get(binary::read))
        .route(&format!("{BASE}/$export-status/{{id}}/{{file}}"), get(export::file))
}
