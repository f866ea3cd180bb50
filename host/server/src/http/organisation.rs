//! Schools and employers: who represents them, and what patients agreed to tell them.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::sharing::{self, FiguresView, MemberPage, MemberView};
use xinglin_domain::{
    access::Action,
    id::{AccountId, ConsentId, OrganisationId},
};
use xinglin_identity::organisation::{
    self, AppointRepresentative, NewOrganisation, OrganisationPage, OrganisationView,
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{Asked, At, Body},
        problem::{Problem, Reply},
    },
};

/// Who may see which organisations there are: who manages them, and who may consent to inform them.
const LISTERS: Access = Access::By(&[Action::ManageOrganisations, Action::ManageConsent]);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageOrganisations, routes!(register)))
        .routes(allowed(LISTERS, routes!(list)))
        .routes(by(&Action::ManageOrganisations, routes!(close)))
        .routes(by(&Action::ManageOrganisations, routes!(appoint)))
        .routes(by(&Action::ManageOrganisations, routes!(dismiss)))
        .routes(by(&Action::ReadMembers, routes!(members)))
        .routes(by(&Action::ReadFigures, routes!(figures)))
}

/// Registers a school or an employer that patients may inform.
#[utoipa::path(
    post, path = "/api/v1/organisations", tag = "Organisation",
    request_body = NewOrganisation,
    responses((status = 201, body = OrganisationView), (status = "4XX", body = Problem)),
)]
pub async fn register(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(new): Body<NewOrganisation>,
) -> Reply<(StatusCode, Json<OrganisationView>)> {
    Ok((StatusCode::CREATED, Json(organisation::register(&hospital.platform, &caller, new).await?)))
}

/// The page of organisations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OrganisationsAsked {
    /// Only those that follow this organisation in the list: `org-…`
    #[param(value_type = Option<String>)]
    after: Option<OrganisationId>,
    /// Maximum number; default 100, at most 200.
    limit: Option<u32>,
}

/// Schools and employers of the hospital, the newest first: to patients the open ones, to administrators all of them.
#[utoipa::path(
    get, path = "/api/v1/organisations", tag = "Organisation",
    params(OrganisationsAsked),
    responses((status = 200, body = Vec<OrganisationView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(OrganisationsAsked { after, limit }): Asked<OrganisationsAsked>,
) -> Reply<Json<Vec<OrganisationView>>> {
    let page = OrganisationPage { after, limit: limit.unwrap_or(100) };
    Ok(Json(organisation::list(&hospital.platform, &caller, page).await?))
}

/// Closes an organisation: it sees nothing any more.
#[utoipa::path(
    post, path = "/api/v1/organisations/{id}/close", tag = "Organisation",
    params(("id" = String, Path, description = "`org-…`")),
    responses((status = 200, body = OrganisationView), (status = "4XX", body = Problem)),
)]
pub async fn close(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<OrganisationId>,
) -> Reply<Json<OrganisationView>> {
    Ok(Json(organisation::close(&hospital.platform, &caller, id).await?))
}

/// Has an account represent an organisation.
#[utoipa::path(
    post, path = "/api/v1/organisations/{id}/representatives", tag = "Organisation",
    params(("id" = String, Path, description = "`org-…`")),
    request_body = AppointRepresentative,
    responses((status = 200, body = OrganisationView), (status = "4XX", body = Problem)),
)]
pub async fn appoint(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<OrganisationId>,
    Body(ask): Body<AppointRepresentative>,
) -> Reply<Json<OrganisationView>> {
    Ok(Json(organisation::appoint(&hospital.platform, &caller, id, ask).await?))
}

/// Has an account represent an organisation no more.
#[utoipa::path(
    delete, path = "/api/v1/organisations/{id}/representatives/{account}", tag = "Organisation",
    params(("id" = String, Path, description = "`org-…`"), ("account" = String, Path, description = "`acc-…`")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn dismiss(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((id, account)): At<(OrganisationId, AccountId)>,
) -> Reply<StatusCode> {
    organisation::dismiss(&hospital.platform, &caller, id, account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The page of members.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct MembersAsked {
    /// Only those that follow this one in the list: `con-…`
    #[param(value_type = Option<String>)]
    after: Option<ConsentId>,
    /// Maximum number; default and maximum 100.
    limit: Option<usize>,
}

/// Those who agreed that the caller's school is told whether they are in care: `in_care` or `ended`, and nothing else.
#[utoipa::path(
    get, path = "/api/v1/organisation/members", tag = "Organisation",
    params(MembersAsked),
    responses((status = 200, body = Vec<MemberView>), (status = "4XX", body = Problem)),
)]
pub async fn members(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(MembersAsked { after, limit }): Asked<MembersAsked>,
) -> Reply<Json<Vec<MemberView>>> {
    let page = MemberPage { after, limit: limit.unwrap_or(100) };
    Ok(Json(sharing::members(&hospital.platform, &caller, page).await?))
}

/// How many months.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct FiguresAsked {
    /// Maximum number; default 12, at most 36.
    limit: Option<u32>,
}

/// Figures of those who agreed to be counted for the caller's employer, by month, the last first. Published once, when the
/// month is over; groups and cells below ten are withheld, numbers rounded down to multiples of five.
#[utoipa::path(
    get, path = "/api/v1/organisation/figures", tag = "Organisation",
    params(FiguresAsked),
    responses((status = 200, body = Vec<FiguresView>), (status = "4XX", body = Problem)),
)]
pub async fn figures(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(FiguresAsked { limit }): Asked<FiguresAsked>,
) -> Reply<Json<Vec<FiguresView>>> {
    Ok(Json(sharing::figures(&hospital.platform, &caller, limit.unwrap_or(12)).await?))
}
