//! `POST /api/v1/sessions/passkey/offer`

use axum::{Json, extract::State};

use crate::{
    app::{
        AppResult, Hospital,
        passkey::{PasskeyKnock, PasskeyOffer},
    },
    http::{extract::Body, problem::Problem},
};

/// Begins a sign-in with a passkey, whoever it may be.
#[utoipa::path(
    post, path = "/api/v1/sessions/passkey/offer", tag = "Session",
    request_body = PasskeyKnock,
    responses((status = 200, body = PasskeyOffer), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn offer_passkey(
    State(hospital): State<Hospital>,
    Body(ask): Body<PasskeyKnock>,
) -> AppResult<Json<PasskeyOffer>> {
    Ok(Json(hospital.offer_passkey_sign_in(ask).await?))
}
