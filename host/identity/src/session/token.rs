//! The tokens of a session.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use xinglin_domain::{
    code::Code,
    id::{AccountId, SessionId, TenantId},
    scope::{Scopes, Word},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Platform, boxed};
use xinglin_store::{Account, Session as SessionRow};

use crate::Identity;

/// What goes with a sign-in.
pub(crate) struct Tokens {
    pub access: String,
    pub expires_in: i64,
    pub refresh: String,
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

/// Goes on to the next generation of a sign-in, which is an app's or nobody's but the
/// person's. A token that was used before ends it.
///
/// # Errors
/// `AUTH_REQUIRED`, as [`refresh`].
#[boxed]
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

/// The tokens of a session in its generation.
pub(crate) fn tokens_of(identity: &Identity, tenant: TenantId, session: &SessionRow) -> AppResult<Tokens> {
    let issued = identity.tokens().issue(session.account, tenant, session.id, identity.platform.now());
    let (access, expires_in) = issued.map_err(AppError::internal)?;
    let (id, generation) = (session.id, session.generation);
    let proof = URL_SAFE_NO_PAD.encode(identity.platform.keys().refresh_token(tenant, id, generation));
    Ok(Tokens { access, expires_in, refresh: format!("{tenant}.{id}.{generation}.{proof}") })
}
