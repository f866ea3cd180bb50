//! Accounts: a person in one tenant, in their roles, with their certificates.

pub mod certificate;
mod create;
mod ensure_operator;
mod get;
mod has_operator;
mod list;
mod restore;
mod suspend;
pub mod verification;
mod whoami;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    id::{AccountId, PatientId, TenantId},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::PLATFORM,
    standing::{Standing, actor},
};
use xinglin_store::Account;

use crate::{
    account::certificate::{BlockedView, CertificateView, FilingView},
    password_hash, session,
};

pub use self::create::{NewAccount, NewIdentity, create};
pub use self::ensure_operator::ensure_operator;
pub use self::get::get;
pub use self::has_operator::has_operator;
pub use self::list::list;
pub use self::restore::restore;
pub use self::suspend::suspend;
pub use self::whoami::{MeView, whoami};

/// An account, without its secrets.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    /// `acc-…`
    #[schema(value_type = String)]
    pub id: AccountId,
    /// The login.
    pub login: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Whether it may be used.
    pub active: bool,
    /// Its certificates.
    pub certificates: Vec<CertificateView>,
    /// Where its practice is registered or filed.
    pub filings: Vec<FilingView>,
    /// Roles that cannot be used now, with reasons.
    pub blocked: Vec<BlockedView>,
    /// The patient record of the person.
    pub patients: Vec<String>,
    /// Ed25519 public key that its signatures verify with, in hex.
    pub public_key: String,
}

async fn account_row(
    platform: &Platform,
    id: AccountId,
    login: String,
    password: String,
    roles: Vec<Role>,
    standing: Standing,
    now: Instant,
) -> AppResult<Account> {
    let password_hash = password_hash::hashed(platform, password, "password").await?;
    let row = without_password(platform, PLATFORM, id, login, &roles, standing)?;
    Ok(Account { password_hash: Some(password_hash), created_at: now, updated_at: now, ..row })
}

/// A new account of a user of an external identity provider.
pub(crate) fn without_password(
    platform: &Platform,
    tenant: TenantId,
    id: AccountId,
    login: String,
    roles: &[Role],
    standing: Standing,
) -> AppResult<Account> {
    let now = platform.now();
    let word = |role: &Role| serde_json::to_value(role).ok()?.as_str().map(str::to_owned);
    Ok(Account {
        id,
        tenant,
        login,
        password_hash: None,
        roles: roles.iter().filter_map(word).collect(),
        person_ref: standing.patients.first().map(PatientId::to_string),
        credential: Some(serde_json::to_value(standing).map_err(AppError::internal)?),
        public_key: Some(hex::encode(platform.keys().public_key(id))),
        active: true,
        practice_years: 0,
        version: 0,
        created_at: now,
        updated_at: now,
    })
}

impl AccountView {
    /// An account at a point in time.
    ///
    /// # Errors
    /// If what is stored cannot be read.
    pub fn of(row: Account, now: Instant) -> AppResult<Self> {
        let actor = actor(&row)?;
        let fault = |role: &Role| actor.practice.check(*role, actor.tenant, now).err().map(|fault| (*role, fault));
        let blocked = actor.roles.iter().filter_map(fault);
        Ok(Self {
            id: row.id,
            login: row.login,
            roles: row.roles,
            active: row.active,
            blocked: blocked.map(|(role, fault)| BlockedView { role, why: fault.to_string() }).collect(),
            certificates: actor.practice.certificates.into_iter().map(CertificateView::from).collect(),
            filings: actor.practice.filings.into_iter().map(FilingView::from).collect(),
            patients: actor.patients.iter().map(PatientId::to_string).collect(),
            public_key: row.public_key.unwrap_or_default(),
        })
    }
}

/// Why an account or a certificate is suspended or restored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// For the log and later inquiries.
    pub reason: String,
}

/// Loads an account other than the caller's own: nobody decides on themselves.
#[boxed]
pub(crate) async fn other_account(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    action: Action,
) -> AppResult<Account> {
    caller.may_in(tenant, action)?;
    if caller.actor.account == id {
        return Err(AppError::new(Code::AuthForbidden, "nobody changes their own account so; ask a colleague"));
    }
    Ok(platform.store().tenant(tenant).get_account(id).await?)
}

async fn set_active(
    platform: &Platform,
    caller: &Caller,
    mut row: Account,
    what: &str,
    reason: &str,
) -> AppResult<AccountView> {
    row.updated_at = caller.now;
    let tx = platform.store().tenant(row.tenant).begin().await?;
    row.version = tx.update_account(&row).await?;
    if !row.active {
        session::end_all(&tx, caller, row.id, None).await?;
    }
    tx.commit().await?;
    tracing::info!(tenant = %row.tenant, account = %row.id, by = %caller.actor.account, reason, "{what}");
    AccountView::of(row, caller.now)
}
