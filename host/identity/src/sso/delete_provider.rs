use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

/// Trusts it no more, and forgets who came from there. Whoever is signed in stays so.
///
/// # Errors
/// `NOT_FOUND` if there is none; if the caller may not.
#[boxed]
pub async fn delete_provider(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<()> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let tx = platform.store().tenant(tenant).begin().await?;
    if !tx.delete_identity_provider().await? {
        return Err(AppError::not_found("identity provider of", tenant));
    }
    Ok(tx.commit().await?)
}
