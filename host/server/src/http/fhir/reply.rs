//! Answers in FHIR: `application/fhir+json`, OperationOutcome.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
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

const FHIR_JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/fhir+json; charset=utf-8")];

/// A document.
pub fn document(status: StatusCode, body: &Value) -> Response {
    (status, FHIR_JSON, body.to_string()).into_response()
}

/// A bundle, serialised as it is read.
///
/// # Errors
/// An internal error if it cannot be serialised.
pub fn bundle(bundle: &impl Serialize) -> Result<Response, Refusal> {
    let text = serde_json::to_string(bundle).map_err(AppError::internal)?;
    Ok((FHIR_JSON, text).into_response())
}

/// The body of the answer to a write (`Prefer: return`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The resource.
    Resource,
    /// An OperationOutcome.
    Outcome,
    /// Nothing.
    Nothing,
}

/// A resource as stored, with its version and date.
pub fn resource(status: StatusCode, resource: &Resource) -> Response {
    (status, FHIR_JSON, version(resource), resource.body.get().to_owned()).into_response()
}

/// The answer to a write, at `base`.
pub fn written(base: &str, done: &Done, body: Body) -> Response {
    let (written, created) = match done {
        Done::Written(Written { resource, created }) if !resource.deleted => (resource, *created),
        Done::Existing(resource) => (resource, false),
        _ => return StatusCode::NO_CONTENT.into_response(),
    };
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let answer = match body {
        Body::Resource => resource(status, written),
        Body::Outcome => document(status, &outcome::sound()),
        Body::Nothing => status.into_response(),
    };
    let Resource { kind, id, version: number, .. } = written;
    let location = created.then(|| [(header::LOCATION, format!("{base}/{kind}/{id}/_history/{number}"))]);
    (version(written), location, answer).into_response()
}

fn version(resource: &Resource) -> [(HeaderName, String); 2] {
    [(header::ETAG, tag(resource)), (header::LAST_MODIFIED, http_date(resource.last_updated))]
}

/// An HTTP date (RFC 9110 §5.6.7); `None` if the year is out of range.
pub fn http_date(at: Instant) -> String {
    let at = Timestamp::from_microsecond(at.micros());
    at.and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at)).unwrap_or_default()
}

/// `W/"3"`
pub fn tag(resource: &Resource) -> String {
    format!("W/\"{}\"", resource.version)
}

/// A refusal as an OperationOutcome with the stable code.
pub struct Refusal {
    error: AppError,
    status: StatusCode,
}

impl Refusal {
    /// With a status other than that of the code.
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
