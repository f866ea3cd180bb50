//! Plugins.

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_extensions::{
    lifecycle::{self, Grant, InstallView, Promote},
    package::{self, PackageEntry, PackageView, Upload},
    tape::{self, DryRun, DryRunView},
};
use xinglin_platform::Caller;
use xinglin_runtime::Bundle;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At, Body, Raw, media_type},
        plugin_key, plugin_secret,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun. Packages may be large, other bodies not.
pub fn routes(largest: DefaultBodyLimit) -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::InstallPlugins, routes!(install)))
        .routes(by(&Action::ManagePlugins, routes!(packages)))
        .layer(largest)
        .routes(by(&Action::ManagePlugins, routes!(disable)))
        .routes(by(&Action::ManagePlugins, routes!(dry_run)))
        .routes(by(&Action::ManagePlugins, routes!(enable)))
        .routes(by(&Action::ManagePlugins, routes!(grant)))
        .routes(by(&Action::ManagePlugins, routes!(list)))
        .routes(by(&Action::InstallPlugins, routes!(save)))
        .routes(by(&Action::ManagePlugins, routes!(promote)))
        .routes(by(&Action::ManagePlugins, routes!(rollback)))
        .merge(plugin_key::routes())
        .merge(plugin_secret::routes())
}

/// Stops calling a plugin in a tenant.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/disable", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn disable(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> Reply<Json<InstallView>> {
    Ok(Json(lifecycle::disable(&hospital.platform, &caller, tenant, &plugin).await?))
}

/// What another version or other settings of a payer's plugin would have paid on past claims, line by line beside
/// what was paid. Changes nothing.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/dry-run", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    request_body = DryRun,
    responses((status = 200, body = DryRunView), (status = "4XX", body = Problem)),
)]
pub async fn dry_run(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
    Body(ask): Body<DryRun>,
) -> Reply<Json<DryRunView>> {
    Ok(Json(tape::dry_run(&hospital.extensions, &caller, tenant, &plugin, ask).await?))
}

/// Starts calling a plugin in a tenant.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/enable", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn enable(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> Reply<Json<InstallView>> {
    Ok(Json(lifecycle::enable(&hospital.extensions, &caller, tenant, &plugin).await?))
}

/// Sets the grant of a plugin in a tenant.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/plugins/{plugin}", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    request_body = Grant,
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn grant(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
    Body(ask): Body<Grant>,
) -> Reply<Json<InstallView>> {
    Ok(Json(lifecycle::grant(&hospital.extensions, &caller, tenant, &plugin, ask).await?))
}

/// Options of the upload.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct How {
    /// Accept it although the same or a newer version was here before. Logged.
    #[serde(default)]
    allow_downgrade: bool,
}

/// Adds a package to this host. The body is the `.wasm` file, or a bundle of it with its
/// signatures, as `xinglin plugin save` writes them (`application/vnd.xinglin.bundle+tar`).
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "Plugin",
    params(How),
    request_body(content(
        (Vec<u8> = "application/wasm"),
        (Vec<u8> = "application/vnd.xinglin.bundle+tar"),
    )),
    responses((status = 201, body = PackageView), (status = "4XX", body = Problem)),
)]
pub async fn install(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(how): Asked<How>,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Reply<(StatusCode, Json<PackageView>)> {
    let bundled = media_type(&headers).is_some_and(|kind| kind.essence_str() == Bundle::MEDIA_TYPE);
    let upload = Upload { bytes: bytes.into(), bundled, allow_downgrade: how.allow_downgrade };
    Ok((StatusCode::CREATED, Json(package::install(&hospital.platform, &caller, upload).await?)))
}

/// Plugins of a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = Vec<InstallView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<Vec<InstallView>>> {
    Ok(Json(lifecycle::list(&hospital.extensions, &caller, tenant).await?))
}

/// Packages of this host, with their signers.
#[utoipa::path(
    get, path = "/api/v1/plugins", tag = "Plugin",
    responses((status = 200, body = Vec<PackageEntry>), (status = "4XX", body = Problem)),
)]
pub async fn packages(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<PackageEntry>>> {
    Ok(Json(package::list(&hospital.platform, &caller).await?))
}

/// Switches to another version, once it has passed its gate.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/promote", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    request_body = Promote,
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn promote(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
    Body(ask): Body<Promote>,
) -> Reply<Json<InstallView>> {
    Ok(Json(lifecycle::promote(&hospital.extensions, &caller, tenant, &plugin, ask).await?))
}

/// Switches back to the version before the last promotion.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/rollback", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn rollback(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> Reply<Json<InstallView>> {
    Ok(Json(lifecycle::roll_back(&hospital.extensions, &caller, tenant, &plugin).await?))
}

/// The package.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The version; default: the newest.
    version: Option<String>,
}

/// A package with its signatures, for another host.
#[utoipa::path(
    get, path = "/api/v1/plugins/{plugin}/bundle", tag = "Plugin",
    params(("plugin" = String, Path, description = "Id of the plugin."), Which),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/vnd.xinglin.bundle+tar"),
        (status = "4XX", body = Problem),
    ),
)]
pub async fn save(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(plugin): At<String>,
    Asked(which): Asked<Which>,
) -> Reply<Response> {
    let bundle = package::save(&hospital.platform, &caller, &plugin, which.version.as_deref()).await?;
    Ok(([(header::CONTENT_TYPE, Bundle::MEDIA_TYPE)], bundle).into_response())
}
