//! Extractors: the caller, and validated bodies and parameters.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, OriginalUri, Path, Query, Request, rejection::PathRejection},
    http::{HeaderMap, Method, request::Parts},
};
use axum_extra::headers::{Authorization, ContentType, HeaderMapExt as _, IfNoneMatch, authorization::Bearer};
use mime::Mime;
use serde::de::DeserializeOwned;
use xinglin_domain::code::Code;
use xinglin_identity::access_token;
use xinglin_platform::{AppError, AppResult, Caller, blocking, trail::Trail};
use xinglin_records::custody;

use crate::{
    Hospital,
    http::{
        problem::{Refused, Reply},
        request_id,
        scope::{self, Opened},
    },
};

/// The caller, restricted to the scopes of the token.
///
/// # Errors
/// `AUTH_REQUIRED`; `AUTH_FORBIDDEN` if the scopes of the token do not suffice.
pub async fn caller(parts: &mut Parts, hospital: &Hospital) -> Result<Caller, AppError> {
    let bearer = parts.headers.typed_get::<Authorization<Bearer>>();
    let bearer = bearer.ok_or_else(|| AppError::new(Code::AuthRequired, "send `Authorization: Bearer …`"))?;
    let request = request_id::of(&parts.extensions).to_owned();
    let mut caller = access_token::caller(&hospital.identity, bearer.token(), request).await?;
    if let Some(source) = parts.headers.get(custody::HEADER) {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Err(AppError::new(Code::TenantFrozen, "records in custody are only read"));
        }
        caller = custody::in_custody(&hospital.platform, caller, source.to_str().unwrap_or_default()).await?;
    }
    caller.trail = parts.extensions.get::<Trail>().cloned().unwrap_or_default();
    caller.trail.is_of(&caller);
    // The original URI, not that of a nested router.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    if let Some(scopes) = &caller.bounds.scopes {
        let conditional = parts.headers.contains_key("if-none-exist");
        if scope::check(scopes, &parts.method, uri, conditional)? == Opened::ForPatient {
            let none = || AppError::new(Code::AuthForbidden, "the token was given for no patient");
            caller.bounds.within = Some(caller.bounds.patient.ok_or_else(none)?);
        }
    }
    if caller.bounds.second_factor_first {
        scope::second_factor_first(&parts.method, uri)?;
    }
    Ok(caller)
}

/// Set by the access rule of the route: see [`super::access`].
impl FromRequestParts<Hospital> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Hospital) -> Reply<Self> {
        let caller = parts.extensions.get::<Self>().cloned();
        Ok(caller.ok_or_else(|| AppError::internal("a route that names no action"))?)
    }
}

/// The media type of the body (`Content-Type`).
pub fn media_type(headers: &HeaderMap) -> Option<Mime> {
    headers.typed_get::<ContentType>().map(Mime::from)
}

/// Whether `If-None-Match` contains this tag.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.typed_get::<IfNoneMatch>();
    known.is_some_and(|known| tag.parse().is_ok_and(|tag| !known.precondition_passes(&tag)))
}

/// A JSON body without unknown fields; errors name the field.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<Hospital> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, hospital: &Hospital) -> Reply<Self> {
        let json = |kind: Mime| {
            kind.type_() == mime::APPLICATION && kind.suffix().unwrap_or_else(|| kind.subtype()) == mime::JSON
        };
        if !media_type(request.headers()).is_some_and(json) {
            return Err(AppError::new(Code::BodyInvalid, "send `Content-Type: application/json`").into());
        }
        let Raw(bytes) = Raw::from_request(request, hospital).await?;
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            // Serde would accept a list for an object, field by field.
            return Err(AppError::new(Code::BodyInvalid, "the body must be an object, not a list").into());
        }
        let parsed = if bytes.len() > AT_ONCE { blocking(move || parse(&bytes)).await? } else { parse(&bytes) };
        Ok(Self(parsed?))
    }
}

/// Largest body that is parsed on the async thread, in bytes: about a millisecond.
const AT_ONCE: usize = 128 << 10;

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> AppResult<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.inner().to_string();
        let code = if money_field(&path) { Code::MoneyInvalid } else { Code::BodyInvalid };
        AppError::new(code, format!("{path}: {reason}")).with("path", path)
    })?;
    json.end().map_err(|error| AppError::new(Code::BodyInvalid, format!("after the body: {error}")))?;
    Ok(value)
}

/// Amounts of money end in `fen` throughout the API: a float, a string or a number out of range
/// gives an error of its own.
fn money_field(path: &str) -> bool {
    path.rsplit('.').next().is_some_and(|field| field == "fen" || field.ends_with("_fen"))
}

/// The body as sent.
pub struct Raw(pub Bytes);

impl FromRequest<Hospital> for Raw {
    type Rejection = Refused;

    async fn from_request(request: Request, hospital: &Hospital) -> Reply<Self> {
        let body = Bytes::from_request(request, hospital).await.map(Self);
        let refused = body.map_err(|rejection| match rejection.status() {
            axum::http::StatusCode::PAYLOAD_TOO_LARGE => {
                AppError::new(Code::BodyTooLarge, "the body is larger than this path takes")
            }
            _ => AppError::new(Code::BodyInvalid, rejection.body_text()),
        });
        Ok(refused?)
    }
}

/// Path parameters; a malformed id is `NOT_FOUND`.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Hospital> for At<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, hospital: &Hospital) -> Reply<Self> {
        Path::<T>::from_request_parts(parts, hospital)
            .await
            .map(|Path(value)| Self(value))
            .map_err(|rejection: PathRejection| AppError::new(Code::NotFound, rejection.body_text()).into())
    }
}

/// Query parameters; unknown ones are refused.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Hospital> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, hospital: &Hospital) -> Reply<Self> {
        Query::<T>::from_request_parts(parts, hospital)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|rejection| AppError::new(Code::BodyInvalid, rejection.body_text()).into())
    }
}
