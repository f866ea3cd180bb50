use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    id::PatientId,
    reminder::{Address, AddressFault, CODE_MINUTES, Channel, Standing, may_send_code, normal, words},
};
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed, document};
use xinglin_store::ReminderAddress;

use super::{
    ReminderAddressView, Secret, StoredAddress,
    address::may_choose,
    channel_of,
    gateway::{Gateway, Kind, Outcome, Sending},
    invalid, language_of, lock, receipt_url, refused, rules_of,
};
use crate::patient;

/// An address to be reminded at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnteredAddress {
    /// A mobile number of the mainland (`13800138000`, `+8613800138000`), or an `openid` of the hospital's official account.
    pub to: String,
    /// `zh-CN` or `en`; the patient's preferred language if left out.
    pub language: Option<String>,
}

/// The patient enters an address: a code is sent to it, by which they [confirm](super::confirm) that it is theirs. What
/// was confirmed on the channel before is used until then.
///
/// # Errors
/// `REMINDER_CHANNEL` if the hospital has no such channel, or the gateway refuses the address; `REMINDER_TOO_MANY`;
/// `REMINDER_UNAVAILABLE` if the gateway does not answer: ask for another code; `BODY_INVALID`.
#[boxed]
pub async fn enter(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    channel: &str,
    new: EnteredAddress,
) -> AppResult<ReminderAddressView> {
    may_choose(caller, patient)?;
    let channel = channel_of(channel)?;
    let to = normal(channel, &new.to).ok_or_else(|| invalid("to", form(channel)))?;
    let records = platform.records(caller);
    let gateway = Gateway::find(platform, &records, channel).await?.filter(|gateway| gateway.settings.enabled);
    let gateway = gateway.ok_or_else(|| {
        AppError::new(Code::ReminderChannel, format!("this hospital does not remind by `{}`", channel.as_str()))
    })?;
    let (_, hospital) = rules_of(&records).await?;
    let record = records.get_resource("Patient", &patient.to_string()).await?;
    let preferred = person::language(&document::value(&record)?).map(|tag| words::Language::of(&tag));
    let code = format!("{:06}", u64::from_be_bytes(ambient::random_bytes::<8>()) % 1_000_000);

    let tx = platform.begin(caller).await?;
    lock(&tx, patient).await?;
    patient::treatable(&tx, patient).await?;
    let known = tx.list_reminder_addresses(&patient.to_string()).await?;
    let known = known.into_iter().find(|row| row.channel == channel.as_str()).map(StoredAddress::read).transpose()?;
    let (row, value, used) = match known {
        Some(stored) => (stored.row, stored.value, stored.secret.to),
        None => {
            let row = ReminderAddress {
                patient_id: patient.to_string(),
                channel: channel.as_str().to_owned(),
                body: serde_json::Value::Null,
                secret: String::new(),
                version: 0,
                updated_at: caller.now,
            };
            (row, Address::none(channel, preferred.unwrap_or_default()), String::new())
        }
    };
    let language = language_of(new.language.as_deref(), preferred.unwrap_or(value.language))?;
    let value = value.entered(caller.actor.account, language, caller.now).map_err(refused)?;
    // Also of others who enter it.
    let key = platform.keys().blind(records.id(), &format!("reminder-code/{}/{to}", channel.as_str()));
    if !platform.codes().take(key, |times| may_send_code(times, caller.now), caller.now) {
        return Err(refused(AddressFault::TooMany));
    }
    let used = if value.standing == Standing::Confirmed { used } else { to.clone() };
    let stored = StoredAddress { row, value, secret: Secret { to: used, next: to.clone(), code: code.clone() } };
    stored.put(&tx, caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;

    let sending = Sending {
        id: &format!("code-{:032x}", ambient::fresh_id()),
        to: &to,
        language,
        text: &words::code(&hospital, &code, CODE_MINUTES, language),
        kind: Kind::Code { hospital: &hospital, code: &code, minutes: CODE_MINUTES },
        expires: caller.now.plus_minutes(CODE_MINUTES),
        receipt_url: &receipt_url(platform, records.id(), channel),
    };
    match gateway.send(platform, &sending, caller.now).await {
        Outcome::Accepted => Ok(stored.view()),
        Outcome::Refused(_) => Err(AppError::new(Code::ReminderChannel, "the channel does not take this address")),
        Outcome::Unknown => {
            Err(AppError::new(Code::ReminderUnavailable, "the channel does not answer; ask for another code"))
        }
    }
}

const fn form(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "a mobile number of the mainland: 11 digits, with or without `+86`",
        Channel::Wechat => "an openid of the hospital's official account: 6 to 64 letters, digits, `_` and `-`",
    }
}
