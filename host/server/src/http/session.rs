//! Sign-in.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::id::SessionId;
use xinglin_identity::{
    passkey::{self, PasskeyKnock, PasskeyOffer, PasskeySignIn},
    session::{self, Refresh, Session, SessionView, SignIn},
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
        .routes(allowed(Access::Public, routes!(create)))
        .routes(allowed(Access::SignedIn, routes!(list)))
        .routes(allowed(Access::SignedIn, routes!(delete)))
        .routes(allowed(Access::Public, routes!(offer_passkey)))
        .routes(allowed(Access::Public, routes!(confirm_passkey)))
        .routes(allowed(Access::Public, routes!(refresh)))
}

/// Signs in with a passkey, which counts as both factors.
#[utoipa::path(
    post, path = "/api/v1/sessions/passkey/confirm", tag = "Session",
    request_body = PasskeySignIn,
    responses((status = 201, body = Session), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn confirm_passkey(
    State(hospital): State<Hospital>,
    Body(ask): Body<PasskeySignIn>,
) -> Reply<(StatusCode, Json<Session>)> {
    Ok((StatusCode::CREATED, Json(passkey::sign_in(&hospital.identity, ask).await?)))
}

/// Exchanges login and password for an access token.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "Session",
    request_body = SignIn,
    responses((status = 201, body = Session), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn create(State(hospital): State<Hospital>, Body(ask): Body<SignIn>) -> Reply<(StatusCode, Json<Session>)> {
    Ok((StatusCode::CREATED, Json(session::sign_in(&hospital.identity, ask).await?)))
}

/// Ends one of the caller's sessions and its tokens.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{session}", tag = "Session",
    params(("session" = String, Path, description = "`ses-…`")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn delete(State(hospital): State<Hospital>, caller: Caller, At(session): At<SessionId>) -> Reply<StatusCode> {
    session::end(&hospital.platform, &caller, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's current sessions, newest first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "Session",
    responses((status = 200, body = Vec<SessionView>), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<SessionView>>> {
    Ok(Json(session::list(&hospital.platform, &caller).await?))
}

/// Starts a sign-in with a passkey, without naming the account.
#[utoipa::path(
    post, path = "/api/v1/sessions/passkey/offer", tag = "Session",
    request_body = PasskeyKnock,
    responses((status = 200, body = PasskeyOffer), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn offer_passkey(
    State(hospital): State<Hospital>,
    Body(ask): Body<PasskeyKnock>,
) -> Reply<Json<PasskeyOffer>> {
    Ok(Json(passkey::offer_sign_in(&hospital.platform, ask).await?))
}

/// Exchanges a refresh token, which is valid once, for new tokens.
#[utoipa::path(
    post, path = "/api/v1/sessions/refresh", tag = "Session",
    request_body = Refresh,
    responses((status = 200, body = Session), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn refresh(State(hospital): State<Hospital>, Body(ask): Body<Refresh>) -> Reply<Json<Session>> {
    Ok(Json(session::refresh(&hospital.identity, ask).await?))
}
