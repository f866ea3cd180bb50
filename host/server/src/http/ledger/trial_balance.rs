//! `GET /api/v1/ledger/trial-balance`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, ledger::TrialBalance},
    http::problem::Problem,
};

/// What stands on every account of the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/ledger/trial-balance", tag = "Ledger",
    responses((status = 200, body = TrialBalance), (status = "4XX", body = Problem)),
)]
pub async fn trial_balance(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<TrialBalance>> {
    Ok(Json(hospital.trial_balance(&caller).await?))
}
