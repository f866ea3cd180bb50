//! A name for each request, in every log line and answer that belongs to it.

use axum::{extract::Request, http::HeaderValue, middleware::Next, response::Response};
use tracing::Instrument;
use xinglin_platform::ambient;

const HEADER: &str = "x-request-id";

/// Given by the caller, if it is harmless, or drawn here.
#[derive(Debug, Clone, Default)]
pub struct RequestId(pub String);

/// Names the request and opens the span that its log lines stand in.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| harmless(id));
    let id = given.map_or_else(|| format!("req-{:032x}", ambient::fresh_id()), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!(
        "request",
        id,
        method = %request.method(),
        path = request.uri().path(),
    );
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Nothing that could forge a log line.
fn harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
