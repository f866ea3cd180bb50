//! Notices to the merchant.

use std::collections::BTreeMap;

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    CashChannel, alipay,
    books::{Order, Payment, Refund, Sent, Shape, china},
    merchant,
    sign::{nonce, sign},
    wechat,
};

/// What a notice says otherwise than the books.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lie {
    pub(crate) amount: Option<i64>,
    pub(crate) merchant: Option<String>,
    pub(crate) forged: bool,
}

impl CashChannel {
    /// A notice that an order was paid.
    pub(crate) fn of_payment(&self, order: &Order, payment: &Payment, lie: &Lie) -> Sent {
        let payment = Payment { amount: lie.amount.unwrap_or(payment.amount), ..payment.clone() };
        let merchant = lie.merchant.as_deref().unwrap_or(merchant::ID);
        match order.shape {
            Shape::WechatPay => {
                let mut content = wechat::transaction(order, &payment);
                content["mchid"] = json!(merchant);
                self.wechat("TRANSACTION.SUCCESS", &content, &order.notify_url, lie.forged)
            }
            Shape::Alipay => {
                let mut parameters = alipay::trade(order, &payment);
                parameters.insert("seller_id".to_owned(), merchant.to_owned());
                self.alipay(parameters, &order.notify_url, lie.forged)
            }
        }
    }

    /// A notice that a refund ended.
    pub(crate) fn of_refund(&self, order: &Order, payment: &Payment, refund: &Refund, lie: &Lie) -> Sent {
        match refund.shape {
            Shape::WechatPay => {
                let mut content = wechat::refund_document(payment, refund);
                content["refund_status"] = content["status"].take();
                content["mchid"] = json!(lie.merchant.as_deref().unwrap_or(merchant::ID));
                if let Some(amount) = lie.amount {
                    content["amount"]["refund"] = json!(amount);
                }
                let event = format!("REFUND.{}", refund.state);
                self.wechat(&event, &content, &refund.notify_url, lie.forged)
            }
            Shape::Alipay => {
                let mut parameters = alipay::trade(order, payment);
                parameters.insert("refund_fee".to_owned(), crate::books::yuan(lie.amount.unwrap_or(refund.amount)));
                parameters.insert("out_biz_no".to_owned(), refund.name.clone());
                parameters.insert("gmt_refund".to_owned(), format!("{}.000", china(refund.at).replace('T', " ")));
                self.alipay(parameters, &order.notify_url, lie.forged)
            }
        }
    }

    fn wechat(&self, event: &str, content: &Value, url: &str, forged: bool) -> Sent {
        let key: [u8; 32] = merchant::API_V3_KEY.as_bytes().try_into().expect("32 characters");
        let (sealing, aad) = (&nonce()[..12], "transaction");
        let bytes: [u8; 12] = sealing.as_bytes().try_into().expect("12 characters");
        let plain = content.to_string();
        let payload = Payload { msg: plain.as_bytes(), aad: aad.as_bytes() };
        let cipher = <Aes256Gcm as KeyInit>::new(&key.into());
        let sealed = cipher.encrypt(&Nonce::from(bytes), payload).expect("sealed");
        let now = self.books.now();
        let body = json!({
            "id": nonce(), "create_time": format!("{}+08:00", china(now)), "resource_type": "encrypt-resource",
            "event_type": event, "summary": "",
            "resource": {
                "algorithm": "AEAD_AES_256_GCM", "ciphertext": STANDARD.encode(sealed), "associated_data": aad,
                "nonce": sealing, "original_type": "transaction",
            },
        })
        .to_string();
        let mut headers = wechat::signed(now, &body, forged);
        headers.push(("content-type", "application/json".to_owned()));
        Sent { url: url.to_owned(), headers, body }
    }

    fn alipay(&self, mut parameters: BTreeMap<String, String>, url: &str, forged: bool) -> Sent {
        for (name, value) in [
            ("notify_id", nonce()),
            ("notify_time", china(self.books.now()).replace('T', " ")),
            ("notify_type", "trade_status_sync".to_owned()),
            ("charset", "utf-8".to_owned()),
            ("version", "1.0".to_owned()),
        ] {
            parameters.insert(name.to_owned(), value);
        }
        let key = if forged { merchant::PRIVATE_KEY } else { merchant::ALIPAY_PRIVATE_KEY };
        let signature = sign(key, alipay::signed_text(&parameters).as_bytes());
        parameters.insert("sign_type".to_owned(), "RSA2".to_owned());
        parameters.insert("sign".to_owned(), signature);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
        let kind = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
        Sent { url: url.to_owned(), headers: vec![("content-type", kind)], body }
    }

    /// Sends a notice and remembers it; what the merchant answered.
    pub(crate) async fn send(&self, of: &str, sent: Sent) -> Value {
        self.books.lock().sent.insert(of.to_owned(), sent.clone());
        let mut request = self.http.post(&sent.url).body(sent.body);
        for (name, value) in sent.headers {
            request = request.header(name, value);
        }
        match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                json!({ "status": status, "body": answer.text().await.unwrap_or_default() })
            }
            Err(error) => json!({ "status": 0, "body": error.to_string() }),
        }
    }
}
