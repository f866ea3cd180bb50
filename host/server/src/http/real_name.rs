//! Whether patients are who the record says.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{PatientId, TenantId},
};
use xinglin_identity::account::verification::{self, RealNameJudgement, RealNameView};
use xinglin_platform::Caller;

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
        .routes(by(&Action::ManageAccounts, routes!(get)))
        .routes(by(&Action::ManageAccounts, routes!(check)))
        .routes(by(&Action::ManageAccounts, routes!(judge)))
}

/// Puts it to the verifiers of the hospital.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/patients/{patient}/real-name/check", tag = "Real name",
    params(("tenant" = String, Path, description = "`ten-…`"), ("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = RealNameView), (status = "4XX", body = Problem)),
)]
pub async fn check(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, patient)): At<(TenantId, PatientId)>,
) -> Reply<Json<RealNameView>> {
    Ok(Json(verification::check_real_name(&hospital.extensions, &caller, tenant, patient).await?))
}

/// Whether a patient is who the record says.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/patients/{patient}/real-name", tag = "Real name",
    params(("tenant" = String, Path, description = "`ten-…`"), ("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = RealNameView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, patient)): At<(TenantId, PatientId)>,
) -> Reply<Json<RealNameView>> {
    Ok(Json(verification::get_real_name(&hospital.platform, &caller, tenant, patient).await?))
}

/// Decides it by hand.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/patients/{patient}/real-name/judge", tag = "Real name",
    params(("tenant" = String, Path, description = "`ten-…`"), ("patient" = String, Path, description = "`pat-…`")),
    request_body = RealNameJudgement,
    responses((status = 200, body = RealNameView), (status = "4XX", body = Problem)),
)]
pub async fn judge(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, patient)): At<(TenantId, PatientId)>,
    Body(ask): Body<RealNameJudgement>,
) -> Reply<Json<RealNameView>> {
    Ok(Json(verification::judge_real_name(&hospital.platform, &caller, tenant, patient, ask).await?))
}
