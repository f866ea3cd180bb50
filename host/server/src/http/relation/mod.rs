//! Who belongs to a patient: one file a verb.

mod invite;
mod join;
mod list;
mod register;
mod revoke;

use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::Hospital,
    http::access::{Access, READERS, allowed, by},
};

/// Who says that a relation holds no more.
const REVOKERS: Access = Access::By(&[Action::RegisterRelations, Action::ManageConsent]);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::RegisterRelations, routes!(register::register)))
        .routes(allowed(READERS, routes!(list::list)))
        .routes(by(&Action::ManageConsent, routes!(invite::invite)))
        .routes(by(&Action::JoinFamily, routes!(join::join)))
        .routes(allowed(REVOKERS, routes!(revoke::revoke)))
}
