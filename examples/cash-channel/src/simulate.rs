//! Commands: what people and faults do.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{CashChannel, books::Fault, merchant, notices::Lie};

fn unknown(what: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "unknown": what }))).into_response()
}

/// What a hospital needs to use both shapes.
pub(crate) async fn settings(State(channel): State<CashChannel>) -> Json<Value> {
    let CashChannel { settings, .. } = channel;
    Json(json!({
        "wechat-pay": {
            "app_id": merchant::APP, "merchant": merchant::ID, "serial": merchant::SERIAL,
            "private_key": merchant::PRIVATE_KEY, "api_v3_key": merchant::API_V3_KEY, "base_url": settings.base_url,
            "keys": [{ "serial": merchant::WECHAT_KEY_SERIAL, "public_key": merchant::WECHAT_PUBLIC_KEY }],
        },
        "alipay": {
            "app_id": merchant::APP, "merchant": merchant::ID, "private_key": merchant::PRIVATE_KEY,
            "base_url": format!("{}/gateway.do", settings.base_url),
            "keys": [{ "public_key": merchant::ALIPAY_PUBLIC_KEY }],
        },
    }))
}

/// All orders and refunds.
pub(crate) async fn books(State(channel): State<CashChannel>) -> Json<Value> {
    let books = channel.books.lock();
    Json(json!({
        "orders": books.orders.values().collect::<Vec<_>>(),
        "refunds": books.refunds.values().collect::<Vec<_>>(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pay {
    order: String,
    amount: Option<i64>,
    #[serde(default = "once")]
    notices: u32,
    #[serde(default)]
    again: bool,
}

const fn once() -> u32 {
    1
}

/// The patient pays.
pub(crate) async fn pay(State(channel): State<CashChannel>, Json(pay): Json<Pay>) -> Response {
    let known = channel.books.lock().orders.get(&pay.order).cloned();
    let Some(order) = known else { return unknown(&pay.order) };
    if order.closed || (!order.payments.is_empty() && !pay.again) {
        return (StatusCode::CONFLICT, Json(json!({ "closed": order.closed, "paid": order.payments.len() })))
            .into_response();
    }
    match channel.take(&pay.order, pay.amount, pay.notices).await {
        Some(notices) => Json(json!({ "notices": notices })).into_response(),
        None => unknown(&pay.order),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notify {
    order: Option<String>,
    refund: Option<String>,
    claim: Option<i64>,
    merchant: Option<String>,
    #[serde(default)]
    forged: bool,
    #[serde(default)]
    same: bool,
    /// Of each payment of the order, not of the last alone: a channel repeats every notice until it is heard.
    #[serde(default)]
    all: bool,
}

/// A notice of what is in the books, or a lie about it.
pub(crate) async fn notify(State(channel): State<CashChannel>, Json(notify): Json<Notify>) -> Response {
    let of = notify.order.clone().or(notify.refund.clone()).unwrap_or_default();
    let lie = Lie { amount: notify.claim, merchant: notify.merchant, forged: notify.forged };
    let known = channel.books.lock().orders.get(&of).cloned();
    if let Some(order) = known.filter(|_| notify.all) {
        let mut notices = Vec::new();
        for payment in &order.payments {
            notices.push(channel.send(&of, channel.of_payment(&order, payment, &lie)).await);
        }
        return Json(json!({ "notices": notices })).into_response();
    }
    let notice = {
        let books = channel.books.lock();
        let refund = notify.refund.as_ref().and_then(|name| books.refunds.get(name)).cloned();
        let order = match (&notify.order, &refund) {
            (Some(name), _) => books.orders.get(name).cloned(),
            (None, Some(refund)) => books.orders.get(&refund.order).cloned(),
            (None, None) => None,
        };
        let sent = books.sent.get(&of).cloned();
        drop(books);
        match (order, refund) {
            _ if notify.same => sent,
            (Some(order), Some(refund)) => {
                let payment = order.payments.iter().find(|payment| payment.transaction == refund.transaction);
                payment.map(|payment| channel.of_refund(&order, payment, &refund, &lie))
            }
            // The last payment; of an order that nobody paid, one that never was.
            (Some(order), None) => {
                let never = crate::books::Payment {
                    transaction: "4200000000".to_owned(),
                    amount: order.amount,
                    at: channel.books.now(),
                };
                let payment = order.payments.last().cloned().unwrap_or(never);
                Some(channel.of_payment(&order, &payment, &lie))
            }
            (None, _) => None,
        }
    };
    match notice {
        Some(notice) => Json(json!({ "notices": [channel.send(&of, notice).await] })).into_response(),
        None => unknown(&of),
    }
}

/// A fault to commit.
pub(crate) async fn fault(State(channel): State<CashChannel>, Json(fault): Json<Fault>) -> Json<Value> {
    channel.books.lock().add_fault(fault);
    Json(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clock {
    seconds: i64,
}

/// The clock goes ahead.
pub(crate) async fn clock(State(channel): State<CashChannel>, Json(clock): Json<Clock>) -> Json<Value> {
    channel.books.lock().advance(clock.seconds);
    Json(json!({ "now": channel.books.now().to_string() }))
}
