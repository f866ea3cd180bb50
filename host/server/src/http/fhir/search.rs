//! `GET /fhir/R4/{type}?…` and `POST /fhir/R4/{type}/_search`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, Caller};
use xinglin_records::search::{self, Asked};

use crate::{
    Hospital,
    http::{
        extract::{At, Raw},
        fhir::{
            asked::{Parameters, Terms},
            reply::{self, Refusal},
        },
    },
};

/// Resources of one type, newest first unless they are to be sorted.
pub async fn search(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    Parameters(parameters): Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = Asked { kind, parameters, strict: terms.strict, base: terms.base };
    reply::bundle(&search::search(&hospital.platform, &caller, &asked).await?)
}

/// The same with the parameters in a form: a URL ends in logs.
pub async fn search_by_body(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    Parameters(mut parameters): Parameters,
    terms: Terms,
    headers: HeaderMap,
    Raw(form): Raw,
) -> Result<Response, Refusal> {
    let kind_of_body = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !form.is_empty() && !kind_of_body.starts_with("application/x-www-form-urlencoded") {
        let error = AppError::new(Code::BodyInvalid, "send `Content-Type: application/x-www-form-urlencoded`");
        return Err(Refusal::with_status(error, StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    parameters.extend(xinglin_fhir::search::parameters(&form));
    let asked = Asked { kind, parameters, strict: terms.strict, base: terms.base };
    reply::bundle(&search::search(&hospital.platform, &caller, &asked).await?)
}
