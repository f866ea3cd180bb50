//! `POST /oauth/token`

use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;
use xinglin_identity::app::client::{self, TokenAsk, TokenError};

use crate::{
    Hospital,
    http::{oauth::credentials, problem::Refused},
};

/// Exchanges what a client or a person proved for an access token (RFC 6749 §4.1, §4.4
/// and §6, RFC 7523).
pub async fn token(State(hospital): State<Hospital>, request: Request) -> Response {
    let asked = async {
        let ask: TokenAsk = credentials::form(request, |ask: &mut TokenAsk| &mut ask.credentials).await?;
        client::token(&hospital.identity, ask).await
    };
    unkept(asked.await.map(|token| Json(token).into_response()))
}

/// An answer that nobody keeps (RFC 6749 §5.1).
pub fn unkept(answer: Result<Response, TokenError>) -> Response {
    let answer = answer.unwrap_or_else(refused);
    ([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], answer).into_response()
}

fn refused(error: TokenError) -> Response {
    let (status, code, why) = match error {
        TokenError::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why.to_owned()),
        TokenError::UnsupportedGrantType => {
            let why = "`authorization_code`, `refresh_token` or `client_credentials`";
            (StatusCode::BAD_REQUEST, "unsupported_grant_type", why.to_owned())
        }
        TokenError::InvalidClient(why) => (StatusCode::UNAUTHORIZED, "invalid_client", why),
        TokenError::InvalidGrant(why) => (StatusCode::BAD_REQUEST, "invalid_grant", why.to_owned()),
        TokenError::InvalidScope(why) => (StatusCode::BAD_REQUEST, "invalid_scope", why),
        TokenError::Other(error) => return Refused::from(error).into_response(),
    };
    let mut response = (status, Json(json!({ "error": code, "error_description": why }))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
    }
    response
}
