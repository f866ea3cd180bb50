//! `GET /metrics`, with the token of the settings. Without one the route does not exist.

use std::future::ready;

use axum::{
    extract::State,
    http::{HeaderMap, Method, header},
    response::IntoResponse,
};
use axum_extra::headers::{Authorization, HeaderMapExt as _, authorization::Bearer};
use xinglin_domain::code::Code;
use xinglin_extensions::call;
use xinglin_platform::{AppError, config::MetricsToken};

use crate::{
    Hospital,
    http::{
        access::{Access, Routes},
        problem::Reply,
    },
};

/// In the format of Prometheus; no routes without a token.
pub fn routes(token: Option<&MetricsToken>) -> Routes {
    let Some(token) = token.cloned() else { return Routes::default() };
    let answer =
        move |State(hospital): State<Hospital>, headers: HeaderMap| ready(metrics(&hospital, &token, &headers));
    Routes::default().at(Method::GET, "/metrics", Access::Public, answer)
}

fn metrics(hospital: &Hospital, token: &MetricsToken, headers: &HeaderMap) -> Reply<impl IntoResponse + use<>> {
    let given = headers.typed_get::<Authorization<Bearer>>();
    if !given.is_some_and(|given| token.is(given.token())) {
        return Err(
            AppError::new(Code::AuthRequired, "send `Authorization: Bearer …` with `telemetry.metrics_token`").into()
        );
    }
    let kind =
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((kind, call::render_metrics(&hospital.extensions)))
}
