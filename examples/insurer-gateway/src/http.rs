//! Requests: who sent them, whether they were answered before, and what goes wrong with them.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    books::{self, Settlement},
    clock,
    commercial::{self, Desk, Dialect},
    faults::{Faults, Kind, Plan},
    keys::Keys,
    money, nhsa,
    parameters::Parameters,
    store::{Answered, Store},
};

/// Everything a request may need.
pub struct Gateway {
    /// The database.
    pub store: Store,
    /// The rules.
    pub parameters: Parameters,
    /// The insurers' words.
    pub dialects: Vec<Dialect>,
    /// Who signs.
    pub keys: Keys,
    /// What goes wrong.
    pub faults: Mutex<Faults>,
    /// The last answer to each kind of message.
    pub before: Mutex<HashMap<String, String>>,
}

type Shared = State<Arc<Gateway>>;

/// Header of the platform's signatures.
const SIGNATURE: &str = "x-signature";
/// Largest body, in bytes.
const LARGEST: usize = 1 << 20;

/// All routes.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/nhsa/{infno}", post(message))
        .route("/books", get(books))
        .route("/admin/faults", get(faults).put(plan).delete(clear))
        .fallback(insurer)
        .layer(axum::extract::DefaultBodyLimit::max(LARGEST))
        .with_state(gateway)
}

/// An answer before it is sent.
struct Reply {
    status: StatusCode,
    body: String,
    /// Header of its signature.
    header: String,
}

impl Reply {
    fn json(status: StatusCode, body: &Value, header: &str) -> Self {
        Self { status, body: body.to_string(), header: header.to_owned() }
    }
}

impl Gateway {
    fn strike(&self, on: &str) -> Option<(Kind, u64)> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).strike(on)
    }

    /// Sends an answer, as far as nothing goes wrong with it.
    async fn send(&self, on: &str, reply: Reply, fault: Option<(Kind, u64)>) -> Response {
        let Reply { status, mut body, header } = reply;
        let previous = {
            let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
            before.insert(on.to_owned(), body.clone())
        };
        let mut signed = None;
        match fault {
            Some((Kind::TimeoutAfterCommit, millis)) => return silence(millis).await,
            Some((Kind::LostAnswer, _)) => return broken(),
            Some((Kind::DuplicateAnswer, _)) => body = format!("{body}{body}"),
            Some((Kind::StaleAnswer, _)) => body = previous.unwrap_or(body),
            Some((Kind::WrongTotal, _)) => {
                if let Ok(mut value) = serde_json::from_str(&body) {
                    self.spoil(on, &mut value);
                    body = Value::to_string(&value);
                }
            }
            Some((Kind::BadSignature, _)) => signed = self.keys.sign(b"something else"),
            Some((Kind::Slow, millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
            _ => {}
        }
        let signature = signed.or_else(|| self.keys.sign(body.as_bytes())).unwrap_or_default();
        let headers = [(header::CONTENT_TYPE.as_str(), "application/json"), (header.as_str(), signature.as_str())];
        (status, headers, body).into_response()
    }

    /// Makes what the fund or the insurer pays a fen more, wherever it is named.
    fn spoil(&self, on: &str, value: &mut Value) {
        let insurers = self.dialects.iter().map(|dialect| dialect.field("benefit").to_owned());
        let names: Vec<String> = match on.starts_with('/') {
            true => insurers.collect(),
            false => vec!["fund_pay_sumamt".to_owned(), "fundPay".to_owned()],
        };
        spoil(value, &names);
    }
}

fn spoil(value: &mut Value, names: &[String]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, names)),
        Value::Object(pairs) => {
            for (name, part) in pairs {
                match money::fen(part).filter(|_| names.contains(name)) {
                    // Of whole fen, or of yuan: a unit of the last digit more.
                    Some(_) if part.as_i64().is_some() => *part = (part.as_i64().unwrap_or(0) + 1).into(),
                    Some(fen) if part.is_string() => *part = money::yuan_text(fen + 1).into(),
                    Some(fen) => *part = money::yuan(fen + 1),
                    None => spoil(part, names),
                }
            }
        }
        _ => {}
    }
}

/// No answer for a time, then none at all.
async fn silence(millis: u64) -> Response {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    broken()
}

/// The connection breaks in the answer.
fn broken() -> Response {
    let nothing = futures_util::stream::once(async { Err::<Bytes, _>(io::Error::other("a fault on demand")) });
    Body::from_stream(nothing).into_response()
}

fn internal(error: sqlx::Error) -> Response {
    eprintln!("the database: {error}");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// A message to the platform.
async fn message(State(gateway): Shared, Path(infno): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = gateway.strike(&infno);
    let now = clock::now();
    let said = |status, msgid: &str, sent: &Value, outcome| {
        Reply::json(status, &nhsa::envelope(msgid, sent, now, outcome), SIGNATURE)
    };
    match fault {
        Some((Kind::TimeoutBeforeCommit, millis)) => return silence(millis).await,
        Some((Kind::Maintenance, _)) => {
            let why = Err("系统维护中,交易未处理".to_owned());
            let reply = said(StatusCode::SERVICE_UNAVAILABLE, "", &Value::Null, why);
            return gateway.send(&infno, reply, None).await;
        }
        _ => {}
    }
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    if !gateway.keys.is_signed(&body, signature) {
        let reply = said(StatusCode::UNAUTHORIZED, "", &Value::Null, Err("验签失败".to_owned()));
        return gateway.send(&infno, reply, None).await;
    }
    let request = gateway.keys.open(&body).and_then(|body| serde_json::from_slice::<Value>(&body).ok());
    let Some(request) = request else {
        let reply = said(StatusCode::BAD_REQUEST, "", &Value::Null, Err("报文无法解密或解析".to_owned()));
        return gateway.send(&infno, reply, None).await;
    };
    let msgid = request["msgid"].as_str().unwrap_or_default().to_owned();
    let outcome = match answer(&gateway, &infno, &msgid, &request, fault).await {
        Ok(outcome) => outcome,
        Err(error) => return internal(error),
    };
    let reply = said(StatusCode::OK, &msgid, &request["inf_time"], outcome);
    gateway.send(&infno, reply, fault).await
}

/// The output of a message: of one that was answered before, what was answered.
async fn answer(
    gateway: &Gateway,
    infno: &str,
    msgid: &str,
    request: &Value,
    fault: Option<(Kind, u64)>,
) -> Result<Result<Value, String>, sqlx::Error> {
    for field in
        ["infno", "msgid", "mdtrtarea_admvs", "insuplc_admdvs", "recer_sys_code", "infver", "opter", "fixmedins_code"]
    {
        if request[field].as_str().is_none_or(str::is_empty) {
            return Ok(Err(format!("缺少 {field}")));
        }
    }
    if request["infno"] != infno || msgid.chars().count() > 30 {
        return Ok(Err("交易编号不符,或报文标识过长".to_owned()));
    }
    let digest = digest(&[infno.as_bytes(), request["input"].to_string().as_bytes()]);
    let id = format!("nhsa/{msgid}");
    let mut tx = gateway.store.begin().await?;
    if let Some(before) = tx.answered(&id).await? {
        return Ok(match before.digest == digest {
            true => serde_json::from_str(&before.answer).map_err(|error| error.to_string()),
            false => Err("报文标识重复".to_owned()),
        });
    }
    let drifts = matches!(fault, Some((Kind::Drift, _)));
    let nhsa = &gateway.parameters.nhsa;
    let message = nhsa::Message { nhsa, msgid, input: &request["input"], now: clock::now(), drifts };
    match nhsa::carry_out(&mut tx, infno, &message).await {
        Ok(output) => {
            tx.answer(&id, &Answered { digest, answer: output.to_string() }).await?;
            tx.commit().await?;
            Ok(Ok(output))
        }
        Err(nhsa::Failure::Refused(why)) => Ok(Err(why)),
        Err(nhsa::Failure::Store(error)) => Err(error),
    }
}

/// A request to an insurer, whose base its path begins with.
async fn insurer(State(gateway): Shared, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let found = gateway.dialects.iter().find_map(|dialect| {
        let insurer = gateway.parameters.insurer.get(&dialect.id)?;
        Some((dialect, insurer, uri.path().strip_prefix(dialect.base.as_str())?))
    });
    let Some((dialect, insurer, path)) = found else { return StatusCode::NOT_FOUND.into_response() };
    // The operation behind a path is named by its key.
    let (path, key) = match path.get(1..).and_then(|rest| rest.find('/')) {
        Some(at) => (&path[..=at], path.get(at + 2..).unwrap_or_default()),
        None => (path, ""),
    };
    let fault = gateway.strike(path);
    match fault {
        Some((Kind::TimeoutBeforeCommit, millis)) => return silence(millis).await,
        Some((Kind::Maintenance, _)) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => {}
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("authorization") != Some(format!("Bearer {}", insurer.token).as_str()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let target = format!("{method} {uri}");
    let signed = if method == Method::GET { target.as_bytes() } else { body.as_ref() };
    if !gateway.keys.is_signed(signed, header(&dialect.signature_header)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let drifts = matches!(fault, Some((Kind::Drift, _)));
    let desk = Desk { dialect, insurer, now: clock::now(), drifts };
    let answered = match method {
        Method::GET => asked(&gateway, &desk, &unescaped(key)).await,
        Method::POST => posted(&gateway, &desk, path, (&headers, &body)).await,
        _ => Ok((StatusCode::METHOD_NOT_ALLOWED, Value::Null)),
    };
    match answered {
        Ok((status, body)) => gateway.send(path, Reply::json(status, &body, &dialect.signature_header), fault).await,
        Err(commercial::Failure::Invalid(why)) => (StatusCode::BAD_REQUEST, why).into_response(),
        Err(commercial::Failure::Conflict) => StatusCode::CONFLICT.into_response(),
        Err(commercial::Failure::Store(error)) => internal(error),
    }
}

fn operation(desk: &Desk<'_>, key: &str) -> String {
    format!("{}/{key}", desk.dialect.id)
}

/// What became of an operation.
async fn asked(gateway: &Gateway, desk: &Desk<'_>, key: &str) -> Result<(StatusCode, Value), commercial::Failure> {
    let mut tx = gateway.store.begin().await?;
    let status = desk.status(&mut tx, &operation(desk, key)).await?;
    tx.commit().await?;
    Ok(match status {
        Some(answer) => (StatusCode::OK, answer),
        None => (StatusCode::NOT_FOUND, desk.never_seen()),
    })
}

/// Carries out an operation once; what changes nothing has no key.
async fn posted(
    gateway: &Gateway,
    desk: &Desk<'_>,
    path: &str,
    (headers, bytes): (&HeaderMap, &Bytes),
) -> Result<(StatusCode, Value), commercial::Failure> {
    let invalid = |why: &str| commercial::Failure::Invalid(why.to_owned());
    let body: Value = serde_json::from_slice(bytes).map_err(|_| invalid("no JSON"))?;
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    if desk.dialect.text(&body, "key") != key {
        return Err(invalid("the key of the body is not that of the header"));
    }
    let mut tx = gateway.store.begin().await?;
    let digest = digest(&[path.as_bytes(), bytes]);
    let id = key.map(|key| operation(desk, key));
    if let Some(id) = &id {
        if let Some(before) = tx.answered(id).await? {
            let same = before.digest == digest;
            let answer = serde_json::from_str(&before.answer).ok().filter(|_| same);
            return answer.map(|answer| (StatusCode::OK, answer)).ok_or(commercial::Failure::Conflict);
        }
        desk.may_begin(&mut tx, id).await?;
    }
    let Some(answer) = desk.post(&mut tx, path, &body).await? else { return Ok((StatusCode::NOT_FOUND, json!({}))) };
    if let Some(id) = &id {
        tx.answer(id, &Answered { digest, answer: answer.to_string() }).await?;
    }
    tx.commit().await?;
    Ok((StatusCode::OK, answer))
}

/// A segment of a path, without its percents.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        match hex {
            Some(byte) => {
                bytes.extend(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The books.
async fn books(State(gateway): Shared) -> Response {
    let read = async {
        let mut tx = gateway.store.begin().await?;
        Settlement::all(&mut tx).await
    };
    read.await.map_or_else(internal, |settlements| axum::Json(books::printed(&settlements)).into_response())
}

/// The plan, and what was committed.
async fn faults(State(gateway): Shared) -> Response {
    let report = gateway.faults.lock().unwrap_or_else(PoisonError::into_inner).report();
    axum::Json(report).into_response()
}

/// Another plan, from its beginning.
async fn plan(State(gateway): Shared, body: Bytes) -> Response {
    match serde_json::from_slice::<Plan>(&body) {
        Ok(plan) => {
            *gateway.faults.lock().unwrap_or_else(PoisonError::into_inner) = Faults::new(plan);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// Nothing goes wrong any more.
async fn clear(State(gateway): Shared) -> Response {
    *gateway.faults.lock().unwrap_or_else(PoisonError::into_inner) = Faults::default();
    StatusCode::NO_CONTENT.into_response()
}
