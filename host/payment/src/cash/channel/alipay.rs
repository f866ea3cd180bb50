//! 支付宝, open platform. <https://opendocs.alipay.com/common/02mriz>: all parameters of a request and of a
//! notice, sorted by name, are signed (`RSA2`); so is the text of an answer. Amounts are yuan with two
//! decimals.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
};

use encoding_rs::GBK;
use serde_json::{Value, json, value::RawValue};
use url::form_urlencoded;
use xinglin_domain::{
    billing::cash::statement::{Row, Way},
    canonical::Digest,
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{AppResult, Platform, egress::Ask};

use super::{
    Event, Failure, How, NewOrder, NewRefund, Notice, OrderState, Payment, RefundState, Secrets, Settings, china_time,
    from_china_time, from_yuan, not_authentic,
    sign::{Private, Public},
    yuan,
};

/// For how long a notice is repeated, in hours: 25, as the channel says; and how far its clock may be ahead
/// of ours, in minutes.
const REPEATED_HOURS: i64 = 25;
const AHEAD_MINUTES: i64 = 5;

/// The largest answer, and the largest statement, packed and unpacked, in bytes.
const ANSWER_BYTES: usize = 1 << 20;
const STATEMENT_BYTES: usize = 32 << 20;

pub(in super::super) struct Alipay {
    gateway: String,
    app_id: String,
    merchant: String,
    private: Private,
    public: Public,
}

/// Codes of errors after which an operation may have been carried out.
const UNKNOWN: [&str; 4] = ["ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR", "SYSTEM_ERROR", "isp.unknow-error"];

/// What is signed: `a=1&b=2`, sorted, without empty values and signatures.
fn signed_text(parameters: &BTreeMap<String, String>, without: &[&str]) -> String {
    let counts = |(name, value): &(&String, &String)| !value.is_empty() && !without.contains(&name.as_str());
    let pairs: Vec<String> = parameters.iter().filter(counts).map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

impl Alipay {
    /// # Errors
    /// The setting that cannot be used.
    pub(super) fn new(settings: &Settings, secrets: &Secrets) -> Result<Self, &'static str> {
        Ok(Self {
            gateway: settings.base_url.clone(),
            app_id: settings.app_id.clone(),
            merchant: settings.merchant.clone(),
            private: Private::read(&secrets.private_key).ok_or("private_key")?,
            public: settings.keys.first().and_then(|key| Public::read(&key.public_key)).ok_or("keys")?,
        })
    }

    /// A signed request, form-encoded.
    fn form(&self, method: &str, content: &Value, notify_url: Option<&str>, now: Instant) -> Option<String> {
        let mut parameters: BTreeMap<String, String> = [
            ("app_id", self.app_id.clone()),
            ("method", method.to_owned()),
            ("format", "JSON".to_owned()),
            ("charset", "utf-8".to_owned()),
            ("sign_type", "RSA2".to_owned()),
            ("timestamp", china_time(now, ' ')),
            ("version", "1.0".to_owned()),
            ("biz_content", content.to_string()),
            ("notify_url", notify_url.unwrap_or_default().to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        parameters.retain(|_, value| !value.is_empty());
        let signature = self.private.sign(signed_text(&parameters, &["sign"]).as_bytes())?;
        parameters.insert("sign".to_owned(), signature);
        Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish())
    }

    async fn call(
        &self,
        platform: &Platform,
        method: &str,
        content: &Value,
        notify_url: Option<&str>,
    ) -> Result<Value, Failure> {
        let form = self.form(method, content, notify_url, platform.now());
        let form = form.ok_or_else(|| Failure::NotSent("the key does not sign".to_owned()))?;
        let headers = vec![("content-type", "application/x-www-form-urlencoded;charset=utf-8".to_owned())];
        let ask =
            Ask { method: "POST", url: self.gateway.clone(), headers, body: form.into_bytes(), most: ANSWER_BYTES };
        let answer = platform.egress().ask(ask).await?;
        let silent = |why: &str| Failure::Silent(why.to_owned());
        if answer.status != 200 {
            return Err(Failure::Silent(format!("status {}", answer.status)));
        }
        let document: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(&answer.body).map_err(|_| silent("the answer is no JSON object"))?;
        let field = format!("{}_response", method.replace('.', "_"));
        let text = document.get(&field).ok_or_else(|| silent("the answer is about something else"))?.get();
        let signature: Option<String> = document.get("sign").and_then(|sign| serde_json::from_str(sign.get()).ok());
        if !signature.is_some_and(|signature| self.public.verifies(text.as_bytes(), &signature)) {
            return Err(silent("the answer is not authentic"));
        }
        let answer: Value = serde_json::from_str(text).map_err(|_| silent("the answer cannot be read"))?;
        let said = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        match said("code").as_str() {
            "10000" => Ok(answer),
            // 20000: the service is not available.
            "20000" => Err(Failure::Silent(said("sub_code"))),
            _ if UNKNOWN.contains(&said("sub_code").as_str()) => Err(Failure::Silent(said("sub_code"))),
            code => {
                let sub = said("sub_code");
                Err(Failure::Refused(if sub.is_empty() { code.to_owned() } else { sub }, said("sub_msg")))
            }
        }
    }

    /// In an app and in a browser the request is made there, signed here.
    pub(super) async fn prepare(&self, platform: &Platform, order: &NewOrder<'_>) -> Result<String, Failure> {
        let mut content = json!({
            "out_trade_no": order.name,
            "total_amount": yuan(order.amount),
            "subject": super::super::WHAT,
            "time_expire": china_time(order.until, ' '),
        });
        let (method, product) = match order.how {
            How::App => ("alipay.trade.app.pay", "QUICK_MSECURITY_PAY"),
            How::H5 | How::Jsapi => ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
            How::Native => {
                let answer = self.call(platform, "alipay.trade.precreate", &content, Some(order.notify_url)).await?;
                let code = answer["qr_code"].as_str().filter(|code| !code.is_empty());
                return code.map(str::to_owned).ok_or_else(|| Failure::Silent("no `qr_code`".to_owned()));
            }
        };
        content["product_code"] = json!(product);
        let form = self.form(method, &content, Some(order.notify_url), platform.now());
        let form = form.ok_or_else(|| Failure::NotSent("the key does not sign".to_owned()))?;
        Ok(if order.how == How::App { form } else { format!("{}?{form}", self.gateway) })
    }

    pub(super) fn for_app(&self, how: How, ticket: &str) -> Value {
        match how {
            How::App => json!({ "order_string": ticket }),
            How::Native => json!({ "code_url": ticket }),
            How::H5 | How::Jsapi => json!({ "pay_url": ticket }),
        }
    }

    pub(super) async fn order(&self, platform: &Platform, name: &str) -> Result<OrderState, Failure> {
        let asked = self.call(platform, "alipay.trade.query", &json!({ "out_trade_no": name }), None).await;
        let answer = match asked {
            Err(Failure::Refused(code, _)) if code == "ACQ.TRADE_NOT_EXIST" => return Ok(OrderState::Never),
            answered => answered?,
        };
        let text = |field: &str| answer[field].as_str().unwrap_or_default();
        match text("trade_status") {
            "TRADE_SUCCESS" | "TRADE_FINISHED" => {
                let paid = (text("out_trade_no") == name && !text("trade_no").is_empty())
                    .then(|| Some((from_yuan(text("total_amount"))?, from_china_time(text("send_pay_date"))?)));
                let Some((amount, at)) = paid.flatten() else {
                    return Err(Failure::Silent("the answer is about another order".to_owned()));
                };
                let (order, transaction) = (name.to_owned(), text("trade_no").to_owned());
                Ok(OrderState::Paid(Payment { order, transaction, amount, at }))
            }
            "TRADE_CLOSED" => Ok(OrderState::Closed),
            "WAIT_BUYER_PAY" => Ok(OrderState::Open),
            other => Err(Failure::Silent(format!("`trade_status` is `{other}`"))),
        }
    }

    /// What nobody has begun to pay, the channel does not know: there is nothing to close.
    pub(super) async fn close(&self, platform: &Platform, name: &str) -> Result<(), Failure> {
        match self.call(platform, "alipay.trade.close", &json!({ "out_trade_no": name }), None).await {
            Err(Failure::Refused(code, _)) if code == "ACQ.TRADE_NOT_EXIST" => Ok(()),
            answered => answered.map(drop),
        }
    }

    /// `fund_change` of `N` says that nothing moved at this request: it is asked after.
    pub(super) async fn refund(&self, platform: &Platform, refund: &NewRefund<'_>) -> Result<RefundState, Failure> {
        let content = json!({
            "trade_no": refund.transaction,
            "refund_amount": yuan(refund.amount),
            "out_request_no": refund.name,
        });
        let answer = self.call(platform, "alipay.trade.refund", &content, None).await?;
        if answer["fund_change"] != "Y" {
            return Ok(RefundState::Processing);
        }
        let at = answer["gmt_refund_pay"].as_str().and_then(from_china_time);
        Ok(RefundState::Done { reference: refund.name.to_owned(), at: at.unwrap_or_else(|| platform.now()) })
    }

    pub(super) async fn refunded(&self, platform: &Platform, refund: &NewRefund<'_>) -> Result<RefundState, Failure> {
        let content = json!({
            "trade_no": refund.transaction, "out_request_no": refund.name, "query_options": ["gmt_refund_pay"],
        });
        let asked = self.call(platform, "alipay.trade.fastpay.refund.query", &content, None).await;
        let answer = match asked {
            Err(Failure::Refused(code, _)) if code == "ACQ.TRADE_NOT_EXIST" => return Ok(RefundState::Never),
            answered => answered?,
        };
        // Without a state it was never received, or not carried out: both may be sent under the same name.
        if answer["refund_status"] != "REFUND_SUCCESS" || answer["out_request_no"] != refund.name {
            return Ok(RefundState::Never);
        }
        let at = answer["gmt_refund_pay"].as_str().and_then(from_china_time);
        Ok(RefundState::Done { reference: refund.name.to_owned(), at: at.unwrap_or_else(|| platform.now()) })
    }

    pub(super) async fn statement(&self, platform: &Platform, day: Day) -> Result<Vec<u8>, Failure> {
        let content = json!({ "bill_type": "trade", "bill_date": day });
        let answer = self.call(platform, "alipay.data.dataservice.bill.downloadurl.query", &content, None).await?;
        let url = answer["bill_download_url"].as_str().unwrap_or_default().to_owned();
        let ask = Ask { method: "GET", url, headers: Vec::new(), body: Vec::new(), most: STATEMENT_BYTES };
        let file = platform.egress().ask(ask).await?;
        if file.status == 200 { Ok(file.body) } else { Err(Failure::Silent(format!("status {}", file.status))) }
    }

    pub(super) fn hear(&self, body: &[u8], now: Instant) -> AppResult<Notice> {
        let parameters: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let text = |name: &str| parameters.get(name).map_or("", String::as_str);
        let signed = signed_text(&parameters, &["sign", "sign_type"]);
        if text("sign_type") != "RSA2" || !self.public.verifies(signed.as_bytes(), text("sign")) {
            return Err(not_authentic("`sign` is false"));
        }
        let at = from_china_time(text("notify_time")).ok_or_else(|| not_authentic("no `notify_time`"))?;
        if at > now.plus_minutes(AHEAD_MINUTES) || now > at.plus_hours(REPEATED_HOURS).plus_minutes(AHEAD_MINUTES) {
            return Err(not_authentic("`notify_time` is not of now"));
        }
        let unreadable = || not_authentic("the notice cannot be read");
        let id = Some(text("notify_id")).filter(|id| (1..=128).contains(&id.len())).ok_or_else(unreadable)?;
        // A refund is told as the trade that it is of.
        let event = if !text("refund_fee").is_empty() {
            let at = from_china_time(text("gmt_refund").split('.').next().unwrap_or_default()).unwrap_or(at);
            let reference = text("out_biz_no").to_owned();
            let state = RefundState::Done { reference: reference.clone(), at };
            // `refund_fee` is of all refunds of the trade together.
            Event::Refund { name: reference, state, amount: None }
        } else if ["TRADE_SUCCESS", "TRADE_FINISHED"].contains(&text("trade_status")) {
            let payment = || {
                Some(Payment {
                    order: text("out_trade_no").to_owned(),
                    transaction: Some(text("trade_no")).filter(|no| !no.is_empty())?.to_owned(),
                    amount: from_yuan(text("total_amount"))?,
                    at: from_china_time(text("gmt_payment"))?,
                })
            };
            Event::Paid(payment().ok_or_else(unreadable)?)
        } else {
            Event::Other
        };
        // Its time and id are of the repetition.
        let content = signed_text(&parameters, &["sign", "sign_type", "notify_time"]);
        Ok(Notice {
            id: id.to_owned(),
            digest: Digest::of_bytes(content.as_bytes()).to_string(),
            is_ours: text("app_id") == self.app_id && text("seller_id") == self.merchant,
            event,
        })
    }
}

/// The rows of 业务明细: in GBK, packed as ZIP beside the sums (汇总), with lines of comment around.
pub(super) fn rows(file: &[u8]) -> Option<Vec<Row>> {
    let bytes = if file.starts_with(b"PK") { unpacked(file)? } else { file.to_vec() };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => GBK.decode_without_bom_handling_and_without_replacement(&bytes)?.into_owned(),
    };
    let lines = text.lines().filter(|line| !line.trim_start_matches('\u{feff}').starts_with('#'));
    let table = lines.collect::<Vec<_>>().join("\n");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(table.as_bytes());
    let head = reader.headers().ok()?.clone();
    let place = |name: &str| head.iter().position(|column| column.trim().starts_with(name));
    let (trade, order, kind) = (place("支付宝交易号")?, place("商户订单号")?, place("业务类型")?);
    let (amount, request) = (place("订单金额")?, place("退款批次号")?);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.ok()?;
        let value = |place: usize| Some(record.get(place)?.trim().to_owned());
        let amount = from_yuan(&value(amount)?)?;
        rows.push(match value(kind)?.as_str() {
            "交易" => Row { way: Way::Payment, name: value(order)?, transaction: value(trade)?, amount },
            "退款" => {
                let (name, amount) = (value(request)?, Money::fen(amount.as_fen().checked_abs()?));
                Row { way: Way::Refund, transaction: name.clone(), name, amount }
            }
            _ => continue,
        });
    }
    Some(rows)
}

fn unpacked(file: &[u8]) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).ok()?;
    for place in 0..archive.len() {
        let entry = archive.by_index(place).ok()?;
        let sums = {
            let (name, _, _) = GBK.decode(entry.name_raw());
            name.contains("汇总") || entry.name().is_ok_and(|name| name.contains("汇总"))
        };
        if sums || entry.is_dir() {
            continue;
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(STATEMENT_BYTES).unwrap_or(u64::MAX);
        entry.take(most).read_to_end(&mut bytes).ok()?;
        return (bytes.len() < STATEMENT_BYTES).then_some(bytes);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_signed_is_sorted_and_not_empty() {
        let parameters = [("b", "2"), ("a", "一"), ("c", ""), ("sign", "x"), ("sign_type", "RSA2")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(signed_text(&parameters, &["sign"]), "a=一&b=2&sign_type=RSA2");
        assert_eq!(signed_text(&parameters, &["sign", "sign_type"]), "a=一&b=2");
    }

    #[test]
    fn a_statement_is_read_packed_and_plain() {
        let text = "#支付宝业务明细查询\n#账号：[2088]\n支付宝交易号,商户订单号,业务类型,商品名称,订单金额（元）,退款批次号/请求号,备注\n\
                    2026112122\t,01p01\t,交易,医疗费用,67.50,,\n2026112122\t,01p01\t,退款,医疗费用,-67.50,01r01\t,\n#合计\n";
        let row = |way, name: &str, transaction: &str| Row {
            way,
            name: name.into(),
            transaction: transaction.into(),
            amount: Money::fen(6750),
        };
        let expected = vec![row(Way::Payment, "01p01", "2026112122"), row(Way::Refund, "01r01", "01r01")];
        let (gbk, _, _) = GBK.encode(text);
        let mut packed = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in [("业务明细(汇总).csv", &b"#"[..]), ("业务明细.csv", gbk.as_ref())] {
            packed.start_file(name, zip::write::SimpleFileOptions::default()).expect("a file");
            packed.write_all(content).expect("written");
        }
        let packed = packed.finish().expect("packed").into_inner();
        for file in [text.as_bytes(), gbk.as_ref(), packed.as_slice()] {
            assert_eq!(rows(file), Some(expected.clone()));
        }
        assert_eq!((rows(b"PK"), rows(b"a,b\n1,2\n")), (None, None));
    }
}
