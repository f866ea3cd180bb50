//! `POST /cds-services/{id}/feedback`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    app::{AppResult, Caller, Hospital, cds::Feedback},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// What became of cards: kept in the audit trail of the patient.
#[utoipa::path(
    post, path = "/cds-services/{id}/feedback", tag = "CDS Hooks",
    params(("id" = String, Path, description = "as discovery has it")),
    request_body = Feedback,
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
pub async fn feedback(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<String>,
    Body(said): Body<Feedback>,
) -> AppResult<Json<Value>> {
    hospital.keep_cds_feedback(&caller, &id, said).await?;
    Ok(Json(json!({})))
}
