//! `POST /api/v1/me/relations`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        relation::{Join, RelationView},
    },
    http::{extract::Body, problem::Problem},
};

/// Accepts a patient's invitation to be their family.
#[utoipa::path(
    post, path = "/api/v1/me/relations", tag = "Me",
    request_body = Join,
    responses((status = 201, body = RelationView), (status = "4XX", body = Problem)),
)]
pub async fn join(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(join): Body<Join>,
) -> AppResult<(StatusCode, Json<RelationView>)> {
    Ok((StatusCode::CREATED, Json(hospital.join_relation(&caller, join).await?)))
}
