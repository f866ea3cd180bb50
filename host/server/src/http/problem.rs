//! Errors as problem documents (RFC 9457) with stable codes.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use xinglin_domain::code::Code;
use xinglin_platform::AppError;

/// A problem document (RFC 9457). `code` is stable and meant for programs;
/// `title` is for people and comes in two languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:xinglin:code:RX_EXPIRED`
    pub r#type: String,
    /// The HTTP status.
    pub status: u16,
    /// What the code means, in English.
    pub title: &'static str,
    /// What the code means, in Chinese.
    pub title_zh: &'static str,
    /// Details of this occurrence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// Further members of some codes: `findings`, `plugin`, `path`, …
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

/// The HTTP status of a code.
pub fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.class().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Logs a refusal: the context is logged and never sent; the detail, which may quote input of the
/// caller, is sent and never logged.
pub fn log(error: &AppError, status: StatusCode) {
    let AppError { code, context, .. } = error;
    if status.is_server_error() {
        tracing::error!(%code, context, "request failed");
    } else {
        tracing::info!(%code, context, "request refused");
    }
}

/// The result of a handler: a body, or a refusal as a problem document.
pub type Reply<T> = Result<T, Refused>;

/// A refused use case, sent as a problem document.
#[derive(Debug)]
pub struct Refused(AppError);

impl From<AppError> for Refused {
    fn from(error: AppError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = status(error.code);
        log(&error, status);
        let problem = Problem {
            r#type: format!("urn:xinglin:code:{}", error.code),
            status: status.as_u16(),
            title: error.code.en(),
            title_zh: error.code.zh(),
            detail: error.detail,
            code: error.code.to_string(),
            members: *error.members,
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
