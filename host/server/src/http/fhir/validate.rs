//! `POST /fhir/R4/{type}/$validate`

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::Value;
use xinglin_fhir::{outcome, validate};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        extract::{At, Body},
        fhir::reply::{self, Refusal},
    },
};

/// Says whether a resource would be taken, and stores nothing. It comes as it is, or in
/// Parameters as `resource`.
pub async fn validate(
    State(_): State<Hospital>,
    _: Caller,
    At(kind): At<String>,
    Body(body): Body<Value>,
) -> Result<Response, Refusal> {
    let wrapped = body["parameter"].as_array().into_iter().flatten().find(|parameter| parameter["name"] == "resource");
    let resource = match wrapped {
        Some(parameter) if body["resourceType"] == "Parameters" => &parameter["resource"],
        _ => &body,
    };
    let told = match validate::validate_as(&kind, resource) {
        Ok(()) => outcome::sound(),
        Err(error) => outcome::of_error(&error),
    };
    Ok(reply::document(StatusCode::OK, &told))
}
