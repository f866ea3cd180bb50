//! `GET /api/v1/tenants/{tenant}/clients`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, client::ClientView},
    http::{extract::At, problem::Problem},
};

/// The service clients of a tenant, by name.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/clients", tag = "Client",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = Vec<ClientView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> AppResult<Json<Vec<ClientView>>> {
    Ok(Json(hospital.list_clients(&caller, tenant).await?))
}
