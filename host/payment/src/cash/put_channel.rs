use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, billing::cash::Channel, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::CashChannel;

use super::{
    ChannelKey,
    channel::{Client, Secrets, Settings},
    notify_url,
};

/// The settings of a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// Whether patients may pay by it. What was begun is carried on in any case.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The app (`appid`, `app_id`).
    pub app_id: String,
    /// The merchant (`mchid`; of Alipay the seller, `2088…`).
    pub merchant: String,
    /// Serial number of the merchant's certificate; of WeChat Pay.
    #[serde(default)]
    pub serial: String,
    /// The channel's public keys. Of Alipay one, without a serial.
    pub keys: Vec<ChannelKey>,
    /// The merchant's private key (RSA, PEM). Sealed here, and never shown; what was set before stays if it
    /// is left out.
    #[serde(default)]
    pub private_key: Option<String>,
    /// The API v3 key of WeChat Pay: 32 characters. As the private key.
    #[serde(default)]
    pub api_v3_key: Option<String>,
    /// Where the channel answers, if not where it does for everybody.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Minutes within which a bill must be paid; 5 to 1440. 30 if left out.
    #[serde(default)]
    pub pay_within_minutes: Option<u32>,
}

const fn yes() -> bool {
    true
}

/// A channel without its secrets.
#[derive(Serialize, ToSchema)]
pub struct ChannelView {
    /// `wechat-pay` or `alipay`.
    pub channel: String,
    /// Whether patients may pay by it.
    pub enabled: bool,
    /// The app.
    pub app_id: String,
    /// The merchant.
    pub merchant: String,
    /// Serial number of the merchant's certificate.
    pub serial: String,
    /// The channel's public keys.
    pub keys: Vec<ChannelKey>,
    /// Where the channel answers.
    pub base_url: String,
    /// Minutes within which a bill must be paid.
    pub pay_within_minutes: u32,
    /// Where the channel sends its notices: it must be reachable from there.
    pub notify_url: String,
    /// When it was last set (RFC 3339).
    pub updated_at: String,
}

pub(super) fn view(platform: &Platform, tenant: TenantId, row: &CashChannel) -> AppResult<ChannelView> {
    let Settings { enabled, app_id, merchant, serial, keys, base_url, pay_within_minutes } = Settings::read(row)?;
    let channel: Channel = row.channel.parse().map_err(AppError::internal)?;
    let notify_url = notify_url(platform, tenant, channel);
    let (channel, updated_at) = (row.channel.clone(), row.updated_at.to_string());
    Ok(ChannelView {
        channel,
        enabled,
        app_id,
        merchant,
        serial,
        keys,
        base_url,
        pay_within_minutes,
        notify_url,
        updated_at,
    })
}

/// Sets up a channel of a tenant. Its keys are tried, not its server.
///
/// # Errors
/// `BODY_INVALID`; `CASH_CHANNEL` for keys that cannot be used.
#[boxed]
pub async fn put_channel(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    channel: &str,
    new: NewChannel,
) -> AppResult<ChannelView> {
    caller.may_in(tenant, Action::ManageCashChannels)?;
    let channel = channel.parse::<Channel>().ok().filter(|channel| channel.is_online());
    let channel = channel.ok_or_else(|| AppError::not_found("channel", "by this name: `wechat-pay` or `alipay`"))?;
    let invalid = |path: &str, why: &str| AppError::new(Code::BodyInvalid, format!("{path}: {why}")).with("path", path);
    let plain = |text: &str| text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    for (path, text, needed) in [
        ("app_id", &new.app_id, true),
        ("merchant", &new.merchant, true),
        ("serial", &new.serial, channel == Channel::WechatPay),
    ] {
        if !plain(text) || (needed && text.is_empty()) {
            return Err(invalid(path, "1 to 128 letters, digits and signs"));
        }
    }
    let minutes = new.pay_within_minutes.unwrap_or(Settings::DEFAULT_MINUTES);
    if !(5..=1440).contains(&minutes) {
        return Err(invalid("pay_within_minutes", "5 to 1440"));
    }
    if !(1..=8).contains(&new.keys.len()) {
        return Err(invalid("keys", "1 to 8"));
    }
    let base_url = new.base_url.unwrap_or_else(|| Settings::default_url(channel).to_owned());
    if base_url.len() > 512 || !["https://", "http://"].iter().any(|scheme| base_url.starts_with(scheme)) {
        return Err(invalid("base_url", "a URL"));
    }
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    let kept = records.find_cash_channel(channel.as_str()).await?;
    let kept = kept.map(|row| Secrets::open(platform, tenant, &row)).transpose()?;
    let (private, content) = kept.map_or((None, None), |kept| (Some(kept.private_key), Some(kept.api_v3_key)));
    let private_key = new.private_key.or(private).ok_or_else(|| invalid("private_key", "there is none yet"))?;
    let api_v3_key = new.api_v3_key.or(content).unwrap_or_default();
    if channel == Channel::WechatPay && api_v3_key.len() != 32 {
        return Err(invalid("api_v3_key", "32 characters"));
    }
    let secrets = Secrets { private_key, api_v3_key };
    let settings = Settings {
        enabled: new.enabled,
        app_id: new.app_id,
        merchant: new.merchant,
        serial: new.serial,
        keys: new.keys,
        base_url,
        pay_within_minutes: minutes,
    };
    Client::new(channel, &settings, &secrets)?;
    let row = CashChannel {
        channel: channel.as_str().to_owned(),
        body: serde_json::to_value(&settings).map_err(AppError::internal)?,
        sealed: secrets.seal(platform, tenant, channel)?,
        version: 0,
        updated_at: caller.now,
    };
    let tx = records.begin().await?;
    tx.put_cash_channel(&row).await?;
    tx.commit().await?;
    tracing::info!(%tenant, channel = row.channel, by = %caller.actor.account, "a payment channel was set up");
    view(platform, tenant, &row)
}
