//! `GET /api/v1/patients/{patient}/consents`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, consent::ConsentView},
    http::{extract::At, problem::Problem},
};

/// What the patient has agreed to and refused, newest first. For the patient only.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/consents", tag = "Consent",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<ConsentView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<Vec<ConsentView>>> {
    Ok(Json(hospital.list_consents(&caller, patient).await?))
}
