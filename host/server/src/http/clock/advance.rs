//! `POST /api/v1/clock/advance`

use axum::{Json, extract::State};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        clock::{Advance, ClockView},
    },
    http::{extract::Body, problem::Problem},
};

/// Moves the clock of a demonstration forward.
#[utoipa::path(
    post, path = "/api/v1/clock/advance", tag = "Clock",
    request_body = Advance,
    responses((status = 200, body = ClockView), (status = "4XX", body = Problem)),
)]
pub async fn advance(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Advance>,
) -> AppResult<Json<ClockView>> {
    Ok(Json(hospital.advance_clock(&caller, ask).await?))
}
