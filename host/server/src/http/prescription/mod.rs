//! Prescriptions: one file a verb.

mod approve;
mod dispense;
mod draft;
mod get;
mod insist;
mod reject;
mod rewrite;
mod send_back;
mod sign;
mod withdraw;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{Access, allowed, by},
};

/// Who reads the record, and who must know what to prepare.
const KNOWN: Access = Access::By(&[Action::ReadRecords, Action::ReadOwnRecord, Action::PreparePrescription]);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ReviewPrescription, routes!(approve::approve)))
        .routes(by(&Action::DispensePrescription, routes!(dispense::dispense)))
        .routes(by(&Action::DraftPrescription, routes!(draft::draft)))
        .routes(allowed(KNOWN, routes!(get::get)))
        .routes(by(&Action::SignPrescription, routes!(insist::insist)))
        .routes(by(&Action::ReviewPrescription, routes!(reject::reject)))
        .routes(by(&Action::DraftPrescription, routes!(rewrite::rewrite)))
        .routes(by(&Action::ReviewPrescription, routes!(send_back::send_back)))
        .routes(by(&Action::SignPrescription, routes!(sign::sign)))
        .routes(by(&Action::SignPrescription, routes!(withdraw::withdraw)))
}
