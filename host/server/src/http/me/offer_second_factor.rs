//! `POST /api/v1/me/second-factor`

use axum::{Json, extract::State};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        second_factor::{NewSecondFactor, SecondFactorOffer},
    },
    http::{extract::Body, problem::Problem},
};

/// Draws a secret for one's authenticator. It counts once a code is confirmed.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor", tag = "Me",
    request_body = NewSecondFactor,
    responses((status = 200, body = SecondFactorOffer), (status = "4XX", body = Problem)),
)]
pub async fn offer_second_factor(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewSecondFactor>,
) -> AppResult<Json<SecondFactorOffer>> {
    Ok(Json(hospital.offer_second_factor(&caller, ask).await?))
}
