//! `POST /api/v1/tenants/{tenant}/clients`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::TenantId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        client::{ClientView, NewClient},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Takes a service client in, by its public keys.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/clients", tag = "Client",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = NewClient,
    responses((status = 201, body = ClientView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<NewClient>,
) -> AppResult<(StatusCode, Json<ClientView>)> {
    Ok((StatusCode::CREATED, Json(hospital.create_client(&caller, tenant, ask).await?)))
}
