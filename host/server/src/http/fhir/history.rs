//! `GET /fhir/R4/{type}/{id}/_history`

use axum::{extract::State, http::StatusCode, response::Response};

use super::reply::{self, Refusal};
use crate::{
    app::{Caller, Hospital, record},
    fhir::answer,
    http::extract::At,
};

/// All versions of a resource, newest first.
pub async fn history(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
) -> Result<Response, Refusal> {
    let versions = hospital.read_history(&caller, &kind, &id).await?;
    let versions = versions.iter().map(record::value).collect::<Result<Vec<_>, _>>()?;
    Ok(reply::document(StatusCode::OK, &answer::history(super::BASE, versions)))
}
