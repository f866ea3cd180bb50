//! As 支付宝, open platform.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use encoding_rs::GBK;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    CashChannel,
    books::{Order, Payment, Refund, Shape, china, day, yuan},
    lost, merchant,
    sign::{sign, verifies},
};

/// What is signed of parameters.
pub(crate) fn signed_text(parameters: &BTreeMap<String, String>) -> String {
    let counts = |(name, value): &(&String, &String)| !value.is_empty() && *name != "sign" && *name != "sign_type";
    let pairs: Vec<String> = parameters.iter().filter(counts).map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// A payment, in notices.
pub(crate) fn trade(order: &Order, payment: &Payment) -> BTreeMap<String, String> {
    [
        ("app_id", merchant::APP.to_owned()),
        ("seller_id", merchant::ID.to_owned()),
        ("out_trade_no", order.name.clone()),
        ("trade_no", payment.transaction.clone()),
        ("trade_status", "TRADE_SUCCESS".to_owned()),
        ("total_amount", yuan(payment.amount)),
        ("receipt_amount", yuan(payment.amount)),
        ("subject", "医疗费用".to_owned()),
        ("gmt_payment", china(payment.at).replace('T', " ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The answer of a method: what it did, or a code of the channel.
type Done = Result<Value, &'static str>;

pub(crate) async fn gateway(State(channel): State<CashChannel>, body: Bytes) -> Response {
    let parameters: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let text = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    // Of a request the type of the signature is signed too.
    let signed: Vec<String> = parameters
        .iter()
        .filter(|(name, value)| *name != "sign" && !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if text("app_id") != merchant::APP || !verifies(merchant::PUBLIC_KEY, signed.join("&").as_bytes(), &text("sign")) {
        return (
            StatusCode::OK,
            axum::Json(json!({ "error_response": { "code": "40002", "sub_code": "isv.invalid-signature" } })),
        )
            .into_response();
    }
    let content: Value = serde_json::from_str(&text("biz_content")).unwrap_or_default();
    let method = text("method");
    let at = match method.as_str() {
        "alipay.trade.precreate" => "prepare",
        "alipay.trade.query" => "query",
        "alipay.trade.close" => "close",
        "alipay.trade.refund" => "refund",
        "alipay.trade.fastpay.refund.query" => "refund-query",
        _ => "statement",
    };
    let fault = channel.books.lock().fault(at);
    let done: Done = match (fault.as_deref(), at) {
        (Some("fail"), _) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        (Some("refuse"), "refund") => Err("ACQ.SELLER_BALANCE_NOT_ENOUGH"),
        (Some("refuse"), _) => Err("isv.insufficient-isv-permissions"),
        (_, "prepare") => channel.precreate(&content, text("notify_url")),
        (_, "query") => channel.trade_query(&content),
        (_, "close") => channel.trade_close(&content),
        (_, "refund") => channel.trade_refund(&content),
        (_, "refund-query") => channel.refund_query(&content),
        _ => {
            let day = content["bill_date"].as_str().unwrap_or_default().to_owned();
            Ok(json!({ "bill_download_url": format!("{}/alipay/statement/{day}", channel.settings.base_url) }))
        }
    };
    if fault.as_deref() == Some("pay-before-answer") {
        channel.take(content["out_trade_no"].as_str().unwrap_or_default(), None, 1).await;
    }
    if fault.as_deref() == Some("lose-answer") {
        return lost();
    }
    let mut answer = match done {
        Ok(document) => document,
        Err(code) => json!({ "sub_code": code, "sub_msg": "simulated" }),
    };
    answer["code"] = json!(if done_well(&answer) { "10000" } else { "40004" });
    answer["msg"] = json!(if done_well(&answer) { "Success" } else { "Business Failed" });
    let key = match fault.as_deref() {
        Some("bad-signature") => merchant::PRIVATE_KEY,
        _ => merchant::ALIPAY_PRIVATE_KEY,
    };
    let answer = answer.to_string();
    let signature = sign(key, answer.as_bytes());
    let body = format!("{{\"{}_response\":{answer},\"sign\":\"{signature}\"}}", method.replace('.', "_"));
    ([(header::CONTENT_TYPE, "application/json;charset=utf-8")], body).into_response()
}

fn done_well(answer: &Value) -> bool {
    answer.get("sub_code").is_none()
}

/// Fen of yuan with two decimals.
fn fen(yuan: &str) -> Option<i64> {
    let (whole, part) = yuan.split_once('.')?;
    (part.len() == 2).then_some(())?;
    Some(whole.parse::<i64>().ok()? * 100 + part.parse::<i64>().ok()?)
}

impl CashChannel {
    fn precreate(&self, content: &Value, notify_url: String) -> Done {
        let text = |name: &str| content[name].as_str().unwrap_or_default();
        let amount = fen(text("total_amount")).filter(|amount| *amount > 0).ok_or("ACQ.INVALID_PARAMETER")?;
        let name = text("out_trade_no").to_owned();
        let mut books = self.books.lock();
        match books.orders.get(&name) {
            Some(known) if known.closed => return Err("ACQ.TRADE_HAS_CLOSE"),
            Some(known) if known.amount != amount => return Err("ACQ.CONTEXT_INCONSISTENT"),
            Some(_) => {}
            None => books.put_order(Order {
                shape: Shape::Alipay,
                name: name.clone(),
                amount,
                notify_url,
                closed: false,
                payments: Vec::new(),
            }),
        }
        Ok(json!({ "out_trade_no": name, "qr_code": format!("https://qr.alipay.example/{name}") }))
    }

    /// An order that nobody scanned is no trade yet.
    fn trade_query(&self, content: &Value) -> Done {
        let name = content["out_trade_no"].as_str().unwrap_or_default();
        let books = self.books.lock();
        let order = books.orders.get(name).ok_or("ACQ.TRADE_NOT_EXIST")?;
        let payment = order.payments.first().ok_or("ACQ.TRADE_NOT_EXIST")?;
        Ok(json!({
            "out_trade_no": name, "trade_no": payment.transaction, "trade_status": "TRADE_SUCCESS",
            "total_amount": yuan(payment.amount), "send_pay_date": china(payment.at).replace('T', " "),
        }))
    }

    fn trade_close(&self, content: &Value) -> Done {
        let name = content["out_trade_no"].as_str().unwrap_or_default();
        let mut books = self.books.lock();
        let order = books.orders.get(name).cloned().ok_or("ACQ.TRADE_NOT_EXIST")?;
        if !order.payments.is_empty() {
            return Err("ACQ.TRADE_STATUS_ERROR");
        }
        books.put_order(Order { closed: true, ..order });
        Err("ACQ.TRADE_NOT_EXIST")
    }

    fn trade_refund(&self, content: &Value) -> Done {
        let text = |name: &str| content[name].as_str().unwrap_or_default();
        let amount = fen(text("refund_amount")).filter(|amount| *amount > 0).ok_or("ACQ.INVALID_PARAMETER")?;
        let (name, now) = (text("out_request_no").to_owned(), self.books.now());
        let mut books = self.books.lock();
        let found = books.of_transaction(text("trade_no")).map(|(order, payment)| (order.clone(), payment.clone()));
        let (order, payment) = found.ok_or("ACQ.TRADE_NOT_EXIST")?;
        let moved = match books.refunds.get(&name) {
            Some(known) if known.amount != amount => return Err("ACQ.DISCORDANT_REPEAT_REQUEST"),
            Some(_) => "N",
            None if books.left(&payment) < amount => return Err("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
            None => {
                books.put_refund(Refund {
                    shape: Shape::Alipay,
                    id: name.clone(),
                    name,
                    order: order.name.clone(),
                    transaction: payment.transaction.clone(),
                    amount,
                    notify_url: order.notify_url.clone(),
                    state: "SUCCESS".to_owned(),
                    at: now,
                });
                "Y"
            }
        };
        Ok(json!({
            "trade_no": payment.transaction, "out_trade_no": order.name, "fund_change": moved,
            "refund_fee": yuan(payment.amount - books.left(&payment)),
            "gmt_refund_pay": china(now).replace('T', " "),
        }))
    }

    fn refund_query(&self, content: &Value) -> Done {
        let text = |name: &str| content[name].as_str().unwrap_or_default();
        let books = self.books.lock();
        let (order, payment) = books.of_transaction(text("trade_no")).ok_or("ACQ.TRADE_NOT_EXIST")?;
        let mut answer = json!({ "trade_no": payment.transaction, "out_trade_no": order.name });
        if let Some(refund) = books.refunds.get(text("out_request_no")) {
            answer["out_request_no"] = json!(refund.name);
            answer["refund_status"] = json!("REFUND_SUCCESS");
            answer["refund_amount"] = json!(yuan(refund.amount));
            answer["gmt_refund_pay"] = json!(china(refund.at).replace('T', " "));
        }
        Ok(answer)
    }
}

/// 业务明细 of a day: GBK, packed beside the sums.
pub(crate) async fn statement_file(State(channel): State<CashChannel>, Path(of): Path<String>) -> Response {
    let mut text = "#支付宝业务明细查询\n支付宝交易号,商户订单号,业务类型,商品名称,完成时间,订单金额（元）,退款批次号/请求号,备注\n".to_owned();
    {
        let books = channel.books.lock();
        for order in books.orders.values().filter(|order| order.shape == Shape::Alipay) {
            for payment in order.payments.iter().filter(|payment| day(payment.at) == of) {
                let (time, amount) = (china(payment.at).replace('T', " "), yuan(payment.amount));
                text += &format!("{}\t,{}\t,交易,医疗费用,{time},{amount},,\n", payment.transaction, order.name);
            }
        }
        let refunds = books.refunds.values().filter(|refund| refund.shape == Shape::Alipay && day(refund.at) == of);
        for refund in refunds {
            let (time, amount) = (china(refund.at).replace('T', " "), yuan(-refund.amount));
            let Refund { transaction, order, name, .. } = refund;
            text += &format!("{transaction}\t,{order}\t,退款,医疗费用,{time},{amount},{name}\t,\n");
        }
    }
    text += "#-----------------------------------------业务明细列表结束\n";
    let mut packed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let (text, _, _) = GBK.encode(&text);
    for (name, content) in [("业务明细(汇总).csv", &b"#\n"[..]), ("业务明细.csv", text.as_ref())] {
        let started = packed.start_file(name, zip::write::SimpleFileOptions::default());
        if started.is_err() || packed.write_all(content).is_err() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    }
    match packed.finish() {
        Ok(packed) => packed.into_inner().into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
