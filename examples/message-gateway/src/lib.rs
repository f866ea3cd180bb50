//! A gateway of text messages and WeChat template messages, for tests and demonstrations: a stranger to the host, with
//! its own code for the shape of `docs/reminders.md`. It verifies what it gets, keeps it, rings nobody's phone, and commits
//! faults on demand. Its key is known to the world.

#![allow(clippy::disallowed_methods, reason = "it has a clock of its own")]

mod simulate;

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

/// The key by which it and the hospital sign.
pub const SECRET: &str = "xinglin-simulated-message-gateway-key";
/// What it calls the key.
pub const KEY_ID: &str = "simulated-1";

/// How far the time of a signature may be from its own, in seconds.
const WINDOW: i64 = 300;
/// How long it leaves a request without an answer, for the fault `silence`.
const SILENCE: Duration = Duration::from_secs(3600);

/// What it is told at its start.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A file that keeps what it received.
    pub journal: Option<PathBuf>,
}

/// Something that it was asked to send, and sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    /// The id: of two requests with the same one, the first counts.
    id: String,
    /// The whole body.
    body: Value,
    /// How often it was asked.
    times: u32,
}

/// A fault that it is to commit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    /// `fail`, `busy`, `silence`, `address-invalid`, `refuse`, `fail-after`.
    #[serde(rename = "do")]
    what: String,
    /// How often; for ever if it is 0.
    #[serde(default = "once")]
    times: u32,
    /// Of requests to this address only.
    #[serde(default)]
    to: Option<String>,
}

const fn once() -> u32 {
    1
}

#[derive(Debug, Default)]
struct Books {
    kept: BTreeMap<String, Kept>,
    /// Ids in the order in which they came.
    order: Vec<String>,
    faults: Vec<Fault>,
    /// Number of requests whose signature was not right.
    forged: u32,
    /// Number of requests, whatever became of them.
    asked: u32,
    /// Seconds by which its clock is ahead, and was before that.
    ahead: [i64; 2],
    journal: Option<PathBuf>,
}

/// The gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MessageGateway {
    books: Arc<Mutex<Books>>,
    http: reqwest::Client,
}

impl MessageGateway {
    /// With what its journal has, if there is one.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open(settings: Settings) -> Result<Self> {
        let mut books = Books { journal: settings.journal.clone(), ..Books::default() };
        if let Some(path) = settings.journal.as_deref().filter(|path| path.exists()) {
            for line in std::fs::read_to_string(path)?.lines() {
                books.keep(serde_json::from_str(line).context("a line of the journal")?);
            }
        }
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { books: Arc::new(Mutex::new(books)), http })
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since 1970, by its own clock; the second as it went before it was set, for who is still on their way.
    fn times(&self) -> [i64; 2] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        self.lock().ahead.map(|ahead| now.saturating_add(ahead))
    }

    fn now(&self) -> i64 {
        self.times()[0]
    }

    fn router(self) -> Router {
        Router::new()
            .route("/send", post(send))
            .route("/simulate/settings", get(simulate::settings))
            .route("/simulate/received", get(simulate::received))
            .route("/simulate/fault", post(simulate::fault))
            .route("/simulate/heal", post(simulate::heal))
            .route("/simulate/receipt", post(simulate::receipt))
            .route("/simulate/clock", post(simulate::clock))
            .with_state(self)
    }
}

impl Books {
    /// Keeps something, the first time.
    fn keep(&mut self, new: Kept) {
        if let Some(known) = self.kept.get_mut(&new.id) {
            known.times += 1;
            return;
        }
        self.order.push(new.id.clone());
        self.kept.insert(new.id.clone(), new);
    }

    /// The same, in the journal first: what cannot be written down was not taken, and is taken when it comes again.
    fn take(&mut self, new: Kept) -> std::io::Result<()> {
        if let Some(journal) = &self.journal
            && !self.kept.contains_key(&new.id)
        {
            write_down(journal, &new)?;
        }
        self.keep(new);
        Ok(())
    }

    /// The fault that this request meets, if any; it is used up.
    fn meet(&mut self, to: &str) -> Option<String> {
        let place = self.faults.iter().position(|fault| fault.to.as_deref().is_none_or(|only| only == to))?;
        let fault = &mut self.faults[place];
        let what = fault.what.clone();
        match fault.times {
            0 => {}
            1 => drop(self.faults.remove(place)),
            more => fault.times = more - 1,
        }
        Some(what)
    }
}

fn write_down(journal: &Path, kept: &Kept) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(journal)?;
    writeln!(file, "{}", serde_json::to_string(kept)?)
}

fn mac(secret: &str, way: &str, (stamp, id): (&str, &str), body: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{way}\n{stamp}\n{id}\n").as_bytes());
    mac.update(body);
    mac
}

/// The signature over direction, time, id and body.
fn signature(secret: &str, way: &str, head: (&str, &str), body: &[u8]) -> String {
    hex::encode(mac(secret, way, head, body).finalize().into_bytes())
}

/// Whether a signature is right, in a time that does not tell how much of it is.
fn verifies(way: &str, head: (&str, &str), body: &[u8], signature: &str) -> bool {
    hex::decode(signature).is_ok_and(|signature| mac(SECRET, way, head, body).verify_slice(&signature).is_ok())
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Takes something to be sent.
async fn send(State(gateway): State<MessageGateway>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (stamp, id) = (header("xinglin-timestamp"), header("xinglin-id"));
    gateway.lock().asked += 1;
    let right = verifies("send", (stamp, id), &body, header("xinglin-signature")) && header("xinglin-key") == KEY_ID;
    let times = gateway.times();
    let in_time = stamp.parse::<i64>().is_ok_and(|stamp| times.iter().any(|now| (stamp - now).abs() <= WINDOW));
    if !right || !in_time {
        gateway.lock().forged += 1;
        return refusal(StatusCode::UNAUTHORIZED, if right { "too-old" } else { "bad-signature" });
    }
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "not-json");
    };
    if asked["id"] != id {
        return refusal(StatusCode::BAD_REQUEST, "two-ids");
    }
    let fault = gateway.lock().meet(asked["to"].as_str().unwrap_or_default());
    match fault.as_deref() {
        Some("fail") => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "out-of-order"),
        Some("busy") => return refusal(StatusCode::TOO_MANY_REQUESTS, "busy"),
        Some("address-invalid") => return refusal(StatusCode::UNPROCESSABLE_ENTITY, "address-invalid"),
        Some("refuse") => return refusal(StatusCode::FORBIDDEN, "no-credit"),
        _ => {}
    }
    let kept = Kept { id: id.to_owned(), body: asked, times: 1 };
    if gateway.lock().take(kept).is_err() {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "journal");
    }
    match fault.as_deref() {
        Some("fail-after") => refusal(StatusCode::BAD_GATEWAY, "lost"),
        Some("silence") => {
            tokio::time::sleep(SILENCE).await;
            StatusCode::ACCEPTED.into_response()
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}

/// Serves until the process or the task ends.
///
/// # Errors
/// If the socket fails.
pub async fn serve(gateway: MessageGateway, listener: TcpListener) -> Result<()> {
    Ok(axum::serve(listener, gateway.router()).await?)
}
