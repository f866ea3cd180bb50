//! Tenants.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::prescription::{self, NewPrescribingRules, PrescribingRules};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_identity::{
    account::certificate::{self, PracticeRules},
    second_factor::{self, SignInRules},
    tenant::{self, Consent, NewTenant, TenantView},
};
use xinglin_payment::charge::{self, PaymentRules};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(Access::SignedIn, routes!(consent)))
        .routes(by(&Action::ManageTenants, routes!(create)))
        .routes(by(&Action::ManageTenants, routes!(list)))
        .routes(by(&Action::ManageAccounts, routes!(get_sign_in_rules, put_sign_in_rules)))
        .routes(by(&Action::ManageAccounts, routes!(get_practice_rules, put_practice_rules)))
        .routes(by(&Action::ManageCatalogue, routes!(get_prescribing_rules, put_prescribing_rules)))
        .routes(by(&Action::ManageCatalogue, routes!(get_payment_rules, put_payment_rules)))
}

/// The consent text that patients of the caller's hospital agree to.
#[utoipa::path(
    get, path = "/api/v1/consent", tag = "Tenant",
    responses((status = 200, body = Consent), (status = "4XX", body = Problem)),
)]
pub async fn consent(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Consent>> {
    Ok(Json(tenant::consent(&hospital.platform, &caller).await?))
}

/// Creates a tenant: a hospital, a pharmacy, an insurer.
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "Tenant",
    request_body = NewTenant,
    responses((status = 201, body = TenantView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewTenant>,
) -> Reply<(StatusCode, Json<TenantView>)> {
    Ok((StatusCode::CREATED, Json(tenant::create(&hospital.platform, &caller, ask).await?)))
}

/// How a tenant charges.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/payment-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = PaymentRules), (status = "4XX", body = Problem)),
)]
pub async fn get_payment_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<PaymentRules>> {
    Ok(Json(charge::rules(&hospital.platform, &caller, tenant).await?))
}

/// The rules of a tenant for practice.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/practice-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = PracticeRules), (status = "4XX", body = Problem)),
)]
pub async fn get_practice_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<PracticeRules>> {
    Ok(Json(certificate::rules(&hospital.platform, &caller, tenant).await?))
}

/// What the province permits a tenant in prescribing, beyond the national rules.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/prescribing-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = PrescribingRules), (status = "4XX", body = Problem)),
)]
pub async fn get_prescribing_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<PrescribingRules>> {
    Ok(Json(prescription::local_rules(&hospital.platform, &caller, tenant).await?))
}

/// The rules of a tenant for the sign-in of staff.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sign-in-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = SignInRules), (status = "4XX", body = Problem)),
)]
pub async fn get_sign_in_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<SignInRules>> {
    Ok(Json(second_factor::rules(&hospital.platform, &caller, tenant).await?))
}

/// All tenants.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "Tenant",
    responses((status = 200, body = Vec<TenantView>), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<TenantView>>> {
    Ok(Json(tenant::list(&hospital.platform, &caller).await?))
}

/// Sets how a tenant charges, for quotes from now on.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/payment-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = PaymentRules,
    responses((status = 200, body = PaymentRules), (status = "4XX", body = Problem)),
)]
pub async fn put_payment_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(rules): Body<PaymentRules>,
) -> Reply<Json<PaymentRules>> {
    Ok(Json(charge::put_rules(&hospital.platform, &caller, tenant, rules).await?))
}

/// Sets the rules of a tenant for practice.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/practice-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = PracticeRules,
    responses((status = 200, body = PracticeRules), (status = "4XX", body = Problem)),
)]
pub async fn put_practice_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<PracticeRules>,
) -> Reply<Json<PracticeRules>> {
    Ok(Json(certificate::put_rules(&hospital.platform, &caller, tenant, ask).await?))
}

/// Sets what the province permits a tenant in prescribing, with the confirmation of its authority.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/prescribing-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = NewPrescribingRules,
    responses((status = 200, body = PrescribingRules), (status = "4XX", body = Problem)),
)]
pub async fn put_prescribing_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(rules): Body<NewPrescribingRules>,
) -> Reply<Json<PrescribingRules>> {
    Ok(Json(prescription::put_local_rules(&hospital.platform, &caller, tenant, rules).await?))
}

/// Sets the rules of a tenant for the sign-in of staff.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/sign-in-rules", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = SignInRules,
    responses((status = 200, body = SignInRules), (status = "4XX", body = Problem)),
)]
pub async fn put_sign_in_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(rules): Body<SignInRules>,
) -> Reply<Json<SignInRules>> {
    Ok(Json(second_factor::put_rules(&hospital.platform, &caller, tenant, rules).await?))
}
