//! What family and guardians are shown of a patient.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::sharing::{self, SharedView};
use xinglin_domain::{access::Action, id::PatientId};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::At,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::ReadShared, routes!(get)))
}

/// What the patient agreed to show the caller, who is family, guardian or emergency contact, of their pathways; to guardians
/// also what the law shows them. Where nothing is open, there is nothing.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/shared-view", tag = "Relation",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = SharedView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<SharedView>> {
    Ok(Json(sharing::show(&hospital.extensions, &caller, patient).await?))
}
