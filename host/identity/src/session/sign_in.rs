use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::id::TenantId;
use xinglin_platform::{AppResult, boxed, settings::PLATFORM};

use super::{Session, open, prove_person};
use crate::Identity;

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The tenant; left out by operators of the platform.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
    /// The login in that hospital.
    pub login: String,
    /// The password.
    pub password: String,
    /// What the authenticator shows, for accounts that have one.
    pub code: Option<String>,
    /// Device name for the list of sessions: `phone`, `ward 3`.
    pub client: Option<String>,
}

/// Exchanges login and password, and the authenticator's code if the account has
/// one, for tokens.
///
/// # Errors
/// `RATE_LIMITED` after many wrong ones; `AUTH_REQUIRED`, the same whether tenant,
/// login or password is wrong; `AUTH_SECOND_FACTOR` if only the code is.
#[boxed]
pub async fn sign_in(identity: &Identity, ask: SignIn) -> AppResult<Session> {
    let tenant = ask.tenant.unwrap_or(PLATFORM);
    let (account, strong) = prove_person(identity, tenant, &ask.login, ask.password, ask.code.as_deref()).await?;
    open(identity, account, strong, ask.client).await
}
