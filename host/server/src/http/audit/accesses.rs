//! `GET /api/v1/patients/{patient}/accesses`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, audit::AccessView},
    http::{
        extract::{Asked, At},
        problem::Problem,
    },
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only before this place of the trail.
    before: Option<i64>,
    /// How many; 100 if left out, 500 at most.
    limit: Option<u32>,
}

/// Who saw the patient's record, or tried to, newest first. For the patient only.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/accesses", tag = "Audit",
    params(("patient" = String, Path, description = "`pat-…`"), Page),
    responses((status = 200, body = Vec<AccessView>), (status = "4XX", body = Problem)),
)]
pub async fn accesses(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Asked(page): Asked<Page>,
) -> AppResult<Json<Vec<AccessView>>> {
    Ok(Json(hospital.list_accesses(&caller, patient, page.before, page.limit.unwrap_or(100)).await?))
}
