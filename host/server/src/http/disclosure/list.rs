//! `GET /api/v1/patients/{patient}/disclosures`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, secret::DisclosureView},
    http::{extract::At, problem::Problem},
};

/// Where something of who a patient is went outside, newest first. The patient
/// may ask, too.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/disclosures", tag = "Patient",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<DisclosureView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<Vec<DisclosureView>>> {
    Ok(Json(hospital.list_disclosures(&caller, patient).await?))
}
