//! `GET /api/v1/encounters/{id}/messages/stream`

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use xinglin_domain::{code::Code, id::EncounterId};

use crate::{
    app::{AppError, AppResult, Caller, Hospital, conversation::Heard},
    http::{extract::At, problem::Problem},
};

/// What is said in a visit, as it is said (server-sent events). `Last-Event-ID` goes on
/// after the message of that place. It ends with the event `end`, of which the data says
/// why: `closed`, or `again`.
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
) -> AppResult<Sse<impl Stream<Item = Result<Event, axum::Error>>>> {
    let after = match headers.get("last-event-id").map(|value| value.to_str().ok().and_then(|text| text.parse().ok())) {
        None => 0,
        Some(Some(after)) => after,
        Some(None) => return Err(AppError::new(Code::BodyInvalid, "Last-Event-ID must be the `seq` of a message")),
    };
    let listener = hospital.listen(caller, id, after).await?;
    let heard = stream::unfold(Some((hospital, listener)), |listening| async move {
        let (hospital, mut listener) = listening?;
        let end = |why: &str| vec![Ok(Event::default().event("end").data(why))];
        match hospital.hear(&mut listener).await {
            Ok(Heard::Said(said)) => {
                let event = |said| Event::default().id(said_seq(&said)).event("message").json_data(&said);
                let events = said.into_iter().map(event).collect();
                Some((events, Some((hospital, listener))))
            }
            Ok(Heard::End(why)) => Some((end(why), None)),
            // Whoever may not listen any more is told so when they ask again.
            Err(_) => Some((end("again"), None)),
        }
    });
    let events = futures_util::StreamExt::flat_map(heard, stream::iter::<Vec<Result<Event, axum::Error>>>);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn said_seq(said: &crate::app::conversation::SaidView) -> String {
    said.seq.to_string()
}
