use xinglin_domain::{
    access::Action,
    id::{AccountId, TenantId},
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, Caller, boxed};

use super::ask_of_certificates;
use crate::account::{self, AccountView};

/// Has the verifiers verify the undecided certificates of an account.
///
/// # Errors
/// If the caller may not, or the account is their own. A failing verifier is not an error.
#[boxed]
pub async fn check_certificates(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
) -> AppResult<AccountView> {
    account::other_account(&extensions.platform, caller, tenant, id, Action::ManageAccounts).await?;
    ask_of_certificates(extensions, caller, tenant, id).await?;
    AccountView::of(extensions.platform.store().tenant(tenant).get_account(id).await?, caller.now)
}
