use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::TenantId,
    reminder::{Quiet, Rules},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Settings},
};

/// When and how often a hospital reminds its patients. What waits follows a change when its time comes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReminderRules {
    /// Hours in which nobody is disturbed, in Asia/Shanghai: `{"from": "21:00", "until": "08:00"}`; none if `null`.
    #[schema(value_type = Option<Object>)]
    pub quiet: Option<Quiet>,
    /// Most reminders of a patient in any 24 hours, 1 to 20.
    pub per_day: u32,
    /// Most in any 7 days, up to 100.
    pub per_week: u32,
    /// Most urgent ones in any 24 hours, 1 to 20: they wait for no quiet hours, and are counted by themselves.
    pub urgent_per_day: u32,
    /// Hours after which a reminder is not sent any more, 1 to 336.
    pub expire_hours: u32,
    /// What the hospital calls itself in reminders, if not by its name: 1 to 20 characters that say nothing of what its
    /// patients have.
    #[serde(default)]
    pub sender: Option<String>,
}

impl From<Rules> for ReminderRules {
    fn from(Rules { quiet, per_day, per_week, urgent_per_day, expire_hours, sender }: Rules) -> Self {
        Self { quiet, per_day, per_week, urgent_per_day, expire_hours, sender }
    }
}

/// The rules of a tenant.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn get_rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<ReminderRules> {
    caller.may_in(tenant, Action::ManageReminders)?;
    Ok(settings::settings(&platform.store().tenant(tenant)).await?.reminders.into())
}

/// Sets the rules of a tenant.
///
/// # Errors
/// `BODY_INVALID`.
#[boxed]
pub async fn put_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    ask: ReminderRules,
) -> AppResult<ReminderRules> {
    caller.may_in(tenant, Action::ManageReminders)?;
    let ReminderRules { quiet, per_day, per_week, urgent_per_day, expire_hours, sender } = ask;
    let rules = Rules { quiet, per_day, per_week, urgent_per_day, expire_hours, sender };
    if let Some(fault) = rules.fault() {
        return Err(AppError::new(Code::BodyInvalid, fault));
    }
    caller.trail.asked();
    let (row, known) = settings::of(platform.store(), tenant).await?;
    let changed = Settings { reminders: rules.clone(), ..known };
    settings::put(platform.store(), row, &changed, caller.now).await?;
    tracing::info!(%tenant, by = %caller.actor.account, "the rules of reminders were set");
    Ok(rules.into())
}
