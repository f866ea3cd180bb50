//! FHIR R4 at `/fhir/R4`: what the CapabilityStatement says, no more.

mod asked;
mod binary;
mod create;
mod delete;
mod everything;
mod export;
mod histories;
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

use axum::{http::Method, middleware};
use xinglin_domain::access::Action;

use crate::http::access::{Access, READERS, Routes};

pub use crate::http::fhir::reply::Refusal;
pub(crate) use xinglin_fhir::BASE;

/// Who brings records in, and takes them out again.
const WRITERS: Access = Access::By(&[Action::ImportRecords]);

/// Who takes them out in bulk.
const EXPORTERS: Access = Access::By(&[Action::ExportRecords]);

/// Who does one or the other; which of it, each entry of a bundle is asked.
const ANYBODY: Access =
    Access::By(&[Action::ImportRecords, Action::ReadRecords, Action::ReadOwnRecord, Action::ReadOpenedRecord]);

/// The interactions.
pub fn routes() -> Routes {
    let at = |path: &str| format!("{BASE}{path}");
    Routes::default()
        .at(Method::POST, BASE, ANYBODY, transaction::transaction)
        .at(Method::POST, &at("/"), ANYBODY, transaction::transaction)
        .at(Method::GET, &at("/metadata"), Access::Public, metadata::metadata)
        .at(Method::GET, &at("/$export"), EXPORTERS, export::all)
        .at(Method::GET, &at("/{kind}/$export"), EXPORTERS, export::of_type)
        .at(Method::GET, &at("/$export-status/{id}"), EXPORTERS, export::status)
        .at(Method::DELETE, &at("/$export-status/{id}"), EXPORTERS, export::cancel)
        .at(Method::GET, &at("/Binary"), READERS, binary::search)
        .at(Method::POST, &at("/Binary"), Access::By(&[Action::AttachRecords]), binary::create)
        .at(Method::GET, &at("/_history"), READERS, histories::of_all)
        .at(Method::GET, &at("/{kind}/_history"), READERS, histories::of_type)
        .at(Method::GET, &at("/{kind}"), READERS, search::search)
        .at(Method::POST, &at("/{kind}"), WRITERS, create::create)
        .at(Method::PUT, &at("/{kind}"), WRITERS, update::update_by)
        .at(Method::DELETE, &at("/{kind}"), WRITERS, delete::delete_by)
        .at(Method::POST, &at("/{kind}/_search"), READERS, search::search_by_body)
        .at(Method::POST, &at("/{kind}/$validate"), Access::SignedIn, validate::validate)
        .at(Method::GET, &at("/{kind}/{id}"), READERS, read::read)
        .at(Method::PUT, &at("/{kind}/{id}"), WRITERS, update::update)
        .at(Method::PATCH, &at("/{kind}/{id}"), WRITERS, patch::patch)
        .at(Method::DELETE, &at("/{kind}/{id}"), WRITERS, delete::delete)
        .at(Method::GET, &at("/{kind}/{id}/$everything"), READERS, everything::everything)
        .at(Method::GET, &at("/{kind}/{id}/_history"), READERS, history::history)
        .at(Method::GET, &at("/{kind}/{id}/_history/{version}"), READERS, vread::vread)
        .around(|router| router.layer(middleware::from_fn(asked::layer)))
        // Not JSON alone.
        .at(Method::GET, &at("/Binary/{id}"), READERS, binary::read)
        .at(Method::GET, &at("/$export-status/{id}/{file}"), EXPORTERS, export::file)
}
