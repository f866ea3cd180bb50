//! `POST /api/v1/charges/{id}/confirm`

use axum::{Json, extract::State};
use xinglin_domain::id::BillId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        charge::{ChargeView, Confirm},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The patient agrees: the prescription is reserved, the payer settles, the books are posted.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/confirm", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = Confirm,
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn confirm(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<Confirm>,
) -> AppResult<Json<ChargeView>> {
    Ok(Json(hospital.confirm_charge(&caller, id, ask).await?))
}
