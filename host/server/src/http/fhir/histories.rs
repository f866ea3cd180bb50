//! `GET /fhir/R4/_history` and `GET /fhir/R4/{type}/_history`

use axum::{extract::State, response::Response};

use super::{
    asked::{Parameters, Terms},
    reply::{self, Refusal},
};
use crate::{
    app::{Caller, Hospital, search::Asked},
    http::extract::At,
};

/// What was written to the whole record, newest first.
pub async fn of_all(
    State(hospital): State<Hospital>,
    caller: Caller,
    Parameters(parameters): Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = Asked { kind: String::new(), parameters, strict: terms.strict, base: terms.base };
    reply::bundle(&hospital.list_history(&caller, &asked).await?)
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
    reply::bundle(&hospital.list_history(&caller, &asked).await?)
}
