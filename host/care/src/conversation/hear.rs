use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use xinglin_domain::{code::Code, encounter::Encounter};
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting, boxed};

use super::{Listener, MOST, SaidView, may_converse, readable};

/// Poll interval for messages written by other hosts.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Interval between checks of a silent listener's access and of the visit's state.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// An event for a listener.
pub enum Heard {
    /// These.
    Said(Vec<SaidView>),
    /// End of the stream: the visit is closed, or the listener must reconnect, also because the
    /// host stops.
    End(&'static str),
}

/// The next messages. The listener's access is checked before each delivery, and every few
/// seconds.
///
/// # Errors
/// If access has ended.
#[boxed]
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
                () = platform.tasks().cancelled() => return Ok(Heard::End("again")),
                written = listener.written.recv() => match written {
                    Ok(visit) if visit != listener.visit => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Ok(Heard::End("again")),
                },
            }
        }
    }
}

/// The caller at this moment, if the session is still valid.
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
