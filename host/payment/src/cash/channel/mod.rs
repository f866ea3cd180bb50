//! Payment channels: WeChat Pay (API v3) and Alipay (open platform), with one face.
//!
//! A request that was answered by an error was not carried out ([`Failure::Refused`]); one without an
//! answer, or with one that is not signed as it must be, may have been ([`Failure::Silent`]): what became
//! of it is asked, by its name, and it is not repeated before the channel says that it never saw it.

mod alipay;
mod sign;
mod wechat;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    billing::cash::{Channel, statement::Row},
    code::Code,
    id::TenantId,
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, Platform, egress::NoAnswer, keys::Place};
use xinglin_store::{CashChannel, Executor, TenantScope};

use self::{alipay::Alipay, wechat::Wechat};

/// Minutes for which a patient may pay if nothing else is set: a project default.
const PAY_WITHIN_MINUTES: u32 = 30;

/// A public key of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelKey {
    /// What the channel calls it: of WeChat Pay `PUB_KEY_ID_…`, or the serial number of a platform
    /// certificate. Alipay names none.
    #[serde(default)]
    pub serial: String,
    /// `-----BEGIN PUBLIC KEY-----…`
    pub public_key: String,
}

/// The settings of a channel that are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) enabled: bool,
    pub(super) app_id: String,
    pub(super) merchant: String,
    /// Of the merchant's certificate.
    pub(super) serial: String,
    pub(super) keys: Vec<ChannelKey>,
    pub(super) base_url: String,
    pub(super) pay_within_minutes: u32,
}

/// What is sealed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) private_key: String,
    /// Of WeChat Pay only.
    pub(super) api_v3_key: String,
}

/// Where the secrets of a channel are sealed for.
fn place<'a>(tenant: TenantId, channel: &'a str) -> Place<'a> {
    Place { tenant, owner: channel, kind: "cash-channel", name: "" }
}

impl Settings {
    pub(super) const DEFAULT_MINUTES: u32 = PAY_WITHIN_MINUTES;

    pub(super) fn read(row: &CashChannel) -> AppResult<Self> {
        Self::deserialize(&row.body).map_err(AppError::internal)
    }

    /// Where a channel answers, if nothing else is set.
    pub(super) const fn default_url(channel: Channel) -> &'static str {
        match channel {
            Channel::Counter => "",
            Channel::WechatPay => "https://api.mch.weixin.qq.com",
            Channel::Alipay => "https://openapi.alipay.com/gateway.do",
        }
    }
}

impl Secrets {
    pub(super) fn seal(&self, platform: &Platform, tenant: TenantId, channel: Channel) -> AppResult<Vec<u8>> {
        let plain = serde_json::to_vec(self).map_err(AppError::internal)?;
        Ok(platform.keys().seal(&place(tenant, channel.as_str()), &plain))
    }

    pub(super) fn open(platform: &Platform, tenant: TenantId, row: &CashChannel) -> AppResult<Self> {
        let plain = platform.keys().unseal(&place(tenant, &row.channel), &row.sealed);
        let plain = plain.ok_or_else(|| AppError::internal("the keys of a channel were sealed by another host"))?;
        serde_json::from_slice(&plain).map_err(|_| AppError::internal("the keys of a channel cannot be read"))
    }
}

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was not carried out: the channel's code, and what it says.
    Refused(String, String),
    /// It may have been carried out.
    Silent(String),
    /// It was not sent.
    NotSent(String),
}

impl From<NoAnswer> for Failure {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Denied(why) => Self::NotSent(why),
            other => Self::Silent(other.to_string()),
        }
    }
}

impl From<Failure> for AppError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(code, text) => {
                Self::new(Code::CashChannel, format!("the channel refuses it: {code}")).because(text)
            }
            Failure::Silent(why) | Failure::NotSent(why) => {
                Self::new(Code::PayUnavailable, "the payment channel does not answer now; try again later").because(why)
            }
        }
    }
}

/// A new order, as the channel gets it. It says nothing of what is bought.
pub(super) struct NewOrder<'a> {
    pub(super) name: &'a str,
    pub(super) amount: Money,
    pub(super) until: Instant,
    pub(super) how: How,
    /// Of WeChat Pay within WeChat: the patient there.
    pub(super) openid: Option<&'a str>,
    pub(super) notify_url: &'a str,
}

/// How the patient pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The patient scans a code.
    Native,
    /// Within WeChat: needs `openid`.
    Jsapi,
    /// In the hospital's app.
    App,
    /// In a browser of a phone: of Alipay.
    H5,
}

impl How {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Jsapi => "jsapi",
            Self::App => "app",
            Self::H5 => "h5",
        }
    }
}

/// A payment, as the channel says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payment {
    /// Our name of the order.
    pub(super) order: String,
    pub(super) transaction: String,
    pub(super) amount: Money,
    pub(super) at: Instant,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OrderState {
    /// The channel does not know it.
    Never,
    /// It can be paid.
    Open,
    /// It cannot be paid any more.
    Closed,
    Paid(Payment),
}

/// A refund, as the channel gets it.
pub(super) struct NewRefund<'a> {
    pub(super) transaction: &'a str,
    pub(super) name: &'a str,
    pub(super) of: Money,
    pub(super) amount: Money,
    pub(super) notify_url: &'a str,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RefundState {
    /// The channel does not know it.
    Never,
    Processing,
    Done {
        reference: String,
        at: Instant,
    },
    Failed(String),
}

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// An order was paid.
    Paid(Payment),
    /// A refund ended: our name of it, how, and how much of it, if the channel says so.
    Refund { name: String, state: RefundState, amount: Option<Money> },
    /// Nothing that moves money.
    Other,
}

/// An authentic notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    /// The channel's id of it.
    pub(super) id: String,
    /// Digest of what it says.
    pub(super) digest: String,
    /// Whether it is for our merchant and app.
    pub(super) is_ours: bool,
    pub(super) event: Event,
}

fn not_authentic(why: &str) -> AppError {
    AppError::new(Code::CashNoticeInvalid, why.to_owned())
}

/// A channel of a tenant, ready to be asked.
pub(super) enum Client {
    Wechat(Box<Wechat>),
    Alipay(Box<Alipay>),
}

impl Client {
    /// The channel, if it is set up.
    ///
    /// # Errors
    /// `CASH_CHANNEL` if not.
    pub(super) async fn of<E: Executor>(
        platform: &Platform,
        records: &TenantScope<E>,
        channel: Channel,
    ) -> AppResult<(Self, Settings)> {
        let row = records.find_cash_channel(channel.as_str()).await?;
        let row = row.ok_or_else(|| {
            AppError::new(Code::CashChannel, format!("`{}` is not set up in this hospital", channel.as_str()))
        })?;
        let settings = Settings::read(&row)?;
        let secrets = Secrets::open(platform, records.id(), &row)?;
        Ok((Self::new(channel, &settings, &secrets)?, settings))
    }

    /// # Errors
    /// `CASH_CHANNEL`, naming the setting that cannot be used.
    pub(super) fn new(channel: Channel, settings: &Settings, secrets: &Secrets) -> AppResult<Self> {
        let wrong = |what: &str| AppError::new(Code::CashChannel, format!("{what} cannot be used")).with("path", what);
        match channel {
            Channel::WechatPay => Ok(Self::Wechat(Box::new(Wechat::new(settings, secrets).map_err(wrong)?))),
            Channel::Alipay => Ok(Self::Alipay(Box::new(Alipay::new(settings, secrets).map_err(wrong)?))),
            Channel::Counter => Err(AppError::internal("the counter has no server")),
        }
    }

    /// Whether the channel can be paid so.
    pub(super) const fn takes(&self, how: How) -> bool {
        match self {
            Self::Wechat(_) => matches!(how, How::Native | How::Jsapi | How::App),
            Self::Alipay(_) => matches!(how, How::Native | How::App | How::H5),
        }
    }

    /// Opens an order there; what the app needs to pay it.
    pub(super) async fn prepare(&self, platform: &Platform, order: &NewOrder<'_>) -> Result<String, Failure> {
        match self {
            Self::Wechat(wechat) => wechat.prepare(platform, order).await,
            Self::Alipay(alipay) => alipay.prepare(platform, order).await,
        }
    }

    /// What the app gets of a ticket.
    pub(super) fn for_app(&self, how: How, ticket: &str, now: Instant) -> Value {
        match self {
            Self::Wechat(wechat) => wechat.for_app(how, ticket, now),
            Self::Alipay(alipay) => alipay.for_app(how, ticket),
        }
    }

    /// What became of an order.
    pub(super) async fn order(&self, platform: &Platform, name: &str) -> Result<OrderState, Failure> {
        match self {
            Self::Wechat(wechat) => wechat.order(platform, name).await,
            Self::Alipay(alipay) => alipay.order(platform, name).await,
        }
    }

    /// Has no money taken for an order any more.
    pub(super) async fn close(&self, platform: &Platform, name: &str) -> Result<(), Failure> {
        match self {
            Self::Wechat(wechat) => wechat.close(platform, name).await,
            Self::Alipay(alipay) => alipay.close(platform, name).await,
        }
    }

    /// Refunds.
    pub(super) async fn refund(&self, platform: &Platform, refund: &NewRefund<'_>) -> Result<RefundState, Failure> {
        match self {
            Self::Wechat(wechat) => wechat.refund(platform, refund).await,
            Self::Alipay(alipay) => alipay.refund(platform, refund).await,
        }
    }

    /// What became of a refund.
    pub(super) async fn refunded(&self, platform: &Platform, refund: &NewRefund<'_>) -> Result<RefundState, Failure> {
        match self {
            Self::Wechat(wechat) => wechat.refunded(platform, refund.name).await,
            Self::Alipay(alipay) => alipay.refunded(platform, refund).await,
        }
    }

    /// The channel's statement of a day.
    pub(super) async fn statement(&self, platform: &Platform, day: Day) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Wechat(wechat) => wechat.statement(platform, day).await,
            Self::Alipay(alipay) => alipay.statement(platform, day).await,
        }
    }

    /// The rows of a statement; `None` if it cannot be read.
    pub(super) fn rows(&self, file: &[u8]) -> Option<Vec<Row>> {
        match self {
            Self::Wechat(_) => wechat::rows(file),
            Self::Alipay(_) => alipay::rows(file),
        }
    }

    /// Authenticates a notice.
    ///
    /// # Errors
    /// `CASH_NOTICE_INVALID`.
    pub(super) fn hear(&self, headers: &[(String, String)], body: &[u8], now: Instant) -> AppResult<Notice> {
        match self {
            Self::Wechat(wechat) => wechat.hear(headers, body, now),
            Self::Alipay(alipay) => alipay.hear(body, now),
        }
    }

    /// What a channel must be answered with, to say that it was heard: status and body.
    pub(super) const fn thanks(&self) -> (u16, &'static str) {
        match self {
            Self::Wechat(_) => (204, ""),
            Self::Alipay(_) => (200, "success"),
        }
    }
}

/// The clock time in China, `2026-11-21 08:00:00`, with this between date and time.
fn china_time(at: Instant, between: char) -> String {
    let text = at.plus_hours(8).to_string();
    let (date, time) = (text.get(..10).unwrap_or_default(), text.get(11..19).unwrap_or_default());
    format!("{date}{between}{time}")
}

/// A clock time in China, as Alipay says it.
fn from_china_time(text: &str) -> Option<Instant> {
    Instant::parse(&format!("{}+08:00", text.replacen(' ', "T", 1)))
}

/// Yuan with two decimals.
fn yuan(amount: Money) -> String {
    let fen = amount.as_fen();
    format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.unsigned_abs() / 100, fen.unsigned_abs() % 100)
}

/// Yuan with up to two decimals.
fn from_yuan(text: &str) -> Option<Money> {
    let (sign, bare) = text.strip_prefix('-').map_or((1, text), |bare| (-1, bare));
    let (whole, part) = bare.split_once('.').unwrap_or((bare, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let fen: i64 = format!("{part:0<2}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    Some(Money::fen(whole.checked_mul(100)?.checked_add(fen)?.checked_mul(sign)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_are_fen() {
        for (fen, text) in [(0, "0.00"), (5, "0.05"), (8888, "88.88"), (100, "1.00"), (-7, "-0.07")] {
            assert_eq!((yuan(Money::fen(fen)), from_yuan(text)), (text.to_owned(), Some(Money::fen(fen))));
        }
        assert_eq!(from_yuan("3"), Some(Money::fen(300)));
        assert_eq!(from_yuan("3.5"), Some(Money::fen(350)));
        for no in ["", ".5", "1.234", "1e2", "+1", "１.00", "99999999999999999999.00", "--1"] {
            assert_eq!(from_yuan(no), None, "{no}");
        }
    }

    #[test]
    fn times_are_chinas() {
        let at = Instant::parse("2026-11-29T20:12:21.5Z").expect("a time");
        assert_eq!(china_time(at, ' '), "2026-11-30 04:12:21");
        assert_eq!(from_china_time("2026-11-30 04:12:21"), Instant::parse("2026-11-29T20:12:21Z"));
        assert_eq!(from_china_time("yesterday"), None);
    }
}
