//! `POST /fhir/R4/{type}`

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use xinglin_platform::Caller;
use xinglin_records::bundle::{self, Act};

use crate::{
    Hospital,
    http::{
        extract::{At, Body},
        fhir::{
            asked::Terms,
            reply::{self, Refusal},
        },
    },
};

/// Creates a resource under an id that the hospital draws; with `If-None-Exist`, unless
/// there is one that it finds. Some clients put the condition into the URL.
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    RawQuery(query): RawQuery,
    terms: Terms,
    headers: HeaderMap,
    Body(resource): Body<serde_json::Value>,
) -> Result<Response, Refusal> {
    let condition = headers.get("if-none-exist").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = query.filter(|query| !query.is_empty() && !query.starts_with("_format="));
    let act = Act { method: "POST", url: kind, if_match: None, if_none_exist: condition.or(query) };
    let done = bundle::act(&hospital.platform, &caller, &act, Some(resource)).await?;
    Ok(reply::written(&terms.base, &done, terms.body))
}
