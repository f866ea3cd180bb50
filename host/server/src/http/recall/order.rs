//! `POST /api/v1/recalls/{digest}`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::{AppResult, Caller, Hospital, recall::RecallView},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// A recall.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Why, for everybody concerned.
    reason: String,
}

/// Recalls a package, everywhere and for good, and says whom it touched.
#[utoipa::path(
    post, path = "/api/v1/recalls/{digest}", tag = "Recall",
    params(("digest" = String, Path, description = "SHA-256 of the package.")),
    request_body = Order,
    responses((status = 200, body = RecallView), (status = "4XX", body = Problem)),
)]
pub async fn order(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(digest): At<String>,
    Body(order): Body<Order>,
) -> AppResult<Json<RecallView>> {
    Ok(Json(hospital.recall_package(&caller, &digest, &order.reason).await?))
}
