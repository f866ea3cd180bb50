//! As 微信支付, API v3.

use axum::{
    body::Bytes,
    extract::{OriginalUri, Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::{
    CashChannel,
    books::{Order, Payment, Refund, Shape, china, day, yuan},
    lost, merchant,
    notices::Lie,
    sign::{nonce, sign, verifies},
};

/// The headers of what the channel signs.
pub(crate) fn signed(now: i64, body: &str, forged: bool) -> Vec<(&'static str, String)> {
    let (stamp, nonce) = (now, nonce());
    let key = if forged { merchant::PRIVATE_KEY } else { merchant::WECHAT_PRIVATE_KEY };
    vec![
        ("wechatpay-signature", sign(key, format!("{stamp}\n{nonce}\n{body}\n").as_bytes())),
        ("wechatpay-timestamp", stamp.to_string()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-serial", merchant::WECHAT_KEY_SERIAL.to_owned()),
    ]
}

/// A payment, in answers and notices.
pub(crate) fn transaction(order: &Order, payment: &Payment) -> Value {
    json!({
        "appid": merchant::APP, "mchid": merchant::ID, "out_trade_no": order.name,
        "transaction_id": payment.transaction, "trade_type": "NATIVE", "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功", "bank_type": "OTHERS", "attach": "",
        "success_time": format!("{}+08:00", china(payment.at)), "payer": { "openid": "o-patient" },
        "amount": {
            "total": payment.amount, "payer_total": payment.amount, "currency": "CNY", "payer_currency": "CNY",
        },
    })
}

/// A refund, in answers; in notices `status` has another name.
pub(crate) fn refund_document(payment: &Payment, refund: &Refund) -> Value {
    let mut document = json!({
        "refund_id": refund.id, "out_refund_no": refund.name, "transaction_id": refund.transaction,
        "out_trade_no": refund.order, "channel": "ORIGINAL", "status": refund.state,
        "user_received_account": "支付用户零钱", "create_time": format!("{}+08:00", china(refund.at)),
        "amount": { "total": payment.amount, "refund": refund.amount, "currency": "CNY" },
    });
    if refund.state == "SUCCESS" {
        document["success_time"] = json!(format!("{}+08:00", china(refund.at)));
    }
    document
}

fn error(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, axum::Json(json!({ "code": code, "message": "simulated" }))).into_response()
}

impl CashChannel {
    fn answer(&self, document: &Value, forged: bool) -> Response {
        let body = if document.is_null() { String::new() } else { document.to_string() };
        let status = if document.is_null() { StatusCode::NO_CONTENT } else { StatusCode::OK };
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body.clone()).into_response();
        for (name, value) in signed(self.books.now(), &body, forged) {
            response.headers_mut().insert(name, value.parse().expect("a header"));
        }
        response
    }

    /// Whether the merchant signed the request just now.
    fn merchants(&self, method: &Method, uri: &OriginalUri, headers: &HeaderMap, body: &[u8]) -> bool {
        let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(said) = said.strip_prefix("WECHATPAY2-SHA256-RSA2048 ") else { return false };
        let value = |name: &str| {
            let parts = said.split(',').find_map(|part| part.trim().strip_prefix(&format!("{name}=\"")));
            parts.and_then(|rest| rest.strip_suffix('"')).unwrap_or_default()
        };
        let stamp: i64 = value("timestamp").parse().unwrap_or_default();
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        let text = format!("{method}\n{target}\n{stamp}\n{}\n", value("nonce_str"));
        let message = [text.as_bytes(), body, b"\n"].concat();
        value("mchid") == merchant::ID
            && value("serial_no") == merchant::SERIAL
            && self.books.now().abs_diff(stamp) <= 300
            && verifies(merchant::PUBLIC_KEY, &message, value("signature"))
    }

    /// The answer after its fault.
    fn faulty(&self, fault: Option<&str>, document: &Value) -> Response {
        match fault {
            Some("lose-answer") => lost(),
            fault => self.answer(document, fault == Some("bad-signature")),
        }
    }
}

macro_rules! authentic {
    ($channel:expr, $method:expr, $uri:expr, $headers:expr, $body:expr, $at:literal, $refusal:literal) => {{
        if !$channel.merchants(&$method, &$uri, &$headers, $body) {
            return error(401, "SIGN_ERROR");
        }
        let fault = $channel.books.lock().fault($at);
        match fault.as_deref() {
            Some("fail") => return error(500, "SYSTEM_ERROR"),
            Some("refuse") => return error(403, $refusal),
            _ => fault,
        }
    }};
}

pub(crate) async fn prepare(
    State(channel): State<CashChannel>,
    Path(how): Path<String>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = authentic!(channel, method, uri, headers, &body, "prepare", "NO_AUTH");
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |pointer: &str| asked.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let amount = asked.pointer("/amount/total").and_then(Value::as_i64).unwrap_or_default();
    if text("/appid") != merchant::APP
        || text("/mchid") != merchant::ID
        || amount <= 0
        || text("/notify_url").is_empty()
    {
        return error(400, "PARAM_ERROR");
    }
    let (name, notify_url) = (text("/out_trade_no"), text("/notify_url"));
    let known = channel.books.lock().orders.get(&name).cloned();
    let order = match known {
        Some(known) if known.amount != amount => return error(400, "INVALID_REQUEST"),
        Some(known) if known.closed => return error(400, "ORDER_CLOSED"),
        Some(known) => known,
        None => {
            let (shape, payments) = (Shape::WechatPay, Vec::new());
            let order = Order { shape, name: name.clone(), amount, notify_url, closed: false, payments };
            channel.books.lock().put_order(order.clone());
            order
        }
    };
    if fault.as_deref() == Some("pay-before-answer") {
        channel.take(&order.name, None, 1).await;
    }
    let ticket = match how.as_str() {
        "native" => json!({ "code_url": format!("weixin://wxpay/bizpayurl?pr={name}") }),
        _ => json!({ "prepay_id": format!("wx{name}") }),
    };
    channel.faulty(fault.as_deref(), &ticket)
}

pub(crate) async fn order(
    State(channel): State<CashChannel>,
    Path(name): Path<String>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    let fault = authentic!(channel, method, uri, headers, b"", "query", "NO_AUTH");
    let Some(order) = channel.books.lock().orders.get(&name).cloned() else { return error(404, "ORDER_NOT_EXIST") };
    let document = match order.payments.first() {
        Some(payment) => transaction(&order, payment),
        None => json!({
            "appid": merchant::APP, "mchid": merchant::ID, "out_trade_no": name,
            "trade_state": if order.closed { "CLOSED" } else { "NOTPAY" },
        }),
    };
    channel.faulty(fault.as_deref(), &document)
}

pub(crate) async fn close(
    State(channel): State<CashChannel>,
    Path(name): Path<String>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = authentic!(channel, method, uri, headers, &body, "close", "NO_AUTH");
    let Some(order) = channel.books.lock().orders.get(&name).cloned() else { return error(404, "ORDER_NOT_EXIST") };
    if !order.payments.is_empty() {
        return error(400, "ORDERPAID");
    }
    channel.books.lock().put_order(Order { closed: true, ..order });
    channel.faulty(fault.as_deref(), &Value::Null)
}

pub(crate) async fn refund(
    State(channel): State<CashChannel>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = authentic!(channel, method, uri, headers, &body, "refund", "NOT_ENOUGH");
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |pointer: &str| asked.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let amount = asked.pointer("/amount/refund").and_then(Value::as_i64).unwrap_or_default();
    let (name, now) = (text("/out_refund_no"), channel.books.now());
    let (refund, payment) = {
        let mut books = channel.books.lock();
        let found =
            books.of_transaction(&text("/transaction_id")).map(|(order, payment)| (order.clone(), payment.clone()));
        let Some((order, payment)) = found else { return error(404, "RESOURCE_NOT_EXISTS") };
        if asked.pointer("/amount/total").and_then(Value::as_i64) != Some(payment.amount) {
            return error(400, "PARAM_ERROR");
        }
        match books.refunds.get(&name).cloned() {
            Some(known) if known.amount != amount => return error(400, "INVALID_REQUEST"),
            Some(known) => (known, payment),
            None if amount <= 0 || books.left(&payment) < amount => return error(403, "NOT_ENOUGH"),
            None => {
                let state = if fault.as_deref() == Some("end-closed") { "CLOSED" } else { "SUCCESS" };
                let refund = Refund {
                    shape: Shape::WechatPay,
                    name,
                    order: order.name,
                    transaction: payment.transaction.clone(),
                    id: format!("5030{}", &nonce()[..24]),
                    amount,
                    notify_url: text("/notify_url"),
                    state: state.to_owned(),
                    at: now,
                };
                books.put_refund(refund.clone());
                (refund, payment)
            }
        }
    };
    // As the real one: it is under way, whatever it will come to.
    let mut document = refund_document(&payment, &refund);
    document["status"] = json!("PROCESSING");
    channel.faulty(fault.as_deref(), &document)
}

pub(crate) async fn refunded(
    State(channel): State<CashChannel>,
    Path(name): Path<String>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    let fault = authentic!(channel, method, uri, headers, b"", "refund-query", "NO_AUTH");
    let found = {
        let books = channel.books.lock();
        books.refunds.get(&name).cloned().and_then(|refund| {
            let (_, payment) = books.of_transaction(&refund.transaction)?;
            Some((refund.clone(), payment.clone()))
        })
    };
    let Some((refund, payment)) = found else { return error(404, "RESOURCE_NOT_EXISTS") };
    channel.faulty(fault.as_deref(), &refund_document(&payment, &refund))
}

#[derive(Deserialize)]
pub(crate) struct Day {
    bill_date: String,
}

pub(crate) async fn statement(
    State(channel): State<CashChannel>,
    Query(Day { bill_date }): Query<Day>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    let fault = authentic!(channel, method, uri, headers, b"", "statement", "STATEMENT_CREATING");
    let file = channel.file(&bill_date);
    let document = json!({
        "hash_type": "SHA1", "hash_value": hex::encode(Sha1::digest(file.as_bytes())),
        "download_url": format!("{}/v3/billdownload/{bill_date}", channel.settings.base_url),
    });
    channel.faulty(fault.as_deref(), &document)
}

pub(crate) async fn statement_file(
    State(channel): State<CashChannel>,
    Path(day): Path<String>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    match channel.merchants(&method, &uri, &headers, b"") {
        true => channel.file(&day).into_response(),
        false => error(401, "SIGN_ERROR"),
    }
}

impl CashChannel {
    /// 交易账单 of a day.
    fn file(&self, of: &str) -> String {
        let books = self.books.lock();
        let mut text = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,\
                        货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,\
                        商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\n"
            .to_owned();
        let mut count = 0;
        let mut row = |at, transaction: &str, order: &str, state, paid: i64, refund: [&str; 2], back: i64| {
            let (app, mchid, paid, back) = (merchant::APP, merchant::ID, yuan(paid), yuan(back));
            let [id, name] = refund;
            let time = china(at).replace('T', " ");
            text += &format!(
                "`{time},`{app},`{mchid},`0,`,`{transaction},`{order},`o,`NATIVE,`{state},`OTHERS,`CNY,`{paid},`0.00,\
                 `{id},`{name},`{back},`0.00,`,`,`医疗费用,`,`0.00,`0.60%,`{paid},`{back},`\n"
            );
            count += 1;
        };
        for order in books.orders.values().filter(|order| order.shape == Shape::WechatPay) {
            for payment in order.payments.iter().filter(|payment| day(payment.at) == of) {
                row(payment.at, &payment.transaction, &order.name, "SUCCESS", payment.amount, ["0", "0"], 0);
            }
        }
        let refunds = books.refunds.values().filter(|refund| refund.shape == Shape::WechatPay);
        for refund in refunds.filter(|refund| refund.state == "SUCCESS" && day(refund.at) == of) {
            let names = [refund.id.as_str(), &refund.name];
            row(refund.at, &refund.transaction, &refund.order, "REFUND", 0, names, refund.amount);
        }
        text + &format!(
            "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n`{count},`0.00,`0.00,`0.00,`0.00,`0.00,`0.00\n"
        )
    }

    /// Takes money for an order; what the notices were answered.
    pub(crate) async fn take(&self, name: &str, amount: Option<i64>, notices: u32) -> Option<Vec<Value>> {
        let now = self.books.now();
        let (order, payment) = {
            let mut books = self.books.lock();
            let mut order = books.orders.get(name).cloned()?;
            let payment = Payment {
                transaction: format!("4200{}", &nonce()[..24]),
                amount: amount.unwrap_or(order.amount),
                at: now,
            };
            order.payments.push(payment.clone());
            books.put_order(order.clone());
            (order, payment)
        };
        let mut answers = Vec::new();
        if notices > 0 {
            let sent = self.of_payment(&order, &payment, &Lie::default());
            for _ in 0..notices {
                answers.push(self.send(name, sent.clone()).await);
            }
        }
        Some(answers)
    }
}
