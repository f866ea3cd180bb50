//! `GET /cds-services`

use axum::{Json, extract::State, http::HeaderMap};

use super::language;
use crate::{
    app::{AppResult, Caller, Hospital, cds::Services},
    http::problem::Problem,
};

/// The checkers of the caller's hospital, each at `order-select` and at `order-sign`.
#[utoipa::path(
    get, path = "/cds-services", tag = "CDS Hooks",
    responses((status = 200, body = Services), (status = "4XX", body = Problem)),
)]
pub async fn services(
    State(hospital): State<Hospital>,
    caller: Caller,
    headers: HeaderMap,
) -> AppResult<Json<Services>> {
    Ok(Json(hospital.cds_services(&caller, language(&headers)).await?))
}
