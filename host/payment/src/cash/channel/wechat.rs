//! 微信支付, API v3. <https://pay.weixin.qq.com/doc/v3/merchant/4012081606>: requests are signed with the
//! merchant's key (`WECHATPAY2-SHA256-RSA2048`), answers and notices with the channel's; the content of a
//! notice is sealed with the API v3 key (AES-256-GCM).

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use xinglin_domain::{
    billing::cash::statement::{Row, Way},
    canonical::Digest,
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{
    AppResult, Platform, ambient,
    egress::{Answer, Ask},
};

use super::{
    Event, Failure, How, NewOrder, NewRefund, Notice, OrderState, Payment, RefundState, Secrets, Settings, china_time,
    from_yuan, not_authentic,
    sign::{Private, Public},
};

/// How far the time of a signature may be from ours, in seconds: what the channel recommends.
const WINDOW_SECONDS: i64 = 300;

/// The largest answer, and the largest statement, in bytes: about 100,000 payments.
const ANSWER_BYTES: usize = 1 << 20;
const STATEMENT_BYTES: usize = 32 << 20;

pub(in super::super) struct Wechat {
    base_url: String,
    app_id: String,
    merchant: String,
    serial: String,
    private: Private,
    keys: Vec<(String, Public)>,
    content: Aes256Gcm,
}

/// Codes of errors after which an operation may have been carried out.
const UNKNOWN: [&str; 4] = ["SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR", "FREQUENCY_LIMITED"];

impl Wechat {
    /// # Errors
    /// The setting that cannot be used.
    pub(super) fn new(settings: &Settings, secrets: &Secrets) -> Result<Self, &'static str> {
        let key = |key: &super::ChannelKey| Some((key.serial.clone(), Public::read(&key.public_key)?));
        let keys: Option<Vec<_>> = settings.keys.iter().map(key).collect();
        let content: [u8; 32] = secrets.api_v3_key.as_bytes().try_into().map_err(|_| "api_v3_key")?;
        Ok(Self {
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            app_id: settings.app_id.clone(),
            merchant: settings.merchant.clone(),
            serial: settings.serial.clone(),
            private: Private::read(&secrets.private_key).ok_or("private_key")?,
            keys: keys.filter(|keys| !keys.is_empty()).ok_or("keys")?,
            content: <Aes256Gcm as KeyInit>::new(&content.into()),
        })
    }

    fn authorization(&self, method: &str, target: &str, body: &str, now: Instant) -> Option<String> {
        let (stamp, nonce) = (seconds(now), hex::encode(ambient::random_bytes::<16>()));
        let signature = self.private.sign(format!("{method}\n{target}\n{stamp}\n{nonce}\n{body}\n").as_bytes())?;
        let Self { merchant, serial, .. } = self;
        Some(format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{merchant}\",nonce_str=\"{nonce}\",signature=\"{signature}\",\
             timestamp=\"{stamp}\",serial_no=\"{serial}\""
        ))
    }

    async fn send(
        &self,
        platform: &Platform,
        method: &'static str,
        target: &str,
        body: Option<&Value>,
        most: usize,
    ) -> Result<Answer, Failure> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let authorization = self.authorization(method, target, &body, platform.now());
        let authorization = authorization.ok_or_else(|| Failure::NotSent("the key does not sign".to_owned()))?;
        let headers = vec![
            ("authorization", authorization),
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        let url = format!("{}{target}", self.base_url);
        Ok(platform.egress().ask(Ask { method, url, headers, body: body.into_bytes(), most }).await?)
    }

    async fn call(
        &self,
        platform: &Platform,
        method: &'static str,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let answer = self.send(platform, method, target, body, ANSWER_BYTES).await?;
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answer.status {
            200 | 202 | 204 => {
                let signed = self.verify(&answer.headers, &answer.body, platform.now());
                signed.map_err(|why| Failure::Silent(format!("the answer is not authentic: {why}")))?;
                Ok(document)
            }
            status => {
                let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
                let code = text("code");
                if status == 429 || status >= 500 || code.is_empty() || UNKNOWN.contains(&code.as_str()) {
                    return Err(Failure::Silent(format!("{status} {code}")));
                }
                Err(Failure::Refused(code, text("message")))
            }
        }
    }

    /// Whether the channel signed this just now.
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Instant) -> Result<(), &'static str> {
        let header = |name: &str| {
            headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.as_str())
        };
        let (stamp, nonce) = (header("wechatpay-timestamp"), header("wechatpay-nonce"));
        let (serial, signature) = (header("wechatpay-serial"), header("wechatpay-signature"));
        let at: i64 = stamp.parse().map_err(|_| "no `Wechatpay-Timestamp`")?;
        if seconds(now).abs_diff(at) > WINDOW_SECONDS.unsigned_abs() {
            return Err("`Wechatpay-Timestamp` is not of now");
        }
        let known = self.keys.iter().find(|(known, _)| known == serial);
        let (_, key) = known.ok_or("`Wechatpay-Serial` names no known key")?;
        let message = [stamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
        if key.verifies(&message, signature) { Ok(()) } else { Err("`Wechatpay-Signature` is false") }
    }

    pub(super) async fn prepare(&self, platform: &Platform, order: &NewOrder<'_>) -> Result<String, Failure> {
        let mut body = json!({
            "appid": self.app_id,
            "mchid": self.merchant,
            "description": super::super::WHAT,
            "out_trade_no": order.name,
            "time_expire": format!("{}+08:00", china_time(order.until, 'T')),
            "notify_url": order.notify_url,
            "amount": { "total": order.amount.as_fen(), "currency": Money::CURRENCY },
        });
        if let Some(openid) = order.openid {
            body["payer"] = json!({ "openid": openid });
        }
        let answer =
            self.call(platform, "POST", &format!("/v3/pay/transactions/{}", order.how.as_str()), Some(&body)).await?;
        let field = if order.how == How::Native { "code_url" } else { "prepay_id" };
        let ticket = answer[field].as_str().filter(|ticket| !ticket.is_empty());
        ticket.map(str::to_owned).ok_or_else(|| Failure::Silent(format!("no `{field}` in the answer")))
    }

    pub(super) fn for_app(&self, how: How, ticket: &str, now: Instant) -> Value {
        let (stamp, nonce) = (seconds(now).to_string(), hex::encode(ambient::random_bytes::<16>()));
        let sign = |last: &str| {
            self.private.sign(format!("{}\n{stamp}\n{nonce}\n{last}\n", self.app_id).as_bytes()).unwrap_or_default()
        };
        match how {
            How::Jsapi => {
                let package = format!("prepay_id={ticket}");
                json!({
                    "appId": self.app_id, "timeStamp": stamp, "nonceStr": nonce, "package": package,
                    "signType": "RSA", "paySign": sign(&package),
                })
            }
            How::App => json!({
                "appid": self.app_id, "partnerid": self.merchant, "prepayid": ticket, "package": "Sign=WXPay",
                "noncestr": nonce, "timestamp": stamp, "sign": sign(ticket),
            }),
            How::Native | How::H5 => json!({ "code_url": ticket }),
        }
    }

    pub(super) async fn order(&self, platform: &Platform, name: &str) -> Result<OrderState, Failure> {
        let target = format!("/v3/pay/transactions/out-trade-no/{name}?mchid={}", self.merchant);
        let document = match self.call(platform, "GET", &target, None).await {
            Err(Failure::Refused(code, _)) if ["ORDER_NOT_EXIST", "ORDERNOTEXIST"].contains(&code.as_str()) => {
                return Ok(OrderState::Never);
            }
            answered => answered?,
        };
        match document["trade_state"].as_str().unwrap_or_default() {
            "SUCCESS" | "REFUND" => payment(&document)
                .filter(|payment| payment.order == name && self.is_ours(&document))
                .map(OrderState::Paid)
                .ok_or_else(|| Failure::Silent("the answer is about another order".to_owned())),
            "CLOSED" | "REVOKED" => Ok(OrderState::Closed),
            "NOTPAY" | "USERPAYING" | "PAYERROR" | "ACCEPT" => Ok(OrderState::Open),
            other => Err(Failure::Silent(format!("`trade_state` is `{other}`"))),
        }
    }

    pub(super) async fn close(&self, platform: &Platform, name: &str) -> Result<(), Failure> {
        let target = format!("/v3/pay/transactions/out-trade-no/{name}/close");
        self.call(platform, "POST", &target, Some(&json!({ "mchid": self.merchant }))).await.map(drop)
    }

    pub(super) async fn refund(&self, platform: &Platform, refund: &NewRefund<'_>) -> Result<RefundState, Failure> {
        let body = json!({
            "transaction_id": refund.transaction,
            "out_refund_no": refund.name,
            "notify_url": refund.notify_url,
            "amount": {
                "refund": refund.amount.as_fen(), "total": refund.of.as_fen(), "currency": Money::CURRENCY,
            },
        });
        let answer = self.call(platform, "POST", "/v3/refund/domestic/refunds", Some(&body)).await?;
        refund_state(&answer, "status")
    }

    pub(super) async fn refunded(&self, platform: &Platform, name: &str) -> Result<RefundState, Failure> {
        match self.call(platform, "GET", &format!("/v3/refund/domestic/refunds/{name}"), None).await {
            Err(Failure::Refused(code, _)) if code == "RESOURCE_NOT_EXISTS" => Ok(RefundState::Never),
            answered => refund_state(&answered?, "status"),
        }
    }

    /// The statement names its SHA-1, which is compared: the file itself is not signed.
    pub(super) async fn statement(&self, platform: &Platform, day: Day) -> Result<Vec<u8>, Failure> {
        let target = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL");
        let answer = self.call(platform, "GET", &target, None).await?;
        let text = |field: &str| answer[field].as_str().unwrap_or_default();
        let target = text("download_url").strip_prefix(self.base_url.as_str()).filter(|rest| rest.starts_with('/'));
        let target = target.ok_or_else(|| Failure::Silent("`download_url` leads elsewhere".to_owned()))?;
        let file = self.send(platform, "GET", target, None, STATEMENT_BYTES).await?;
        if file.status != 200 || !hex::encode(Sha1::digest(&file.body)).eq_ignore_ascii_case(text("hash_value")) {
            return Err(Failure::Silent("the statement is not what was announced".to_owned()));
        }
        Ok(file.body)
    }

    fn is_ours(&self, document: &Value) -> bool {
        let app = document["appid"].as_str();
        document["mchid"].as_str() == Some(&self.merchant) && app.is_none_or(|app| app == self.app_id)
    }

    pub(super) fn hear(&self, headers: &[(String, String)], body: &[u8], now: Instant) -> AppResult<Notice> {
        self.verify(headers, body, now).map_err(not_authentic)?;
        let unreadable = || not_authentic("the notice cannot be read");
        let notice: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
        let text = |pointer: &str| notice.pointer(pointer).and_then(Value::as_str);
        let id = text("/id").filter(|id| (1..=64).contains(&id.len())).ok_or_else(unreadable)?;
        let sealed = text("/resource/ciphertext").and_then(|sealed| STANDARD.decode(sealed).ok());
        let nonce: Option<[u8; 12]> = text("/resource/nonce").and_then(|nonce| nonce.as_bytes().try_into().ok());
        let aad = text("/resource/associated_data").unwrap_or_default().as_bytes();
        let (Some(sealed), Some(nonce)) = (sealed, nonce) else { return Err(unreadable()) };
        let payload = Payload { msg: &sealed, aad };
        let plain = self.content.decrypt(&Nonce::from(nonce), payload);
        let plain = plain.map_err(|_| not_authentic("the content of the notice is sealed with another key"))?;
        let content: Value = serde_json::from_slice(&plain).map_err(|_| unreadable())?;
        let name = |field: &str| content[field].as_str().unwrap_or_default().to_owned();
        let event = match text("/event_type").unwrap_or_default() {
            "TRANSACTION.SUCCESS" if content["trade_state"] == "SUCCESS" => {
                Event::Paid(payment(&content).ok_or_else(unreadable)?)
            }
            event if event.starts_with("REFUND.") => {
                let state = refund_state(&content, "refund_status").map_err(|_| unreadable())?;
                let amount = content.pointer("/amount/refund").and_then(Value::as_i64).map(Money::fen);
                Event::Refund { name: name("out_refund_no"), state, amount }
            }
            _ => Event::Other,
        };
        Ok(Notice {
            id: id.to_owned(),
            digest: Digest::of_bytes(&plain).to_string(),
            is_ours: self.is_ours(&content),
            event,
        })
    }
}

const fn seconds(at: Instant) -> i64 {
    at.micros().div_euclid(1_000_000)
}

fn payment(document: &Value) -> Option<Payment> {
    let text = |field: &str| document[field].as_str().filter(|text| !text.is_empty());
    let amount = &document["amount"];
    if amount["currency"].as_str().is_some_and(|currency| currency != Money::CURRENCY) {
        return None;
    }
    Some(Payment {
        order: text("out_trade_no")?.to_owned(),
        transaction: text("transaction_id")?.to_owned(),
        amount: Money::fen(amount["total"].as_i64()?),
        at: Instant::parse(text("success_time")?)?,
    })
}

fn refund_state(document: &Value, field: &str) -> Result<RefundState, Failure> {
    let text = |field: &str| document[field].as_str().unwrap_or_default();
    match text(field) {
        "SUCCESS" => {
            let (reference, at) = (text("refund_id"), Instant::parse(text("success_time")));
            match at {
                Some(at) if !reference.is_empty() => Ok(RefundState::Done { reference: reference.to_owned(), at }),
                _ => Err(Failure::Silent("a refund without id or time".to_owned())),
            }
        }
        "PROCESSING" => Ok(RefundState::Processing),
        state @ ("CLOSED" | "ABNORMAL") => Ok(RefundState::Failed(state.to_owned())),
        other => Err(Failure::Silent(format!("a refund is `{other}`"))),
    }
}

/// The rows of 交易账单: each value begins with a backtick, the sums follow after a line of their own.
pub(super) fn rows(file: &[u8]) -> Option<Vec<Row>> {
    let text = std::str::from_utf8(file).ok()?.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let head = reader.headers().ok()?.clone();
    let place = |name: &str| head.iter().position(|column| column.trim() == name);
    let (state, payment, order) = (place("交易状态")?, place("微信订单号")?, place("商户订单号")?);
    let (refund, refunded) = (place("微信退款单号")?, place("商户退款单号")?);
    let paid = place("订单金额").or_else(|| place("应结订单金额"))?;
    let back = place("申请退款金额").or_else(|| place("退款金额"))?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.ok()?;
        if record.get(0)?.trim() == "总交易单数" {
            break;
        }
        let value = |place: usize| Some(record.get(place)?.trim().trim_start_matches('`').to_owned());
        let (way, name, transaction, amount) = match value(state)?.as_str() {
            "SUCCESS" => (Way::Payment, order, payment, paid),
            "REFUND" => (Way::Refund, refunded, refund, back),
            _ => continue,
        };
        rows.push(Row {
            way,
            name: value(name)?,
            transaction: value(transaction)?,
            amount: from_yuan(&value(amount)?)?,
        });
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_read_to_its_sums() {
        let file = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,\
                    货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,\
                    商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\n\
                    `2026-11-21 10:00:00,`wx,`1,`0,`,`4200,`01p01,`o,`NATIVE,`SUCCESS,`OTHERS,`CNY,`67.50,`0.00,`0,`0,`0.00,\
                    `0.00,`,`,`x,`,`0.41000,`0.60%,`67.50,`0.00,`\n\
                    `2026-11-21 11:00:00,`wx,`1,`0,`,`4200,`01p01,`o,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`5030,`01r01,\
                    `67.50,`0.00,`ORIGINAL,`SUCCESS,`x,`,`-0.41000,`0.60%,`0.00,`67.50,`\n\
                    总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n\
                    `2,`67.50,`67.50,`0.00,`0.00,`67.50,`67.50\n";
        let row = |way, name: &str, transaction: &str| Row {
            way,
            name: name.into(),
            transaction: transaction.into(),
            amount: Money::fen(6750),
        };
        let expected = vec![row(Way::Payment, "01p01", "4200"), row(Way::Refund, "01r01", "5030")];
        assert_eq!(rows(file.as_bytes()), Some(expected));
        for no in [&b"\xff"[..], b"", b"a,b\n1,2\n", file.replace("`67.50,`0.00,`\n", "`many,`0.00,`\n").as_bytes()] {
            assert_eq!(rows(no), None);
        }
    }
}
