//! Accounts.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{AccountId, CertificateId, TenantId},
};
use xinglin_identity::{
    account::{
        self, AccountView, Because, NewAccount,
        certificate::{self, Judgement, NewCertificates, NewFilings},
        verification,
    },
    password::{self, ResetPassword},
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManageAccounts, routes!(create, list)))
        .routes(by(&Action::ManageAccounts, routes!(get)))
        .routes(by(&Action::ManageAccounts, routes!(suspend)))
        .routes(by(&Action::ManageAccounts, routes!(restore)))
        .routes(by(&Action::ManageAccounts, routes!(submit_certificates)))
        .routes(by(&Action::ManageAccounts, routes!(check_certificates)))
        .routes(by(&Action::ManageAccounts, routes!(judge_certificates)))
        .routes(by(&Action::ManageAccounts, routes!(suspend_certificate)))
        .routes(by(&Action::ManageAccounts, routes!(restore_certificate)))
        .routes(by(&Action::ManageAccounts, routes!(put_filings)))
        .routes(by(&Action::ManageAccounts, routes!(reset_password)))
}

/// Submits undecided certificates to the hospital's verifiers.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/check", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn check_certificates(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
) -> Reply<Json<AccountView>> {
    Ok(Json(verification::check_certificates(&hospital.extensions, &caller, tenant, account).await?))
}

/// Creates an account: a person in one tenant, with their roles.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = NewAccount,
    responses((status = 201, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<NewAccount>,
) -> Reply<(StatusCode, Json<AccountView>)> {
    Ok((StatusCode::CREATED, Json(account::create(&hospital.extensions, &caller, tenant, ask).await?)))
}

/// One account of a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/accounts/{account}", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
) -> Reply<Json<AccountView>> {
    Ok(Json(account::get(&hospital.platform, &caller, tenant, account).await?))
}

/// Decides certificates manually.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/judge", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = Judgement,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn judge_certificates(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<Judgement>,
) -> Reply<Json<AccountView>> {
    Ok(Json(certificate::judge(&hospital.platform, &caller, tenant, account, ask).await?))
}

/// The accounts of a tenant, by login.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/accounts", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = Vec<AccountView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<Vec<AccountView>>> {
    Ok(Json(account::list(&hospital.platform, &caller, tenant).await?))
}

/// Records the registration or filing of a practice.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/accounts/{account}/filings", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = NewFilings,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn put_filings(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<NewFilings>,
) -> Reply<Json<AccountView>> {
    Ok(Json(certificate::put_filings(&hospital.platform, &caller, tenant, account, ask).await?))
}

/// Sets an account's password, removes its authenticator, and ends its sessions.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/password", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = ResetPassword,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn reset_password(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<ResetPassword>,
) -> Reply<StatusCode> {
    password::reset(&hospital.platform, &caller, tenant, account, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Restores a suspended account.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/restore", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn restore(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<Because>,
) -> Reply<Json<AccountView>> {
    Ok(Json(account::restore(&hospital.platform, &caller, tenant, account, ask).await?))
}

/// Lifts the suspension of a certificate.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/{certificate}/restore", tag = "Account",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("account" = String, Path, description = "`acc-…`"),
        ("certificate" = String, Path, description = "`cert-…`"),
    ),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn restore_certificate(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account, certificate)): At<(TenantId, AccountId, CertificateId)>,
    Body(ask): Body<Because>,
) -> Reply<Json<AccountView>> {
    Ok(Json(certificate::restore(&hospital.platform, &caller, tenant, (account, certificate), ask).await?))
}

/// Adds certificates that the person claims to hold.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = NewCertificates,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn submit_certificates(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<NewCertificates>,
) -> Reply<Json<AccountView>> {
    Ok(Json(certificate::submit(&hospital.extensions, &caller, tenant, account, ask).await?))
}

/// Suspends an account until it is restored, and ends its sessions.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/suspend", tag = "Account",
    params(("tenant" = String, Path, description = "`ten-…`"), ("account" = String, Path, description = "`acc-…`")),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn suspend(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account)): At<(TenantId, AccountId)>,
    Body(ask): Body<Because>,
) -> Reply<Json<AccountView>> {
    Ok(Json(account::suspend(&hospital.platform, &caller, tenant, account, ask).await?))
}

/// Suspends one certificate; effective from the next request.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/accounts/{account}/certificates/{certificate}/suspend", tag = "Account",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("account" = String, Path, description = "`acc-…`"),
        ("certificate" = String, Path, description = "`cert-…`"),
    ),
    request_body = Because,
    responses((status = 200, body = AccountView), (status = "4XX", body = Problem)),
)]
pub async fn suspend_certificate(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, account, certificate)): At<(TenantId, AccountId, CertificateId)>,
    Body(ask): Body<Because>,
) -> Reply<Json<AccountView>> {
    Ok(Json(certificate::suspend(&hospital.platform, &caller, tenant, (account, certificate), ask).await?))
}
