use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::id::PatientId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{
    ReminderAddressView, StoredAddress, address::may_choose, channel_of, language_of, lock, refused, remove::find,
};

/// What the patient wants of a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenReminders {
    /// Whether reminders come there.
    pub enabled: bool,
    /// `zh-CN` or `en`; stays if left out.
    pub language: Option<String>,
}

/// The patient says whether reminders come to their address, and in which language. What waits follows it at once.
///
/// # Errors
/// `NOT_FOUND` if there is no address.
#[boxed]
pub async fn choose(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    channel: &str,
    chosen: ChosenReminders,
) -> AppResult<ReminderAddressView> {
    may_choose(caller, patient)?;
    let channel = channel_of(channel)?;
    let tx = platform.begin(caller).await?;
    lock(&tx, patient).await?;
    let StoredAddress { row, value, secret } = find(&tx, patient, channel).await?;
    let language = language_of(chosen.language.as_deref(), value.language)?;
    let value = value.preferring(chosen.enabled, language).map_err(refused)?;
    let stored = StoredAddress { row, value, secret };
    stored.put(&tx, caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    Ok(stored.view())
}
