//! Sign-in, and how it ends. An access token is short; a refresh token is good once
//! and gives the next of both (RFC 6749 §6, RFC 9700 §4.14.2).

mod end;
mod list;
mod prove;
mod purge;
mod refresh;
mod sign_in;
mod token;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::id::{AccountId, SessionId};
use xinglin_platform::{AppResult, Caller, Platform, ambient, boxed, caller::is_staff, standing};
use xinglin_store::{Account, Session as SessionRow};

use crate::Identity;

pub use self::end::end;
pub use self::list::{SessionView, list};
pub(crate) use self::prove::{prove, prove_person};
pub use self::purge::purge;
pub use self::refresh::{Refresh, refresh};
pub use self::sign_in::{SignIn, sign_in};
pub(crate) use self::token::{named, rotate, tokens_of};

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

/// Signs somebody in who has proved who they are.
#[boxed]
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
#[boxed]
pub(crate) async fn wants_second_factor(platform: &Platform, account: &Account) -> AppResult<bool> {
    let staff = is_staff(&standing::actor(account)?);
    Ok(staff && platform.store().tenant(account.tenant).profile().await?.second_factor)
}

/// Ends all sign-ins of an account but one, in the transaction of what it is for.
#[boxed]
pub(crate) async fn end_all(
    tx: &xinglin_store::TenantTx,
    caller: &Caller,
    account: AccountId,
    but: Option<SessionId>,
) -> AppResult<()> {
    tx.end_sessions(account, but, &caller.actor.account.to_string(), caller.now).await?;
    Ok(())
}
