//! `PATCH /fhir/R4/{type}/{id}`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, Caller};
use xinglin_records::bundle;

use crate::{
    Hospital,
    http::{
        extract::{At, Raw},
        fhir::{
            asked,
            reply::{self, Refusal},
        },
    },
};

/// Changes a resource by a JSON Patch.
pub async fn patch(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    headers: HeaderMap,
    Raw(patch): Raw,
) -> Result<Response, Refusal> {
    let kind_of_body = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind_of_body.starts_with("application/json-patch+json") {
        let error = AppError::new(Code::BodyInvalid, "send `Content-Type: application/json-patch+json`");
        return Err(Refusal::with_status(error, StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let if_match = asked::if_match(&headers)?;
    let patched = bundle::patch(&hospital.platform, &caller, &kind, &id, if_match, &patch).await?;
    Ok(reply::resource(StatusCode::OK, &patched))
}
