use xinglin_domain::{
    id::PatientId,
    reminder::{Channel, Standing},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::TenantTx;

use super::{Secret, StoredAddress, address::may_choose, channel_of, lock};

/// The patient removes an address. What waits is not sent there.
///
/// # Errors
/// `NOT_FOUND` if there is none.
#[boxed]
pub async fn remove(platform: &Platform, caller: &Caller, patient: PatientId, channel: &str) -> AppResult<()> {
    may_choose(caller, patient)?;
    let channel = channel_of(channel)?;
    let tx = platform.begin(caller).await?;
    lock(&tx, patient).await?;
    let StoredAddress { row, value, .. } = find(&tx, patient, channel).await?;
    StoredAddress { row, value: value.removed(), secret: Secret::none() }.put(&tx, caller.now).await?;
    caller.write_trail(&tx).await?;
    Ok(tx.commit().await?)
}

/// An address that was not removed.
pub(super) async fn find(tx: &TenantTx, patient: PatientId, channel: Channel) -> AppResult<StoredAddress> {
    let rows = tx.list_reminder_addresses(&patient.to_string()).await?;
    let found = rows.into_iter().find(|row| row.channel == channel.as_str()).map(StoredAddress::read).transpose()?;
    let found = found.filter(|stored| stored.value.standing != Standing::Removed);
    found.ok_or_else(|| AppError::not_found("address", channel.as_str()))
}
