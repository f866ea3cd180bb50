//! `POST /api/v1/policies/explain`

use axum::{Json, extract::State};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        policy::{Explain, Explanation},
    },
    http::{extract::Body, problem::Problem},
};

/// Whether an account may do something, by which policies, and what the law says.
#[utoipa::path(
    post, path = "/api/v1/policies/explain", tag = "Policy",
    request_body = Explain,
    responses((status = 200, body = Explanation), (status = "4XX", body = Problem)),
)]
pub async fn explain(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Explain>,
) -> AppResult<Json<Explanation>> {
    Ok(Json(hospital.explain_policy(&caller, ask).await?))
}
