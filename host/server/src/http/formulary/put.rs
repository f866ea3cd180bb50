//! `PUT /api/v1/tenants/{tenant}/formulary`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, formulary::Formulary},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Replaces what a hospital sells.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/formulary", tag = "Formulary",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = Formulary,
    responses((status = 200, body = Formulary), (status = "4XX", body = Problem)),
)]
pub async fn put(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<Formulary>,
) -> AppResult<Json<Formulary>> {
    Ok(Json(hospital.put_formulary(&caller, tenant, ask).await?))
}
