//! Sign-in, and how it ends. An access token is short; a refresh token is good once
//! and gives the next of both (RFC 6749 §6, RFC 9700 §4.14.2).

use std::sync::atomic::Ordering;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    id::{AccountId, SessionId, TenantId},
    scope::{Scopes, Word},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, caller::is_staff, settings::PLATFORM, standing,
};
use xinglin_store::{Account, Lent, Session as SessionRow};

use crate::{Identity, password_hash, second_factor};

/// How often what has ended is forgotten, in minutes.
const PURGE_MINUTES: i64 = 10;

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
    /// Whether the hospital wants a second factor that was not shown: until one is set up,
    /// nothing else is open.
    pub second_factor_first: bool,
}

/// What goes with a sign-in.
pub(crate) struct Tokens {
    pub access: String,
    pub expires_in: i64,
    pub refresh: String,
}

/// A sign-in that has not ended.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// `ses-…`
    pub id: String,
    /// What signed in, in its own words; of one that was lent to an app, its name.
    pub client: Option<String>,
    /// What an app may do with it, if it was lent to one: SMART scopes.
    pub scope: Option<String>,
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

/// Exchanges login and password, and the authenticator's code if the account has
/// one, for tokens.
///
/// # Errors
/// `RATE_LIMITED` after many wrong ones; `AUTH_REQUIRED`, the same whether tenant,
/// login or password is wrong; `AUTH_SECOND_FACTOR` if only the code is.
pub async fn sign_in(identity: &Identity, ask: SignIn) -> AppResult<Session> {
    let tenant = ask.tenant.unwrap_or(PLATFORM);
    let (account, strong) = prove_person(identity, tenant, &ask.login, ask.password, ask.code.as_deref()).await?;
    open(identity, account, strong, ask.client).await
}

/// Whose login and password they are, and whether a second factor was shown too.
///
/// # Errors
/// As [`sign_in`].
pub(crate) async fn prove_person(
    identity: &Identity,
    tenant: TenantId,
    login: &str,
    password: String,
    code: Option<&str>,
) -> AppResult<(Account, bool)> {
    let (records, now) = (identity.platform.store().tenant(tenant), identity.platform.now());
    identity.attempts().check(tenant, login, now)?;
    let account = records.find_account_by_login(login).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = password_hash::verify(password, hash).await;
    let account = account.filter(|account| right && account.active);
    let Some(account) = account else {
        identity.attempts().note_wrong(tenant, login, now);
        return Err(AppError::new(Code::AuthRequired, "tenant, login or password is wrong"));
    };
    let strong = second_factor::check_code(identity, tenant, &account, code, now).await?;
    identity.attempts().note_right(tenant, login);
    Ok((account, strong))
}

/// Signs somebody in who has proved who they are.
pub(crate) async fn open(
    identity: &Identity,
    account: Account,
    strong: bool,
    client: Option<String>,
) -> AppResult<Session> {
    let now = identity.platform.now();
    let session = SessionRow {
        id: SessionId::from_u128(ambient::fresh_id()),
        account: account.id,
        generation: 1,
        client: client.map(|client| client.chars().take(64).collect()),
        strong,
        lent: None,
        created_at: now,
        refreshed_at: now,
        ended_at: None,
    };
    let tx = identity.platform.store().tenant(account.tenant).begin().await?;
    tx.insert_session(&session).await?;
    tx.commit().await?;
    session_of(identity, account, &session).await
}

/// The next tokens of a sign-in.
///
/// # Errors
/// `AUTH_REQUIRED` if the token is not ours or not the last, the session has ended
/// or rested too long, or the account is closed.
pub async fn refresh(identity: &Identity, ask: Refresh) -> AppResult<Session> {
    let (account, session) = rotate(&identity.platform, &ask.refresh_token, None).await?;
    session_of(identity, account, &session).await
}

/// Goes on to the next generation of a sign-in, which is an app's or nobody's but the
/// person's. A token that was used before ends it.
///
/// # Errors
/// `AUTH_REQUIRED`, as [`refresh`].
pub(crate) async fn rotate(
    platform: &Platform,
    refresh_token: &str,
    app: Option<AccountId>,
) -> AppResult<(Account, SessionRow)> {
    let refused = || AppError::new(Code::AuthRequired, "the session has ended; sign in again");
    let RefreshToken { tenant, session, generation, .. } = is_ours(platform, refresh_token).ok_or_else(refused)?;
    let (records, now) = (platform.store().tenant(tenant), platform.now());
    let mut row = records.get_session(session).await.map_err(|_| refused())?;
    if row.lent.as_ref().map(|lent| lent.app) != app || row.ended_at.is_some() || is_over(platform, &row, now) {
        return Err(refused());
    }
    let found = records.find_signed_in(row.account, session).await?;
    let account = found.map(|found| found.account).filter(|account| account.active).ok_or_else(refused)?;
    let tx = records.begin().await?;
    if !tx.refresh_session(session, generation, now).await? {
        tx.end_session(session, "reuse of a refresh token", now).await?;
        tx.commit().await?;
        tracing::warn!(%tenant, %session, account = %row.account, "a refresh token was shown twice: session ended");
        return Err(refused());
    }
    tx.commit().await?;
    row.generation = generation + 1;
    Ok((account, row))
}

/// What a refresh token says, if it is ours. The store is not asked: who has no token
/// of ours learns nothing from it.
fn is_ours(platform: &Platform, refresh_token: &str) -> Option<RefreshToken> {
    let token = RefreshToken::parse(refresh_token)?;
    let ours = platform.keys().refresh_token(token.tenant, token.session, token.generation);
    bool::from(ours.ct_eq(&token.proof)).then_some(token)
}

/// The session that a refresh token or an access token is of, live or not.
pub(crate) fn named(identity: &Identity, token: &str) -> Option<(TenantId, SessionId)> {
    let refresh = is_ours(&identity.platform, token).map(|token| (token.tenant, token.session));
    refresh.or_else(|| {
        let claims = identity.tokens().check(token, identity.platform.now())?;
        Some((claims.tenant, claims.sid?))
    })
}

/// Whether it rested too long, or has lasted as long as any may.
fn is_over(platform: &Platform, session: &SessionRow, now: Instant) -> bool {
    let limits = &platform.config().sessions;
    let scopes = session.lent.as_ref().map(|lent| Scopes::known(&lent.scope));
    if scopes.is_some_and(|scopes| scopes.has(Word::OfflineAccess)) {
        return now >= session.created_at.plus_days(limits.offline_days);
    }
    now >= session.refreshed_at.plus_hours(limits.idle_hours)
        || now >= session.created_at.plus_days(limits.longest_days)
}

/// Forgets what has ended of sign-ins: sessions, what was shown once, assertions. Every
/// few minutes; what happened in them stands in the audit trail.
///
/// # Errors
/// If the store fails.
pub async fn purge(identity: &Identity, now: Instant) -> AppResult<()> {
    let last = identity.purged().load(Ordering::Acquire);
    let due = now >= Instant::from_micros(last).plus_minutes(PURGE_MINUTES);
    if !due || identity.purged().compare_exchange(last, now.micros(), Ordering::AcqRel, Ordering::Acquire).is_err() {
        return Ok(());
    }
    let limits = &identity.platform.config().sessions;
    let longest = limits.offline_days.max(limits.longest_days).max(limits.idle_hours / 24 + 1);
    // Its last access token may outlive a session that nobody refreshes.
    let rested = now.plus_days(-longest).plus_seconds(-limits.token_seconds);
    let yesterday = now.plus_days(-1);
    let tx = identity.platform.store().operator().begin().await?;
    let sessions = tx.purge_sessions(yesterday, rested).await?;
    let handles = tx.purge_one_time(yesterday).await?;
    let requests = tx.purge_requests(yesterday).await?;
    tx.commit().await?;
    tracing::debug!(sessions, handles, requests, "sign-ins that ended are forgotten");
    Ok(())
}

/// The caller's sign-ins that have not ended, newest first.
///
/// # Errors
/// If the store fails.
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<SessionView>> {
    let sessions = platform.records(caller).list_sessions(caller.actor.account).await?;
    let view = |row: SessionRow| SessionView {
        id: row.id.to_string(),
        client: row.client,
        scope: row.lent.map(|lent: Lent| lent.scope),
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
pub async fn end(platform: &Platform, caller: &Caller, session: SessionId) -> AppResult<()> {
    let row = platform.records(caller).get_session(session).await?;
    if row.account != caller.actor.account {
        return Err(AppError::not_found("session", session));
    }
    let tx = platform.begin(caller).await?;
    tx.end_session(session, &caller.actor.account.to_string(), caller.now).await?;
    Ok(tx.commit().await?)
}

async fn session_of(identity: &Identity, account: Account, session: &SessionRow) -> AppResult<Session> {
    let tokens = tokens_of(identity, account.tenant, session)?;
    let second_factor_first = !session.strong && wants_second_factor(&identity.platform, &account).await?;
    Ok(Session {
        access_token: tokens.access,
        token_type: "Bearer",
        expires_in: tokens.expires_in,
        refresh_token: tokens.refresh,
        session: session.id.to_string(),
        account: account.id.to_string(),
        roles: account.roles,
        second_factor_first,
    })
}

/// Whether the tenant wants a second factor of this account.
pub(crate) async fn wants_second_factor(platform: &Platform, account: &Account) -> AppResult<bool> {
    let staff = is_staff(&standing::actor(account)?);
    Ok(staff && platform.store().tenant(account.tenant).profile().await?.second_factor)
}

/// The tokens of a session in its generation.
pub(crate) fn tokens_of(identity: &Identity, tenant: TenantId, session: &SessionRow) -> AppResult<Tokens> {
    let issued = identity.tokens().issue(session.account, tenant, session.id, identity.platform.now());
    let (access, expires_in) = issued.map_err(AppError::internal)?;
    let (id, generation) = (session.id, session.generation);
    let proof = URL_SAFE_NO_PAD.encode(identity.platform.keys().refresh_token(tenant, id, generation));
    Ok(Tokens { access, expires_in, refresh: format!("{tenant}.{id}.{generation}.{proof}") })
}

/// Ends all sign-ins of an account but one, in the transaction of what it is for.
pub(crate) async fn end_all(
    tx: &xinglin_store::TenantTx,
    caller: &Caller,
    account: AccountId,
    but: Option<SessionId>,
) -> AppResult<()> {
    tx.end_sessions(account, but, &caller.actor.account.to_string(), caller.now).await?;
    Ok(())
}
