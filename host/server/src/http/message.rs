//! Messages to patients.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::message::{self, MessageView};
use xinglin_domain::{access::Action, id::PatientId};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{READERS, allowed, by},
        extract::At,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(allowed(READERS, routes!(list))).routes(by(&Action::ReadOwnRecord, routes!(read)))
}

/// Messages of the hospital to a patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/messages", tag = "Message",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<MessageView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<MessageView>>> {
    Ok(Json(message::list(&hospital.platform, &caller, patient).await?))
}

/// The patient, or who acts for them, has read a message: they are not reminded of it any more.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/messages/{id}/read", tag = "Message",
    params(
        ("patient" = String, Path, description = "`pat-…`"),
        ("id" = String, Path, description = "`msg-…`"),
    ),
    responses((status = 200, body = MessageView), (status = "4XX", body = Problem)),
)]
pub async fn read(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((patient, id)): At<(PatientId, String)>,
) -> Reply<Json<MessageView>> {
    Ok(Json(message::read(&hospital.platform, &caller, patient, &id).await?))
}
