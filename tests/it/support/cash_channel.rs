//! The payment channel: `examples/cash-channel` as a server beside the host, with books of its own.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use xinglin_cash_channel::{CashChannel, Settings, serve};

use super::{Client, Clinic};

/// The two shapes that it speaks.
pub const BOTH: [&str; 2] = ["wechat-pay", "alipay"];

/// A running channel.
#[derive(Clone)]
pub struct PaymentChannel {
    pub client: Client,
}

impl PaymentChannel {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let channel = CashChannel::open(Settings { base_url: base_url.clone(), journal: None }).expect("a channel");
        tokio::spawn(serve(channel, listener));
        Self { client: Client::new(&base_url) }
    }

    /// Lets a clinic take money by both.
    pub async fn set_up(&self, clinic: &Clinic) {
        let settings = self.client.get("/simulate/settings").await;
        for channel in BOTH {
            let path = format!("/api/v1/tenants/{}/cash-channels/{channel}", clinic.tenant);
            clinic.administrator.put(&path, settings[channel].clone()).await;
        }
    }

    /// Moves its clock forward.
    pub async fn advance(&self, seconds: i64) {
        self.client.post("/simulate/clock", json!({ "seconds": seconds })).await;
    }

    /// Moves its clock forward to this second since 1970, if it is before.
    pub async fn advance_to(&self, second: i64) {
        let answer = self.client.post("/simulate/clock", json!({ "seconds": 0 })).await;
        let now: i64 = answer["now"].as_str().and_then(|now| now.parse().ok()).expect("the time");
        if second > now {
            self.advance(second - now).await;
        }
    }

    pub async fn fault(&self, at: &str, what: &str) {
        self.client.post("/simulate/fault", json!({ "at": at, "do": what })).await;
    }

    /// The patient pays; the status with which each notice was answered.
    pub async fn pay(&self, order: &Value, more: Value) -> Vec<i64> {
        self.command("/simulate/pay", order, more).await
    }

    pub async fn notify(&self, order: &Value, more: Value) -> Vec<i64> {
        self.command("/simulate/notify", order, more).await
    }

    /// As [`pay`](Self::pay); nothing if the order is closed, or was never known.
    pub async fn pay_if_open(&self, order: &Value, more: Value) {
        self.client.ask(Method::POST, "/simulate/pay", Some(about(order, more))).await;
    }

    /// Whether it has taken money for an order.
    pub async fn has_been_paid(&self, order: &Value) -> bool {
        let books = self.client.get("/simulate/books").await;
        let mut orders = books["orders"].as_array().into_iter().flatten();
        orders.any(|one| one["name"] == *order && one["payments"].as_array().is_some_and(|paid| !paid.is_empty()))
    }

    async fn command(&self, path: &str, order: &Value, more: Value) -> Vec<i64> {
        let done = self.client.post(path, about(order, more)).await;
        let notices = done["notices"].as_array().expect("notices").iter();
        notices.map(|answer| answer["status"].as_i64().expect("a status")).collect()
    }

    /// What it kept of the patients' money.
    pub async fn kept(&self) -> i64 {
        let books = self.client.get("/simulate/books").await;
        let list = |what: &str| books[what].as_array().cloned().unwrap_or_default().into_iter();
        let fen = |one: &Value| one["amount"].as_i64().expect("fen");
        let paid: i64 = list("orders")
            .flat_map(|order| order["payments"].as_array().cloned().unwrap_or_default())
            .map(|one| fen(&one))
            .sum();
        paid - list("refunds").filter(|refund| refund["state"] == "SUCCESS").map(|one| fen(&one)).sum::<i64>()
    }
}

fn about(order: &Value, more: Value) -> Value {
    let mut body = if more.get("refund").is_some() { json!({}) } else { json!({ "order": order }) };
    for (field, value) in more.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    body
}
