//! `GET /api/v1/charges/{id}`

use axum::{Json, extract::State};
use xinglin_domain::id::BillId;

use crate::{
    app::{AppResult, Caller, Hospital, charge::ChargeView},
    http::{extract::At, problem::Problem},
};

/// One bill.
#[utoipa::path(
    get, path = "/api/v1/charges/{id}", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller, At(id): At<BillId>) -> AppResult<Json<ChargeView>> {
    Ok(Json(hospital.get_charge(&caller, id).await?))
}
