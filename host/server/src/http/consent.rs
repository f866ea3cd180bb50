//! Consents of patients.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{ConsentId, PatientId},
};
use xinglin_platform::Caller;
use xinglin_records::consent::{self, ConsentView, GiveConsent};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageConsent, routes!(give, list)))
        .routes(by(&Action::ManageConsent, routes!(revoke)))
}

/// The patient consents to a disclosure of their record, or refuses one.
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
) -> Reply<(StatusCode, Json<ConsentView>)> {
    Ok((StatusCode::CREATED, Json(consent::give(&hospital.platform, &caller, patient, ask).await?)))
}

/// The patient's consents and refusals, newest first. For the patient only.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/consents", tag = "Consent",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<ConsentView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<ConsentView>>> {
    Ok(Json(consent::list(&hospital.platform, &caller, patient).await?))
}

/// The patient revokes a consent, effective at once.
#[utoipa::path(
    post, path = "/api/v1/consents/{id}/revoke", tag = "Consent",
    params(("id" = String, Path, description = "`con-…`")),
    responses((status = 200, body = ConsentView), (status = "4XX", body = Problem)),
)]
pub async fn revoke(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ConsentId>,
) -> Reply<Json<ConsentView>> {
    Ok(Json(consent::revoke(&hospital.platform, &caller, id).await?))
}
