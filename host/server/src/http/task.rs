//! Tasks of pathways that are given to staff.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::pathway::{self, TaskFilter, TaskList, TaskPlace};
use xinglin_domain::{
    access::{Action, Role},
    id::PatientId,
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::Asked,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::CompleteTask, routes!(list)))
}

/// The filter, and the page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only those given to this role, which the caller has in force.
    #[param(value_type = Option<String>)]
    role: Option<Role>,
    /// Whether only those that were due a day ago or before.
    #[serde(default)]
    overdue: bool,
    /// Only those of this patient: `pat-…`
    #[param(value_type = Option<String>)]
    patient: Option<PatientId>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<TaskPlace>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// Tasks of pathways that are given to a role of the caller, the first that is due first.
#[utoipa::path(
    get, path = "/api/v1/tasks", tag = "Enrolment",
    params(Page),
    responses((status = 200, body = TaskList), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(Page { role, overdue, patient, after, limit }): Asked<Page>,
) -> Reply<Json<TaskList>> {
    let filter = TaskFilter { role, overdue, patient };
    Ok(Json(pathway::list_tasks(&hospital.platform, &caller, filter, (after, limit.unwrap_or(100))).await?))
}
