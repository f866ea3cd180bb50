//! `GET /fhir/R4/{type}/{id}/_history`

use axum::{extract::State, response::Response};
use xinglin_fhir::answer::Historyset;
use xinglin_platform::Caller;
use xinglin_records::resource;

use crate::{
    Hospital,
    http::{
        extract::At,
        fhir::{
            asked::Base,
            reply::{self, Refusal},
        },
    },
};

/// All versions of a resource, newest first.
pub async fn history(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((kind, id)): At<(String, String)>,
    Base(base): Base,
) -> Result<Response, Refusal> {
    let versions = resource::read_history(&hospital.platform, &caller, &kind, &id).await?;
    reply::bundle(&Historyset::whole(&base, versions))
}
