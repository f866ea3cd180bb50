//! Parameters, preferences and conditions of FHIR requests.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use xinglin_domain::code::Code;
use xinglin_fhir::{bundle, search};
use xinglin_platform::AppError;
use xinglin_records::search::Asked;

use crate::{
    Hospital,
    http::fhir::{
        BASE,
        reply::{Body, Refusal},
    },
};

/// Base URL of the server, for links in answers.
pub struct Base(pub String);

impl FromRequestParts<Hospital> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Hospital) -> Result<Self, Infallible> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = parts.uri.authority().map(|authority| authority.as_str()).or_else(|| text("host"));
        let sound = |host: &&str| {
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte))
        };
        let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
        Ok(Self(host.filter(sound).map_or(BASE.to_owned(), |host| format!("{scheme}://{host}{BASE}"))))
    }
}

/// The parameters of the URL, in order.
pub struct Parameters(pub Vec<(String, String)>);

impl FromRequestParts<Hospital> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Hospital) -> Result<Self, Infallible> {
        Ok(Self(search::parameters(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

/// Preferences of the caller: base URL of links, and `Prefer` (RFC 7240) as far as supported.
pub struct Terms {
    /// See [`Base`].
    pub base: String,
    /// `handling=strict`: unsupported parameters are errors.
    pub strict: bool,
    /// `handling=lenient`: unsupported parameters are ignored.
    pub lenient: bool,
    /// `respond-async`: the answer may be fetched later.
    pub later: bool,
    /// The body of the answer to a write.
    pub body: Body,
}

impl Terms {
    /// A search with these preferences; of all types if `kind` is empty.
    pub fn asked(self, kind: String, Parameters(parameters): Parameters) -> Asked {
        Asked { kind, parameters, strict: self.strict, base: self.base }
    }
}

impl FromRequestParts<Hospital> for Terms {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, hospital: &Hospital) -> Result<Self, Infallible> {
        let Base(base) = Base::from_request_parts(parts, hospital).await?;
        let values = parts.headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
        let mut terms = Self { base, strict: false, lenient: false, later: false, body: Body::Resource };
        for preference in values.flat_map(|value| value.split([',', ';'])) {
            match preference.trim() {
                "handling=strict" => terms.strict = true,
                "handling=lenient" => terms.lenient = true,
                "respond-async" => terms.later = true,
                "return=minimal" => terms.body = Body::Nothing,
                "return=OperationOutcome" => terms.body = Body::Outcome,
                _ => {}
            }
        }
        Ok(terms)
    }
}

/// The version in `If-Match`.
pub struct IfMatch(pub Option<u64>);

impl FromRequestParts<Hospital> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Hospital) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default();
        // The weak tag of FHIR, or the bare number that simple clients send.
        let version = bundle::version_of(text).or_else(|| text.trim_matches('"').parse().ok());
        let version = version.ok_or_else(|| AppError::new(Code::BodyInvalid, "If-Match must be like W/\"3\""))?;
        Ok(Self(Some(version)))
    }
}

/// Only JSON is supported: other formats are refused.
pub async fn layer(request: Request, next: Next) -> Response {
    if wants_json(&request) {
        return next.run(request).await;
    }
    let error = AppError::new(Code::BodyInvalid, "ask for application/fhir+json");
    Refusal::with_status(error, StatusCode::NOT_ACCEPTABLE).into_response()
}

fn wants_json(request: &Request) -> bool {
    const SPOKEN: [&str; 6] =
        ["json", "application/json", "application/fhir+json", "text/json", "*/*", "application/*"];
    let query = search::parameters(request.uri().query().unwrap_or_default().as_bytes());
    match query.iter().find(|(name, _)| name == "_format") {
        // An unescaped plus sign was decoded as a space.
        Some((_, format)) => among(&format.replace(' ', "+"), &SPOKEN),
        None => accepts(request.headers(), &SPOKEN).unwrap_or(true),
    }
}

/// Whether `Accept` contains one of these; `None` without the header. Weights are ignored, as there
/// is one format.
pub fn accepts(headers: &HeaderMap, kinds: &[&str]) -> Option<bool> {
    Some(among(headers.get(header::ACCEPT)?.to_str().ok()?, kinds))
}

fn among(wanted: &str, kinds: &[&str]) -> bool {
    wanted.split(',').any(|kind| kinds.contains(&kind.split(';').next().unwrap_or_default().trim()))
}
