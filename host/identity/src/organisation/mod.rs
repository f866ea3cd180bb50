//! Schools and employers that patients may inform, registered by the hospital, and the accounts that represent them.

mod appoint;
mod close;
mod dismiss;
mod list;
mod register;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    id::{AccountId, OrganisationId},
    organisation::{Kind, Organisation},
};
use xinglin_platform::{AppError, AppResult};

pub use self::appoint::{AppointRepresentative, appoint};
pub use self::close::close;
pub use self::dismiss::dismiss;
pub use self::list::{OrganisationPage, list};
pub use self::register::{NewOrganisation, register};

/// A school or an employer.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganisationView {
    /// `org-…`
    #[schema(value_type = String)]
    pub id: OrganisationId,
    /// `school` or `employer`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// When it was registered (RFC 3339).
    pub registered: String,
    /// When it was closed.
    pub closed: Option<String>,
    /// The accounts that represent it; only for those who manage organisations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub representatives: Option<Vec<AccountId>>,
}

fn view(organisation: Organisation, representatives: Option<Vec<AccountId>>) -> OrganisationView {
    OrganisationView {
        id: organisation.id,
        kind: organisation.kind,
        name: organisation.name,
        registered: organisation.registered.to_string(),
        closed: organisation.closed.map(|at| at.to_string()),
        representatives,
    }
}

fn body(organisation: &Organisation) -> AppResult<serde_json::Value> {
    serde_json::to_value(organisation).map_err(AppError::internal)
}
