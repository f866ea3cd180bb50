use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::id::{AccountId, TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, standing::Standing};

use super::{NewFiling, Numbers, change_standing, filings};
use crate::account::AccountView;

/// All filings of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFilings {
    /// In place of those it has.
    pub filings: Vec<NewFiling>,
}

/// Records where somebody's practice is registered or filed.
///
/// # Errors
/// If the caller may not, the account is their own, or a date is none.
#[boxed]
pub async fn put_filings(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    new: NewFilings,
) -> AppResult<AccountView> {
    let put = |standing: &mut Standing| {
        standing.filings = filings(tenant, new.filings)?;
        Ok(Numbers::Keep)
    };
    change_standing(platform, caller, (tenant, id), "filings recorded", put).await
}
