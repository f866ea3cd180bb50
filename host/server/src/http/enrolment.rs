//! Patients in pathways.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::pathway::{self, Answers, DeclineTask, Enrol, EnrolmentView, Leave};
use xinglin_domain::{
    access::Action,
    id::{EnrolmentId, TaskId},
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{ANSWERERS, READERS, allowed, by},
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
        .routes(allowed(ANSWERERS, routes!(questionnaires)))
        .routes(by(&Action::WithdrawEnrolment, routes!(leave)))
        .routes(by(&Action::CompleteTask, routes!(complete)))
        .routes(by(&Action::CompleteTask, routes!(decline_task)))
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
    Body(ask): Body<Value>,
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

/// The questionnaires of the pathway, as FHIR R4 `Questionnaire`s.
#[utoipa::path(
    get, path = "/api/v1/enrolments/{id}/questionnaires", tag = "Enrolment",
    params(("id" = String, Path, description = "`enr-…`")),
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = Problem)),
)]
pub async fn questionnaires(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EnrolmentId>,
) -> Reply<Json<Vec<Value>>> {
    Ok(Json(pathway::questionnaires(&hospital.platform, &caller, id).await?))
}

/// A patient leaves a pathway. Timers and the pathway's own holds end; a doctor's hold stands.
#[utoipa::path(
    post, path = "/api/v1/enrolments/{id}/leave", tag = "Enrolment",
    params(("id" = String, Path, description = "`enr-…`")),
    request_body = Leave,
    responses((status = 200, body = EnrolmentView), (status = "4XX", body = Problem)),
)]
pub async fn leave(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EnrolmentId>,
    Body(ask): Body<Leave>,
) -> Reply<Json<EnrolmentView>> {
    Ok(Json(pathway::leave(&hospital.extensions, &caller, id, ask).await?))
}

/// A task of a pathway is not done: who it is for does not want it, or whose it is gives it up.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/decline", tag = "Enrolment",
    params(("id" = String, Path, description = "`task-…`")),
    request_body = DeclineTask,
    responses((status = 200, body = EnrolmentView), (status = "4XX", body = Problem)),
)]
pub async fn decline_task(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<TaskId>,
    Body(ask): Body<DeclineTask>,
) -> Reply<Json<EnrolmentView>> {
    Ok(Json(pathway::decline_task(&hospital.extensions, &caller, id, ask).await?))
}

/// A task of a pathway is done, by whom it was given to.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/done", tag = "Enrolment",
    params(("id" = String, Path, description = "`task-…`")),
    responses((status = 200, body = EnrolmentView), (status = "4XX", body = Problem)),
)]
pub async fn complete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<TaskId>,
) -> Reply<Json<EnrolmentView>> {
    Ok(Json(pathway::complete(&hospital.extensions, &caller, id).await?))
}
