//! What patient and staff say to each other in a visit, and their meetings by video. No
//! picture of a meeting passes through the hospital: it lets people into a room of a
//! provider, and keeps who came and went.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    attachment::Media,
    code::Code,
    compartment::Compartments,
    conversation::{Author, Content, ConversationError, Message, VideoEvent, open_meeting, speak},
    encounter::Encounter,
    id::{BlobId, EncounterId, TenantId, VideoId},
    retention::Kept,
    time::Instant,
};
use xinglin_extensions::retention::PurgeView;
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting, ambient, config, document::Stored};
use xinglin_records::{blob, consent};
use xinglin_store::{Executor, TenantScope, TenantTx, VisitMessage};

use crate::{Care, encounter};

/// Longest list of messages.
const MOST: u32 = 200;

/// How long whoever listens waits before they look for what other hosts wrote.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long until it is asked again whether whoever listens in silence still may, and
/// whether the visit goes on.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// How long a token lets into a meeting, in seconds.
const TOKEN_SECONDS: i64 = 300;

/// Something to be said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// Words, or
    #[serde(default)]
    pub text: Option<String>,
    /// a picture: an attachment of this patient.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub image: Option<BlobId>,
    /// As what one speaks, of several roles that one has.
    #[serde(default, rename = "as")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
}

/// Something that was said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SaidView {
    /// Its place in the visit; a list goes on with `after`.
    pub seq: i64,
    /// When (RFC 3339).
    pub said: String,
    /// `author_kind` (`human`, `plugin` or `system`) with who it is, and `kind` (`text`,
    /// `image` or `video`) with what it is.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub message: Value,
}

/// The way into a meeting.
#[derive(Serialize, ToSchema)]
pub struct MeetingView {
    /// `video-…`: also the name of the room.
    #[schema(value_type = String)]
    pub id: VideoId,
    /// Where to go, with a token for this person; good for five minutes.
    pub url: String,
    /// The token.
    pub token: String,
}

/// Somebody who listens to a visit.
pub struct Listener {
    caller: Caller,
    visit: EncounterId,
    after: i64,
    written: Receiver<EncounterId>,
    /// When it was last asked whether they may.
    asked: tokio::time::Instant,
    until: tokio::time::Instant,
    _place: tokio::sync::OwnedSemaphorePermit,
}

/// What a listener hears.
pub enum Heard {
    /// These.
    Said(Vec<SaidView>),
    /// Nothing more: the visit is closed, or it is time to ask again.
    End(&'static str),
}

/// Says something in a visit.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see; `ENC_STATE` if it is
/// not in progress; `ENC_RED_FLAG` for the patient of one that was stopped;
/// `AUTH_IMPERSONATION` if the caller is not what they speak as; `BODY_INVALID`.
pub async fn say(care: &Care, caller: &Caller, visit: EncounterId, say: Say) -> AppResult<SaidView> {
    let patient = may_converse(&care.platform, caller, visit).await?.patient();
    let content = match (say.text, say.image) {
        (Some(text), None) => Content::Text { text },
        (None, Some(blob)) => Content::Image { blob },
        _ => return Err(AppError::new(Code::BodyInvalid, "send either `text` or `image`")),
    };
    content.check()?;
    if let Content::Image { blob } = &content {
        let found = blob::visible(&care.platform, &care.platform.records(caller), caller, *blob).await?;
        let shown = Media::named(&found.content_type).is_some_and(Media::is_image);
        if found.patient_id != patient.to_string() || !shown {
            return Err(AppError::new(Code::BodyInvalid, "`image` must be a picture of this patient's record"));
        }
    }
    append(care, caller, visit, say.role, async |_, _, author| Ok(Message { author, content })).await
}

/// What was said in a visit after this place, as far as the caller may read it.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see.
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    visit: EncounterId,
    after: i64,
    limit: u32,
) -> AppResult<Vec<SaidView>> {
    let value = may_converse(platform, caller, visit).await?;
    let rows = platform.records(caller).list_visit_messages(visit, after, limit.clamp(1, MOST)).await?;
    readable(platform, caller, &value, rows).await
}

/// Opens a meeting by video; the one that is open, if one is.
///
/// # Errors
/// As [`say`](Self::say); `AUTH_FORBIDDEN` for the patient; `VIDEO_UNAVAILABLE` if the
/// operator has set up no provider.
pub async fn start_meeting(care: &Care, caller: &Caller, visit: EncounterId) -> AppResult<MeetingView> {
    meet(care, caller, visit, None, VideoEvent::Opened).await
}

/// Lets the caller into a meeting that is open.
///
/// # Errors
/// As [`say`](Self::say); `ENC_STATE` if it is not open.
pub async fn join_meeting(care: &Care, caller: &Caller, visit: EncounterId, id: VideoId) -> AppResult<MeetingView> {
    meet(care, caller, visit, Some(id), VideoEvent::Joined).await
}

/// Ends a meeting: nobody is let in any more.
///
/// # Errors
/// As [`join_meeting`](Self::join_meeting).
pub async fn end_meeting(care: &Care, caller: &Caller, visit: EncounterId, id: VideoId) -> AppResult<()> {
    meet(care, caller, visit, Some(id), VideoEvent::Ended).await.map(drop)
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

/// Purges what was said before a moment, in the caller's hospital.
///
/// # Errors
/// `RETENTION_HOLD` if a part must still be kept; nothing is purged then.
pub async fn purge(platform: &Platform, caller: &Caller, tenant: TenantId, before: Instant) -> AppResult<PurgeView> {
    caller.may_in(tenant, Action::PurgeRecords)?;
    Kept::Conversation.may_purge(before, caller.now).map_err(|hold| AppError::new(hold.code(), hold.to_string()))?;
    let by = caller.actor.account.to_string();
    let tx = platform.store().tenant(tenant).begin().await?;
    let purged = tx.purge_visit_messages(before, &by, caller.now).await?;
    tx.commit().await?;
    tracing::info!(%tenant, purged, %before, by, "conversations purged");
    Ok(PurgeView { purged })
}

/// Begins to listen to a visit, after this place.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see; `RATE_LIMITED` if
/// too many listen.
pub async fn listen(care: &Care, caller: Caller, visit: EncounterId, after: i64) -> AppResult<Listener> {
    /// After that, whoever listens asks again, with a token that still holds.
    const LONGEST: Duration = Duration::from_secs(600);
    may_converse(&care.platform, &caller, visit).await?;
    let crowded = || AppError::new(Code::RateLimited, "too many listen to this host; ask again shortly");
    let place = care.listeners().clone().try_acquire_owned().map_err(|_| crowded())?;
    let (written, now) = (care.said().subscribe(), tokio::time::Instant::now());
    Ok(Listener { caller, visit, after, written, asked: now, until: now + LONGEST, _place: place })
}

/// What is said next. Whether the listener may hear it is asked before anything is
/// told, and every few seconds.
///
/// # Errors
/// If they may not any more.
pub async fn hear(platform: &Platform, listener: &mut Listener) -> AppResult<Heard> {
    let records = platform.records(&listener.caller);
    loop {
        let rows = records.list_visit_messages(listener.visit, listener.after, MOST).await?;
        if !rows.is_empty() || listener.asked.elapsed() >= ASK_AGAIN {
            let caller = still(platform, &listener.caller).await?;
            let visit = may_converse(platform, &caller, listener.visit).await?;
            listener.asked = tokio::time::Instant::now();
            if let Some(last) = rows.last() {
                listener.after = last.seq;
                return Ok(Heard::Said(readable(platform, &caller, &visit, rows).await?));
            }
            if matches!(visit, Encounter::Closed(_)) {
                return Ok(Heard::End("closed"));
            }
        }
        if tokio::time::Instant::now() >= listener.until {
            return Ok(Heard::End("again"));
        }
        let wait = tokio::time::sleep(LOOK_AGAIN);
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => break,
                written = listener.written.recv() => match written {
                    Ok(visit) if visit != listener.visit => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Ok(Heard::End("again")),
                },
            }
        }
    }
}

/// The caller as of now, if they are still signed in.
async fn still(platform: &Platform, caller: &Caller) -> AppResult<Caller> {
    let ended = || AppError::new(Code::AuthRequired, "the sign-in has ended");
    let Some(session) = caller.session else { return Err(ended()) };
    let (records, now) = (platform.records(caller), platform.now());
    let row = records.find_signed_in(caller.actor.account, session).await?;
    let row = row.filter(|row| row.account.active).ok_or_else(ended)?;
    // What the policies said before says nothing of now.
    let actor = acting::actor(&records, &row.account, now).await?;
    let now = platform.for_actor(actor, caller.request_id.clone());
    Ok(Caller { session: Some(session), bounds: caller.bounds.clone(), second_factor: row.strong, ..now })
}

/// The visit, if the caller has part in its conversation.
async fn may_converse(platform: &Platform, caller: &Caller, id: EncounterId) -> AppResult<Encounter> {
    caller.may(Action::Converse)?;
    let row = platform.records(caller).get_document(id).await?;
    let labels = Compartments::of(&row.body);
    let Stored::<EncounterId, Encounter> { value, .. } = row.try_into()?;
    let treats = value.doctor() == Some(caller.actor.account);
    consent::may_open(platform, caller, value.patient(), (labels, treats), "visit", id).await?;
    Ok(value)
}

/// What of it the caller may read: what tells of a compartment is for the patient,
/// the doctor of the visit, who said it, and who may see that compartment.
async fn readable(
    platform: &Platform,
    caller: &Caller,
    visit: &Encounter,
    rows: Vec<VisitMessage>,
) -> AppResult<Vec<SaidView>> {
    let me = caller.actor.account;
    let part = caller.actor.acts_wholly_for(visit.patient()) || visit.doctor() == Some(me);
    let mut sight = None;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let labels = Compartments::of(&row.body);
        let own = row.body["account"].as_str() == Some(me.to_string().as_str());
        if !labels.is_empty() && !part && !own {
            if sight.is_none() {
                sight = Some(consent::sight(platform, caller, visit.patient()).await?);
            }
            if sight.is_some_and(|sight| !sight.shows(labels)) {
                continue;
            }
        }
        views.push(view(row));
    }
    Ok(views)
}

/// Says what `make` makes, if the caller may speak at this moment.
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

/// A signed word to the provider that this person may enter this room. It names neither
/// the patient nor the visit.
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

/// All that was said in a visit.
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
