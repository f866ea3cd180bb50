//! An id for each request, in every log line, tape and answer that belongs to it.

use axum::{
    extract::Request,
    http::{self, Extensions, HeaderName, HeaderValue},
};
use tower_http::request_id::{MakeRequestId, RequestId};
use tracing::Span;
use xinglin_platform::ambient;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Generates an id for a request without one.
#[derive(Clone, Copy)]
pub struct Draw;

impl MakeRequestId for Draw {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        HeaderValue::try_from(format!("req-{:032x}", ambient::fresh_id())).ok().map(RequestId::new)
    }
}

/// Removes the caller's id, unless it is safe to log.
pub async fn check(mut request: Request) -> Request {
    if request.headers().get(HEADER).is_some_and(|id| !harmless(id.as_bytes())) {
        request.headers_mut().remove(HEADER);
    }
    request
}

fn harmless(id: &[u8]) -> bool {
    (1..=64).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
}

/// The id of a request.
pub fn of(extensions: &Extensions) -> &str {
    extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default()
}

/// The span of the log lines of a request.
pub fn span(request: &Request) -> Span {
    tracing::info_span!(
        "request",
        id = of(request.extensions()),
        method = %request.method(),
        path = request.uri().path(),
    )
}
