//! Custody of the records of closed hospitals.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;
use xinglin_platform::Caller;
use xinglin_records::custody::{self, CustodyView, NewCustody};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::Body,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageTenants, routes!(start)))
        .routes(by(&Action::ReadAudit, routes!(list)))
}

/// The records that the hospital gave into custody or holds in custody, verified at each request.
#[utoipa::path(
    get, path = "/api/v1/custodies", tag = "Custody",
    responses((status = 200, body = Vec<CustodyView>), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<CustodyView>>> {
    Ok(Json(custody::list(&hospital.platform, &caller).await?))
}

/// Freezes a renamed or closing hospital permanently, and gives its records into another hospital's
/// custody. The custodian's staff reads them with the header `xinglin-custody: ten-…`.
#[utoipa::path(
    post, path = "/api/v1/custodies", tag = "Custody",
    request_body = NewCustody,
    responses((status = 201, body = CustodyView), (status = "4XX", body = Problem)),
)]
pub async fn start(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(new): Body<NewCustody>,
) -> Reply<(StatusCode, Json<CustodyView>)> {
    Ok((StatusCode::CREATED, Json(custody::start(&hospital.platform, &caller, new).await?)))
}
