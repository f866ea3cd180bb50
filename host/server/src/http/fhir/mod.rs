//! FHIR R4 at `/fhir/R4`, as declared in the CapabilityStatement.

mod asked;
mod binary;
mod bundle;
mod export;
mod reply;
mod resource;
mod submit;

use axum::{
    extract::State,
    http::{Method, StatusCode},
    middleware,
    response::Response,
};
use xinglin_domain::access::Action;
use xinglin_fhir::capability;

use crate::{
    Hospital,
    http::{
        access::{Access, READERS, Routes},
        fhir::asked::Base,
    },
};

pub use crate::http::fhir::reply::Refusal;
pub(crate) use xinglin_fhir::BASE;

/// Who may write resources and delete them.
const WRITERS: Access = Access::By(&[Action::ImportRecords]);

/// Who may export in bulk.
const EXPORTERS: Access = Access::By(&[Action::ExportRecords]);

/// Who may submit claims; what is asked is checked by the use case.
const SUBMITTERS: Access = Access::By(&[Action::AskInsurer, Action::QuoteCharge, Action::ConfirmCharge]);

/// Who may read or write; each entry of a bundle is checked on its own.
const ANYBODY: Access =
    Access::By(&[Action::ImportRecords, Action::ReadRecords, Action::ReadOwnRecord, Action::ReadOpenedRecord]);

/// The interactions.
pub fn routes() -> Routes {
    let at = |path: &str| format!("{BASE}{path}");
    Routes::default()
        .at(Method::POST, BASE, ANYBODY, bundle::import)
        .at(Method::POST, &at("/"), ANYBODY, bundle::import)
        .at(Method::GET, &at("/metadata"), Access::Public, metadata)
        .at(Method::GET, &at("/$export"), EXPORTERS, export::all)
        .at(Method::GET, &at("/{kind}/$export"), EXPORTERS, export::of_type)
        .at(Method::GET, &at("/$export-status/{id}"), EXPORTERS, export::status)
        .at(Method::DELETE, &at("/$export-status/{id}"), EXPORTERS, export::cancel)
        .at(Method::GET, &at("/Binary"), READERS, binary::search)
        .at(Method::POST, &at("/Binary"), Access::By(&[Action::AttachRecords]), binary::create)
        .at(Method::GET, &at("/_history"), READERS, bundle::history_of_all)
        .at(Method::GET, &at("/{kind}/_history"), READERS, bundle::history_of_type)
        .at(Method::GET, &at("/{kind}"), READERS, bundle::search)
        .at(Method::POST, &at("/{kind}"), WRITERS, resource::create)
        .at(Method::PUT, &at("/{kind}"), WRITERS, resource::update_by)
        .at(Method::DELETE, &at("/{kind}"), WRITERS, resource::delete_by)
        .at(Method::POST, &at("/{kind}/_search"), READERS, bundle::search_by_body)
        .at(Method::POST, &at("/Claim/$submit"), SUBMITTERS, submit::claim)
        .at(Method::POST, &at("/CoverageEligibilityRequest/$submit"), SUBMITTERS, submit::eligibility)
        .at(Method::POST, &at("/{kind}/$validate"), Access::SignedIn, resource::validate)
        .at(Method::GET, &at("/{kind}/{id}"), READERS, resource::read)
        .at(Method::PUT, &at("/{kind}/{id}"), WRITERS, resource::update)
        .at(Method::PATCH, &at("/{kind}/{id}"), WRITERS, resource::patch)
        .at(Method::DELETE, &at("/{kind}/{id}"), WRITERS, resource::delete)
        .at(Method::GET, &at("/{kind}/{id}/$everything"), READERS, bundle::everything)
        .at(Method::GET, &at("/{kind}/{id}/_history"), READERS, bundle::history)
        .at(Method::GET, &at("/{kind}/{id}/_history/{version}"), READERS, resource::read_version)
        .around(|router| router.layer(middleware::from_fn(asked::layer)))
        // Outside the JSON layer.
        .at(Method::GET, &at("/Binary/{id}"), READERS, binary::read)
        .at(Method::GET, &at("/$export-status/{id}/{file}"), EXPORTERS, export::file)
}

/// The CapabilityStatement. Public.
async fn metadata(State(hospital): State<Hospital>, Base(base): Base) -> Response {
    let statement = capability::statement(&base, env!("CARGO_PKG_VERSION"), hospital.platform.now());
    reply::document(StatusCode::OK, &statement)
}
