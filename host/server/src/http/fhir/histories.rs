//! `GET /fhir/R4/_history` and `GET /fhir/R4/{type}/_history`

use axum::{extract::State, response::Response};
use xinglin_platform::Caller;
use xinglin_records::{history, search::Asked};

use crate::{
    Hospital,
    http::{
        extract::At,
        fhir::{
            asked::{Parameters, Terms},
            reply::{self, Refusal},
        },
    },
};

/// What was written to the whole record, newest first.
pub async fn of_all(
    State(hospital): State<Hospital>,
    caller: Caller,
    Parameters(parameters): Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = Asked { kind: String::new(), parameters, strict: terms.strict, base: terms.base };
    reply::bundle(&history::list(&hospital.platform, &caller, &asked).await?)
}

/// What was written to resources of one type.
pub async fn of_type(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    Parameters(parameters): Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = Asked { kind, parameters, strict: terms.strict, base: terms.base };
    reply::bundle(&history::list(&hospital.platform, &caller, &asked).await?)
}
