//! `POST /api/v1/relations/{id}/revoke`

use axum::{Json, extract::State};
use xinglin_domain::id::RelationId;

use crate::{
    app::{AppResult, Caller, Hospital, relation::RelationView},
    http::{extract::At, problem::Problem},
};

/// The relation holds no more from this moment on. Guardianships are for the hospital to
/// revoke; anything else also for the patient, and for whom it is about.
#[utoipa::path(
    post, path = "/api/v1/relations/{id}/revoke", tag = "Relation",
    params(("id" = String, Path, description = "`kin-…`")),
    responses((status = 200, body = RelationView), (status = "4XX", body = Problem)),
)]
pub async fn revoke(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RelationId>,
) -> AppResult<Json<RelationView>> {
    Ok(Json(hospital.revoke_relation(&caller, id).await?))
}
