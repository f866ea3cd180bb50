use xinglin_domain::id::{AccountId, CertificateId, TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, standing::Standing};

use super::{Numbers, certificate, change_standing};
use crate::account::{AccountView, Because};

/// Lifts the suspension of a certificate.
///
/// # Errors
/// If the caller may not, or the account is their own; `NOT_FOUND`.
#[boxed]
pub async fn restore(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    (id, which): (AccountId, CertificateId),
    because: Because,
) -> AppResult<AccountView> {
    let restore = |standing: &mut Standing| {
        certificate(standing, which)?.restore();
        tracing::info!(%tenant, account = %id, reason = because.reason, "a suspension is lifted");
        Ok(Numbers::Keep)
    };
    change_standing(platform, caller, (tenant, id), "certificate restored", restore).await
}
