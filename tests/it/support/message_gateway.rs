//! The gateway of reminders: `examples/message-gateway` as a server beside the host.

use serde_json::{Value, json};
use tokio::net::TcpListener;
use xinglin_message_gateway::{MessageGateway, Settings, serve};

use super::{Client, Clinic, eventually};

/// A running gateway.
#[derive(Clone)]
pub struct Gateway {
    pub client: Client,
}

impl Gateway {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let gateway = MessageGateway::open(Settings::default()).expect("a gateway");
        tokio::spawn(serve(gateway, listener));
        Self { client: Client::new(&base_url) }
    }

    /// The settings of a channel that it serves, changed by `change`.
    pub async fn settings(&self, change: Value) -> Value {
        let mut settings = self.client.get("/simulate/settings").await;
        settings["url"] = format!("{}/send", self.client.base()).into();
        for (field, value) in change.as_object().into_iter().flatten() {
            settings[field] = value.clone();
        }
        settings
    }

    /// Lets a clinic remind its patients by a channel.
    pub async fn set_up(&self, clinic: &Clinic, channel: &str, change: Value) {
        let path = format!("/api/v1/tenants/{}/reminder-channels/{channel}", clinic.tenant);
        clinic.administrator.put(&path, self.settings(change).await).await;
    }

    /// Moves its clock forward.
    pub async fn advance(&self, seconds: i64) {
        self.client.post("/simulate/clock", json!({ "seconds": seconds })).await;
    }

    /// Commits a fault, this often; for ever if it is 0.
    pub async fn fault(&self, what: &str, times: u32) {
        self.client.post("/simulate/fault", json!({ "do": what, "times": times })).await;
    }

    pub async fn heal(&self) {
        self.client.post("/simulate/heal", json!({})).await;
    }

    /// All that it was asked to send, with how often: each id once.
    pub async fn received(&self) -> Vec<Value> {
        self.client.get("/simulate/received").await["received"].as_array().expect("a list").clone()
    }

    /// The bodies of the reminders among it.
    pub async fn reminders(&self) -> Vec<Value> {
        let all = self.received().await.into_iter().map(|mut one| one["body"].take());
        all.filter(|body| body["kind"] == "message").collect()
    }

    /// The number of all requests, whatever became of them.
    pub async fn asked(&self) -> i64 {
        self.client.get("/simulate/received").await["asked"].as_i64().expect("a number")
    }

    /// The code that was sent last to an address.
    pub async fn code(&self, to: &str) -> String {
        let all = self.received().await;
        let mut codes = all.iter().rev().map(|one| &one["body"]).filter(|body| body["kind"] == "code");
        let body = codes.find(|body| body["to"] == to).expect("a code");
        body["parameters"]["code"].as_str().expect("digits").to_owned()
    }

    /// The status that a receipt was answered with.
    pub async fn receipt(&self, id: &Value, status: &str, more: Value) -> i64 {
        let mut body = json!({ "id": id, "status": status });
        for (field, value) in more.as_object().into_iter().flatten() {
            body[field] = value.clone();
        }
        self.client.post("/simulate/receipt", body).await["status"].as_i64().expect("a status")
    }

    /// Who acts for a patient enters this address, and the code that comes there.
    pub async fn confirm(&self, client: &Client, patient: &str, (channel, to): (&str, &str)) {
        let path = format!("/api/v1/patients/{patient}/reminder-addresses/{channel}");
        assert_eq!(client.put(&path, json!({ "to": to })).await["state"], "pending");
        let code = self.code(to).await;
        assert_eq!(client.post(&format!("{path}/confirm"), json!({ "code": code })).await["state"], "confirmed");
    }

    /// Waits until it was asked to send so many reminders, and returns them.
    pub async fn waits_for(&self, number: usize) -> Vec<Value> {
        eventually(&format!("{number} reminders"), async || self.reminders().await.len() >= number).await;
        let reminders = self.reminders().await;
        assert_eq!(reminders.len(), number, "{reminders:#?}");
        reminders
    }
}
