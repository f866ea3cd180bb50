//! The way out for plugins.
//!
//! The runtime has seen that a request is granted. Here placeholders become
//! values, the body is protected, and an answer that repeats a value gets its
//! placeholder back before anybody reads it. Which addresses are open is the
//! platform's rule.
//!
//! ```text
//! HttpRequest ─ fill ─ encrypt ─ sign ─ AddressRule ─ TLS ─▶ server
//! HttpResponse ◀────────── echoes removed ◀── read, bounded ──┘
//! ```

pub mod key;
pub mod substitution;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{
    Method, Response,
    header::{HeaderName, HeaderValue},
};
use tokio::time::timeout;
use url::Url;
use xinglin_platform::{
    boxed,
    egress::{Egress, NoAnswer},
};
use xinglin_runtime::{HttpError, HttpMethod, HttpRequest, HttpResponse};

use self::{
    key::PluginKey,
    substitution::{Echoes, Notation, Values},
};

/// What a request is sent with besides.
#[derive(Debug, Default)]
pub struct Means {
    /// Of its placeholders, and whatever else its answer must not repeat.
    pub values: Values,
    /// To encrypt the body under.
    pub encrypt_with: Option<PluginKey>,
    /// To sign the bytes as sent.
    pub sign_with: Option<PluginKey>,
}

/// Sends a request and reads the whole answer, in the time and the bounds that
/// the request has.
///
/// # Errors
/// What the plugin is told. No text holds a value or an address.
#[boxed]
pub async fn send(way: &Egress, request: HttpRequest, means: &Means) -> Result<HttpResponse, HttpError> {
    let limit = request.timeout;
    timeout(limit, exchange(way, request, means)).await.unwrap_or(Err(HttpError::Timeout))
}

async fn exchange(way: &Egress, request: HttpRequest, means: &Means) -> Result<HttpResponse, HttpError> {
    let url = target(&request, &means.values)?;
    let mut outgoing = way.request(method(request.method), url).map_err(told)?;
    // What is compressed cannot be looked through.
    outgoing = outgoing.header("accept-encoding", "identity");
    for (name, value) in &request.headers {
        outgoing = outgoing.header(header_name(name)?, header_value(&means.values.fill(value, Notation::Header)?)?);
    }
    let body = protect(&request, means)?;
    if let Some(sign) = &request.sign_with {
        let signature = means.sign_with.as_ref().and_then(|key| key.sign(body.as_deref().unwrap_or_default()));
        let signature = signature.ok_or_else(|| HttpError::Invalid(format!("the key `{}` does not sign", sign.key)))?;
        outgoing = outgoing.header(header_name(&sign.header)?, header_value(&STANDARD.encode(signature))?);
    }
    if let Some(body) = body {
        outgoing = outgoing.body(body);
    }
    let response = outgoing.send().await.map_err(|error| told(NoAnswer::of(&error, &request.host)))?;
    read(response, &request, &means.values.echoes()).await
}

/// The same to a plugin.
fn told(error: NoAnswer) -> HttpError {
    match error {
        NoAnswer::Denied(why) => HttpError::Denied(why),
        NoAnswer::Timeout => HttpError::Timeout,
        NoAnswer::Unavailable(why) => HttpError::Unavailable(why),
    }
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Head => Method::HEAD,
    }
}

/// The URL with its values. They change neither where it leads nor how many
/// steps its path has.
fn target(request: &HttpRequest, values: &Values) -> Result<Url, HttpError> {
    let parse = |text: &str| Url::parse(text).map_err(|_| HttpError::Invalid("not a URL".to_owned()));
    let plain = Values(values.0.keys().map(|place| (place.clone(), "x".to_owned())).collect());
    let (expected, url) =
        (parse(&plain.fill(&request.url, Notation::Url)?)?, parse(&values.fill(&request.url, Notation::Url)?)?);
    let steps = |url: &Url| url.path_segments().map_or(0, Iterator::count);
    let same = url.origin() == expected.origin() && steps(&url) == steps(&expected);
    same.then_some(url).ok_or_else(|| HttpError::Invalid("a value bends the URL".to_owned()))
}

fn header_name(name: &str) -> Result<HeaderName, HttpError> {
    name.parse().map_err(|_| HttpError::Invalid("not the name of a header".to_owned()))
}

fn header_value(value: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| HttpError::Invalid("not the value of a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The body with its values, then encrypted if that is wanted.
fn protect(request: &HttpRequest, means: &Means) -> Result<Option<Vec<u8>>, HttpError> {
    let Some(body) = &request.body else { return Ok(None) };
    let kind = request.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
    let mut body = match std::str::from_utf8(body) {
        Ok(text) => means.values.fill(text, Notation::of_body(kind))?.into_bytes(),
        Err(_) => body.clone(),
    };
    if body.len() > request.max_request {
        return Err(HttpError::TooLarge(request.max_request as u64));
    }
    if let Some(key) = &request.encrypt_with {
        let encrypted = means.encrypt_with.as_ref().and_then(|key| key.encrypt(&body));
        body = encrypted.ok_or_else(|| HttpError::Invalid(format!("the key `{key}` does not encrypt")))?.into_bytes();
    }
    Ok(Some(body))
}

/// Reads an answer piece by piece, so that no server decides how much we hold.
async fn read(mut response: Response, request: &HttpRequest, echoes: &Echoes) -> Result<HttpResponse, HttpError> {
    let too_large = || HttpError::TooLarge(request.max_response as u64);
    if !echoes.is_empty() && response.headers().get("content-encoding").is_some_and(|how| how != "identity") {
        let reason = "the answer is compressed, though that was not offered: it cannot be looked through for values";
        return Err(HttpError::Other(reason.to_owned()));
    }
    let clean = |bytes: &[u8]| String::from_utf8_lossy(&echoes.remove(bytes)).into_owned();
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| (clean(name.as_str().as_bytes()), clean(value.as_bytes())))
        .collect();
    let of_headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let room = request.max_response.checked_sub(of_headers).ok_or_else(too_large)?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| told(NoAnswer::of(&error, &request.host)))? {
        if body.len() + piece.len() > room {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    let body = if echoes.is_empty() { body } else { echoes.remove(&body) };
    if body.len() > room {
        return Err(too_large());
    }
    Ok(HttpResponse { status: response.status().as_u16(), headers, body })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(url: &str) -> HttpRequest {
        HttpRequest {
            method: HttpMethod::Get,
            url: url.to_owned(),
            host: Url::parse(url).unwrap().host_str().unwrap().to_owned(),
            headers: Vec::new(),
            body: None,
            encrypt_with: None,
            sign_with: None,
            guarded: std::collections::BTreeSet::new(),
            timeout: Duration::from_secs(5),
            max_request: 1024,
            max_response: 1024,
        }
    }

    #[test]
    fn values_do_not_bend_a_url() {
        let values = |value: &str| {
            let place = xinglin_runtime::Placeholder::Secret("x".into());
            Values(std::collections::BTreeMap::from([(place, value.to_owned())]))
        };
        let request = request("https://a.example.com/v1/{{secret:x}}/claims?k={{secret:x}}");
        let url = target(&request, &values("../../admin?y=1#z@evil.net")).unwrap();
        let written = "%2F..%2Fadmin%3Fy%3D1%23z%40evil.net";
        assert_eq!(url.as_str(), format!("https://a.example.com/v1/..{written}/claims?k=..{written}"));
        for bending in ["..", "."] {
            assert!(matches!(target(&request, &values(bending)), Err(HttpError::Invalid(_))), "{bending}");
        }
    }
}
