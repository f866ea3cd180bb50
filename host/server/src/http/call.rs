//! Tapes of plugin calls.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::CallId};
use xinglin_extensions::tape::{self, PurgeView, ReplayView, TapeView};
use xinglin_platform::{AppError, Caller};
use xinglin_records::audit::ChainView;

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
        .routes(by(&Action::ReadAudit, routes!(get)))
        .routes(by(&Action::ReadAudit, routes!(list)))
        .routes(by(&Action::PurgeRecords, routes!(purge)))
        .routes(by(&Action::ReadAudit, routes!(replay)))
        .routes(by(&Action::ReadAudit, routes!(verify)))
}

/// The input and the output of one plugin call.
#[utoipa::path(
    get, path = "/api/v1/calls/{id}", tag = "Call",
    params(("id" = String, Path, description = "`call-…`")),
    responses((status = 200, body = TapeView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller, At(id): At<CallId>) -> Reply<Json<TapeView>> {
    Ok(Json(tape::get(&hospital.platform, &caller, id).await?))
}

/// The filter.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only calls of this plugin.
    plugin: Option<String>,
    /// Only calls about this patient, prescription, bill or enrolment.
    about: Option<String>,
    /// Maximum number; default 50, at most 500.
    limit: Option<u32>,
}

/// The newest plugin calls of the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/calls", tag = "Call",
    params(Filter),
    responses((status = 200, body = Vec<TapeView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(filter): Asked<Filter>,
) -> Reply<Json<Vec<TapeView>>> {
    let Filter { plugin, about, limit } = filter;
    Ok(Json(tape::list(&hospital.platform, &caller, plugin, about, limit.unwrap_or(50)).await?))
}

/// The limit of the purge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// All calls recorded earlier: RFC 3339, or a date of Asia/Shanghai.
    before: String,
}

/// Purges tapes of the caller's hospital whose retention period is over.
#[utoipa::path(
    post, path = "/api/v1/calls/purge", tag = "Call",
    request_body = Purge,
    responses((status = 200, body = PurgeView), (status = "4XX", body = Problem)),
)]
pub async fn purge(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(purge): Body<Purge>,
) -> Reply<Json<PurgeView>> {
    let before = AppError::time("before", &purge.before)?;
    Ok(Json(tape::purge_calls(&hospital.platform, &caller, caller.actor.tenant, before, |_| ()).await?))
}

/// Replays a call and compares it with its tape, byte for byte.
#[utoipa::path(
    post, path = "/api/v1/calls/{id}/replay", tag = "Call",
    params(("id" = String, Path, description = "`call-…`")),
    responses((status = 200, body = ReplayView), (status = "4XX", body = Problem)),
)]
pub async fn replay(State(hospital): State<Hospital>, caller: Caller, At(id): At<CallId>) -> Reply<Json<ReplayView>> {
    Ok(Json(tape::replay_call(&hospital.extensions, &caller, id).await?))
}

/// Verifies the chain of tapes and names the first broken link.
#[utoipa::path(
    get, path = "/api/v1/calls/chain", tag = "Call",
    responses((status = 200, body = ChainView), (status = "4XX", body = Problem)),
)]
pub async fn verify(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<ChainView>> {
    Ok(Json(tape::verify(&hospital.platform, &caller).await?))
}
