//! `xinglin:host/http`: requests to external servers.
//!
//! This file does what needs no network: it checks the request, the grants of its server,
//! secrets, fields and keys, sizes and counts, and writes the tape. [`crate::Egress`] does name
//! resolution, address checks, insertion of values, and TLS. The tape has what the guest
//! received, and the guest never receives a value.

use std::{sync::Arc, time};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tracing::Instrument;
use url::{Host, Url};
use xinglin_plugin::{HostPattern, KeyKind, Piece, Placeholder, pieces};

use super::CallState;
use crate::{
    recorder::Question,
    services::http::{HttpError, HttpMethod, HttpRequest, HttpResponse, SignWith},
    trace,
    wit::xinglin::host::http as wit,
};

/// Maximum requests of one call.
const MAX_REQUESTS: u32 = 32;
const MAX_URL: usize = 8 << 10;
const MAX_HEADERS: usize = 64;
/// Maximum bytes of all header names and values.
const MAX_HEADER_BYTES: usize = 16 << 10;
const MAX_PLACEHOLDERS: usize = 64;

/// Headers that a guest must not set: they belong to the connection; `accept-encoding` would hide
/// a repeated secret in a compressed response.
const RESERVED: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

impl From<wit::Method> for HttpMethod {
    fn from(method: wit::Method) -> Self {
        match method {
            wit::Method::Get => Self::Get,
            wit::Method::Post => Self::Post,
            wit::Method::Put => Self::Put,
            wit::Method::Patch => Self::Patch,
            wit::Method::Delete => Self::Delete,
            wit::Method::Head => Self::Head,
        }
    }
}

impl From<HttpError> for wit::Error {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(reason) => Self::Denied(reason),
            HttpError::Invalid(reason) => Self::Invalid(reason),
            HttpError::Timeout => Self::Timeout,
            HttpError::TooLarge(limit) => Self::TooLarge(limit),
            HttpError::TooMany => Self::TooMany,
            HttpError::Unavailable(reason) => Self::Unavailable(reason),
            HttpError::Other(reason) => Self::Other(reason),
        }
    }
}

/// HTTP grants and remaining requests of a call.
pub(crate) struct Http {
    /// Concurrent requests of this plugin in this tenant.
    places: Arc<Semaphore>,
    hosts: Vec<HostPattern>,
    plaintext_hosts: Vec<HostPattern>,
    sent: u32,
}

/// A response, as recorded on the tape.
#[derive(Serialize, Deserialize)]
struct TapedResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: TapedBody,
}

/// As text if it is UTF-8, so that tapes are readable.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TapedBody {
    Text(String),
    Hex(#[serde(with = "hex::serde")] Vec<u8>),
}

impl From<HttpResponse> for TapedResponse {
    fn from(HttpResponse { status, headers, body }: HttpResponse) -> Self {
        let body = String::from_utf8(body).map_or_else(|e| TapedBody::Hex(e.into_bytes()), TapedBody::Text);
        Self { status, headers, body }
    }
}

impl From<TapedResponse> for wit::Response {
    fn from(TapedResponse { status, headers, body }: TapedResponse) -> Self {
        let body = match body {
            TapedBody::Text(text) => text.into_bytes(),
            TapedBody::Hex(bytes) => bytes,
        };
        Self { status, headers, body }
    }
}

impl Http {
    /// `setting` returns the value of a setting: patterns that name one are resolved here, for
    /// the duration of the call.
    pub fn new(
        places: Arc<Semaphore>,
        hosts: &[HostPattern],
        plaintext_hosts: &[HostPattern],
        setting: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let whole = |patterns: &[HostPattern]| {
            let resolve = |pattern: &HostPattern| match pattern {
                // An unset or invalid setting matches no server.
                HostPattern::Setting(key) => HostPattern::server(setting(key)?.trim()).ok(),
                whole => Some(whole.clone()),
            };
            patterns.iter().filter_map(resolve).collect()
        };
        Self { places, hosts: whole(hosts), plaintext_hosts: whole(plaintext_hosts), sent: 0 }
    }

    /// Whether the server of a URL is granted.
    fn admits(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
        let any = |patterns: &[HostPattern], usual: u16| patterns.iter().any(|p| p.matches(host, port, usual));
        match url.scheme() {
            "https" => any(&self.hosts, 443) || any(&self.plaintext_hosts, 443),
            "http" => any(&self.plaintext_hosts, 80),
            _ => false,
        }
    }
}

fn invalid<T>(reason: impl Into<String>) -> Result<T, HttpError> {
    Err(HttpError::Invalid(reason.into()))
}

/// Parses a URL with a letter in place of each placeholder; also returns the placeholders.
fn url(text: &str) -> Result<(Url, Vec<Placeholder>), HttpError> {
    if text.len() > MAX_URL {
        return Err(HttpError::TooLarge(MAX_URL as u64));
    }
    // URL parsers would silently drop or change these.
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return invalid("a URL has no spaces, control characters or backslashes");
    }
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let Some(rest) = scheme.and_then(|scheme| text.get(scheme.len()..)) else {
        return invalid("a URL begins with https:// or http://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains("{{") {
        return invalid("a URL names its server; a placeholder can only stand after it");
    }
    if authority.contains('@') {
        return invalid("no user name or password in a URL; use a header");
    }
    if text.contains('#') {
        return invalid("a fragment is never sent");
    }
    let mut plain = String::with_capacity(text.len());
    let mut places = Vec::new();
    for piece in pieces(text).map_err(HttpError::Invalid)? {
        match piece {
            Piece::Text(text) => plain.push_str(text),
            Piece::Place(place) => {
                plain.push('x');
                places.push(place);
            }
        }
    }
    let url = Url::parse(&plain).map_err(|e| HttpError::Invalid(format!("not a URL: {e}")))?;
    Ok((url, places))
}

fn is_header_name(name: &str) -> bool {
    // RFC 9110, 5.6.2: token.
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=128).contains(&name.len()) && name.bytes().all(token)
}

/// The lower-case name of a header that a guest may set.
fn header_name(name: &str) -> Result<String, HttpError> {
    if !is_header_name(name) {
        return invalid("the name of a header is letters, digits and hyphens");
    }
    let name = name.to_ascii_lowercase();
    if RESERVED.contains(&name.as_str()) || name.starts_with("proxy-") {
        return invalid(format!("the header `{name}` belongs to the host"));
    }
    Ok(name)
}

type Headers = Vec<(String, String)>;

fn headers(given: Headers) -> Result<(Headers, Vec<Placeholder>), HttpError> {
    if given.len() > MAX_HEADERS {
        return invalid(format!("at most {MAX_HEADERS} headers"));
    }
    if given.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_HEADER_BYTES {
        return Err(HttpError::TooLarge(MAX_HEADER_BYTES as u64));
    }
    let (mut headers, mut places) = (Vec::with_capacity(given.len()), Vec::new());
    for (name, value) in given {
        let name = header_name(&name)?;
        if value.contains(char::is_control) {
            return invalid(format!("the header `{name}` has a control character"));
        }
        if name == "content-type" && headers.iter().any(|(other, _)| *other == name) {
            return invalid("there is one `content-type`");
        }
        places.extend(placeholders(&value)?);
        headers.push((name, value));
    }
    Ok((headers, places))
}

fn placeholders(text: &str) -> Result<Vec<Placeholder>, HttpError> {
    let place = |piece| match piece {
        Piece::Place(place) => Some(place),
        Piece::Text(_) => None,
    };
    Ok(pieces(text).map_err(HttpError::Invalid)?.into_iter().filter_map(place).collect())
}

/// The remaining time of the call, minus a reserve in which a guest can handle the timeout.
fn remaining(ends: Option<time::Instant>) -> time::Duration {
    let rest = ends.map_or(time::Duration::ZERO, |ends| ends.saturating_duration_since(time::Instant::now()));
    rest - (rest / 8).min(time::Duration::from_millis(100))
}

impl CallState {
    /// All checks of a request that need no network.
    fn check(&self, request: wit::Request) -> Result<HttpRequest, HttpError> {
        let grants = &self.grants;
        let (target, mut places) = url(&request.url)?;
        if !self.http.admits(&target) {
            let (scheme, host) = (target.scheme(), target.host_str().unwrap_or_default());
            let port = target.port().map(|port| format!(":{port}")).unwrap_or_default();
            let reason = format!("`{scheme}://{host}{port}` is not among the servers that were granted");
            return Err(HttpError::Denied(reason));
        }
        let (headers, in_headers) = headers(request.headers)?;
        places.extend(in_headers);

        let max_request = (grants.http.max_request_kib as usize) << 10;
        let method = HttpMethod::from(request.method);
        if let Some(body) = &request.body {
            if matches!(method, HttpMethod::Get | HttpMethod::Head) {
                return invalid(format!("{} has no body", method.as_str()));
            }
            if body.len() > max_request {
                return Err(HttpError::TooLarge(max_request as u64));
            }
            if let Ok(text) = std::str::from_utf8(body) {
                places.extend(placeholders(text)?);
            }
        }
        self.granted(&places)?;
        let guarded = grants.guarded();
        let slice = |(name, _): &&(String, String)| matches!(name.as_str(), "range" | "if-range");
        if let (false, Some((name, _))) = (guarded.is_empty(), headers.iter().find(slice)) {
            // A value split by a range would not be found if the response repeats it.
            return invalid(format!("no `{name}` for a plugin with secrets or identity"));
        }

        let (encrypt_with, sign_with) = match request.protection {
            None => (None, None),
            Some(protection) => self.protected(protection, request.body.is_some(), &headers)?,
        };
        let rest = remaining(self.ends);
        Ok(HttpRequest {
            method,
            host: match target.host() {
                Some(Host::Ipv6(address)) => address.to_string(),
                _ => target.host_str().unwrap_or_default().to_owned(),
            },
            url: request.url,
            headers,
            body: request.body,
            encrypt_with,
            sign_with,
            guarded,
            timeout: request.timeout_millis.map_or(rest, |millis| time::Duration::from_millis(millis.into()).min(rest)),
            max_request,
            max_response: (grants.http.max_response_kib as usize) << 10,
        })
    }

    fn granted(&self, places: &[Placeholder]) -> Result<(), HttpError> {
        if places.len() > MAX_PLACEHOLDERS {
            return invalid(format!("at most {MAX_PLACEHOLDERS} placeholders"));
        }
        let granted = self.grants.guarded();
        match places.iter().find(|place| !granted.contains(place)) {
            None => Ok(()),
            Some(place) => invalid(format!("{place} is not granted")),
        }
    }

    fn protected(
        &self,
        protection: wit::Protection,
        has_body: bool,
        headers: &[(String, String)],
    ) -> Result<(Option<String>, Option<SignWith>), HttpError> {
        if let Some(key) = &protection.encrypt_with {
            if self.key(key) != Some(KeyKind::Sm4) {
                return invalid(format!("`{key}` is no key of the kind `sm4` that `signing` grants"));
            }
            if !has_body {
                return invalid("there is no body to encrypt");
            }
        }
        let Some(key) = protection.sign_with else { return Ok((protection.encrypt_with, None)) };
        let Some(kind) = self.key(&key).filter(|kind| kind.signs()) else {
            return invalid(format!("`{key}` is no key that signs and that `signing` grants"));
        };
        let header = header_name(&protection.signature_header)?;
        if headers.iter().any(|(name, _)| *name == header) {
            return invalid(format!("the header `{header}` is for the signature"));
        }
        Ok((protection.encrypt_with, Some(SignWith { key, kind, header })))
    }

    async fn request(&mut self, request: wit::Request) -> Result<HttpResponse, HttpError> {
        if self.http.sent == MAX_REQUESTS {
            return Err(HttpError::TooMany);
        }
        self.http.sent += 1;
        let request = self.check(request)?;
        if request.timeout.is_zero() {
            return Err(HttpError::Timeout);
        }
        let places = self.http.places.clone();
        let _place = places.try_acquire().map_err(|_| HttpError::TooMany)?;
        self.waiting = true;
        let answer = self.services.http.send(request).instrument(trace::import("http.send")).await;
        self.waiting = false;
        answer
    }
}

/// The request as a question for the recorder.
fn question(request: &wit::Request) -> Question {
    let mut parts: Vec<Vec<u8>> = vec![
        HttpMethod::from(request.method).as_str().into(),
        request.url.as_bytes().into(),
        request.headers.len().to_be_bytes().into(),
    ];
    for (name, value) in &request.headers {
        parts.extend([name.as_bytes().to_vec(), value.as_bytes().to_vec()]);
    }
    let optional = |bytes: Option<&[u8]>| bytes.map_or(Vec::new(), |bytes| [b"+", bytes].concat());
    parts.push(optional(request.body.as_deref()));
    match &request.protection {
        None => parts.push(Vec::new()),
        Some(protection) => parts.extend([
            b"protected".to_vec(),
            optional(protection.encrypt_with.as_ref().map(String::as_bytes)),
            optional(protection.sign_with.as_ref().map(String::as_bytes)),
            protection.signature_header.as_bytes().into(),
        ]),
    }
    parts.push(optional(request.timeout_millis.map(u32::to_be_bytes).as_ref().map(|bytes| bytes.as_slice())));
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Question::new("http.send", &parts)
}

impl wit::Host for CallState {
    async fn send(&mut self, request: wit::Request) -> wasmtime::Result<Result<wit::Response, wit::Error>> {
        let question = question(&request);
        let answer: Result<TapedResponse, HttpError> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => self.request(request).await.map(Into::into),
        };
        self.tape.record(question, &answer)?;
        Ok(answer.map(Into::into).map_err(Into::into))
    }
}
