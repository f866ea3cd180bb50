//! `POST /api/v1/patients/{patient}/break-glass`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::PatientId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        glass::{BreakGlass, GlassView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// A doctor opens a restricted part of a record in an emergency, for a while. The
/// patient is told, and somebody judges it.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/break-glass", tag = "Break-glass",
    params(("patient" = String, Path, description = "`pat-…`")),
    request_body = BreakGlass,
    responses((status = 201, body = GlassView), (status = "4XX", body = Problem)),
)]
pub async fn open(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Body(ask): Body<BreakGlass>,
) -> AppResult<(StatusCode, Json<GlassView>)> {
    Ok((StatusCode::CREATED, Json(hospital.break_glass(&caller, patient, ask).await?)))
}
