use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    id::TenantId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::IdentityProvider;

use super::{Provider, ProviderView, discover, place, view};

/// The provider that a hospital trusts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProvider {
    /// Its issuer, as its discovery says it: `https://sso.hospital.example`.
    pub issuer: String,
    /// What it knows us by.
    pub client_id: String,
    /// And that we are it. Sealed here, and shown to nobody again; what was set before
    /// stays if it is left out.
    pub client_secret: Option<String>,
    /// Scopes to ask for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The claim that is the login here, for whoever comes the first time:
    /// `preferred_username`, `employee_number`. An `email` or `phone_number` counts only
    /// if the provider says that it was verified.
    pub login_claim: String,
    /// Whether the provider asks for a second factor itself. What it says of a sign-in
    /// (`amr` with `mfa`) counts in any case.
    #[serde(default)]
    pub second_factor: bool,
    /// Whoever has no account gets one with these roles; is refused if it is left out.
    /// Only roles that treat nobody and run nothing; none acts before its papers are verified.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub open_accounts_as: Option<Vec<Role>>,
}

/// Trusts a provider from now on, after a look at its discovery.
///
/// # Errors
/// If the caller may not; `BODY_INVALID`; `AUTH_PROVIDER` if it does not answer.
#[boxed]
pub async fn put_provider(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    new: NewProvider,
) -> AppResult<ProviderView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let invalid =
        |path: &'static str, why: &str| AppError::new(Code::BodyInvalid, format!("{path}: {why}")).with("path", path);
    for (path, text) in [("issuer", &new.issuer), ("client_id", &new.client_id), ("login_claim", &new.login_claim)] {
        if text.trim().is_empty() || text.len() > 500 {
            return Err(invalid(path, "1 to 500 characters"));
        }
    }
    // None of them acts before somebody has verified what the role needs.
    let harmless =
        |role: &Role| matches!(role, Role::Assistant | Role::HealthManager | Role::Dietitian | Role::Counsellor);
    if new.open_accounts_as.as_ref().is_some_and(|roles| roles.is_empty() || !roles.iter().all(harmless)) {
        let why = "of `assistant`, `health_manager`, `dietitian` and `counsellor`; others are given by hand";
        return Err(invalid("open_accounts_as", why));
    }
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    let provider = Provider {
        issuer: new.issuer,
        client_id: new.client_id,
        scopes: new.scopes,
        login_claim: new.login_claim,
        second_factor: new.second_factor,
        open_accounts_as: new.open_accounts_as,
    };
    discover(platform, &provider).await?;
    let sealed = match new.client_secret {
        Some(secret) => platform.keys().seal(&place(tenant), secret.as_bytes()),
        None => {
            let kept = records.find_identity_provider().await?;
            kept.ok_or_else(|| invalid("client_secret", "there is none yet"))?.sealed
        }
    };
    let body = serde_json::to_value(&provider).map_err(AppError::internal)?;
    let tx = records.begin().await?;
    tx.put_identity_provider(&IdentityProvider { body, sealed, version: 0, updated_at: caller.now }).await?;
    tx.commit().await?;
    tracing::info!(%tenant, issuer = provider.issuer, by = %caller.actor.account, "a provider of identities is trusted");
    Ok(view(platform, tenant, provider))
}
