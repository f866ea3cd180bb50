//! Contacts with patients in danger.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::safety::{
    self, ContactAttempt, ContactEnd, ContactFilter, DangerReport, HelpView, SafetyContactView, SafetyNotice,
};
use xinglin_domain::{
    access::Action,
    id::{ContactId, PatientId, TenantId},
};
use xinglin_platform::Caller;

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
        .routes(by(&Action::EndSafetyContact, routes!(list)))
        .routes(by(&Action::ReportDanger, routes!(report)))
        .routes(by(&Action::EndSafetyContact, routes!(get)))
        .routes(by(&Action::EndSafetyContact, routes!(attempt)))
        .routes(by(&Action::EndSafetyContact, routes!(end)))
        .routes(by(&Action::ManageAccounts, routes!(get_help, put_help)))
}

/// The filter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Also those that ended; default false.
    ended: Option<bool>,
    /// Of this patient: `pat-…`
    #[param(value_type = Option<String>)]
    patient: Option<PatientId>,
}

/// Contacts with patients in danger, at most 500: the open ones first, of all these the first that is due.
#[utoipa::path(
    get, path = "/api/v1/safety-contacts", tag = "Safety contact",
    params(Filter),
    responses((status = 200, body = Vec<SafetyContactView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(Filter { ended, patient }): Asked<Filter>,
) -> Reply<Json<Vec<SafetyContactView>>> {
    let filter = ContactFilter { ended: ended.unwrap_or_default(), patient };
    Ok(Json(safety::list(&hospital.platform, &caller, filter).await?))
}

/// Reports that a patient is in danger: what was heard or seen opens a contact, or is added to the open one.
#[utoipa::path(
    post, path = "/api/v1/safety-contacts", tag = "Safety contact",
    request_body = DangerReport,
    responses((status = 201, body = SafetyNotice), (status = "4XX", body = Problem)),
)]
pub async fn report(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<DangerReport>,
) -> Reply<(StatusCode, Json<SafetyNotice>)> {
    Ok((StatusCode::CREATED, Json(safety::report(&hospital.platform, &caller, ask).await?)))
}

/// One contact, with whom else to tell.
#[utoipa::path(
    get, path = "/api/v1/safety-contacts/{id}", tag = "Safety contact",
    params(("id" = String, Path, description = "`contact-…`")),
    responses((status = 200, body = SafetyContactView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ContactId>,
) -> Reply<Json<SafetyContactView>> {
    Ok(Json(safety::get(&hospital.platform, &caller, id).await?))
}

/// Records an attempt to reach the patient: the alert does not climb for half an hour, or for five minutes in acute danger;
/// no more after two in a row.
#[utoipa::path(
    post, path = "/api/v1/safety-contacts/{id}/attempts", tag = "Safety contact",
    params(("id" = String, Path, description = "`contact-…`")),
    request_body = ContactAttempt,
    responses((status = 200, body = SafetyContactView), (status = "4XX", body = Problem)),
)]
pub async fn attempt(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ContactId>,
    Body(ask): Body<ContactAttempt>,
) -> Reply<Json<SafetyContactView>> {
    Ok(Json(safety::attempt(&hospital.platform, &caller, id, ask).await?))
}

/// Records how the contact ended, up to the finding that was read: visits may be closed again.
#[utoipa::path(
    post, path = "/api/v1/safety-contacts/{id}/end", tag = "Safety contact",
    params(("id" = String, Path, description = "`contact-…`")),
    request_body = ContactEnd,
    responses((status = 200, body = SafetyContactView), (status = "4XX", body = Problem)),
)]
pub async fn end(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ContactId>,
    Body(ask): Body<ContactEnd>,
) -> Reply<Json<SafetyContactView>> {
    Ok(Json(safety::end(&hospital.platform, &caller, id, ask).await?))
}

/// What a patient in danger is shown.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/safety-help", tag = "Safety contact",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = HelpView), (status = "4XX", body = Problem)),
)]
pub async fn get_help(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<HelpView>> {
    Ok(Json(safety::help(&hospital.platform, &caller, tenant).await?))
}

/// Sets what a patient in danger is shown: never nothing.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/safety-help", tag = "Safety contact",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = HelpView,
    responses((status = 200, body = HelpView), (status = "4XX", body = Problem)),
)]
pub async fn put_help(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<HelpView>,
) -> Reply<Json<HelpView>> {
    Ok(Json(safety::put_help(&hospital.platform, &caller, tenant, ask).await?))
}
