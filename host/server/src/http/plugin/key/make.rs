//! `POST /api/v1/tenants/{tenant}/plugins/{plugin}/keys/{name}`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        secret::{KeyView, NewKey},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Makes a key for a plugin, or takes one in. The private half is not given out.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/keys/{name}", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin."), ("name" = String, Path, description = "As the manifest calls it.")),
    request_body = NewKey,
    responses((status = 200, body = KeyView), (status = "4XX", body = Problem)),
)]
pub async fn make(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin, name)): At<(TenantId, String, String)>,
    Body(new): Body<NewKey>,
) -> AppResult<Json<KeyView>> {
    Ok(Json(hospital.put_key(&caller, tenant, &plugin, &name, new).await?))
}
