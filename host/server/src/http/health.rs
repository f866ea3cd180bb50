//! `GET /healthz`, `GET /readyz` and the front door.

use axum::{Json, Router, extract::State, response::Html, routing::get};
use serde_json::{Value, json};

use crate::app::{AppResult, Hospital};

/// For load balancers and for people.
pub fn routes() -> Router<Hospital> {
    Router::new().route("/", get(door)).route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// The process runs.
async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Requests can be served: the records answer.
async fn ready(State(hospital): State<Hospital>) -> AppResult<Json<Value>> {
    hospital.store().ping().await?;
    Ok(Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })))
}

async fn door() -> Html<&'static str> {
    Html(include_str!("door.html"))
}
