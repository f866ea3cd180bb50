//! `GET /api/v1/encounters/{id}`

use axum::{Json, extract::State};
use xinglin_domain::id::EncounterId;

use crate::{
    app::{AppResult, Caller, Hospital, encounter::VisitView},
    http::{extract::At, problem::Problem},
};

/// One visit.
#[utoipa::path(
    get, path = "/api/v1/encounters/{id}", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
) -> AppResult<Json<VisitView>> {
    Ok(Json(hospital.get_visit(&caller, id).await?))
}
