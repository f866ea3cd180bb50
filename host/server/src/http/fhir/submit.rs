//! `Claim/$submit` and `CoverageEligibilityRequest/$submit`: questions to insurers, by the use cases of the API.

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::Value;
use xinglin_payment::insurance;
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        extract::Body,
        fhir::reply::{self, Refusal},
    },
};

/// The resource: the body, or of Parameters, `resource`.
fn submitted(body: &Value) -> &Value {
    let wrapped = body["parameter"].as_array().into_iter().flatten().find(|parameter| parameter["name"] == "resource");
    match wrapped {
        Some(parameter) if body["resourceType"] == "Parameters" => &parameter["resource"],
        _ => body,
    }
}

/// A Claim, to be quoted, guaranteed or paid.
pub async fn claim(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(body): Body<Value>,
) -> Result<Response, Refusal> {
    let answer = insurance::submit_claim(&hospital.extensions, &caller, submitted(&body)).await?;
    Ok(reply::document(StatusCode::OK, &answer))
}

/// A question of eligibility.
pub async fn eligibility(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(body): Body<Value>,
) -> Result<Response, Refusal> {
    let answer = insurance::submit_eligibility(&hospital.extensions, &caller, submitted(&body)).await?;
    Ok(reply::document(StatusCode::OK, &answer))
}
