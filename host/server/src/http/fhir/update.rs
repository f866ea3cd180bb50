//! `PUT /fhir/R4/{type}/{id}` and `PUT /fhir/R4/{type}?…`

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
            asked::{self, Terms},
            reply::{self, Refusal},
        },
    },
};

/// Writes the next version of a resource; with `If-Match`, only over the
/// version that it names.
pub async fn update(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    terms: Terms,
    headers: HeaderMap,
    Body(resource): Body<serde_json::Value>,
) -> Result<Response, Refusal> {
    let if_match = asked::if_match(&headers)?;
    let act = Act { method: "PUT", url: format!("{kind}/{id}"), if_match, if_none_exist: None };
    Ok(reply::written(&terms.base, &bundle::act(&hospital.platform, &caller, &act, Some(resource)).await?, terms.body))
}

/// Writes the next version of the resource that the search finds, or a new one.
pub async fn update_by(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    RawQuery(condition): RawQuery,
    terms: Terms,
    headers: HeaderMap,
    Body(resource): Body<serde_json::Value>,
) -> Result<Response, Refusal> {
    let if_match = asked::if_match(&headers)?;
    let url = format!("{kind}?{}", condition.unwrap_or_default());
    let act = Act { method: "PUT", url, if_match, if_none_exist: None };
    Ok(reply::written(&terms.base, &bundle::act(&hospital.platform, &caller, &act, Some(resource)).await?, terms.body))
}
