//! `GET /api/v1/patients/{patient}/relations`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, relation::RelationView},
    http::{extract::At, problem::Problem},
};

/// Who belongs to the patient, newest first, with those who did.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/relations", tag = "Relation",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<RelationView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<Vec<RelationView>>> {
    Ok(Json(hospital.list_relations(&caller, patient).await?))
}
