//! A client of the API.

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// A signed-in person, or an anonymous caller.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    /// `traceparent` (W3C).
    trace: Option<String>,
    /// `accept-language`.
    language: Option<String>,
}

/// An answer, refused or not.
pub struct Answer {
    pub status: StatusCode,
    /// The bytes as text.
    pub text: String,
    /// The JSON document, or null.
    pub body: Value,
}

/// For servers of these tests, which do not use TLS: does not load the certificates of the system,
/// which takes longer than most requests.
pub fn http() -> reqwest::ClientBuilder {
    xinglin_platform::tls::install();
    reqwest::Client::builder().tls_certs_only([])
}

impl Client {
    /// An anonymous caller.
    pub fn new(base: &str) -> Self {
        let http = http().build().expect("a client");
        Self { http, base: base.to_owned(), token: None, trace: None, language: None }
    }

    /// The same address with another token.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// The same person at the address of another client, on its connections.
    pub fn at(&self, other: &Self) -> Self {
        Self { http: other.http.clone(), base: other.base.clone(), ..self.clone() }
    }

    /// The same person, in a trace.
    pub fn within(&self, traceparent: &str) -> Self {
        Self { trace: Some(traceparent.to_owned()), ..self.clone() }
    }

    /// The same person, with another preferred language.
    pub fn in_language(&self, accepted: &str) -> Self {
        Self { language: Some(accepted.to_owned()), ..self.clone() }
    }

    /// `http://127.0.0.1:…`
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("signed in")
    }

    pub async fn sign_in(&self, tenant: Option<&str>, login: &str) -> Self {
        let ask = json!({ "tenant": tenant, "login": login, "password": super::PASSWORD });
        let session = self.with_token(None).post("/api/v1/sessions", ask).await;
        self.with_token(session["access_token"].as_str())
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await.done(path)
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, Some(body)).await.done(path)
    }

    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.ask(Method::PUT, path, Some(body)).await.done(path)
    }

    /// Posts, and expects a refusal with this code.
    pub async fn refused(&self, path: &str, body: Value, code: &str) -> Value {
        self.ask(Method::POST, path, Some(body)).await.refused(path, code)
    }

    /// Reads, and expects a refusal with this code.
    pub async fn hidden(&self, path: &str, code: &str) {
        self.ask(Method::GET, path, None).await.refused(path, code);
    }

    pub async fn upload(&self, package: Vec<u8>) -> Answer {
        let request = self.request(Method::POST, "/api/v1/plugins").header("content-type", "application/wasm");
        send(request.body(package)).await
    }

    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Posts a text that need not be JSON.
    pub async fn post_text(&self, path: &str, kind: &str, text: impl Into<reqwest::Body>) -> Answer {
        send(self.request(Method::POST, path).header("content-type", kind).body(text)).await
    }

    /// Sends a request with these headers, and returns the answer with its headers.
    pub async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Exchange {
        let path = path.strip_prefix(self.base.as_str()).unwrap_or(path);
        let mut request = self.request(method, path).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Exchange { status, headers, bytes: response.bytes().await.expect("a whole answer").to_vec() }
    }

    /// A request to be modified and sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(trace) = &self.trace {
            request = request.header("traceparent", trace);
        }
        if let Some(language) = &self.language {
            request = request.header("accept-language", language);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Posts to a server that may be killed.
    pub async fn try_post(&self, path: &str, body: Value) -> Result<StatusCode, reqwest::Error> {
        Ok(self.request(Method::POST, path).json(&body).send().await?.status())
    }
}

/// An answer with its headers.
pub struct Exchange {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Exchange {
    /// A header; empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The JSON document, or null.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> String {
        Answer { status: self.status, text: self.text(), body: self.json() }.code().to_owned()
    }
}

async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the server answers");
    let status = response.status();
    let text = response.text().await.expect("a whole answer");
    let body = serde_json::from_str(&text).unwrap_or_default();
    Answer { status, text, body }
}

impl Answer {
    /// The stable code of a refusal, in a problem document or an OperationOutcome.
    pub fn code(&self) -> &str {
        let outcome = self.body.pointer("/issue/0/details/coding/0/code");
        self.body.get("code").or(outcome).and_then(Value::as_str).unwrap_or_default()
    }

    /// The document of a request that must succeed.
    pub fn done(self, path: &str) -> Value {
        assert!(self.status.is_success(), "{path}: {} {}", self.status, self.text);
        self.body
    }

    /// The document of a request that must be refused with this code.
    pub fn refused(self, path: &str, code: &str) -> Value {
        assert!(self.status.is_client_error() || self.status == 502, "{path}: {} {}", self.status, self.text);
        assert_eq!(self.code(), code, "{path}: {} {}", self.status, self.text);
        self.body
    }
}
