use xinglin_domain::{
    access::Action,
    id::{AccountId, OrganisationId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

/// Has an account represent an organisation no more, from its next request on.
///
/// # Errors
/// If the caller may not; `NOT_FOUND` if it does not represent it.
#[boxed]
pub async fn dismiss(platform: &Platform, caller: &Caller, id: OrganisationId, account: AccountId) -> AppResult<()> {
    caller.may(Action::ManageOrganisations)?;
    caller.trail.asked();
    let tx = platform.begin(caller).await?;
    if !tx.dismiss_representative(id, account).await? {
        return Err(AppError::not_found("representative", account));
    }
    tx.commit().await?;
    Ok(())
}
