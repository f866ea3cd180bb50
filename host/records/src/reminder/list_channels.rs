use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{ReminderChannelView, put_channel::view};

/// The channels by which a tenant reminds patients, without their keys.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list_channels(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
) -> AppResult<Vec<ReminderChannelView>> {
    caller.may_in(tenant, Action::ManageReminders)?;
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    records.list_reminder_channels().await?.iter().map(|row| view(platform, tenant, row)).collect()
}
