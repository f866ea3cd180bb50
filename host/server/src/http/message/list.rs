//! `GET /api/v1/patients/{patient}/messages`

use axum::{Json, extract::State};
use xinglin_domain::id::PatientId;

use crate::{
    app::{AppResult, Caller, Hospital, message::MessageView},
    http::{extract::At, problem::Problem},
};

/// What the hospital told a patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/messages", tag = "Message",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<MessageView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> AppResult<Json<Vec<MessageView>>> {
    Ok(Json(hospital.list_messages(&caller, patient).await?))
}
