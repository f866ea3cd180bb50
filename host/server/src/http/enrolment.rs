//! Patients in pathways.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::pathway::{self, Answers, Enrol, EnrolmentView};
use xinglin_domain::{access::Action, id::EnrolmentId};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{READERS, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::AnswerQuestionnaire, routes!(answer)))
        .routes(by(&Action::EnrolPatient, routes!(create)))
        .routes(allowed(READERS, routes!(get)))
}

/// The patient answers a questionnaire of the pathway.
#[utoipa::path(
    post, path = "/api/v1/enrolments/{id}/answers", tag = "Enrolment",
    params(("id" = String, Path, description = "`enr-…`")),
    request_body = Answers,
    responses((status = 200, body = EnrolmentView), (status = "4XX", body = Problem)),
)]
pub async fn answer(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EnrolmentId>,
    Body(ask): Body<Answers>,
) -> Reply<Json<EnrolmentView>> {
    Ok(Json(pathway::answer(&hospital.extensions, &caller, id, ask).await?))
}

/// Screens a patient and enrols them in a pathway.
#[utoipa::path(
    post, path = "/api/v1/enrolments", tag = "Enrolment",
    request_body = Enrol,
    responses((status = 201, body = EnrolmentView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Enrol>,
) -> Reply<(StatusCode, Json<EnrolmentView>)> {
    Ok((StatusCode::CREATED, Json(pathway::enrol(&hospital.extensions, &caller, ask).await?)))
}

/// One patient in one pathway.
#[utoipa::path(
    get, path = "/api/v1/enrolments/{id}", tag = "Enrolment",
    params(("id" = String, Path, description = "`enr-…`")),
    responses((status = 200, body = EnrolmentView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EnrolmentId>,
) -> Reply<Json<EnrolmentView>> {
    Ok(Json(pathway::get(&hospital.platform, &caller, id).await?))
}
