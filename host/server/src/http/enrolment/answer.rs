//! `POST /api/v1/enrolments/{id}/answers`

use axum::{Json, extract::State};
use xinglin_domain::id::EnrolmentId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        enrolment::{Answers, EnrolmentView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

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
) -> AppResult<Json<EnrolmentView>> {
    Ok(Json(hospital.answer(&caller, id, ask).await?))
}
