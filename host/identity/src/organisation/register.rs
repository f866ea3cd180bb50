use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::OrganisationId,
    organisation::{Kind, Organisation},
};
use xinglin_platform::{AppResult, Caller, Platform, ambient, boxed};

use super::{OrganisationView, body, view};

/// A school or an employer to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// `school` or `employer`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// 1 to 100 characters.
    pub name: String,
}

/// Registers a school or an employer. It is told nothing before a patient consents.
///
/// # Errors
/// If the caller may not; `ORGANISATION_INVALID`.
#[boxed]
pub async fn register(platform: &Platform, caller: &Caller, new: NewOrganisation) -> AppResult<OrganisationView> {
    caller.may(Action::ManageOrganisations)?;
    caller.trail.asked();
    let id = OrganisationId::from_u128(ambient::fresh_id());
    let organisation = Organisation::register(id, new.kind, &new.name, &caller.actor, caller.now)?;
    let tx = platform.begin(caller).await?;
    let row = xinglin_store::Organisation {
        id,
        body: body(&organisation)?,
        registered_at: organisation.registered,
        closed_at: None,
    };
    tx.insert_organisation(&row).await?;
    tx.commit().await?;
    Ok(view(organisation, Some(Vec::new())))
}
