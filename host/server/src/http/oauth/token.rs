//! `POST /oauth/token`

use axum::{
    Form, Json,
    extract::{State, rejection::FormRejection},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, PRAGMA},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::app::{
    Hospital,
    client::{TokenAsk, TokenError},
};

/// Exchanges a client's assertion for an access token (RFC 6749 §4.4, RFC 7523).
pub async fn token(State(hospital): State<Hospital>, form: Result<Form<TokenAsk>, FormRejection>) -> Response {
    let asked = match form {
        Ok(Form(ask)) => hospital.client_token(ask).await,
        Err(_) => Err(TokenError::InvalidRequest("send `application/x-www-form-urlencoded`")),
    };
    let answer = match asked {
        Ok(token) => Json(token).into_response(),
        Err(error) => refused(error),
    };
    // RFC 6749 §5.1: nobody keeps it.
    ([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], answer).into_response()
}

fn refused(error: TokenError) -> Response {
    let (status, code, why) = match error {
        TokenError::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why.to_owned()),
        TokenError::UnsupportedGrantType => {
            (StatusCode::BAD_REQUEST, "unsupported_grant_type", "only `client_credentials`, as yet".to_owned())
        }
        TokenError::InvalidClient(why) => (StatusCode::UNAUTHORIZED, "invalid_client", why),
        TokenError::InvalidScope(why) => (StatusCode::BAD_REQUEST, "invalid_scope", why),
        TokenError::Other(error) => return error.into_response(),
    };
    (status, Json(json!({ "error": code, "error_description": why }))).into_response()
}
