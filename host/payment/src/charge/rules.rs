//! How a tenant charges.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Settings, settings},
};

/// A quote is of the day: prices and what a payer counts are another day's by then.
const LONGEST_QUOTE_MINUTES: u16 = 24 * 60;

/// How a tenant charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentRules {
    /// How long a quote may be confirmed, in minutes: one to 1440. 30 if never set.
    pub quote_minutes: u16,
}

/// The rules of a tenant.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<PaymentRules> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    let settings = settings(&platform.store().tenant(tenant)).await?;
    Ok(PaymentRules { quote_minutes: settings.quote_minutes() })
}

/// Sets the rules, for quotes from now on.
///
/// # Errors
/// If the caller may not; `BODY_INVALID` for a time that is none, or longer than a day.
#[boxed]
pub async fn put_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    rules: PaymentRules,
) -> AppResult<PaymentRules> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    if !(1..=LONGEST_QUOTE_MINUTES).contains(&rules.quote_minutes) {
        let detail = format!("quote_minutes: 1 to {LONGEST_QUOTE_MINUTES}");
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "quote_minutes"));
    }
    let (row, known) = settings::of(platform.store(), tenant).await?;
    let changed = Settings { quote_minutes: Some(rules.quote_minutes), ..known };
    settings::put(platform.store(), row, &changed, caller.now).await?;
    tracing::info!(%tenant, by = %caller.actor.account, minutes = rules.quote_minutes, "the time of quotes was set");
    Ok(rules)
}
