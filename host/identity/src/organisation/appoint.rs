use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::{AccountId, OrganisationId},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, organisation, standing};

use super::{OrganisationView, view};

/// Who is to represent an organisation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointRepresentative {
    /// An account with the role `representative`, and no other.
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// Has an account represent an organisation.
///
/// # Errors
/// If the caller may not; `NOT_FOUND`; `ORGANISATION_INVALID` if the account has another role; `ORGANISATION_STATE` if the
/// organisation is closed; `ALREADY_EXISTS` if the account represents one.
#[boxed]
pub async fn appoint(
    platform: &Platform,
    caller: &Caller,
    id: OrganisationId,
    ask: AppointRepresentative,
) -> AppResult<OrganisationView> {
    caller.may(Action::ManageOrganisations)?;
    caller.trail.asked();
    let tx = platform.begin(caller).await?;
    let organisation = organisation::parse(tx.get_organisation(id).await?)?;
    let account = standing::active(&tx.get_account(ask.account).await?)?;
    organisation.appoint(&account, &caller.actor, caller.now)?;
    tx.appoint_representative(id, ask.account, caller.actor.account, caller.now).await?;
    let representatives = tx.list_representatives(id).await?;
    tx.commit().await?;
    Ok(view(organisation, Some(representatives)))
}
