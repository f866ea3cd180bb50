//! `POST /api/v1/patients/{patient}/relations`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::PatientId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        relation::{NewRelation, RelationView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Staff register a guardian, or somebody else who belongs to the patient, upon evidence.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/relations", tag = "Relation",
    params(("patient" = String, Path, description = "`pat-…`")),
    request_body = NewRelation,
    responses((status = 201, body = RelationView), (status = "4XX", body = Problem)),
)]
pub async fn register(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Body(new): Body<NewRelation>,
) -> AppResult<(StatusCode, Json<RelationView>)> {
    Ok((StatusCode::CREATED, Json(hospital.register_relation(&caller, patient, new).await?)))
}
