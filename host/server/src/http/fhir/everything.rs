//! `GET /fhir/R4/Patient/{id}/$everything` and `GET /fhir/R4/Encounter/{id}/$everything`

use axum::{extract::State, response::Response};

use super::{
    asked::{Parameters, Terms},
    reply::{self, Refusal},
};
use crate::{
    app::{AppError, Caller, Hospital, search::Asked},
    http::extract::At,
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
        "Patient" => hospital.everything_of_patient(&caller, &id, &asked).await?,
        "Encounter" => hospital.everything_of_encounter(&caller, &id, &asked).await?,
        kind => return Err(AppError::not_found("operation", format!("{kind}/$everything")).into()),
    };
    reply::bundle(&set)
}
