//! `GET /fhir/R4/Patient/{id}/$everything` and `GET /fhir/R4/Encounter/{id}/$everything`

use axum::{extract::State, response::Response};
use xinglin_platform::{AppError, Caller};
use xinglin_records::search::{self, Asked};

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

/// All that there is of a patient, or of a visit.
pub async fn everything(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    Parameters(parameters): Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = Asked { kind, parameters, strict: terms.strict, base: terms.base };
    let set = match asked.kind.as_str() {
        "Patient" => search::everything_of_patient(&hospital.platform, &caller, &id, &asked).await?,
        "Encounter" => search::everything_of_encounter(&hospital.platform, &caller, &id, &asked).await?,
        kind => return Err(AppError::not_found("operation", format!("{kind}/$everything")).into()),
    };
    reply::bundle(&set)
}
