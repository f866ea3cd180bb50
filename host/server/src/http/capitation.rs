//! Payment per head.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{MemberId, PatientId, TenantId},
};
use xinglin_payment::capitation::{
    self, Choose, ContractView, Lead, Leave, Measure, MemberView, NewContract, NewUse, Prepay, Slip, UseView, YearView,
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{READERS, allowed, by},
        extract::{Asked, At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::KeepCapitation, routes!(book_use)))
        .routes(by(&Action::ChooseLead, routes!(choose)))
        .routes(by(&Action::KeepCapitation, routes!(close)))
        .routes(by(&Action::ReadCapitation, routes!(get_year)))
        .routes(by(&Action::ChooseLead, routes!(leave)))
        .routes(allowed(READERS, routes!(list_contracts)))
        .routes(by(&Action::ReadCapitation, routes!(list_members)))
        .routes(by(&Action::ReadCapitation, routes!(list_uses)))
        .routes(by(&Action::ReadCapitation, routes!(list_years)))
        .routes(by(&Action::KeepCapitation, routes!(measure)))
        .routes(allowed(READERS, routes!(of_patient)))
        .routes(by(&Action::KeepCapitation, routes!(pay_balance)))
        .routes(by(&Action::KeepCapitation, routes!(prepay)))
        .routes(by(&Action::ManageCatalogue, routes!(put_contract)))
}

/// A lead under a scheme, in a path.
#[derive(Deserialize)]
struct OfLead {
    plugin: String,
    lead: String,
}

/// A year of it.
#[derive(Deserialize)]
struct OfYear {
    plugin: String,
    lead: String,
    year: i16,
}

impl From<OfLead> for Lead {
    fn from(OfLead { plugin, lead }: OfLead) -> Self {
        Self { plugin, lead }
    }
}

impl From<OfYear> for (Lead, i16) {
    fn from(OfYear { plugin, lead, year }: OfYear) -> Self {
        (Lead { plugin, lead }, year)
    }
}

/// Charges what another institution has given to members, upon a statement of the fund.
#[utoipa::path(
    post, path = "/api/v1/capitation/leads/{plugin}/{lead}/uses", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead.")),
    request_body = NewUse,
    responses((status = 201, body = UseView), (status = "4XX", body = Problem)),
)]
async fn book_use(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(lead): At<OfLead>,
    Body(ask): Body<NewUse>,
) -> Reply<(StatusCode, Json<UseView>)> {
    Ok((StatusCode::CREATED, Json(capitation::book_use(&hospital.extensions, &caller, lead.into(), ask).await?)))
}

/// A patient chooses a lead institution and its partners (1+N), or changes the lead.
#[utoipa::path(
    post, path = "/api/v1/capitation/members", tag = "Capitation",
    request_body = Choose,
    responses((status = 201, body = MemberView), (status = "4XX", body = Problem)),
)]
async fn choose(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Choose>,
) -> Reply<(StatusCode, Json<MemberView>)> {
    Ok((StatusCode::CREATED, Json(capitation::choose(&hospital.extensions, &caller, ask).await?)))
}

/// Closes a year that is over, for ever.
#[utoipa::path(
    post, path = "/api/v1/capitation/leads/{plugin}/{lead}/years/{year}/close", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead."), ("year" = i16, Path, description = "`2026`")),
    responses((status = 200, body = YearView), (status = "4XX", body = Problem)),
)]
async fn close(State(hospital): State<Hospital>, caller: Caller, At(year): At<OfYear>) -> Reply<Json<YearView>> {
    Ok(Json(capitation::close(&hospital.extensions, &caller, year.into()).await?))
}

/// The account of a year: budget, use, balance, score, and how it ended.
#[utoipa::path(
    get, path = "/api/v1/capitation/leads/{plugin}/{lead}/years/{year}", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead."), ("year" = i16, Path, description = "`2026`")),
    responses((status = 200, body = YearView), (status = "4XX", body = Problem)),
)]
async fn get_year(State(hospital): State<Hospital>, caller: Caller, At(year): At<OfYear>) -> Reply<Json<YearView>> {
    Ok(Json(capitation::get_year(&hospital.platform, &caller, year.into()).await?))
}

/// A member leaves, and counts to the end of that month.
#[utoipa::path(
    post, path = "/api/v1/capitation/members/{id}/leave", tag = "Capitation",
    params(("id" = String, Path, description = "`cap-…`")),
    request_body = Leave,
    responses((status = 200, body = MemberView), (status = "4XX", body = Problem)),
)]
async fn leave(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<MemberId>,
    Body(ask): Body<Leave>,
) -> Reply<Json<MemberView>> {
    Ok(Json(capitation::leave(&hospital.platform, &caller, id, ask).await?))
}

/// The leads of the hospital and their partners, among which patients choose.
#[utoipa::path(
    get, path = "/api/v1/capitation/leads", tag = "Capitation",
    responses((status = 200, body = Vec<ContractView>), (status = "4XX", body = Problem)),
)]
async fn list_contracts(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<ContractView>>> {
    Ok(Json(capitation::list_contracts(&hospital.platform, &caller).await?))
}

/// The page of members.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Members {
    /// Only after the one with this id: `cap-…`.
    after: Option<String>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// The members of a lead, past and present.
#[utoipa::path(
    get, path = "/api/v1/capitation/leads/{plugin}/{lead}/members", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead."), Members),
    responses((status = 200, body = Vec<MemberView>), (status = "4XX", body = Problem)),
)]
async fn list_members(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(lead): At<OfLead>,
    Asked(page): Asked<Members>,
) -> Reply<Json<Vec<MemberView>>> {
    let after = page.after.map(|id| id.parse::<MemberId>()).transpose();
    let after = after.map_err(|error| {
        xinglin_platform::AppError::new(error.code(), format!("after: {error}")).with("path", "after")
    })?;
    let page = capitation::MemberPage { after, limit: page.limit.unwrap_or(100) };
    Ok(Json(capitation::list_members(&hospital.platform, &caller, lead.into(), page).await?))
}

/// The page of uses.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Uses {
    /// Only after the one with this key.
    after: Option<String>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// What was charged to a year.
#[utoipa::path(
    get, path = "/api/v1/capitation/leads/{plugin}/{lead}/years/{year}/uses", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead."), ("year" = i16, Path, description = "`2026`"), Uses),
    responses((status = 200, body = Vec<UseView>), (status = "4XX", body = Problem)),
)]
async fn list_uses(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(year): At<OfYear>,
    Asked(page): Asked<Uses>,
) -> Reply<Json<Vec<UseView>>> {
    let page = capitation::UsePage { after: page.after, limit: page.limit.unwrap_or(100) };
    Ok(Json(capitation::list_uses(&hospital.platform, &caller, year.into(), page).await?))
}

/// The accounts of all leads, newest first.
#[utoipa::path(
    get, path = "/api/v1/capitation/years", tag = "Capitation",
    responses((status = 200, body = Vec<YearView>), (status = "4XX", body = Problem)),
)]
async fn list_years(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<YearView>>> {
    Ok(Json(capitation::list_years(&hospital.platform, &caller).await?))
}

/// Enters the indicators of a year with their sources; the scheme scores them.
#[utoipa::path(
    put, path = "/api/v1/capitation/leads/{plugin}/{lead}/years/{year}/indicators", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead."), ("year" = i16, Path, description = "`2026`")),
    request_body = Measure,
    responses((status = 200, body = YearView), (status = "4XX", body = Problem)),
)]
async fn measure(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(year): At<OfYear>,
    Body(ask): Body<Measure>,
) -> Reply<Json<YearView>> {
    Ok(Json(capitation::measure(&hospital.extensions, &caller, year.into(), ask).await?))
}

/// What a patient was and is a member of.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/memberships", tag = "Capitation",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<MemberView>), (status = "4XX", body = Problem)),
)]
async fn of_patient(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<MemberView>>> {
    Ok(Json(capitation::of_patient(&hospital.platform, &caller, patient).await?))
}

/// Books the balancing payment of a closed year.
#[utoipa::path(
    post, path = "/api/v1/capitation/leads/{plugin}/{lead}/years/{year}/balance", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead."), ("year" = i16, Path, description = "`2026`")),
    request_body = Slip,
    responses((status = 200, body = YearView), (status = "4XX", body = Problem)),
)]
async fn pay_balance(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(year): At<OfYear>,
    Body(ask): Body<Slip>,
) -> Reply<Json<YearView>> {
    Ok(Json(capitation::pay_balance(&hospital.platform, &caller, year.into(), ask).await?))
}

/// Books what the fund has paid in advance.
#[utoipa::path(
    post, path = "/api/v1/capitation/leads/{plugin}/{lead}/years/{year}/prepayments", tag = "Capitation",
    params(("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead."), ("year" = i16, Path, description = "`2026`")),
    request_body = Prepay,
    responses((status = 200, body = YearView), (status = "4XX", body = Problem)),
)]
async fn prepay(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(year): At<OfYear>,
    Body(ask): Body<Prepay>,
) -> Reply<Json<YearView>> {
    Ok(Json(capitation::prepay(&hospital.platform, &caller, year.into(), ask).await?))
}

/// Records the contract of a lead under a scheme.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/capitation/{plugin}/{lead}", tag = "Capitation",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the scheme's plugin."), ("lead" = String, Path, description = "Id of the lead; of this hospital its tenant id.")),
    request_body = NewContract,
    responses((status = 200, body = ContractView), (status = "4XX", body = Problem)),
)]
async fn put_contract(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin, lead)): At<(TenantId, String, String)>,
    Body(ask): Body<NewContract>,
) -> Reply<Json<ContractView>> {
    Ok(Json(capitation::put_contract(&hospital.platform, &caller, tenant, Lead { plugin, lead }, ask).await?))
}
