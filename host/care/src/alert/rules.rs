//! How alerts of a tenant escalate.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    enrolment::alert::Ladder,
    id::TenantId,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Settings, settings},
};

/// To whom alerts climb.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationRules {
    /// Roles, in order, after the one that owns the alert; the last is told again and again. One to
    /// eight, each allowed to acknowledge alerts.
    #[schema(value_type = Vec<String>)]
    pub ladder: Vec<Role>,
}

/// The rules of a tenant.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<EscalationRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let settings = settings(&platform.store().tenant(tenant)).await?;
    Ok(EscalationRules { ladder: settings.escalation.rungs().to_vec() })
}

/// Sets the rules, effective from the next escalation on.
///
/// # Errors
/// If the caller may not; `BODY_INVALID` for a ladder that leads nowhere.
#[boxed]
pub async fn put_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    rules: EscalationRules,
) -> AppResult<EscalationRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let wrong = || {
        let detail = "ladder: one to eight roles that may acknowledge alerts";
        AppError::new(Code::BodyInvalid, detail).with("path", "ladder")
    };
    let ladder = Ladder::new(rules.ladder.clone()).ok_or_else(wrong)?;
    let (row, known) = settings::of(platform.store(), tenant).await?;
    settings::put(platform.store(), row, &Settings { escalation: ladder, ..known }, caller.now).await?;
    tracing::info!(%tenant, by = %caller.actor.account, "the ladder of alerts was set");
    Ok(rules)
}
