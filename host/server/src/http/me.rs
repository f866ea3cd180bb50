//! The caller's own account.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_identity::{
    account::{self, MeView},
    passkey::{self, NewPasskey, PasskeyAnswer, PasskeyOffer, PasskeyView},
    password::{self, ChangePassword},
    second_factor::{self, NewSecondFactor, OneTimeCode, SecondFactorOffer},
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{Access, allowed},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(Access::SignedIn, routes!(get)))
        .routes(allowed(Access::SignedIn, routes!(change_password)))
        .routes(allowed(Access::SignedIn, routes!(list_passkeys)))
        .routes(allowed(Access::SignedIn, routes!(offer_passkey)))
        .routes(allowed(Access::SignedIn, routes!(confirm_passkey)))
        .routes(allowed(Access::SignedIn, routes!(remove_passkey)))
        .routes(allowed(Access::SignedIn, routes!(offer_second_factor)))
        .routes(allowed(Access::SignedIn, routes!(confirm_second_factor)))
        .routes(allowed(Access::SignedIn, routes!(remove_second_factor)))
}

/// Changes the caller's password, and ends their other sessions.
#[utoipa::path(
    post, path = "/api/v1/me/password", tag = "Me",
    request_body = ChangePassword,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn change_password(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<ChangePassword>,
) -> Reply<StatusCode> {
    password::change(&hospital.identity, &caller, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Registers a passkey. From then on it is required at sign-in.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys/confirm", tag = "Me",
    request_body = PasskeyAnswer,
    responses((status = 201, body = PasskeyView), (status = "4XX", body = Problem)),
)]
pub async fn confirm_passkey(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(answer): Body<PasskeyAnswer>,
) -> Reply<(StatusCode, Json<PasskeyView>)> {
    Ok((StatusCode::CREATED, Json(passkey::confirm(&hospital.platform, &caller, answer).await?)))
}

/// Confirms the authenticator. From then on a code is required at sign-in.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor/confirm", tag = "Me",
    request_body = OneTimeCode,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn confirm_second_factor(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<OneTimeCode>,
) -> Reply<StatusCode> {
    second_factor::confirm(&hospital.platform, &caller, &ask.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's account and person.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "Me",
    responses((status = 200, body = MeView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<MeView>> {
    Ok(Json(account::whoami(&hospital.platform, &caller).await?))
}

/// The caller's passkeys, oldest first.
#[utoipa::path(
    get, path = "/api/v1/me/passkeys", tag = "Me",
    responses((status = 200, body = Vec<PasskeyView>), (status = "4XX", body = Problem)),
)]
pub async fn list_passkeys(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<PasskeyView>>> {
    Ok(Json(passkey::list(&hospital.platform, &caller).await?))
}

/// Starts the registration of a passkey.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys/offer", tag = "Me",
    request_body = NewPasskey,
    responses((status = 200, body = PasskeyOffer), (status = "4XX", body = Problem)),
)]
pub async fn offer_passkey(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewPasskey>,
) -> Reply<Json<PasskeyOffer>> {
    Ok(Json(passkey::offer(&hospital.identity, &caller, ask).await?))
}

/// Generates a secret for an authenticator. It takes effect when a code is confirmed.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor", tag = "Me",
    request_body = NewSecondFactor,
    responses((status = 200, body = SecondFactorOffer), (status = "4XX", body = Problem)),
)]
pub async fn offer_second_factor(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewSecondFactor>,
) -> Reply<Json<SecondFactorOffer>> {
    Ok(Json(second_factor::offer(&hospital.identity, &caller, ask).await?))
}

/// Removes one of the caller's passkeys.
#[utoipa::path(
    delete, path = "/api/v1/me/passkeys/{passkey}", tag = "Me",
    params(("passkey" = String, Path, description = "as the list calls it")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn remove_passkey(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(passkey): At<String>,
) -> Reply<StatusCode> {
    passkey::remove(&hospital.platform, &caller, &passkey).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the authenticator, after a last valid code.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor/remove", tag = "Me",
    request_body = OneTimeCode,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn remove_second_factor(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<OneTimeCode>,
) -> Reply<StatusCode> {
    second_factor::remove(&hospital.identity, &caller, &ask.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
