use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::id::PatientId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{ReminderAddressView, Secret, StoredAddress, address::may_choose, channel_of, lock, refused, remove::find};

/// The code that was sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReminderCode {
    /// Six digits.
    pub code: String,
}

/// The patient enters the code that was sent to an address: reminders come there from now on.
///
/// # Errors
/// `REMINDER_CODE` if it is another, too old, or was entered wrongly too often; `NOT_FOUND` if no address was entered.
#[boxed]
pub async fn confirm(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    channel: &str,
    given: ReminderCode,
) -> AppResult<ReminderAddressView> {
    may_choose(caller, patient)?;
    let channel = channel_of(channel)?;
    let tx = platform.begin(caller).await?;
    lock(&tx, patient).await?;
    let StoredAddress { row, value, secret } = find(&tx, patient, channel).await?;
    let (value, outcome) = value.confirmed(given.code.trim(), &secret.code, caller.now);
    let secret = match outcome {
        Ok(()) => Secret { to: secret.next, ..Secret::none() },
        Err(_) => secret,
    };
    let stored = StoredAddress { row, value, secret };
    // Wrong codes count.
    stored.put(&tx, caller.now).await?;
    if outcome.is_ok() {
        caller.write_trail(&tx).await?;
    }
    tx.commit().await?;
    outcome.map_err(refused)?;
    Ok(stored.view())
}
