//! Emergency access (break-the-glass).

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{EmergencyAccessId, PatientId},
};
use xinglin_platform::Caller;
use xinglin_records::emergency_access::{self, EmergencyAccessView, JudgeEmergencyAccess, OpenEmergencyAccess};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::OpenEmergencyAccess, routes!(open)))
        .routes(by(&Action::ReviewEmergencyAccess, routes!(list)))
        .routes(by(&Action::ReviewEmergencyAccess, routes!(judge)))
}

/// Reviews an emergency access. One that was not justified ends at once.
#[utoipa::path(
    post, path = "/api/v1/break-glass/{id}/judge", tag = "Break-glass",
    params(("id" = String, Path, description = "`glass-…`")),
    request_body = JudgeEmergencyAccess,
    responses((status = 200, body = EmergencyAccessView), (status = "4XX", body = Problem)),
)]
pub async fn judge(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EmergencyAccessId>,
    Body(ask): Body<JudgeEmergencyAccess>,
) -> Reply<Json<EmergencyAccessView>> {
    Ok(Json(emergency_access::judge(&hospital.platform, &caller, id, ask).await?))
}

/// The filter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `true`: the reviewed ones, newest first; `false`: the unreviewed ones, oldest first.
    #[serde(default)]
    judged: bool,
}

/// Emergency accesses that await review.
#[utoipa::path(
    get, path = "/api/v1/break-glass", tag = "Break-glass",
    params(Filter),
    responses((status = 200, body = Vec<EmergencyAccessView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> Reply<Json<Vec<EmergencyAccessView>>> {
    Ok(Json(emergency_access::list(&hospital.platform, &caller, filter.judged).await?))
}

/// Opens a compartment of a record to a doctor in an emergency, for a limited time. The patient is
/// notified, and the access is reviewed.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/break-glass", tag = "Break-glass",
    params(("patient" = String, Path, description = "`pat-…`")),
    request_body = OpenEmergencyAccess,
    responses((status = 201, body = EmergencyAccessView), (status = "4XX", body = Problem)),
)]
pub async fn open(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Body(ask): Body<OpenEmergencyAccess>,
) -> Reply<(StatusCode, Json<EmergencyAccessView>)> {
    Ok((StatusCode::CREATED, Json(emergency_access::open(&hospital.platform, &caller, patient, ask).await?)))
}
