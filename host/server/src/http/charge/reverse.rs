//! `POST /api/v1/charges/{id}/reverse`

use axum::{Json, extract::State};
use xinglin_domain::id::BillId;

use crate::{
    app::{AppResult, Caller, Hospital, charge::ChargeView},
    http::{extract::At, problem::Problem},
};

/// Takes a payment back as a whole, as long as nothing was dispensed for it.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/reverse", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn reverse(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
) -> AppResult<Json<ChargeView>> {
    Ok(Json(hospital.reverse_charge(&caller, id).await?))
}
