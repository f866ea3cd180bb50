//! `GET /api/v1/recalls/{digest}`

use axum::{extract::State, response::Response};

use super::Written;
use crate::{
    app::{AppResult, Caller, Hospital, recall::RecallView},
    http::{
        extract::{Asked, At},
        problem::Problem,
    },
};

/// What a package touched, in all tenants; also before it is recalled.
#[utoipa::path(
    get, path = "/api/v1/recalls/{digest}", tag = "Recall",
    params(("digest" = String, Path, description = "SHA-256 of the package."), ("format" = Option<String>, Query, description = "`json`, or `csv` for a table of what was touched.")),
    responses((status = 200, body = RecallView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(digest): At<String>,
    Asked(form): Asked<Written>,
) -> AppResult<Response> {
    Ok(form.write(hospital.get_recall(&caller, &digest).await?))
}
