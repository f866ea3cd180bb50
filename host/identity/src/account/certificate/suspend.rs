use xinglin_domain::{
    id::{AccountId, CertificateId, TenantId},
    practice::Suspension,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, standing::Standing};

use super::{Numbers, certificate, change_standing};
use crate::account::{AccountView, Because};

/// Suspends a certificate: the account may still sign in, and no longer act by it.
///
/// # Errors
/// If the caller may not, or the account is their own; `NOT_FOUND`.
#[boxed]
pub async fn suspend(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    (id, which): (AccountId, CertificateId),
    because: Because,
) -> AppResult<AccountView> {
    let suspend = |standing: &mut Standing| {
        let suspension = Suspension { since: caller.now, by: caller.actor.account, reason: because.reason };
        certificate(standing, which)?.suspend(suspension);
        Ok(Numbers::Keep)
    };
    change_standing(platform, caller, (tenant, id), "certificate suspended", suspend).await
}
