//! `GET /api/v1/calls`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::{AppResult, Caller, Hospital, call::TapeView},
    http::{extract::Asked, problem::Problem},
};

/// Which calls.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only calls of this plugin.
    plugin: Option<String>,
    /// Only calls about this patient, prescription, bill or enrolment.
    about: Option<String>,
    /// How many; 50 if left out, 500 at most.
    limit: Option<u32>,
}

/// The newest plugin calls of the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/calls", tag = "Call",
    params(Filter),
    responses((status = 200, body = Vec<TapeView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> AppResult<Json<Vec<TapeView>>> {
    let Filter { plugin, about, limit } = filter;
    Ok(Json(hospital.list_calls(&caller, plugin, about, limit.unwrap_or(50)).await?))
}
