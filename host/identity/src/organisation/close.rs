use xinglin_domain::{access::Action, id::OrganisationId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, organisation};

use super::{OrganisationView, body, view};

/// Closes an organisation: it sees nothing any more, from the next request on.
///
/// # Errors
/// If the caller may not; `NOT_FOUND`; `ORGANISATION_STATE` if it was closed before.
#[boxed]
pub async fn close(platform: &Platform, caller: &Caller, id: OrganisationId) -> AppResult<OrganisationView> {
    caller.may(Action::ManageOrganisations)?;
    caller.trail.asked();
    let tx = platform.begin(caller).await?;
    let known = organisation::parse(tx.get_organisation(id).await?)?;
    let closed = known.close(&caller.actor, caller.now)?;
    tx.close_organisation(id, &body(&closed)?, caller.now).await?;
    let representatives = tx.list_representatives(id).await?;
    tx.commit().await?;
    Ok(view(closed, Some(representatives)))
}
