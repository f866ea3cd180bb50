use xinglin_domain::{access::Action, code::Code, id::TenantId, practice::Bar};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::PracticeRules;

/// Sets the rules, effective from the next request of every doctor on.
///
/// # Errors
/// If the caller may not; `BODY_INVALID` for less than the law asks.
#[boxed]
pub async fn put_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    rules: PracticeRules,
) -> AppResult<PracticeRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let out_of_range = || AppError::new(Code::BodyInvalid, "years: 3, which is the law, to 50").with("path", "years");
    let years = Bar::new(rules.years).ok_or_else(out_of_range)?.years();
    let mut row = platform.store().tenant(tenant).profile().await?;
    row.practice_years = years.into();
    row.updated_at = caller.now;
    let tx = platform.store().operator().begin().await?;
    tx.update_tenant(&row).await?;
    tx.commit().await?;
    tracing::info!(%tenant, years, by = %caller.actor.account, "the years of practice that doctors need were set");
    Ok(PracticeRules { years })
}
