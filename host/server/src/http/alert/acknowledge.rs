//! `POST /api/v1/alerts/{id}/acknowledge`

use axum::{Json, extract::State};
use xinglin_domain::id::AlertId;

use crate::{
    app::{AppResult, Caller, Hospital, alert::AlertView},
    http::{extract::At, problem::Problem},
};

/// Takes an alert up.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/acknowledge", tag = "Alert",
    params(("id" = String, Path, description = "`alert-…`")),
    responses((status = 200, body = AlertView), (status = "4XX", body = Problem)),
)]
pub async fn acknowledge(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<AlertId>,
) -> AppResult<Json<AlertView>> {
    Ok(Json(hospital.acknowledge_alert(&caller, id).await?))
}
