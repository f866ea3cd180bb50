//! `POST /oauth/token` and `POST /oauth/revoke`

use axum::{
    Form, Json,
    extract::{FromRequest, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use axum_extra::headers::{Authorization, HeaderMapExt as _, authorization::Basic};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::json;
use xinglin_identity::app::{
    client::{self, Credentials, TokenAsk, TokenError},
    exchange::{self, RevokeAsk},
};

use crate::{Hospital, http::problem::Refused};

/// Exchanges a grant for an access token (RFC 6749 §4.1, §4.4 and §6, RFC 7523).
pub async fn token(State(hospital): State<Hospital>, request: Request) -> Response {
    let asked = async {
        let ask: TokenAsk = form(request, |ask: &mut TokenAsk| &mut ask.credentials).await?;
        client::token(&hospital.identity, ask).await
    };
    unkept(asked.await.map(|token| Json(token).into_response()))
}

/// Revokes a token and its authorisation (RFC 7009).
pub async fn revoke(State(hospital): State<Hospital>, request: Request) -> Response {
    let asked = async {
        let ask: RevokeAsk = form(request, |ask: &mut RevokeAsk| &mut ask.credentials).await?;
        exchange::revoke(&hospital.identity, ask).await
    };
    unkept(asked.await.map(IntoResponse::into_response))
}

/// An answer that must not be cached (RFC 6749 §5.1).
fn unkept(answer: Result<Response, TokenError>) -> Response {
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

/// The form of an OAuth 2 endpoint, with the client credentials of the header.
async fn form<T: DeserializeOwned>(
    request: Request,
    credentials: impl FnOnce(&mut T) -> &mut Credentials,
) -> Result<T, TokenError> {
    let basic = basic(request.headers())?;
    let form = Form::<T>::from_request(request, &()).await;
    let Form(mut ask) = form.map_err(|_| TokenError::InvalidRequest("send `application/x-www-form-urlencoded`"))?;
    credentials(&mut ask).basic = basic;
    Ok(ask)
}

/// Id and secret, each form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, TokenError> {
    let basic = headers.typed_try_get::<Authorization<Basic>>();
    let basic = basic.map_err(|_| TokenError::InvalidRequest("`Authorization` is not `Basic id:secret`"))?;
    Ok(basic.map(|basic| (decoded(basic.username()), decoded(basic.password()))))
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn a_header_says_who_and_what() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            basic(&headers)
        };
        assert!(basic(&HeaderMap::new()).expect("none").is_none());
        let found = of(&format!("basic {}", STANDARD.encode("ten-1.acc-2:a%3Ab+c&d=e"))).expect("a pair");
        assert_eq!(found, Some(("ten-1.acc-2".to_owned(), "a:b c&d=e".to_owned())));
        for bad in ["Bearer x", "Basic", "Basic ???", &format!("Basic {}", STANDARD.encode("nobody"))] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
