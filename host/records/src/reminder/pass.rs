use serde::Deserialize;
use serde_json::json;
use xinglin_domain::{
    code::Code,
    enrolment::{EndCause, Enrolment},
    id::{EnrolmentId, PatientId, ReminderId},
    reminder::{Channel, Next, Reason, Reminder, Rules, State, Tried, retry_at, words},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Platform, acting, ambient, boxed, document::Stored as StoredDocument, work::lease,
};
use xinglin_store::{Executor, Message, Queue, StoreError, Tenant, TenantScope, TenantTx, Work};

use super::{
    Stored, StoredAddress,
    gateway::{Gateway, Kind, Outcome, Sending},
    lock, put, receipt_url, rules_of,
};
use crate::{
    notice::{Notice, Weight, enrolment_of, tell_as},
    patient,
};

/// What `notice::write` says of a message.
#[derive(Deserialize)]
struct Ordered {
    urgent: bool,
    expires: Option<Instant>,
}

/// What is to be handed out, and to whom.
struct Prepared {
    gateway: Gateway,
    to: String,
    reminder: Reminder,
    language: words::Language,
    hospital: String,
}

/// A patient is to be reminded of a message: now, later, or not.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "pass_reminder", skip_all)]
#[boxed]
pub async fn pass(platform: &Platform, records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let (rules, hospital) = rules_of(records).await?;
    let Some(prepared) = prepare(platform, records, work, (&rules, hospital), now).await? else { return Ok(()) };
    let Prepared { gateway, to, reminder, language, hospital } = &prepared;
    let count = reminder.count.unwrap_or(1);
    let sending = Sending {
        id: &handed_out_as(reminder.id, gateway.channel),
        to,
        language: *language,
        text: &words::messages(hospital, count, *language),
        kind: Kind::Message { hospital, count },
        expires: reminder.expires,
        receipt_url: &receipt_url(platform, records.id(), gateway.channel),
    };
    let outcome = gateway.send(platform, &sending, now).await;
    let now = platform.now();
    let channel = gateway.channel.as_str();
    match outcome {
        Outcome::Unknown => platform.silences().unheard(records.id(), channel, now),
        Outcome::Accepted | Outcome::Refused(_) => platform.silences().heard(records.id(), channel),
    }
    note((platform, records), work, &prepared, outcome, now).await
}

/// The id of a reminder at a gateway: another at each, as one may serve both channels.
pub(super) fn handed_out_as(reminder: ReminderId, channel: Channel) -> String {
    format!("{reminder}-{}", channel.as_str())
}

/// Decides. What is to be handed out is stored as tried.
async fn prepare(
    platform: &Platform,
    records: &Tenant,
    work: &Work,
    (rules, hospital): (&Rules, String),
    now: Instant,
) -> AppResult<Option<Prepared>> {
    let tx = records.begin().await?;
    lock(&tx, &work.lane).await?;
    // Nobody else has it, until the answer of the gateway was noted.
    if !tx.put_off_work(work, lease(Queue::Reminder, now)).await? {
        return Ok(None);
    }
    let Some(message) = tx.find_message(&work.id).await? else {
        // Erased.
        tx.finish_work(work).await?;
        tx.commit().await?;
        return Ok(None);
    };
    let Stored { row, value } = match tx.find_reminder_of(&message.id).await? {
        Some(row) => row.try_into()?,
        None => Stored::fresh(reminder(work, &message, rules)?, now),
    };
    if value.state != State::Queued {
        tx.finish_work(work).await?;
        tx.commit().await?;
        return Ok(None);
    }
    let is_new = row.version == 0;
    let decided = decide(platform, &tx, (value, &message, is_new), rules, now).await?;
    match decided {
        Decided::Over(reminder) => {
            put(&tx, row, &reminder, now).await?;
            tx.finish_work(work).await?;
            tx.commit().await?;
            Ok(None)
        }
        Decided::Later(reminder, at) => {
            put(&tx, row, &reminder, now).await?;
            tx.put_off_work(work, at).await?;
            tx.commit().await?;
            Ok(None)
        }
        Decided::Now(reminder, gateway, address) => {
            put(&tx, row, &reminder, now).await?;
            tx.commit().await?;
            let (to, language) = (address.secret.to.clone(), address.value.language);
            Ok(Some(Prepared { gateway: *gateway, to, reminder, language, hospital }))
        }
    }
}

fn reminder(work: &Work, message: &Message, rules: &Rules) -> AppResult<Reminder> {
    let ordered = Ordered::deserialize(&work.payload).map_err(AppError::internal)?;
    let patient: PatientId = message.patient_id.parse().map_err(AppError::internal)?;
    let expires = message.created_at.plus_hours(rules.expire_hours.into());
    let expires = ordered.expires.map_or(expires, |at| at.min(expires));
    let id = ReminderId::from_u128(ambient::fresh_id());
    Ok(Reminder::new(id, (patient, message.id.clone()), ordered.urgent, (message.created_at, expires)))
}

enum Decided {
    Over(Reminder),
    Later(Reminder, Instant),
    Now(Reminder, Box<Gateway>, Box<StoredAddress>),
}

async fn decide(
    platform: &Platform,
    tx: &TenantTx,
    (mut reminder, message, is_new): (Reminder, &Message, bool),
    rules: &Rules,
    now: Instant,
) -> AppResult<Decided> {
    let patient = reminder.patient;
    if let Some(reason) = gone(tx, patient).await? {
        return Ok(Decided::Over(reminder.dropped(reason, now)));
    }
    let bundled = tx.list_bundled_messages(reminder.id).await?;
    let mut reason = of_no_use(tx, message).await?;
    let mut count = u32::from(reason.is_none());
    for id in bundled {
        if let Some(other) = tx.find_message(&id).await? {
            match of_no_use(tx, &other).await? {
                None => count = count.saturating_add(1),
                Some(other) => reason = reason.or(Some(other)),
            }
        }
    }
    if let Some(reason) = reason.filter(|_| count == 0) {
        return Ok(Decided::Over(reminder.dropped(reason, now)));
    }
    let (gateway, address) = match usable(platform, tx, &reminder, now).await? {
        Ok(usable) => usable,
        Err(reason) => return Ok(Decided::Over(reminder.dropped(reason, now))),
    };
    let mut others = Vec::new();
    for row in tx.list_tried_reminders(&patient.to_string(), now.plus_days(-7)).await? {
        let tried = row.tried_at.map(|at| Tried { at, urgent: row.urgent });
        others.extend(tried.filter(|_| row.id != reminder.id));
    }
    let verdict = rules.judge(&reminder, &others, now);
    let demoted = reminder.urgent && !verdict.urgent;
    reminder.urgent = verdict.urgent;
    if (is_new || demoted) && reminder.takes_in() && now < reminder.expires {
        let mut waiting = Vec::new();
        for row in tx.list_queued_reminders(&patient.to_string()).await? {
            waiting.push(Stored::try_from(row)?);
        }
        // What waits takes in what comes, and what is not urgent any more.
        let takes_in = |other: &Stored| other.value.id != reminder.id && other.value.takes_in();
        if let Some(Stored { row, value }) = waiting.into_iter().find(takes_in) {
            let host = value.with(&reminder);
            put(tx, row, &host, now).await?;
            return Ok(Decided::Over(reminder.bundled(host.id, now)));
        }
    }
    Ok(match verdict.next {
        Next::Expire => Decided::Over(reminder.dropped(Reason::Expired, now)),
        Next::Wait(at) => Decided::Later(reminder, at),
        Next::Send => match platform.silences().ask(tx.id(), gateway.channel.as_str(), now) {
            // Of many, one finds out whether the gateway answers again.
            Some(until) => {
                let at = until.min(reminder.expires);
                Decided::Later(reminder, at)
            }
            None => Decided::Now(reminder.trying(gateway.channel, count, now), gateway, address),
        },
    })
}

/// Why nobody is reminded any more, of whatever.
async fn gone<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Option<Reason>> {
    match patient::treatable(records, patient).await {
        Ok(()) => Ok(None),
        Err(error) => match error.code {
            Code::PatientDeceased => Ok(Some(Reason::Deceased)),
            Code::PatientReplaced => Ok(Some(Reason::Replaced)),
            Code::NotFound | Code::PatientInactive => Ok(Some(Reason::Inactive)),
            _ => Err(error),
        },
    }
}

/// Why a patient needs no reminder of a message: they have read it, or have left the pathway that it is of.
async fn of_no_use<E: Executor>(records: &TenantScope<E>, message: &Message) -> AppResult<Option<Reason>> {
    if message.read_at.is_some() {
        return Ok(Some(Reason::Read));
    }
    let Some(enrolment) = enrolment_of(message) else { return Ok(None) };
    let enrolment = match records.get_document(enrolment).await {
        Ok(row) => StoredDocument::<EnrolmentId, Enrolment>::try_from(row)?.value,
        Err(StoreError::NotFound { .. }) => return Ok(Some(Reason::Withdrawn)),
        Err(error) => return Err(error.into()),
    };
    let cause = enrolment.ended.as_ref().map(|ended| &ended.cause);
    Ok(matches!(cause, Some(EndCause::Withdrawn | EndCause::NoLongerTreated)).then_some(Reason::Withdrawn))
}

/// By which channel, and to which address: that of the last attempt, if it can still be used, else the first by rank. Or
/// why by none.
async fn usable(
    platform: &Platform,
    tx: &TenantTx,
    reminder: &Reminder,
    now: Instant,
) -> AppResult<Result<(Box<Gateway>, Box<StoredAddress>), Reason>> {
    let mut gateways = Vec::new();
    for row in tx.list_reminder_channels().await? {
        match Gateway::of(platform, tx.id(), &row) {
            Ok(gateway) => gateways.push(gateway),
            // The others remind.
            Err(error) => {
                tracing::error!(tenant = %tx.id(), channel = row.channel, %error, "a channel of reminders cannot be opened");
            }
        }
    }
    gateways.sort_by_key(|gateway| (reminder.channel != Some(gateway.channel), gateway.settings.rank));
    let mut addresses = Vec::new();
    for row in tx.list_reminder_addresses(&reminder.patient.to_string()).await? {
        addresses.push(StoredAddress::read(row)?);
    }
    let mut reason = addresses.iter().map(why_not).min().unwrap_or(Unusable::None);
    for gateway in gateways {
        let used = |one: &StoredAddress| one.value.channel == gateway.channel && one.value.is_used();
        let Some(place) = addresses.iter().position(used) else { continue };
        if !is_entitled(tx, &addresses[place], reminder.patient, now).await? {
            reason = Unusable::NotEntitled;
        } else if !gateway.settings.enabled {
            reason = Unusable::ChannelOff;
        } else {
            return Ok(Ok((Box::new(gateway), Box::new(addresses.swap_remove(place)))));
        }
    }
    Ok(Err(match reason {
        Unusable::ChannelOff => Reason::ChannelOff,
        Unusable::NotEntitled => Reason::NotEntitled,
        Unusable::Invalid => Reason::AddressInvalid,
        Unusable::OptedOut => Reason::OptedOut,
        Unusable::None => Reason::NoAddress,
    }))
}

/// Why an address is not used, the most telling first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unusable {
    ChannelOff,
    NotEntitled,
    Invalid,
    OptedOut,
    None,
}

/// Whether who entered an address still decides for the patient.
async fn is_entitled<E: Executor>(
    records: &TenantScope<E>,
    address: &StoredAddress,
    patient: PatientId,
    now: Instant,
) -> AppResult<bool> {
    let Some(by) = address.value.by else { return Ok(false) };
    match records.get_account(by).await {
        Ok(account) => Ok(account.active && acting::actor(records, &account, now).await?.acts_wholly_for(patient)),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn why_not(address: &StoredAddress) -> Unusable {
    use xinglin_domain::reminder::Standing;
    match (address.value.standing, address.value.enabled) {
        (Standing::Confirmed, true) => Unusable::ChannelOff,
        (Standing::Failing, true) => Unusable::Invalid,
        (Standing::Confirmed | Standing::Failing, false) => Unusable::OptedOut,
        (Standing::Pending | Standing::Removed, _) => Unusable::None,
    }
}

/// Notes what became of it. A receipt may have been faster.
async fn note(
    (platform, records): (&Platform, &Tenant),
    work: &Work,
    prepared: &Prepared,
    outcome: Outcome,
    now: Instant,
) -> AppResult<()> {
    let channel = prepared.gateway.channel;
    let tx = records.begin().await?;
    lock(&tx, &work.lane).await?;
    let Some(row) = tx.find_reminder(prepared.reminder.id).await? else {
        // Erased.
        return Ok(());
    };
    let Stored { row, value } = Stored::try_from(row)?;
    let noted = match outcome {
        Outcome::Accepted => {
            put(&tx, row, &value.sent(now), now).await?;
            tx.finish_work(work).await?
        }
        Outcome::Unknown => {
            let again = retry_at(&value, now);
            tracing::warn!(channel = channel.as_str(), reminder = %value.id, %again, "no answer of a gateway of reminders");
            tx.put_off_work(work, again).await?
        }
        Outcome::Refused(Reason::AddressInvalid) => {
            failing(&tx, value.patient, channel, Used::To(&prepared.to), now).await?;
            // By another channel, if there is one.
            if usable(platform, &tx, &value, now).await?.is_ok() {
                tx.put_off_work(work, now).await?
            } else {
                put(&tx, row, &value.failed(Reason::AddressInvalid, now), now).await?;
                tx.finish_work(work).await?
            }
        }
        Outcome::Refused(reason) => {
            tracing::error!(channel = channel.as_str(), reminder = %value.id, "the gateway refuses a reminder");
            put(&tx, row, &value.failed(reason, now), now).await?;
            tx.finish_work(work).await?
        }
    };
    // Somebody else is at it by now: they say the same to the gateway, and note its answer.
    if noted { Ok(tx.commit().await?) } else { Ok(()) }
}

/// Which address was used.
#[derive(Clone, Copy)]
pub(super) enum Used<'a> {
    /// This one.
    To(&'a str),
    /// The one that was confirmed at this moment.
    At(Instant),
}

/// An address does not work, if it is still the one that was used: the patient is told in the app, where they see it.
pub(super) async fn failing(
    tx: &TenantTx,
    patient: PatientId,
    channel: Channel,
    used: Used<'_>,
    now: Instant,
) -> AppResult<()> {
    for row in tx.list_reminder_addresses(&patient.to_string()).await? {
        let StoredAddress { row, value, secret } = StoredAddress::read(row)?;
        let is_that = match used {
            Used::To(to) => to == secret.to,
            Used::At(moment) => value.was_used_at(moment),
        };
        if value.channel != channel || !value.is_used() || !is_that {
            continue;
        }
        let key = format!("reminder-address/{patient}/{}/{}", channel.as_str(), row.version);
        StoredAddress { row, value: value.failing(), secret }.put(tx, now).await?;
        let notice = Notice {
            patient,
            key,
            text: [
                "您登记的提醒号码无法送达，已停止使用。请在提醒设置中重新登记。",
                "The address for your reminders does not work and is used no more. Please enter it again in the settings.",
            ],
            about: json!({ "occasion": "reminder-address", "channel": channel }),
        };
        tell_as(tx, notice, Weight::Silent, now).await?;
    }
    Ok(())
}
