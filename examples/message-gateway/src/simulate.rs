//! Commands: what people, carriers and faults do.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Fault, KEY_ID, MessageGateway, SECRET, signature};

/// What a hospital needs to use it, but for its own address: `…/send`.
pub(crate) async fn settings() -> Json<Value> {
    Json(json!({ "key_id": KEY_ID, "secret": SECRET }))
}

/// What it was asked to send, in order, each id once.
pub(crate) async fn received(State(gateway): State<MessageGateway>) -> Json<Value> {
    let books = gateway.lock();
    let received: Vec<_> = books.order.iter().filter_map(|id| books.kept.get(id)).collect();
    Json(json!({ "received": received, "asked": books.asked, "forged": books.forged }))
}

/// A fault to commit.
pub(crate) async fn fault(State(gateway): State<MessageGateway>, Json(fault): Json<Fault>) -> Json<Value> {
    gateway.lock().faults.push(fault);
    Json(json!({}))
}

/// No faults any more.
pub(crate) async fn heal(State(gateway): State<MessageGateway>) -> Json<Value> {
    gateway.lock().faults.clear();
    Json(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    /// Of which id.
    id: String,
    /// `delivered`, `failed` or `address-invalid`.
    status: String,
    /// Signed otherwise.
    #[serde(default)]
    forged: bool,
    /// Signed with this key, if not with its own.
    #[serde(default)]
    secret: Option<String>,
    /// Of so many seconds ago.
    #[serde(default)]
    age: i64,
}

/// Sends a receipt; what the hospital answered.
pub(crate) async fn receipt(State(gateway): State<MessageGateway>, Json(receipt): Json<Receipt>) -> Response {
    let url = {
        let books = gateway.lock();
        let kept = books.kept.get(&receipt.id);
        kept.and_then(|kept| kept.body["receipt_url"].as_str()).map(str::to_owned)
    };
    let Some(url) = url else {
        return (StatusCode::NOT_FOUND, Json(json!({ "unknown": receipt.id }))).into_response();
    };
    let body = json!({ "id": receipt.id, "status": receipt.status }).to_string();
    let stamp = (gateway.now() - receipt.age).to_string();
    // A forgery is what was sent to us, shown back.
    let way = if receipt.forged { "send" } else { "receipt" };
    let secret = receipt.secret.as_deref().unwrap_or(SECRET);
    let signature = signature(secret, way, (&stamp, &receipt.id), body.as_bytes());
    let request = gateway.http.post(url).header("content-type", "application/json");
    let request = request.header("xinglin-id", &receipt.id).header("xinglin-timestamp", stamp);
    match request.header("xinglin-signature", signature).body(body).send().await {
        Ok(answer) => Json(json!({ "status": answer.status().as_u16() })).into_response(),
        Err(error) => Json(json!({ "status": 0, "error": error.to_string() })).into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clock {
    seconds: i64,
}

/// The clock goes ahead.
pub(crate) async fn clock(State(gateway): State<MessageGateway>, Json(clock): Json<Clock>) -> Json<Value> {
    {
        let mut books = gateway.lock();
        let [ahead, _] = books.ahead;
        books.ahead = [ahead + clock.seconds, ahead];
    }
    Json(json!({ "now": gateway.now() }))
}
