use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::ReminderChannel;

use super::{
    ReminderTemplates, channel_of,
    gateway::{Settings, seal, unseal},
    invalid, receipt_url,
};

/// The settings of a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReminderChannel {
    /// Whether patients are reminded by it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where the gateway answers: over TLS, or a literal address that the operator opened.
    pub url: String,
    /// By which name the gateway knows the key.
    #[serde(default)]
    pub key_id: String,
    /// The key by which both sides sign: 32 to 256 letters, digits and signs. Sealed here, and never shown; what was set
    /// before stays if it is left out.
    #[serde(default)]
    pub secret: Option<String>,
    /// Channels of a lower rank are used before others; 0 if left out.
    #[serde(default)]
    pub rank: u32,
    /// Names of the gateway's templates, where it wants them.
    #[serde(default)]
    pub templates: ReminderTemplates,
}

const fn yes() -> bool {
    true
}

/// A channel without its key.
#[derive(Serialize, ToSchema)]
pub struct ReminderChannelView {
    /// `sms` or `wechat`.
    pub channel: String,
    /// Whether patients are reminded by it.
    pub enabled: bool,
    /// Where the gateway answers.
    pub url: String,
    /// By which name the gateway knows the key.
    pub key_id: String,
    /// Channels of a lower rank are used before others.
    pub rank: u32,
    /// Names of the gateway's templates.
    pub templates: ReminderTemplates,
    /// Where the gateway sends its receipts: it must be reachable from there.
    pub receipt_url: String,
    /// When it was last set (RFC 3339).
    pub updated_at: String,
}

pub(super) fn view(platform: &Platform, tenant: TenantId, row: &ReminderChannel) -> AppResult<ReminderChannelView> {
    let Settings { enabled, url, key_id, rank, templates } = Settings::read(row)?;
    Ok(ReminderChannelView {
        channel: row.channel.clone(),
        enabled,
        url,
        key_id,
        rank,
        templates,
        receipt_url: receipt_url(platform, tenant, channel_of(&row.channel)?),
        updated_at: row.updated_at.to_string(),
    })
}

/// Sets up a channel of a tenant. From the first one on, its patients are reminded.
///
/// # Errors
/// `BODY_INVALID`.
#[boxed]
pub async fn put_channel(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    channel: &str,
    new: NewReminderChannel,
) -> AppResult<ReminderChannelView> {
    caller.may_in(tenant, Action::ManageReminders)?;
    let channel = channel_of(channel)?;
    if new.url.len() > 512 || !["https://", "http://"].iter().any(|scheme| new.url.starts_with(scheme)) {
        return Err(invalid("url", "a URL"));
    }
    let plain = |text: &str, most: usize| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic());
    for (path, text) in [
        ("key_id", &new.key_id),
        ("templates.message", &new.templates.message),
        ("templates.code", &new.templates.code),
    ] {
        if !plain(text, 128) {
            return Err(invalid(path, "at most 128 letters, digits and signs"));
        }
    }
    if new.rank > 100 {
        return Err(invalid("rank", "0 to 100"));
    }
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    let secret = match new.secret {
        // Also in place of one that cannot be opened.
        Some(secret) => secret,
        None => {
            let kept = records.find_reminder_channel(channel.as_str()).await?;
            let kept = kept.ok_or_else(|| invalid("secret", "there is none yet"))?;
            unseal(platform, tenant, &kept)?
        }
    };
    if secret.len() < 32 || !plain(&secret, 256) {
        return Err(invalid("secret", "32 to 256 letters, digits and signs"));
    }
    let settings =
        Settings { enabled: new.enabled, url: new.url, key_id: new.key_id, rank: new.rank, templates: new.templates };
    let row = ReminderChannel {
        channel: channel.as_str().to_owned(),
        body: serde_json::to_value(&settings).map_err(xinglin_platform::AppError::internal)?,
        sealed: seal(platform, tenant, channel, &secret),
        version: 0,
        updated_at: caller.now,
    };
    caller.trail.asked();
    let tx = records.begin().await?;
    tx.put_reminder_channel(&row).await?;
    tx.commit().await?;
    // It may be another.
    platform.silences().heard(tenant, channel.as_str());
    tracing::info!(%tenant, channel = row.channel, by = %caller.actor.account, "a channel of reminders was set up");
    view(platform, tenant, &row)
}
