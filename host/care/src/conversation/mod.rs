//! Messages between patient and staff in a visit, and video meetings. No media pass through
//! the host: it issues tokens for a room of a provider, and stores who joined and when the
//! meeting ended.

mod end_meeting;
mod hear;
mod join_meeting;
mod list;
mod listen;
mod purge;
mod say;
mod start_meeting;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    compartment::Compartments,
    conversation::{Author, Content, ConversationError, Message, VideoEvent, open_meeting, speak},
    encounter::Encounter,
    id::{EncounterId, VideoId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, config, document::Stored};
use xinglin_records::consent;
use xinglin_store::{Executor, TenantScope, TenantTx, VisitMessage};

use crate::{Care, encounter};

pub use self::end_meeting::end_meeting;
pub use self::hear::{Heard, hear};
pub use self::join_meeting::join_meeting;
pub use self::list::list;
pub use self::listen::listen;
pub use self::purge::purge;
pub use self::say::{Say, say};
pub use self::start_meeting::start_meeting;

/// Maximum length of a list of messages.
const MOST: u32 = 200;

/// Lifetime of a meeting token, in seconds.
const TOKEN_SECONDS: i64 = 300;

/// A message of a visit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SaidView {
    /// Its number in the visit; pass it as `after` for the next page.
    pub seq: i64,
    /// When (RFC 3339).
    pub said: String,
    /// `author_kind` (`human`, `plugin` or `system`) with who it is, and `kind` (`text`,
    /// `image` or `video`) with what it is.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub message: Value,
}

/// Access to a meeting.
#[derive(Serialize, ToSchema)]
pub struct MeetingView {
    /// `video-…`: also the name of the room.
    #[schema(value_type = String)]
    pub id: VideoId,
    /// URL with a token for this person, valid for five minutes.
    pub url: String,
    /// The token.
    pub token: String,
}

/// A listener of a visit.
pub struct Listener {
    caller: Caller,
    visit: EncounterId,
    after: i64,
    written: Receiver<EncounterId>,
    /// When access was last checked.
    asked: tokio::time::Instant,
    until: tokio::time::Instant,
    _place: tokio::sync::OwnedSemaphorePermit,
}

async fn meet(
    care: &Care,
    caller: &Caller,
    visit: EncounterId,
    asked: Option<VideoId>,
    event: VideoEvent,
) -> AppResult<MeetingView> {
    may_converse(&care.platform, caller, visit).await?;
    let unset = || AppError::new(Code::VideoUnavailable, "the operator has set up no provider (`video.url`)");
    let provider = care.platform.config().video.as_ref().ok_or_else(unset)?;
    let mut met = None;
    append(care, caller, visit, None, async |tx, value, author| {
        let role = match author {
            Author::Human { role, .. } => role,
            _ => return Err(AppError::internal("a meeting without a person")),
        };
        if event == VideoEvent::Opened && role == Role::Patient {
            return Err(AppError::new(Code::AuthForbidden, "staff open a meeting; the patient joins it"));
        }
        let open = open_meeting(&all(tx, value.id()).await?);
        let video = match (asked, open) {
            (None, None) => VideoId::from_u128(ambient::fresh_id()),
            (None, Some(open)) => open,
            (Some(asked), Some(open)) if asked == open => open,
            _ => return Err(ConversationError::Meeting.into()),
        };
        met = Some((video, role));
        let by = caller.actor.account;
        let event = if event == VideoEvent::Opened && open.is_some() { VideoEvent::Joined } else { event };
        Ok(Message { author: Author::System, content: Content::Video { video, event, by } })
    })
    .await?;
    let (video, role) = met.ok_or_else(|| AppError::internal("nobody met"))?;
    way_in(provider, caller, video, role)
}

/// The visit, if the caller takes part in its conversation.
async fn may_converse(platform: &Platform, caller: &Caller, id: EncounterId) -> AppResult<Encounter> {
    caller.may(Action::Converse)?;
    let row = platform.records(caller).get_document(id).await?;
    let labels = Compartments::of(&row.body);
    let Stored::<EncounterId, Encounter> { value, .. } = row.try_into()?;
    let treats = value.doctor() == Some(caller.actor.account);
    consent::may_open(platform, caller, value.patient(), (labels, treats), "visit", id).await?;
    Ok(value)
}

/// The messages that the caller may read: one that concerns a compartment is for the patient,
/// the doctor of the visit, its author, and those who may read that compartment.
async fn readable(
    platform: &Platform,
    caller: &Caller,
    visit: &Encounter,
    rows: Vec<VisitMessage>,
) -> AppResult<Vec<SaidView>> {
    let me = caller.actor.account;
    let part = caller.actor.acts_wholly_for(visit.patient()) || visit.doctor() == Some(me);
    let mut record_access = None;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let labels = Compartments::of(&row.body);
        let own = row.body["account"].as_str() == Some(me.to_string().as_str());
        if !labels.is_empty() && !part && !own {
            if record_access.is_none() {
                record_access = Some(consent::record_access(platform, caller, visit.patient()).await?);
            }
            if record_access.is_some_and(|record_access| !record_access.shows(labels)) {
                continue;
            }
        }
        views.push(view(row));
    }
    Ok(views)
}

/// Posts the message that `make` returns, if the caller may post at this moment.
async fn append(
    care: &Care,
    caller: &Caller,
    visit: EncounterId,
    wanted: Option<Role>,
    make: impl AsyncFnOnce(&TenantTx, &Encounter, Author) -> AppResult<Message>,
) -> AppResult<SaidView> {
    let tx = care.platform.begin(caller).await?;
    encounter::lock(&tx, visit).await?;
    // As it is now that nobody closes it.
    let value = encounter::load(&tx, visit).await?.value;
    let author = speak(&value, &caller.actor, wanted, caller.now)?;
    let message = make(&tx, &value, author).await?;
    let body = serde_json::to_value(&message).map_err(AppError::internal)?;
    let seq = tx.append_visit_message(visit, &body, caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    // Nobody may be listening.
    let _ = care.said().send(visit);
    Ok(view(VisitMessage { seq, body, created_at: caller.now }))
}

/// A signed token (JWT) for the provider that admits this person to this room. It contains
/// neither the patient nor the visit.
fn way_in(provider: &config::Video, caller: &Caller, id: VideoId, role: Role) -> AppResult<MeetingView> {
    let (room, now) = (id.to_string(), caller.now.micros() / 1_000_000);
    let staff = role != Role::Patient;
    let claims = json!({
        "iss": provider.issuer, "aud": provider.audience, "sub": provider.subject,
        "iat": now, "nbf": now - 10, "exp": now + TOKEN_SECONDS,
        // As Jitsi has it, and as LiveKit has it.
        "room": room, "moderator": staff,
        "context": { "user": { "id": caller.actor.account.to_string(), "name": role, "moderator": staff } },
        "video": { "room": room, "roomJoin": true, "roomAdmin": staff },
        "name": role,
    });
    let key = EncodingKey::from_secret(provider.key.bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(AppError::internal)?;
    let url = provider.url.replace("{room}", &room).replace("{token}", &token);
    Ok(MeetingView { id, url, token })
}

/// All messages of a visit.
async fn all<E: Executor>(records: &TenantScope<E>, visit: EncounterId) -> AppResult<Vec<Message>> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let rows = records.list_visit_messages(visit, after, MOST).await?;
        let Some(last) = rows.last() else { return Ok(all) };
        after = last.seq;
        for row in rows {
            all.push(serde_json::from_value(row.body).map_err(AppError::internal)?);
        }
    }
}

fn view(row: VisitMessage) -> SaidView {
    SaidView { seq: row.seq, said: row.created_at.to_string(), message: row.body }
}
