//! `POST /api/v1/charges`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        charge::{ChargeView, NewCharge},
    },
    http::{extract::Body, problem::Problem},
};

/// Quotes what an approved prescription and its visit cost, and who pays.
#[utoipa::path(
    post, path = "/api/v1/charges", tag = "Charge",
    request_body = NewCharge,
    responses((status = 201, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn quote(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewCharge>,
) -> AppResult<(StatusCode, Json<ChargeView>)> {
    Ok((StatusCode::CREATED, Json(hospital.quote_charge(&caller, ask).await?)))
}
