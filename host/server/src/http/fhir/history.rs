//! `GET /fhir/R4/{type}/{id}/_history`

use axum::{extract::State, response::Response};

use super::{
    asked::Base,
    reply::{self, Refusal},
};
use crate::{
    app::{Caller, Hospital},
    fhir::answer::Historyset,
    http::extract::At,
};

/// All versions of a resource, newest first.
pub async fn history(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    Base(base): Base,
) -> Result<Response, Refusal> {
    let versions = hospital.read_history(&caller, &kind, &id).await?;
    reply::bundle(&Historyset::whole(&base, versions))
}
