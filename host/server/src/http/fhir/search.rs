//! `GET /fhir/R4/{type}?…`

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use xinglin_store::ResourceQuery;

use super::reply::{self, Refusal};
use crate::{
    app::{Caller, Hospital, record},
    fhir::answer,
    http::extract::{Asked, At},
};

/// The parameters that the CapabilityStatement names; others are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(rename = "_id")]
    id: Option<String>,
    patient: Option<String>,
    code: Option<String>,
    #[serde(rename = "_count")]
    count: Option<u32>,
}

/// Resources of one type, newest first.
pub async fn search(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(kind): At<String>,
    OriginalUri(here): OriginalUri,
    Asked(asked): Asked<Parameters>,
) -> Result<Response, Refusal> {
    let query = ResourceQuery {
        kind,
        patient_id: asked.patient.map(|patient| patient.trim_start_matches("Patient/").to_owned()),
        ids: asked.id.map(|ids| ids.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        tokens: asked.code.iter().map(|code| record::token_filter("code", code)).collect(),
        ..ResourceQuery::default()
    };
    let page = hospital.search(&caller, query, asked.count.unwrap_or(50)).await?;
    let resources = page.resources.iter().map(record::value).collect::<Result<Vec<_>, _>>()?;
    let total = u64::try_from(page.total).ok();
    Ok(reply::document(StatusCode::OK, &answer::searchset(super::BASE, resources, total, &here.to_string(), None)))
}
