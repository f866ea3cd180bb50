//! Reminders of messages over channels outside of the app. `notice::write` puts a message's work; [`pass`] decides by the
//! rules of `xinglin_domain::reminder`, hands it to a [`gateway`], and notes what became of it. No transaction is open
//! meanwhile: what is handed out was stored as tried before, so that who is killed in between says the same again, under
//! the same id.

mod address;
mod choose;
mod confirm;
mod enter;
mod gateway;
mod hear;
mod list;
mod list_channels;
mod pass;
mod put_channel;
mod remove;
mod rules;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    id::TenantId,
    reminder::{Address, AddressFault, Channel, Reminder, Rules, Standing, State, UnknownChannel, words::Language},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Platform, settings::settings};
use xinglin_store::{ReminderAddress, ReminderRow, Tenant, TenantTx};

pub use self::address::list_addresses;
pub use self::choose::{ChosenReminders, choose};
pub use self::confirm::{ReminderCode, confirm};
pub use self::enter::{EnteredAddress, enter};
pub use self::gateway::ReminderTemplates;
pub use self::hear::hear;
pub use self::list::{ReminderView, list};
pub use self::list_channels::list_channels;
pub use self::pass::pass;
pub use self::put_channel::{NewReminderChannel, ReminderChannelView, put_channel};
pub use self::remove::remove;
pub use self::rules::{ReminderRules, get_rules, put_rules};

/// Where a patient is reminded.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReminderAddressView {
    /// `sms` or `wechat`.
    pub channel: &'static str,
    /// `pending`, `confirmed` or `failing`.
    pub state: &'static str,
    /// The address, its middle left out.
    pub masked: String,
    /// Another that waits for its code, its middle left out; until then the confirmed one is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entered: Option<String>,
    /// Whether reminders come there.
    pub enabled: bool,
    /// `zh-CN` or `en`.
    pub language: &'static str,
    /// Until when the code can be entered (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_until: Option<String>,
}

/// What is sealed of an address.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    /// The address.
    to: String,
    /// The one that waits for its code; empty if none does.
    next: String,
    /// The code that was sent to that; empty if it is used up.
    code: String,
}

impl Secret {
    const fn none() -> Self {
        Self { to: String::new(), next: String::new(), code: String::new() }
    }
}

/// An address with its row.
struct StoredAddress {
    row: ReminderAddress,
    value: Address,
    secret: Secret,
}

impl StoredAddress {
    fn read(row: ReminderAddress) -> AppResult<Self> {
        let value = Address::deserialize(&row.body).map_err(AppError::internal)?;
        let secret = match row.secret.is_empty() {
            true => Secret::none(),
            // The error would say what it could not read.
            false => serde_json::from_str(&row.secret).map_err(|_| AppError::internal("an address cannot be read"))?,
        };
        Ok(Self { row, value, secret })
    }

    async fn put(&self, tx: &TenantTx, now: Instant) -> AppResult<()> {
        let row = ReminderAddress {
            body: serde_json::to_value(&self.value).map_err(AppError::internal)?,
            secret: serde_json::to_string(&self.secret).map_err(AppError::internal)?,
            updated_at: now,
            ..self.row.clone()
        };
        Ok(tx.put_reminder_address(&row).await?)
    }

    fn view(&self) -> ReminderAddressView {
        let Address { channel, standing, enabled, language, code_until, next, .. } = &self.value;
        let entered = next.filter(|_| *standing != Standing::Pending);
        ReminderAddressView {
            channel: channel.as_str(),
            state: standing.as_str(),
            masked: masked(*channel, &self.secret.to),
            entered: entered.map(|_| masked(*channel, &self.secret.next)),
            enabled: *enabled,
            language: language.as_str(),
            code_until: code_until.map(|at| at.to_string()),
        }
    }
}

/// An address that its owner recognises and nobody else can use.
fn masked(channel: Channel, to: &str) -> String {
    let (first, last) = match channel {
        Channel::Sms => (3, 4),
        Channel::Wechat => (4, 0),
    };
    let head = to.get(..first).unwrap_or_default();
    let tail = to.len().checked_sub(last).filter(|at| *at > first).and_then(|at| to.get(at..)).unwrap_or_default();
    format!("{head}****{tail}")
}

/// A reminder with its row.
struct Stored {
    row: ReminderRow,
    value: Reminder,
}

impl TryFrom<ReminderRow> for Stored {
    type Error = AppError;

    fn try_from(row: ReminderRow) -> AppResult<Self> {
        let value = Reminder::deserialize(&row.body).map_err(AppError::internal)?;
        Ok(Self { row, value })
    }
}

impl Stored {
    fn fresh(value: Reminder, now: Instant) -> Self {
        let row = ReminderRow {
            id: value.id,
            patient_id: value.patient.to_string(),
            message_id: value.message.clone(),
            status: String::new(),
            urgent: value.urgent,
            tried_at: None,
            into: None,
            body: serde_json::Value::Null,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        Self { row, value }
    }
}

async fn put(tx: &TenantTx, row: ReminderRow, value: &Reminder, now: Instant) -> AppResult<()> {
    let into = match value.state {
        State::Bundled { into, .. } => Some(into),
        _ => None,
    };
    let row = ReminderRow {
        status: value.status().to_owned(),
        urgent: value.urgent,
        tried_at: value.tried,
        into,
        body: serde_json::to_value(value).map_err(AppError::internal)?,
        updated_at: now,
        ..row
    };
    Ok(tx.put_reminder(&row).await?)
}

/// Has everybody else who decides on the reminders or addresses of this patient wait for the end of the transaction.
pub(crate) async fn lock(tx: &TenantTx, patient: impl std::fmt::Display) -> AppResult<()> {
    Ok(tx.lock(&format!("reminder/{patient}")).await?)
}

/// The hospital's rules, and what it is called in reminders.
async fn rules_of(records: &Tenant) -> AppResult<(Rules, String)> {
    let rules = settings(records).await?.reminders;
    let name = match &rules.sender {
        Some(sender) => sender.clone(),
        None => records.profile().await?.name,
    };
    Ok((rules, name))
}

fn channel_of(name: &str) -> AppResult<Channel> {
    name.parse().map_err(|unknown: UnknownChannel| AppError::not_found("channel", unknown.0))
}

fn language_of(tag: Option<&str>, otherwise: Language) -> AppResult<Language> {
    match tag {
        None => Ok(otherwise),
        Some(tag) => [Language::Chinese, Language::English]
            .into_iter()
            .find(|known| known.as_str() == tag)
            .ok_or_else(|| invalid("language", "`zh-CN` or `en`")),
    }
}

fn invalid(path: &str, why: &str) -> AppError {
    AppError::new(Code::BodyInvalid, format!("{path}: {why}")).with("path", path)
}

fn refused(fault: AddressFault) -> AppError {
    let code = match fault {
        AddressFault::TooMany => Code::ReminderTooMany,
        AddressFault::NoCode | AddressFault::Wrong => Code::ReminderCode,
        AddressFault::NotConfirmed => Code::NotFound,
    };
    AppError::new(code, fault.to_string())
}

/// Where a gateway sends its receipts.
fn receipt_url(platform: &Platform, tenant: TenantId, channel: Channel) -> String {
    format!("{}/api/v1/reminders/{tenant}/{}/receipts", platform.config().base_url(), channel.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_address_cannot_be_used() {
        assert_eq!(masked(Channel::Sms, "13800138000"), "138****8000");
        assert_eq!(masked(Channel::Sms, "+8613800138000"), "+86****8000");
        assert_eq!(masked(Channel::Sms, ""), "****");
        assert_eq!(masked(Channel::Wechat, "oLVPpjqs9BhvzwPj5A"), "oLVP****");
    }
}
