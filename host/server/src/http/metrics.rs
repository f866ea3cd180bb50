//! `GET /metrics`, for whoever has the token of the settings. Without one the
//! path is not there.

use std::future::ready;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
    routing::get,
};
use xinglin_domain::code::Code;

use crate::{
    app::{AppError, AppResult, Hospital},
    config::MetricsToken,
};

/// For Prometheus; nothing without a token.
pub fn routes(token: Option<&MetricsToken>) -> Router<Hospital> {
    let Some(token) = token.cloned() else { return Router::new() };
    let answer =
        move |State(hospital): State<Hospital>, headers: HeaderMap| ready(metrics(&hospital, &token, &headers));
    Router::new().route("/metrics", get(answer))
}

fn metrics(hospital: &Hospital, token: &MetricsToken, headers: &HeaderMap) -> AppResult<impl IntoResponse + use<>> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !given.is_some_and(|given| token.is(given)) {
        return Err(AppError::new(Code::AuthRequired, "send `Authorization: Bearer …` with `telemetry.metrics_token`"));
    }
    let kind =
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((kind, hospital.render_metrics()))
}
