//! `GET /api/v1/break-glass`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::{AppResult, Caller, Hospital, glass::GlassView},
    http::{extract::Asked, problem::Problem},
};

/// Which.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Those that were judged, newest first, and not those that wait, oldest first.
    #[serde(default)]
    judged: bool,
}

/// What was opened in emergencies and waits to be judged.
#[utoipa::path(
    get, path = "/api/v1/break-glass", tag = "Break-glass",
    params(Filter),
    responses((status = 200, body = Vec<GlassView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> AppResult<Json<Vec<GlassView>>> {
    Ok(Json(hospital.list_glass(&caller, filter.judged).await?))
}
