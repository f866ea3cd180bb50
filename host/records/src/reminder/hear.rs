use xinglin_domain::{
    id::{ReminderId, TenantId},
    reminder::{Channel, Reason},
};
use xinglin_platform::{AppError, AppResult, Platform, boxed};
use xinglin_store::Queue;

use super::{
    Stored, channel_of,
    gateway::{Gateway, ReceiptStatus},
    lock,
    pass::{Used, failing, handed_out_as},
    put,
};

/// A receipt of a gateway. It is authenticated by its signature and its time, and has its effect once: of a reminder that
/// has ended, a repetition says nothing new. Of what is not known it has none, so that a gateway does not repeat it.
///
/// # Errors
/// `REMINDER_RECEIPT_INVALID` if it is forged or old: then nothing is changed.
#[boxed]
pub async fn hear(
    platform: &Platform,
    tenant: TenantId,
    channel: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> AppResult<()> {
    let channel = channel_of(channel)?;
    let (records, now) = (platform.store().tenant(tenant), platform.now());
    let gateway = Gateway::find(platform, &records, channel).await?;
    let gateway = gateway.ok_or_else(|| AppError::not_found("channel", channel.as_str()))?;
    let receipt = gateway.hear(headers, body, now)?;
    let Some(id) = named(&receipt.id, channel) else { return Ok(()) };
    let Some(found) = records.find_reminder(id).await? else { return Ok(()) };
    let tx = records.begin().await?;
    lock(&tx, &found.patient_id).await?;
    let Some(found) = tx.find_reminder(id).await? else { return Ok(()) };
    let Stored { row, value } = Stored::try_from(found)?;
    // It was handed to another since.
    if value.channel != Some(channel) {
        return Ok(());
    }
    let failed = match receipt.status {
        ReceiptStatus::Delivered => None,
        ReceiptStatus::Failed => Some(Reason::Undelivered),
        ReceiptStatus::AddressInvalid => Some(Reason::AddressInvalid),
    };
    let Some(heard) = value.heard(failed, now) else { return Ok(()) };
    put(&tx, row, &heard, now).await?;
    // It may be faster than the gateway's answer.
    tx.drop_work(Queue::Reminder, &heard.message).await?;
    if failed == Some(Reason::AddressInvalid)
        && let Some(tried) = heard.tried
    {
        failing(&tx, heard.patient, channel, Used::At(tried), now).await?;
    }
    Ok(tx.commit().await?)
}

/// The reminder that was handed out under this id.
fn named(id: &str, channel: Channel) -> Option<ReminderId> {
    let reminder = id.strip_suffix(channel.as_str())?.strip_suffix('-')?.parse().ok()?;
    (handed_out_as(reminder, channel) == id).then_some(reminder)
}
