//! Answers that are bundles: searches, histories, `$everything`, and batches.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::Value;
use xinglin_fhir::answer::Historyset;
use xinglin_platform::{AppError, Caller};
use xinglin_records::{bundle, history, resource, search};

use crate::{
    Hospital,
    http::{
        extract::{At, Body, Raw},
        fhir::{
            asked::{Base, Parameters, Terms},
            reply::{self, Refusal},
            resource::sent_as,
        },
    },
};

/// `GET {type}/{id}/$everything`: the record of a patient, or of a visit.
pub async fn everything(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = terms.asked(kind, parameters);
    let set = match asked.kind.as_str() {
        "Patient" => search::everything_of_patient(&hospital.platform, &caller, &id, &asked).await?,
        "Encounter" => search::everything_of_encounter(&hospital.platform, &caller, &id, &asked).await?,
        kind => return Err(AppError::not_found("operation", format!("{kind}/$everything")).into()),
    };
    reply::bundle(&set)
}

/// `GET {type}/{id}/_history`: all versions of a resource, newest first.
pub async fn history(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    Base(base): Base,
) -> Result<Response, Refusal> {
    let versions = resource::read_history(&hospital.platform, &caller, &kind, &id).await?;
    reply::bundle(&Historyset::whole(&base, versions))
}

/// `GET _history`: versions of all resources, newest first.
pub async fn history_of_all(
    State(hospital): State<Hospital>,
    caller: Caller,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = terms.asked(String::new(), parameters);
    reply::bundle(&history::list(&hospital.platform, &caller, &asked).await?)
}

/// `GET {type}/_history`: versions of resources of one type.
pub async fn history_of_type(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    reply::bundle(&history::list(&hospital.platform, &caller, &terms.asked(kind, parameters)).await?)
}

/// `POST` of a bundle: a transaction (all or nothing) or a batch (each entry on its own).
pub async fn import(
    State(hospital): State<Hospital>,
    caller: Caller,
    Base(base): Base,
    Body(bundle): Body<Value>,
) -> Result<Response, Refusal> {
    Ok(reply::document(StatusCode::OK, &bundle::import(&hospital.platform, &caller, &base, bundle).await?))
}

/// `GET {type}`: resources of one type, newest first unless `_sort` is given.
pub async fn search(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    reply::bundle(&search::search(&hospital.platform, &caller, &terms.asked(kind, parameters)).await?)
}

/// `POST {type}/_search`: the parameters are in a form, since URLs are logged.
pub async fn search_by_body(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    Parameters(mut parameters): Parameters,
    terms: Terms,
    headers: HeaderMap,
    Raw(form): Raw,
) -> Result<Response, Refusal> {
    if !form.is_empty() {
        sent_as("application/x-www-form-urlencoded", &headers)?;
    }
    parameters.extend(xinglin_fhir::search::parameters(&form));
    reply::bundle(&search::search(&hospital.platform, &caller, &terms.asked(kind, Parameters(parameters))).await?)
}
