//! An HTTP and JSON client of the API, sharing nothing with the server but the address.

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A signed-in person, or an anonymous caller.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// An answer, refused or not.
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl Client {
    /// An anonymous caller at this address.
    pub fn new(base: &str) -> Self {
        xinglin_platform::tls::install();
        Self { http: reqwest::Client::new(), base: base.trim_end_matches('/').to_owned(), token: None }
    }

    /// Signs in and returns the signed-in caller.
    pub async fn sign_in(&self, tenant: Option<&str>, login: &str, password: &str) -> Result<Self> {
        let body = serde_json::json!({ "tenant": tenant, "login": login, "password": password });
        let session = self.post("/api/v1/sessions", &body).await?;
        Ok(Self { token: Some(text(&session, "/access_token")?), ..self.clone() })
    }

    /// Sends GET.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await?.done(path)
    }

    /// Sends POST.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await?.done(path)
    }

    /// Sends PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::PUT, path, Some(body)).await?.done(path)
    }

    /// Sends POST, and expects a refusal with this code.
    pub async fn refused(&self, path: &str, body: &Value, code: &str) -> Result<Value> {
        let answer = self.ask(Method::POST, path, Some(body)).await?;
        if answer.body["code"] != code {
            bail!("{path} should have been refused with {code}, but: {} {}", answer.status, answer.body);
        }
        Ok(answer.body)
    }

    /// Uploads bytes.
    pub async fn upload(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Result<Value> {
        self.try_upload(path, kind, bytes).await?.done(path)
    }

    /// Uploads bytes; returns any answer.
    pub async fn try_upload(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Result<Answer> {
        let request = self.http.post(self.url(path)).header("content-type", kind).body(bytes);
        self.send(request).await
    }

    /// Sends a request; returns any answer.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.http.request(method, self.url(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Result<Answer> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.context("the server does not answer")?;
        let status = response.status();
        let bytes = response.bytes().await.context("the answer broke off")?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).context("not JSON")? };
        Ok(Answer { status, body })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl Answer {
    /// The body, of what was done.
    pub fn done(self, path: &str) -> Result<Value> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        bail!("{path}: {} {}", self.status, serde_json::to_string_pretty(&self.body)?)
    }
}

/// The string at a JSON pointer.
pub fn text(value: &Value, pointer: &str) -> Result<String> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("the answer has no {pointer}: {value}"))
}

/// The integer at a JSON pointer.
pub fn number(value: &Value, pointer: &str) -> Result<i64> {
    value
        .pointer(pointer)
        .and_then(Value::as_i64)
        .with_context(|| format!("the answer has no number {pointer}: {value}"))
}
