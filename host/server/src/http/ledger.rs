//! The ledger.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;
use xinglin_payment::ledger::{self, TrialBalance};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::ReadLedger, routes!(trial_balance)))
}

/// The balance of every account of the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/ledger/trial-balance", tag = "Ledger",
    responses((status = 200, body = TrialBalance), (status = "4XX", body = Problem)),
)]
pub async fn trial_balance(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<TrialBalance>> {
    Ok(Json(ledger::trial_balance(&hospital.platform, &caller).await?))
}
