//! `GET /api/v1/encounters/{id}/messages`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use xinglin_domain::id::EncounterId;

use crate::{
    app::{AppResult, Caller, Hospital, conversation::SaidView},
    http::{
        extract::{Asked, At},
        problem::Problem,
    },
};

/// Which of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// `seq` of the last one that is known.
    #[serde(default)]
    after: i64,
    /// How many, at most 200.
    #[serde(default = "usual")]
    limit: u32,
}

const fn usual() -> u32 {
    50
}

/// What was said in a visit, in order.
#[utoipa::path(
    get, path = "/api/v1/encounters/{id}/messages", tag = "Conversation",
    params(("id" = String, Path, description = "`enc-…`"), Which),
    responses((status = 200, body = Vec<SaidView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Asked(Which { after, limit }): Asked<Which>,
) -> AppResult<Json<Vec<SaidView>>> {
    Ok(Json(hospital.list_said(&caller, id, after, limit).await?))
}
