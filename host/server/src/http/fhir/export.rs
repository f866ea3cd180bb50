//! `GET /fhir/R4/$export`, `GET /fhir/R4/Patient/$export`, and what becomes of them at
//! `/fhir/R4/$export-status/{id}`

use axum::{
    extract::{OriginalUri, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
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
            asked::{Base, Parameters},
            reply::{self, Refusal},
        },
        streamed::streamed,
    },
};

/// The whole record, in the background.
pub async fn all(
    state: State<Hospital>,
    caller: Caller,
    uri: OriginalUri,
    parameters: Parameters,
    base: Base,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    start(state, caller, uri, parameters, base, headers, false).await
}

/// The records of all patients.
pub async fn of_type(
    state: State<Hospital>,
    caller: Caller,
    Path(kind): Path<String>,
    uri: OriginalUri,
    parameters: Parameters,
    base: Base,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if kind != "Patient" {
        return Err(AppError::not_found("operation", format!("{kind}/$export")).into());
    }
    start(state, caller, uri, parameters, base, headers, true).await
}

async fn start(
    State(hospital): State<Hospital>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Parameters(parameters): Parameters,
    Base(base): Base,
    headers: HeaderMap,
    of_patients: bool,
) -> Result<Response, Refusal> {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let preferences: Vec<&str> = values.flat_map(|value| value.split([',', ';'])).map(str::trim).collect();
    if !preferences.contains(&"respond-async") {
        return Err(AppError::new(Code::BodyInvalid, "an export takes a while: send `Prefer: respond-async`").into());
    }
    let path_and_query = uri.path_and_query().map_or(uri.path(), |whole| whole.as_str());
    let request = path_and_query.strip_prefix(BASE).unwrap_or(path_and_query).to_owned();
    let lenient = preferences.contains(&"handling=lenient");
    let id =
        export::start(&hospital.platform, &caller, AskExport { of_patients, parameters, lenient, request }).await?;
    let mut response = StatusCode::ACCEPTED.into_response();
    set(&mut response, header::CONTENT_LOCATION, &format!("{base}/$export-status/{id}"));
    Ok(response)
}

/// How far an export is.
pub async fn status(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ExportId>,
    Base(base): Base,
) -> Result<Response, Refusal> {
    match export::status(&hospital.platform, &caller, id, &base).await? {
        ExportStatus::Running(progress) => {
            let mut response = StatusCode::ACCEPTED.into_response();
            set(&mut response, header::HeaderName::from_static("x-progress"), &progress);
            set(&mut response, header::RETRY_AFTER, "1");
            Ok(response)
        }
        ExportStatus::Done(manifest, until) => {
            let mut response = reply::document(StatusCode::OK, &manifest);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Some(date) = reply::http_date(until) {
                set(&mut response, header::EXPIRES, &date);
            }
            Ok(response)
        }
    }
}

/// A file, line by line a resource.
pub async fn file(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((id, name)): At<(ExportId, String)>,
) -> Result<Response, Refusal> {
    let (file, length) = export::file(&hospital.platform, &caller, id, &name).await?;
    let mut response = streamed(file).into_response();
    set(&mut response, header::CONTENT_TYPE, "application/fhir+ndjson");
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::CACHE_CONTROL, "no-store");
    Ok(response)
}

/// Calls an export off, or gives up its files.
pub async fn cancel(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ExportId>,
) -> Result<Response, Refusal> {
    export::cancel(&hospital.platform, &caller, id).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
