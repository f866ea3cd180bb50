//! What FHIR requests say beside their paths and bodies.

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

use crate::{
    Hospital,
    http::fhir::{
        BASE,
        reply::{Body, Refusal},
    },
};

/// Where the caller finds the server: links in answers begin with it.
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

/// The parameters of the URL, in their order.
pub struct Parameters(pub Vec<(String, String)>);

impl FromRequestParts<Hospital> for Parameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Hospital) -> Result<Self, Infallible> {
        Ok(Self(search::parameters(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

/// How a caller wants to be answered: where links are to lead, and what is preferred
/// (RFC 7240), as far as it is heeded.
pub struct Terms {
    /// See [`Base`].
    pub base: String,
    /// `handling=strict`: rather an error than an answer to another question.
    pub strict: bool,
    /// What to answer a write with.
    pub body: Body,
}

impl FromRequestParts<Hospital> for Terms {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, hospital: &Hospital) -> Result<Self, Infallible> {
        let Base(base) = Base::from_request_parts(parts, hospital).await?;
        let values = parts.headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
        let mut terms = Self { base, strict: false, body: Body::Resource };
        for preference in values.flat_map(|value| value.split([',', ';'])) {
            match preference.trim() {
                "handling=strict" => terms.strict = true,
                "return=minimal" => terms.body = Body::Nothing,
                "return=OperationOutcome" => terms.body = Body::Outcome,
                _ => {}
            }
        }
        Ok(terms)
    }
}

/// The version that `If-Match` names.
///
/// # Errors
/// `BODY_INVALID` if it names none.
pub fn if_match(headers: &HeaderMap) -> Result<Option<u64>, AppError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    // The weak tag that FHIR wants, and what simple clients send.
    let version = bundle::version_of(text).or_else(|| text.trim_matches('"').parse().ok());
    version.map(Some).ok_or_else(|| AppError::new(Code::BodyInvalid, "If-Match must be like W/\"3\""))
}

/// Only JSON is spoken here: who wants something else is told so.
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
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wanted = match query.iter().find(|(name, _)| name == "_format") {
        // A plus sign that was not escaped has become a space.
        Some((_, format)) => format.replace(' ', "+"),
        None => accepted.unwrap_or("*/*").to_owned(),
    };
    wanted.split(',').any(|kind| SPOKEN.contains(&kind.split(';').next().unwrap_or_default().trim()))
}
