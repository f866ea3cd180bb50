//! `GET /metrics`, for whoever has the token of the settings. Without one the
//! path is not there.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
    routing::get,
};
use xinglin_domain::code::Code;

use super::no_such_path;
use crate::app::{AppError, AppResult, Hospital};

/// For Prometheus.
pub fn routes() -> Router<Hospital> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(hospital): State<Hospital>, headers: HeaderMap) -> AppResult<impl IntoResponse> {
    let Some(token) = &hospital.config().telemetry.metrics_token else { return Err(no_such_path()) };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !given.is_some_and(|given| token.is(given)) {
        return Err(AppError::new(Code::AuthRequired, "send `Authorization: Bearer …` with `telemetry.metrics_token`"));
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((kind, hospital.render_metrics()))
}
