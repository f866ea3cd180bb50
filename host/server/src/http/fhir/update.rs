//! `PUT /fhir/R4/{type}/{id}`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use xinglin_domain::code::Code;

use super::reply::{self, Refusal};
use crate::{
    app::{AppError, Caller, Hospital},
    http::extract::{At, Body},
};

/// Writes the next version of a resource; with `If-Match`, only over the
/// version that it names.
pub async fn update(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    headers: HeaderMap,
    Body(resource): Body<serde_json::Value>,
) -> Result<Response, Refusal> {
    let if_match = match headers.get(header::IF_MATCH) {
        None => None,
        Some(value) => {
            let version =
                value.to_str().ok().and_then(|text| text.trim_start_matches("W/").trim_matches('"').parse().ok());
            Some(version.ok_or_else(|| AppError::new(Code::BodyInvalid, "If-Match must be like W/\"3\""))?)
        }
    };
    let updated = hospital.put_resource(&caller, &kind, Some(&id), if_match, resource).await?;
    let status = if updated.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(reply::resource(status, &updated))
}
