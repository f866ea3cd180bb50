//! Answers in FHIR's own words: `application/fhir+json`, OperationOutcome.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use xinglin_store::Resource;

use crate::{app::AppError, http::problem};

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json; charset=utf-8");

/// A document.
pub fn document(status: StatusCode, body: &Value) -> Response {
    typed(status, body.to_string())
}

/// A resource as stored, with its version as `ETag`.
pub fn resource(status: StatusCode, resource: &Resource) -> Response {
    let mut response = typed(status, resource.body.get().to_owned());
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::ETAG, format!("W/\"{}\"", resource.version));
    if status == StatusCode::CREATED {
        let Resource { kind, id, version, .. } = resource;
        set(header::LOCATION, format!("{}/{kind}/{id}/_history/{version}", super::BASE));
    }
    response
}

fn typed(status: StatusCode, body: String) -> Response {
    let mut response = (status, Body::from(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, FHIR_JSON);
    response
}

/// A refusal, as an OperationOutcome with our code.
pub struct Refusal(AppError);

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = problem::status(error.code);
        problem::log(&error, status);
        document(status, &error.operation_outcome())
    }
}
