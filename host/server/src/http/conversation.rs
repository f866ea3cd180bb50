//! Conversations in visits.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::conversation::{self, Heard, MeetingView, SaidView, Say};
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{EncounterId, VideoId},
};
use xinglin_extensions::tape::PurgeView;
use xinglin_platform::{AppError, Caller};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::Converse, routes!(end_meeting)))
        .routes(by(&Action::Converse, routes!(join_meeting)))
        .routes(by(&Action::Converse, routes!(list, say)))
        .routes(by(&Action::Converse, routes!(open_meeting)))
        .routes(by(&Action::PurgeRecords, routes!(purge)))
        .routes(by(&Action::Converse, routes!(stream)))
}

/// Ends a video meeting: no further tokens are issued.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/video/{video}/end", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`"), ("video" = String, Path, description = "`video-…`")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn end_meeting(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((id, video)): At<(EncounterId, VideoId)>,
) -> Reply<StatusCode> {
    conversation::end_meeting(&hospital.care, &caller, id, video).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Issues a token for an open meeting to the caller.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/video/{video}/join", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`"), ("video" = String, Path, description = "`video-…`")),
    responses((status = 200, body = MeetingView), (status = "4XX", body = Problem)),
)]
pub async fn join_meeting(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((id, video)): At<(EncounterId, VideoId)>,
) -> Reply<Json<MeetingView>> {
    Ok(Json(conversation::join_meeting(&hospital.care, &caller, id, video).await?))
}

/// The page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// `seq` of the last message that the caller has.
    #[serde(default)]
    after: i64,
    /// Maximum number, at most 200.
    #[serde(default = "usual")]
    limit: u32,
}

const fn usual() -> u32 {
    50
}

/// Messages of a visit, in order.
#[utoipa::path(
    get, path = "/api/v1/encounters/{id}/messages", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`"), Which),
    responses((status = 200, body = Vec<SaidView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Asked(Which { after, limit }): Asked<Which>,
) -> Reply<Json<Vec<SaidView>>> {
    Ok(Json(conversation::list(&hospital.platform, &caller, id, after, limit).await?))
}

/// Starts a video meeting, or issues a token for the open one to staff.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/video", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`")),
    responses((status = 201, body = MeetingView), (status = "4XX", body = Problem)),
)]
pub async fn open_meeting(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
) -> Reply<(StatusCode, Json<MeetingView>)> {
    Ok((StatusCode::CREATED, Json(conversation::start_meeting(&hospital.care, &caller, id).await?)))
}

/// The limit of the purge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeSaid {
    /// All messages written earlier: RFC 3339, or a date of Asia/Shanghai.
    before: String,
}

/// Purges messages of the caller's hospital whose retention period is over.
#[utoipa::path(
    post, path = "/api/v1/conversations/purge", tag = "Conversation",
    request_body = PurgeSaid,
    responses((status = 200, body = PurgeView), (status = "4XX", body = Problem)),
)]
pub async fn purge(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(purge): Body<PurgeSaid>,
) -> Reply<Json<PurgeView>> {
    let before = AppError::time("before", &purge.before)?;
    Ok(Json(conversation::purge(&hospital.platform, &caller, caller.actor.tenant, before).await?))
}

/// Writes a message in a visit.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/messages", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = Say,
    responses((status = 201, body = SaidView), (status = "4XX", body = Problem)),
)]
pub async fn say(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(say): Body<Say>,
) -> Reply<(StatusCode, Json<SaidView>)> {
    Ok((StatusCode::CREATED, Json(conversation::say(&hospital.care, &caller, id, say).await?)))
}

/// Messages of a visit as server-sent events. `Last-Event-ID` resumes after the message with that
/// number. The stream ends with the event `end`, whose data is the reason: `closed` or `again`.
#[utoipa::path(
    get, path = "/api/v1/encounters/{id}/messages/stream", tag = "Conversation",
    params(
        ("id" = String, Path, description = "`enc-…`"),
        ("Last-Event-ID" = Option<i64>, Header, description = "`seq` of the last message that is known."),
    ),
    responses((status = 200, body = String, content_type = "text/event-stream"), (status = "4XX", body = Problem)),
)]
pub async fn stream(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    headers: HeaderMap,
) -> Reply<Sse<impl Stream<Item = Result<Event, axum::Error>>>> {
    let after = match headers.get("last-event-id").map(|value| value.to_str().ok().and_then(|text| text.parse().ok())) {
        None => 0,
        Some(Some(after)) => after,
        Some(None) => {
            return Err(AppError::new(Code::BodyInvalid, "Last-Event-ID must be the `seq` of a message").into());
        }
    };
    let listener = conversation::listen(&hospital.care, caller, id, after).await?;
    let heard = stream::unfold(Some((hospital, listener)), |listening| async move {
        let (hospital, mut listener) = listening?;
        let end = |why: &str| vec![Ok(Event::default().event("end").data(why))];
        match conversation::hear(&hospital.platform, &mut listener).await {
            Ok(Heard::Said(said)) => {
                let event = |said| Event::default().id(said_seq(&said)).event("message").json_data(&said);
                let events = said.into_iter().map(event).collect();
                Some((events, Some((hospital, listener))))
            }
            Ok(Heard::End(why)) => Some((end(why), None)),
            // A listener without access is refused when it reconnects.
            Err(_) => Some((end("again"), None)),
        }
    });
    let events = futures_util::StreamExt::flat_map(heard, stream::iter::<Vec<Result<Event, axum::Error>>>);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn said_seq(said: &xinglin_care::conversation::SaidView) -> String {
    said.seq.to_string()
}
