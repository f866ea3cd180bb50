use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::id::{AccountId, TenantId};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, Caller, boxed, standing::Standing};

use super::{NewCertificate, Numbers, certificates, change_standing};
use crate::account::{AccountView, verification};

/// More certificates of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificates {
    /// Beside those it has.
    pub certificates: Vec<NewCertificate>,
}

/// Submits certificates of an account. They are effective once verified.
///
/// # Errors
/// If the caller may not, or the account is their own; `CRED_NUMBER_TAKEN` if another
/// account holds a certificate of the same kind and number.
#[boxed]
pub async fn submit(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    new: NewCertificates,
) -> AppResult<AccountView> {
    let submit = |standing: &mut Standing| {
        let (certificates, numbers) = certificates(&extensions.platform, tenant, id, new.certificates)?;
        standing.certificates.extend(certificates);
        Ok(Numbers::Claim(numbers))
    };
    change_standing(&extensions.platform, caller, (tenant, id), "certificates submitted", submit).await?;
    verification::hear_verifiers(extensions, caller, tenant, id).await;
    AccountView::of(extensions.platform.store().tenant(tenant).get_account(id).await?, caller.now)
}
