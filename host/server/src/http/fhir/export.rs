//! `GET /fhir/R4/$export`, `GET /fhir/R4/Patient/$export`, and their status at
//! `/fhir/R4/$export-status/{id}`

use axum::{
    extract::{FromRequestParts, OriginalUri, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use xinglin_domain::{code::Code, id::ExportId};
use xinglin_platform::{AppError, Caller};
use xinglin_records::export::{self, AskExport, ExportStatus};

use crate::{
    Hospital,
    http::{
        extract::At,
        fhir::{
            BASE,
            asked::{Base, Parameters, Terms},
            reply::{self, Refusal},
        },
        streamed::streamed,
    },
};

/// The parameters of an export.
#[derive(FromRequestParts)]
#[from_request(state(Hospital))]
pub struct Ask {
    uri: OriginalUri,
    parameters: Parameters,
    terms: Terms,
}

/// Exports all resources, in the background.
pub async fn all(State(hospital): State<Hospital>, caller: Caller, ask: Ask) -> Result<Response, Refusal> {
    start(&hospital, &caller, ask, false).await
}

/// Exports the records of all patients.
pub async fn of_type(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    ask: Ask,
) -> Result<Response, Refusal> {
    if kind != "Patient" {
        return Err(AppError::not_found("operation", format!("{kind}/$export")).into());
    }
    start(&hospital, &caller, ask, true).await
}

async fn start(hospital: &Hospital, caller: &Caller, ask: Ask, of_patients: bool) -> Result<Response, Refusal> {
    let Ask { uri: OriginalUri(uri), parameters: Parameters(parameters), terms } = ask;
    if !terms.later {
        return Err(AppError::new(Code::BodyInvalid, "an export takes a while: send `Prefer: respond-async`").into());
    }
    let path_and_query = uri.path_and_query().map_or(uri.path(), |whole| whole.as_str());
    let request = path_and_query.strip_prefix(BASE).unwrap_or(path_and_query).to_owned();
    let ask = AskExport { of_patients, parameters, lenient: terms.lenient, request };
    let id = export::start(&hospital.platform, caller, ask).await?;
    let location = [(header::CONTENT_LOCATION, format!("{}/$export-status/{id}", terms.base))];
    Ok((StatusCode::ACCEPTED, location).into_response())
}

/// The state of an export.
pub async fn status(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ExportId>,
    Base(base): Base,
) -> Result<Response, Refusal> {
    Ok(match export::status(&hospital.platform, &caller, id, &base).await? {
        ExportStatus::Running(progress) => {
            (StatusCode::ACCEPTED, [("x-progress", progress.as_str()), ("retry-after", "1")]).into_response()
        }
        ExportStatus::Done(manifest, until) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::EXPIRES, &reply::http_date(until))];
            (headers, manifest.to_string()).into_response()
        }
    })
}

/// A file of an export, as NDJSON.
pub async fn file(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((id, name)): At<(ExportId, String)>,
) -> Result<Response, Refusal> {
    let (file, length) = export::file(&hospital.platform, &caller, id, &name).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/fhir+ndjson"),
        (header::CONTENT_LENGTH, &length.to_string()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, streamed(file)).into_response())
}

/// Cancels an export, or deletes its files.
pub async fn cancel(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ExportId>,
) -> Result<Response, Refusal> {
    export::cancel(&hospital.platform, &caller, id).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
