//! Requests of pathways: questions, referrals, laboratory tests and decisions of teams, each followed to its end.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::pathway::request::{
    self, Decline, Fulfil, JointPlan, Opinion, PathwayRequestView, RequestPage, Signature,
};
use xinglin_domain::{
    access::Action,
    id::{EnrolmentId, RequestId},
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
        .routes(allowed(READERS, routes!(list_of)))
        .routes(by(&Action::EndRequest, routes!(list)))
        .routes(by(&Action::EndRequest, routes!(get)))
        .routes(by(&Action::EndRequest, routes!(fulfil)))
        .routes(by(&Action::EndRequest, routes!(decline)))
        .routes(by(&Action::EndRequest, routes!(opine)))
        .routes(by(&Action::EndRequest, routes!(plan)))
        .routes(by(&Action::EndRequest, routes!(sign)))
}

/// The requests of an enrolment, the newest first.
#[utoipa::path(
    get, path = "/api/v1/enrolments/{id}/requests", tag = "Request",
    params(("id" = String, Path, description = "`enr-…`")),
    responses((status = 200, body = Vec<PathwayRequestView>), (status = "4XX", body = Problem)),
)]
pub async fn list_of(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EnrolmentId>,
) -> Reply<Json<Vec<PathwayRequestView>>> {
    Ok(Json(request::list_of(&hospital.platform, &caller, id).await?))
}

/// The page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only those that follow this request in the list: `req-…`
    #[param(value_type = Option<String>)]
    after: Option<RequestId>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// Open requests that the caller has a part in, the first that is due first. The id of the last is the `after` of the
/// next page.
#[utoipa::path(
    get, path = "/api/v1/requests", tag = "Request",
    params(Page),
    responses((status = 200, body = Vec<PathwayRequestView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(Page { after, limit }): Asked<Page>,
) -> Reply<Json<Vec<PathwayRequestView>>> {
    let page = RequestPage { after, limit: limit.unwrap_or(100) };
    Ok(Json(request::list_mine(&hospital.platform, &caller, page).await?))
}

/// One request, of who may read the enrolment, or whom the pathway asks.
#[utoipa::path(
    get, path = "/api/v1/requests/{id}", tag = "Request",
    params(("id" = String, Path, description = "`req-…`")),
    responses((status = 200, body = PathwayRequestView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RequestId>,
) -> Reply<Json<PathwayRequestView>> {
    Ok(Json(request::get(&hospital.platform, &caller, id).await?))
}

/// A referral was attended, or laboratory tests are reported.
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/fulfil", tag = "Request",
    params(("id" = String, Path, description = "`req-…`")),
    request_body = Fulfil,
    responses((status = 200, body = PathwayRequestView), (status = "4XX", body = Problem)),
)]
pub async fn fulfil(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RequestId>,
    Body(ask): Body<Fulfil>,
) -> Reply<Json<PathwayRequestView>> {
    Ok(Json(request::fulfil(&hospital.extensions, &caller, id, ask).await?))
}

/// Staff or patient turn a request down; a team's, who could sit in it, or a doctor. The care team is alerted.
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/decline", tag = "Request",
    params(("id" = String, Path, description = "`req-…`")),
    request_body = Decline,
    responses((status = 200, body = PathwayRequestView), (status = "4XX", body = Problem)),
)]
pub async fn decline(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RequestId>,
    Body(ask): Body<Decline>,
) -> Reply<Json<PathwayRequestView>> {
    Ok(Json(request::decline(&hospital.extensions, &caller, id, ask).await?))
}

/// A participant of a team gives an opinion, or takes over the seat of who has left (`takes_over`).
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/opinions", tag = "Request",
    params(("id" = String, Path, description = "`req-…`")),
    request_body = Opinion,
    responses((status = 200, body = PathwayRequestView), (status = "4XX", body = Problem)),
)]
pub async fn opine(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RequestId>,
    Body(ask): Body<Opinion>,
) -> Reply<Json<PathwayRequestView>> {
    Ok(Json(request::opine(&hospital.extensions, &caller, id, ask).await?))
}

/// A participant writes the joint plan.
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/plan", tag = "Request",
    params(("id" = String, Path, description = "`req-…`")),
    request_body = JointPlan,
    responses((status = 200, body = PathwayRequestView), (status = "4XX", body = Problem)),
)]
pub async fn plan(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RequestId>,
    Body(ask): Body<JointPlan>,
) -> Reply<Json<PathwayRequestView>> {
    Ok(Json(request::plan(&hospital.extensions, &caller, id, ask).await?))
}

/// A participant signs the joint plan, of the version that was read.
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/signatures", tag = "Request",
    params(("id" = String, Path, description = "`req-…`")),
    request_body = Signature,
    responses((status = 200, body = PathwayRequestView), (status = "4XX", body = Problem)),
)]
pub async fn sign(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RequestId>,
    Body(ask): Body<Signature>,
) -> Reply<Json<PathwayRequestView>> {
    Ok(Json(request::sign(&hospital.extensions, &caller, id, ask).await?))
}
