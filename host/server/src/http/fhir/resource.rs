//! `/fhir/R4/{type}/{id}`: resources, their versions, and writes.

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use xinglin_domain::code::Code;
use xinglin_fhir::{outcome, validate};
use xinglin_platform::{AppError, Caller};
use xinglin_records::{
    bundle::{self, Act},
    resource,
};

use crate::{
    Hospital,
    http::{
        extract::{At, Body, Raw, is_known, media_type},
        fhir::{
            asked::{IfMatch, Terms},
            reply::{self, Refusal},
        },
    },
};

/// Creates a resource with an id of the host; with `If-None-Exist`, unless one matches. Some
/// clients send the condition in the URL.
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(url): At<String>,
    RawQuery(query): RawQuery,
    terms: Terms,
    headers: HeaderMap,
    Body(resource): Body<Value>,
) -> Result<Response, Refusal> {
    let condition = headers.get("if-none-exist").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = query.filter(|query| !query.is_empty() && !query.starts_with("_format="));
    let act = Act { method: "POST", url, if_match: None, if_none_exist: condition.or(query) };
    write(&hospital, &caller, &terms, act, Some(resource)).await
}

/// Deletes a resource. Its versions stay; deleting it again has no effect.
pub async fn delete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    terms: Terms,
    IfMatch(if_match): IfMatch,
) -> Result<Response, Refusal> {
    let act = Act { method: "DELETE", url: format!("{kind}/{id}"), if_match, if_none_exist: None };
    write(&hospital, &caller, &terms, act, None).await
}

/// Deletes the one resource that the search matches, if any.
pub async fn delete_by(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    RawQuery(condition): RawQuery,
    terms: Terms,
) -> Result<Response, Refusal> {
    let url = format!("{kind}?{}", condition.unwrap_or_default());
    let act = Act { method: "DELETE", url, if_match: None, if_none_exist: None };
    write(&hospital, &caller, &terms, act, None).await
}

/// Applies a JSON Patch to a resource.
pub async fn patch(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    headers: HeaderMap,
    IfMatch(if_match): IfMatch,
    Raw(patch): Raw,
) -> Result<Response, Refusal> {
    sent_as("application/json-patch+json", &headers)?;
    let patched = bundle::patch(&hospital.platform, &caller, &kind, &id, if_match, &patch).await?;
    Ok(reply::resource(StatusCode::OK, &patched))
}

/// The current version of a resource; 304 if `If-None-Match` contains it.
pub async fn read(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let resource = resource::read(&hospital.platform, &caller, &kind, &id).await?;
    if is_known(&headers, &reply::tag(&resource)) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    Ok(reply::resource(StatusCode::OK, &resource))
}

/// One version of a resource.
pub async fn read_version(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id, version)): At<(String, String, i64)>,
) -> Result<Response, Refusal> {
    let resource = resource::read_version(&hospital.platform, &caller, &kind, &id, version).await?;
    Ok(reply::resource(StatusCode::OK, &resource))
}

/// Writes the next version of a resource; with `If-Match`, only if that version is current.
pub async fn update(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    terms: Terms,
    IfMatch(if_match): IfMatch,
    Body(resource): Body<Value>,
) -> Result<Response, Refusal> {
    let act = Act { method: "PUT", url: format!("{kind}/{id}"), if_match, if_none_exist: None };
    write(&hospital, &caller, &terms, act, Some(resource)).await
}

/// Writes the next version of the resource that the search matches, or a new one.
pub async fn update_by(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    RawQuery(condition): RawQuery,
    terms: Terms,
    IfMatch(if_match): IfMatch,
    Body(resource): Body<Value>,
) -> Result<Response, Refusal> {
    let url = format!("{kind}?{}", condition.unwrap_or_default());
    let act = Act { method: "PUT", url, if_match, if_none_exist: None };
    write(&hospital, &caller, &terms, act, Some(resource)).await
}

async fn write(
    hospital: &Hospital,
    caller: &Caller,
    terms: &Terms,
    act: Act,
    resource: Option<Value>,
) -> Result<Response, Refusal> {
    let done = bundle::act(&hospital.platform, caller, &act, resource).await?;
    Ok(reply::written(&terms.base, &done, terms.body))
}

/// Validates a resource and stores nothing. The body is the resource, or Parameters with
/// `resource`.
pub async fn validate(_: Caller, At(kind): At<String>, Body(body): Body<Value>) -> Response {
    let wrapped = body["parameter"].as_array().into_iter().flatten().find(|parameter| parameter["name"] == "resource");
    let resource = match wrapped {
        Some(parameter) if body["resourceType"] == "Parameters" => &parameter["resource"],
        _ => &body,
    };
    let told = match validate::validate_as(&kind, resource) {
        Ok(()) => outcome::sound(),
        Err(error) => outcome::of_error(&error),
    };
    reply::document(StatusCode::OK, &told)
}

/// # Errors
/// If the body does not have this media type.
pub(super) fn sent_as(kind: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    if media_type(headers).is_some_and(|sent| sent.essence_str() == kind) {
        return Ok(());
    }
    let error = AppError::new(Code::BodyInvalid, format!("send `Content-Type: {kind}`"));
    Err(Refusal::with_status(error, StatusCode::UNSUPPORTED_MEDIA_TYPE))
}
