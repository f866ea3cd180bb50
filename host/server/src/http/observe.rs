//! Counts every request and opens a span in the caller's trace. Both name the route, not the path,
//! since a path may identify a patient.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, field::Empty};
use xinglin_runtime::TRACE;

use crate::{Hospital, http::request_id, telemetry};

/// Measures a request and opens its span.
pub async fn layer(State(hospital): State<Hospital>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        target: TRACE,
        "http",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        request = request_id::of(request.extensions()),
        otel.status_code = Empty,
    );
    telemetry::continue_from(&span, request.headers());
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    hospital.platform.meter().answered(method, &route, status.as_u16(), started.elapsed());
    response
}

/// Methods that callers invent share one label, so that the set of labels is finite.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
