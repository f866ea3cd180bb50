//! `DELETE /fhir/R4/{type}/{id}` and `DELETE /fhir/R4/{type}?…`

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
        extract::At,
        fhir::{
            asked,
            reply::{self, Refusal},
        },
    },
};

/// Says that a resource is gone. Its versions stay, and what is gone already is so still.
pub async fn delete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let if_match = asked::if_match(&headers)?;
    let act = Act { method: "DELETE", url: format!("{kind}/{id}"), if_match, if_none_exist: None };
    Ok(reply::written("", &bundle::act(&hospital.platform, &caller, &act, None).await?, reply::Body::Nothing))
}

/// The same of the one resource that the search finds, if any.
pub async fn delete_by(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    RawQuery(condition): RawQuery,
) -> Result<Response, Refusal> {
    let url = format!("{kind}?{}", condition.unwrap_or_default());
    let act = Act { method: "DELETE", url, if_match: None, if_none_exist: None };
    Ok(reply::written("", &bundle::act(&hospital.platform, &caller, &act, None).await?, reply::Body::Nothing))
}
