//! Sign-in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{code::Code, id::TenantId};

use super::{AppError, AppResult, Hospital, tenant::PLATFORM};
use crate::auth::password;

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The hospital; operators of the platform leave it out.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
    /// The login in that hospital.
    pub login: String,
    /// The password.
    pub password: String,
}

/// An access token (RFC 6750).
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until it runs out.
    pub expires_in: i64,
    /// The account that signed in.
    pub account: String,
    /// Its roles at this moment.
    pub roles: Vec<String>,
}

impl Hospital {
    /// Exchanges login and password for an access token.
    ///
    /// # Errors
    /// `RATE_LIMITED` after many wrong ones; `AUTH_REQUIRED`, the same whether tenant, login or password is wrong.
    pub async fn sign_in(&self, ask: SignIn) -> AppResult<Session> {
        let tenant = ask.tenant.unwrap_or(PLATFORM);
        let (login, now) = (ask.login, self.now());
        if !self.attempts().may_try(tenant, &login, now) {
            let detail = "too many wrong passwords for this login; try again in a quarter of an hour";
            return Err(AppError::new(Code::RateLimited, detail));
        }
        let account = self.store().tenant(tenant).find_account_by_login(&login).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let right = password::verify(ask.password, hash).await;
        match right {
            true => self.attempts().note_right(tenant, &login),
            false => self.attempts().note_wrong(tenant, &login, now),
        }
        let account = account
            .filter(|account| right && account.active)
            .ok_or_else(|| AppError::new(Code::AuthRequired, "tenant, login or password is wrong"))?;
        let (access_token, expires_in) = self.tokens().issue(account.id, tenant, now).map_err(AppError::internal)?;
        Ok(Session {
            access_token,
            token_type: "Bearer",
            expires_in,
            account: account.id.to_string(),
            roles: account.roles,
        })
    }
}
