//! `POST /api/v1/patients/{patient}/consents`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::PatientId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        consent::{ConsentView, GiveConsent},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The patient agrees to a disclosure of their record, or refuses one.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/consents", tag = "Consent",
    params(("patient" = String, Path, description = "`pat-…`")),
    request_body = GiveConsent,
    responses((status = 201, body = ConsentView), (status = "4XX", body = Problem)),
)]
pub async fn give(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Body(ask): Body<GiveConsent>,
) -> AppResult<(StatusCode, Json<ConsentView>)> {
    Ok((StatusCode::CREATED, Json(hospital.give_consent(&caller, patient, ask).await?)))
}
