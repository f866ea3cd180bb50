//! The gateway of a channel: what it is sent, how that is signed, and what its answers mean. `docs/reminders.md` has the
//! shape.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    id::TenantId,
    reminder::{Channel, Reason, words::Language},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Platform,
    egress::{Ask, NoAnswer},
    keys::Place,
};
use xinglin_store::{Executor, ReminderChannel, TenantScope};

/// How far the time of a signature may be from ours, in seconds: a project default.
const WINDOW_SECONDS: i64 = 300;
/// The largest answer that is read, in bytes.
const MOST: usize = 64 << 10;

/// Names of a gateway's templates, where it wants them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReminderTemplates {
    /// Of a reminder. Its parameters are `hospital` and `count`.
    #[serde(default)]
    pub message: String,
    /// Of a code. Its parameters are `hospital`, `code` and `minutes`.
    #[serde(default)]
    pub code: String,
}

/// The settings of a channel that are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) enabled: bool,
    pub(super) url: String,
    pub(super) key_id: String,
    /// Channels of a lower rank are tried first.
    pub(super) rank: u32,
    pub(super) templates: ReminderTemplates,
}

impl Settings {
    pub(super) fn read(row: &ReminderChannel) -> AppResult<Self> {
        Self::deserialize(&row.body).map_err(AppError::internal)
    }
}

fn place<'a>(tenant: TenantId, channel: &'a str) -> Place<'a> {
    Place { tenant, owner: channel, kind: "reminder-channel", name: "" }
}

pub(super) fn seal(platform: &Platform, tenant: TenantId, channel: Channel, secret: &str) -> Vec<u8> {
    platform.keys().seal(&place(tenant, channel.as_str()), secret.as_bytes())
}

pub(super) fn unseal(platform: &Platform, tenant: TenantId, row: &ReminderChannel) -> AppResult<String> {
    let plain = platform.keys().unseal(&place(tenant, &row.channel), &row.sealed);
    let plain = plain.ok_or_else(|| AppError::internal("the key of a channel was sealed by another host"))?;
    String::from_utf8(plain).map_err(|_| AppError::internal("the key of a channel cannot be read"))
}

/// A channel of a tenant, ready to be used.
pub(super) struct Gateway {
    pub(super) channel: Channel,
    pub(super) settings: Settings,
    secret: String,
}

/// What a gateway is to send.
pub(super) struct Sending<'a> {
    /// The same for the same reminder: a gateway sends it once.
    pub(super) id: &'a str,
    pub(super) to: &'a str,
    pub(super) language: Language,
    pub(super) text: &'a str,
    pub(super) kind: Kind<'a>,
    pub(super) expires: Instant,
    pub(super) receipt_url: &'a str,
}

/// What it is.
pub(super) enum Kind<'a> {
    Message { hospital: &'a str, count: u32 },
    Code { hospital: &'a str, code: &'a str, minutes: i64 },
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The gateway has it.
    Accepted,
    /// It will not have it.
    Refused(Reason),
    /// It may have it: it is tried again.
    Unknown,
}

impl Gateway {
    /// The channel, if it is set up; also one that is switched off.
    pub(super) async fn find<E: Executor>(
        platform: &Platform,
        records: &TenantScope<E>,
        channel: Channel,
    ) -> AppResult<Option<Self>> {
        let row = records.find_reminder_channel(channel.as_str()).await?;
        row.map(|row| Self::of(platform, records.id(), &row)).transpose()
    }

    /// # Errors
    /// If it was sealed by another host.
    pub(super) fn of(platform: &Platform, tenant: TenantId, row: &ReminderChannel) -> AppResult<Self> {
        let channel = row.channel.parse().map_err(AppError::internal)?;
        Ok(Self { channel, settings: Settings::read(row)?, secret: unseal(platform, tenant, row)? })
    }

    /// Hands something to the gateway.
    pub(super) async fn send(&self, platform: &Platform, sending: &Sending<'_>, now: Instant) -> Outcome {
        let body = self.body(sending).to_string().into_bytes();
        let stamp = (now.micros() / 1_000_000).to_string();
        let signature = sign(&self.secret, "send", (&stamp, sending.id), &body);
        let ask = Ask {
            method: "POST",
            url: self.settings.url.clone(),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("xinglin-id", sending.id.to_owned()),
                ("xinglin-timestamp", stamp),
                ("xinglin-key", self.settings.key_id.clone()),
                ("xinglin-signature", signature),
            ],
            body,
            most: MOST,
        };
        match platform.egress().ask(ask).await {
            Ok(answer) => outcome(answer.status, &answer.body),
            Err(error) => {
                if let NoAnswer::Denied(why) = &error {
                    tracing::error!(channel = self.channel.as_str(), why, "the gateway of reminders cannot be asked");
                }
                Outcome::Unknown
            }
        }
    }

    fn body(&self, sending: &Sending<'_>) -> Value {
        let (kind, template, parameters) = match &sending.kind {
            Kind::Message { hospital, count } => {
                ("message", &self.settings.templates.message, json!({ "hospital": hospital, "count": count }))
            }
            Kind::Code { hospital, code, minutes } => {
                let parameters = json!({ "hospital": hospital, "code": code, "minutes": minutes });
                ("code", &self.settings.templates.code, parameters)
            }
        };
        json!({
            "id": sending.id, "channel": self.channel, "to": sending.to, "kind": kind, "language": sending.language,
            "text": sending.text, "template": template, "parameters": parameters,
            "expires": sending.expires.to_string(), "receipt_url": sending.receipt_url,
        })
    }

    /// Authenticates a receipt: signature and time.
    ///
    /// # Errors
    /// `REMINDER_RECEIPT_INVALID`.
    pub(super) fn hear(&self, headers: &[(String, String)], body: &[u8], now: Instant) -> AppResult<Receipt> {
        let refuse = |why: &str| AppError::new(Code::ReminderReceiptInvalid, why.to_owned());
        let header =
            |name: &str| headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let (stamp, id) = (header("xinglin-timestamp"), header("xinglin-id"));
        if !verifies(&self.secret, "receipt", (stamp, id), body, header("xinglin-signature")) {
            return Err(refuse("its signature is not of this channel"));
        }
        let seconds: i64 = stamp.parse().map_err(|_| refuse("it has no time"))?;
        if seconds.saturating_sub(now.micros() / 1_000_000).saturating_abs() > WINDOW_SECONDS {
            return Err(refuse("it is too old"));
        }
        let receipt: Receipt = serde_json::from_slice(body).map_err(|_| refuse("it cannot be read"))?;
        match receipt.id == id {
            true => Ok(receipt),
            false => Err(refuse("it has two ids")),
        }
    }
}

/// What a gateway says of a reminder that it has accepted.
#[derive(Debug, Deserialize)]
pub(super) struct Receipt {
    /// The id that it was handed out under.
    pub(super) id: String,
    pub(super) status: ReceiptStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ReceiptStatus {
    Delivered,
    Failed,
    AddressInvalid,
}

fn outcome(status: u16, body: &[u8]) -> Outcome {
    let says = || serde_json::from_slice::<Value>(body).unwrap_or_default();
    match status {
        200..=299 => Outcome::Accepted,
        408 | 425 | 429 => Outcome::Unknown,
        400..=499 if says()["error"] == "address-invalid" => Outcome::Refused(Reason::AddressInvalid),
        400..=499 => Outcome::Refused(Reason::Refused),
        _ => Outcome::Unknown,
    }
}

fn mac(secret: &str, way: &str, (stamp, id): (&str, &str), body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{way}\n{stamp}\n{id}\n").as_bytes());
    mac.update(body);
    Some(mac)
}

/// HMAC-SHA256 over direction, time, id and body, in hexadecimal digits. The direction keeps a request from being shown
/// back as a receipt.
fn sign(secret: &str, way: &str, head: (&str, &str), body: &[u8]) -> String {
    mac(secret, way, head, body).map_or_else(String::new, |mac| hex::encode(mac.finalize().into_bytes()))
}

fn verifies(secret: &str, way: &str, head: (&str, &str), body: &[u8], signature: &str) -> bool {
    let (Some(mac), Ok(signature)) = (mac(secret, way, head, body), hex::decode(signature)) else { return false };
    mac.verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_its_direction_time_id_and_body() {
        let signature = sign("secret", "send", ("1", "a"), b"{}");
        assert!(verifies("secret", "send", ("1", "a"), b"{}", &signature));
        for (secret, way, head, body) in [
            ("other", "send", ("1", "a"), b"{}".as_slice()),
            ("secret", "receipt", ("1", "a"), b"{}"),
            ("secret", "send", ("2", "a"), b"{}"),
            ("secret", "send", ("1", "b"), b"{}"),
            ("secret", "send", ("1", "a"), b"{ }"),
        ] {
            assert!(!verifies(secret, way, head, body, &signature), "{secret} {way} {head:?}");
        }
        for no in ["", "zz", &signature[2..]] {
            assert!(!verifies("secret", "send", ("1", "a"), b"{}", no), "{no}");
        }
    }

    #[test]
    fn answers_mean_what_they_say() {
        for status in [200, 202, 204] {
            assert_eq!(outcome(status, b""), Outcome::Accepted);
        }
        for status in [301, 408, 425, 429, 500, 503] {
            assert_eq!(outcome(status, br#"{"error":"address-invalid"}"#), Outcome::Unknown, "{status}");
        }
        assert_eq!(outcome(422, br#"{"error":"address-invalid"}"#), Outcome::Refused(Reason::AddressInvalid));
        for body in [b"".as_slice(), b"{}", br#"{"error":"no-credit"}"#, b"<html>"] {
            assert_eq!(outcome(403, body), Outcome::Refused(Reason::Refused));
        }
    }
}
