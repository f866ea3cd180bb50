//! `POST /api/v1/me/passkeys/offer`

use axum::{Json, extract::State};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        passkey::{NewPasskey, PasskeyOffer},
    },
    http::{extract::Body, problem::Problem},
};

/// Begins to take in another passkey of one's own.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys/offer", tag = "Me",
    request_body = NewPasskey,
    responses((status = 200, body = PasskeyOffer), (status = "4XX", body = Problem)),
)]
pub async fn offer_passkey(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewPasskey>,
) -> AppResult<Json<PasskeyOffer>> {
    Ok(Json(hospital.offer_passkey(&caller, ask).await?))
}
