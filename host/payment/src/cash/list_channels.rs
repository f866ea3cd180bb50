use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{ChannelView, put_channel::view};

/// The channels of a tenant, without their secrets. The counter needs no settings and is not among them.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list_channels(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<ChannelView>> {
    caller.may_in(tenant, Action::ManageCashChannels)?;
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    records.list_cash_channels().await?.iter().map(|row| view(platform, tenant, row)).collect()
}
