//! What a client proves itself with.

use axum::{
    Form,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::DeserializeOwned;
use xinglin_identity::app::client::{Credentials, TokenError};

/// The form of an endpoint of OAuth 2, with what the header says of the client.
pub async fn form<T: DeserializeOwned>(
    request: Request,
    credentials: impl FnOnce(&mut T) -> &mut Credentials,
) -> Result<T, TokenError> {
    let basic = basic(request.headers())?;
    let form = Form::<T>::from_request(request, &()).await;
    let Form(mut ask) = form.map_err(|_| TokenError::InvalidRequest("send `application/x-www-form-urlencoded`"))?;
    credentials(&mut ask).basic = basic;
    Ok(ask)
}

/// Id and secret, each encoded as in a form (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, TokenError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let decoded = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (id, secret) = pair.ok_or(TokenError::InvalidRequest("`Authorization` is not `Basic id:secret`"))?;
    Ok(Some((decode(id), decode(secret))))
}

fn decode(text: &str) -> String {
    // As the value of a form that has no name.
    let pair = format!("={}", text.replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
