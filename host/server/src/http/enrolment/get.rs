//! `GET /api/v1/enrolments/{id}`

use axum::{Json, extract::State};
use xinglin_domain::id::EnrolmentId;

use crate::{
    app::{AppResult, Caller, Hospital, enrolment::EnrolmentView},
    http::{extract::At, problem::Problem},
};

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
) -> AppResult<Json<EnrolmentView>> {
    Ok(Json(hospital.get_enrolment(&caller, id).await?))
}
