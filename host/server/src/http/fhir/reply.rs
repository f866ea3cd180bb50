//! Answers in FHIR's own words: `application/fhir+json`, OperationOutcome.

use axum::{
    body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use xinglin_domain::time::Instant;
use xinglin_fhir::{
    answer::{Done, Written},
    outcome,
};
use xinglin_platform::AppError;
use xinglin_store::Resource;

use crate::http::problem;

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json; charset=utf-8");

/// A document.
pub fn document(status: StatusCode, body: &Value) -> Response {
    typed(status, body.to_string())
}

/// A bundle that is written out as it is read.
///
/// # Errors
/// If it cannot be written, which would be our fault.
pub fn bundle(bundle: &impl Serialize) -> Result<Response, Refusal> {
    let text = serde_json::to_string(bundle).map_err(AppError::internal)?;
    Ok(typed(StatusCode::OK, text))
}

/// What a caller wants to see of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Resource,
    /// How it went.
    Outcome,
    /// Nothing.
    Nothing,
}

/// A resource as stored, with its version and date.
pub fn resource(status: StatusCode, resource: &Resource) -> Response {
    with_version(typed(status, resource.body.get().to_owned()), resource)
}

/// What came of a write, at `base`.
pub fn written(base: &str, done: &Done, body: Body) -> Response {
    let (resource, created) = match done {
        Done::Written(Written { resource, created }) if !resource.deleted => (resource, *created),
        Done::Existing(resource) => (resource, false),
        _ => return StatusCode::NO_CONTENT.into_response(),
    };
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let response = match body {
        Body::Resource => typed(status, resource.body.get().to_owned()),
        Body::Outcome => document(status, &outcome::sound()),
        Body::Nothing => status.into_response(),
    };
    let mut response = with_version(response, resource);
    if created {
        let Resource { kind, id, version, .. } = resource;
        set(&mut response, header::LOCATION, &format!("{base}/{kind}/{id}/_history/{version}"));
    }
    response
}

fn with_version(mut response: Response, resource: &Resource) -> Response {
    set(&mut response, header::ETAG, &tag(resource));
    if let Some(date) = http_date(resource.last_updated) {
        set(&mut response, header::LAST_MODIFIED, &date);
    }
    response
}

/// A moment as HTTP writes it.
pub fn http_date(at: Instant) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(at.micros()).ok()?;
    Some(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// `W/"3"`
pub fn tag(resource: &Resource) -> String {
    format!("W/\"{}\"", resource.version)
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn typed(status: StatusCode, text: String) -> Response {
    let mut response = (status, body::Body::from(text)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, FHIR_JSON);
    response
}

/// A refusal, as an OperationOutcome with our code.
pub struct Refusal {
    error: AppError,
    status: StatusCode,
}

impl Refusal {
    /// With another status than the code's own.
    pub fn with_status(error: AppError, status: StatusCode) -> Self {
        Self { error, status }
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        let status = problem::status(error.code);
        Self { error, status }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { error, status } = self;
        problem::log(&error, status);
        document(status, &error.operation_outcome())
    }
}
