//! Sign-in, and how it ends. An access token is short; a refresh token is good once
//! and gives the next of both (RFC 6749 §6, RFC 9700 §4.14.2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    id::{AccountId, SessionId, TenantId},
    time::Instant,
};
use xinglin_store::{Account, Session as SessionRow};

use super::{AppError, AppResult, Caller, Hospital, tenant::PLATFORM};
use crate::{ambient, auth::password};

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
    /// What the authenticator shows, for accounts that have one.
    pub code: Option<String>,
    /// What signs in, for the list of one's sessions: `phone`, `ward 3`.
    pub client: Option<String>,
}

/// The next token is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The last one that was given out.
    pub refresh_token: String,
}

/// An access token (RFC 6750), and what gives the next one.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until it runs out.
    pub expires_in: i64,
    /// Good once, for `POST /api/v1/sessions/refresh`. Shown a second time, it ends the
    /// session: one of the two who had it is a thief.
    pub refresh_token: String,
    /// `ses-…`
    pub session: String,
    /// The account that signed in.
    pub account: String,
    /// Its roles at this moment.
    pub roles: Vec<String>,
}

/// A sign-in that has not ended.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// `ses-…`
    pub id: String,
    /// What signed in, in its own words.
    pub client: Option<String>,
    /// When.
    pub created_at: String,
    /// When it was last refreshed.
    pub refreshed_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// What a refresh token says.
struct RefreshToken {
    tenant: TenantId,
    session: SessionId,
    generation: i64,
    proof: [u8; 32],
}

impl RefreshToken {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (tenant, session) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let generation = parts.next()?.parse().ok()?;
        let proof = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        parts.next().is_none().then_some(Self { tenant, session, generation, proof })
    }
}

impl Hospital {
    /// Exchanges login and password, and the authenticator's code if the account has
    /// one, for tokens.
    ///
    /// # Errors
    /// `RATE_LIMITED` after many wrong ones; `AUTH_REQUIRED`, the same whether tenant,
    /// login or password is wrong; `AUTH_SECOND_FACTOR` if only the code is.
    pub async fn sign_in(&self, ask: SignIn) -> AppResult<Session> {
        let tenant = ask.tenant.unwrap_or(PLATFORM);
        let (login, now) = (ask.login, self.now());
        let records = self.store().tenant(tenant);
        self.attempts().check(tenant, &login, now)?;
        let account = records.find_account_by_login(&login).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let right = password::verify(ask.password, hash).await;
        let account = account.filter(|account| right && account.active);
        let Some(account) = account else {
            self.attempts().note_wrong(tenant, &login, now);
            return Err(AppError::new(Code::AuthRequired, "tenant, login or password is wrong"));
        };
        self.check_code(tenant, &account, ask.code.as_deref(), now).await?;
        self.attempts().note_right(tenant, &login);

        let session = SessionRow {
            id: SessionId::from_u128(ambient::fresh_id()),
            account: account.id,
            generation: 1,
            client: ask.client.map(|client| client.chars().take(64).collect()),
            created_at: now,
            refreshed_at: now,
            ended_at: None,
        };
        let tx = records.begin().await?;
        tx.insert_session(&session).await?;
        tx.commit().await?;
        self.tokens_for(tenant, account, session.id, session.generation, now)
    }

    /// The next tokens of a sign-in.
    ///
    /// # Errors
    /// `AUTH_REQUIRED` if the token is not ours or not the last, the session has ended
    /// or rested too long, or the account is closed.
    pub async fn refresh_session(&self, ask: Refresh) -> AppResult<Session> {
        let refused = || AppError::new(Code::AuthRequired, "the session has ended; sign in again");
        let token = RefreshToken::parse(&ask.refresh_token).ok_or_else(refused)?;
        let RefreshToken { tenant, session, generation, proof } = token;
        // Before the store is asked: who has no token of ours learns nothing from it.
        if !bool::from(self.keys().refresh_token(tenant, session, generation).ct_eq(&proof)) {
            return Err(refused());
        }
        let (records, now) = (self.store().tenant(tenant), self.now());
        let row = records.get_session(session).await.map_err(|_| refused())?;
        let limits = &self.config().sessions;
        let rested = now >= row.refreshed_at.plus_hours(limits.idle_hours);
        if row.ended_at.is_some() || rested || now >= row.created_at.plus_days(limits.longest_days) {
            return Err(refused());
        }
        let account = records.find_signed_in(row.account, session).await?.filter(|account| account.active);
        let account = account.ok_or_else(refused)?;
        let tx = records.begin().await?;
        if !tx.refresh_session(session, generation, now).await? {
            tx.end_session(session, "reuse of a refresh token", now).await?;
            tx.commit().await?;
            tracing::warn!(%tenant, %session, account = %row.account, "a refresh token was shown twice: session ended");
            return Err(refused());
        }
        tx.commit().await?;
        self.tokens_for(tenant, account, session, generation + 1, now)
    }

    /// The caller's sign-ins that have not ended, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list_sessions(&self, caller: &Caller) -> AppResult<Vec<SessionView>> {
        let sessions = self.records(caller).list_sessions(caller.actor.account).await?;
        let view = |row: SessionRow| SessionView {
            id: row.id.to_string(),
            client: row.client,
            created_at: row.created_at.to_string(),
            refreshed_at: row.refreshed_at.to_string(),
            current: caller.session == Some(row.id),
        };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Ends one of the caller's sign-ins; its tokens are good for nothing from now on.
    ///
    /// # Errors
    /// `NOT_FOUND` if it is none of theirs.
    pub async fn end_session(&self, caller: &Caller, session: SessionId) -> AppResult<()> {
        let row = self.records(caller).get_session(session).await?;
        if row.account != caller.actor.account {
            return Err(AppError::not_found("session", session));
        }
        let tx = self.begin(caller).await?;
        tx.end_session(session, &caller.actor.account.to_string(), caller.now).await?;
        Ok(tx.commit().await?)
    }

    fn tokens_for(
        &self,
        tenant: TenantId,
        account: Account,
        session: SessionId,
        generation: i64,
        now: Instant,
    ) -> AppResult<Session> {
        let issued = self.tokens().issue(account.id, tenant, session, now);
        let (access_token, expires_in) = issued.map_err(AppError::internal)?;
        let proof = URL_SAFE_NO_PAD.encode(self.keys().refresh_token(tenant, session, generation));
        Ok(Session {
            access_token,
            token_type: "Bearer",
            expires_in,
            refresh_token: format!("{tenant}.{session}.{generation}.{proof}"),
            session: session.to_string(),
            account: account.id.to_string(),
            roles: account.roles,
        })
    }
}

/// Ends all sign-ins of an account but one, in the transaction of what it is for.
pub(super) async fn end_all(
    tx: &xinglin_store::TenantTx,
    caller: &Caller,
    account: AccountId,
    but: Option<SessionId>,
) -> AppResult<()> {
    tx.end_sessions(account, but, &caller.actor.account.to_string(), caller.now).await?;
    Ok(())
}
