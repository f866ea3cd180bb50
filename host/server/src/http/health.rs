//! `GET /healthz`, `GET /readyz` and the start page.

use axum::{Json, extract::State, http::Method, response::Html};
use serde_json::{Value, json};
use xinglin_platform::AppError;

use crate::{
    Hospital,
    http::{
        access::{Access, Routes},
        problem::Reply,
    },
};

/// For load balancers and people.
pub fn routes() -> Routes {
    Routes::default().at(Method::GET, "/", Access::Public, door).at(Method::GET, "/healthz", Access::Public, alive).at(
        Method::GET,
        "/readyz",
        Access::Public,
        ready,
    )
}

/// The process is running.
async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Requests can be served: the database answers.
async fn ready(State(hospital): State<Hospital>) -> Reply<Json<Value>> {
    hospital.platform.store().ping().await.map_err(AppError::from)?;
    // Details are for administrators: `GET /api/v1/policies`.
    let (added, flaws) = hospital.platform.policy_state();
    let policies = json!({ "status": if flaws == 0 { "ok" } else { "stale" }, "added": added, "flaws": flaws });
    Ok(Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "policies": policies })))
}

async fn door() -> Html<&'static str> {
    Html(include_str!("door.html"))
}
