//! `GET /api/v1/alerts`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::{AppResult, Caller, Hospital, alert::AlertView},
    http::{extract::Asked, problem::Problem},
};

/// Which alerts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `open` or `acknowledged`; all if left out.
    state: Option<String>,
}

/// Alerts of the caller's hospital, newest first.
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "Alert",
    params(Filter),
    responses((status = 200, body = Vec<AlertView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> AppResult<Json<Vec<AlertView>>> {
    Ok(Json(hospital.list_alerts(&caller, filter.state).await?))
}
