//! Certificates of staff, each of which must be verified, and filings of practice. Both are
//! read for each request, so changes take effect on the next one.

mod judge;
mod number;
mod put_filings;
mod put_rules;
mod restore;
mod rules;
mod submit;
mod suspend;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role, Title},
    id::{AccountId, CertificateId, TenantId},
    identity::{Decider, Decision, Finding, Level, Verdict, Verifier},
    practice::{Basis, Certificate, Filing, FilingState, Kind, State},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    standing::{Standing, standing},
};
use xinglin_store::{Account, TenantTx};

use crate::account::{self, AccountView};

pub use self::judge::{Judgement, judge};
pub use self::number::{NewCertificate, Numbers};
pub(crate) use self::number::{certificates, number_of};
pub use self::put_filings::{NewFilings, put_filings};
pub use self::put_rules::put_rules;
pub use self::restore::restore;
pub use self::rules::rules;
pub use self::submit::{NewCertificates, submit};
pub use self::suspend::suspend;

/// Where somebody's practice is registered or filed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFiling {
    /// At which hospital; this one if left out.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
    /// `main`, or `multi_site` with the consent of the main institution.
    #[schema(value_type = String)]
    pub basis: Basis,
    /// Start of validity.
    pub from: String,
    /// End of validity, exclusive; unlimited if left out.
    #[serde(default)]
    pub until: Option<String>,
    /// `applied`, `in_force` or `ended`.
    #[schema(value_type = String)]
    pub state: FilingState,
}

/// Practice rules of a tenant.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PracticeRules {
    /// Years of independent clinical work that a doctor must have: 3, which is the law, to 50.
    pub years: u8,
}

/// A certificate, without its number.
#[derive(Serialize, ToSchema)]
pub struct CertificateView {
    /// `cert-…`
    #[schema(value_type = String)]
    pub id: CertificateId,
    /// What kind.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// `submitted`, `verified` or `rejected`.
    pub state: &'static str,
    /// Who issued it.
    pub issued_by: String,
    /// In force from then on.
    pub issued_on: String,
    /// In force until just before then.
    pub valid_until: Option<String>,
    /// On a title.
    #[schema(value_type = Option<String>)]
    pub rank: Option<Title>,
    /// Specialities, on a practice certificate.
    pub scope: Vec<String>,
    /// Main institution, place of registration or employer.
    pub institution: Option<String>,
    /// Since when a doctor works independently.
    pub practising_since: Option<String>,
    /// The register's reference of a pending request.
    pub pending: Option<String>,
    /// The decision, once made.
    pub decision: Option<DecisionView>,
    /// Since when it is suspended, if it is.
    pub suspended: Option<String>,
}

/// A decision.
#[derive(Serialize, ToSchema)]
pub struct DecisionView {
    /// `person` or `plugin`.
    pub by: &'static str,
    /// `acc-…` of the person, or the id of the plugin.
    pub who: String,
    /// What a person gave as their reason.
    pub reason: Option<String>,
    /// SHA-256 of the plugin's package.
    pub digest: Option<String>,
    /// The plugin's call: `call-…`.
    pub call: Option<String>,
    /// When.
    pub at: String,
    /// Level of assurance: `basic`, `substantial` or `high`.
    pub level: Option<&'static str>,
    /// Expiry of the decision, exclusive, if any.
    pub until: Option<String>,
    /// What a plugin found wrong.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Finding>,
}

/// A registration or filing of practice.
#[derive(Serialize, ToSchema)]
pub struct FilingView {
    /// `ten-…`
    pub tenant: String,
    /// `main` or `multi_site`.
    #[schema(value_type = String)]
    pub basis: Basis,
    /// From then on.
    pub from: String,
    /// Until just before then.
    pub until: Option<String>,
    /// `applied`, `in_force` or `ended`.
    #[schema(value_type = String)]
    pub state: FilingState,
}

/// A role that an account cannot use now.
#[derive(Serialize, ToSchema)]
pub struct BlockedView {
    /// Which.
    #[schema(value_type = String)]
    pub role: Role,
    /// The first unmet condition.
    pub why: String,
}

/// Changes certificates or filings of another account, with the numbers.
async fn change_standing(
    platform: &Platform,
    caller: &Caller,
    (tenant, id): (TenantId, AccountId),
    what: &str,
    change: impl FnOnce(&mut Standing) -> AppResult<Numbers>,
) -> AppResult<AccountView> {
    let mut row = account::other_account(platform, caller, tenant, id, Action::ManageAccounts).await?;
    let mut standing = standing(&row)?;
    let numbers = change(&mut standing)?;
    let tx = platform.store().tenant(row.tenant).begin().await?;
    put_standing(&tx, &mut row, &standing, numbers, caller.now).await?;
    tx.commit().await?;
    tracing::info!(tenant = %row.tenant, account = %row.id, by = %caller.actor.account, "{what}");
    AccountView::of(row, caller.now)
}

/// Stores certificates and filings of an account, with changes of numbers.
///
/// # Errors
/// If the account has changed since; as [`Numbers::write`].
#[boxed]
pub(crate) async fn put_standing(
    tx: &TenantTx,
    row: &mut Account,
    standing: &Standing,
    numbers: Numbers,
    now: Instant,
) -> AppResult<()> {
    row.credential = Some(serde_json::to_value(standing).map_err(AppError::internal)?);
    row.updated_at = now;
    row.version = tx.update_account(row).await?;
    numbers.write(tx, row.id).await
}

/// A manual decision on a document.
///
/// # Errors
/// If `until` is no time, or no reason is given.
pub(crate) fn by_hand(caller: &Caller, verified: bool, reason: &str, until: Option<&str>) -> AppResult<Decision> {
    let until = until.map(|until| AppError::time("until", until)).transpose()?;
    Ok(Decision {
        by: Decider::person(caller.actor.account, reason)?,
        at: caller.now,
        verdict: match verified {
            true => Verdict::Verified { level: Level::Substantial, until },
            false => Verdict::Refused { findings: Vec::new() },
        },
    })
}

/// Filings as stored.
pub(crate) fn filings(here: TenantId, new: Vec<NewFiling>) -> AppResult<Vec<Filing>> {
    let day = |field: &str, text: &str| AppError::time(&format!("filings.{field}"), text);
    let filing = |new: NewFiling| {
        Ok(Filing {
            tenant: new.tenant.unwrap_or(here),
            basis: new.basis,
            from: day("from", &new.from)?,
            until: new.until.as_deref().map(|until| day("until", until)).transpose()?,
            state: new.state,
        })
    };
    new.into_iter().map(filing).collect()
}

pub(crate) fn certificate(standing: &mut Standing, id: CertificateId) -> AppResult<&mut Certificate> {
    let found = standing.certificates.iter_mut().find(|one| one.id == id);
    found.ok_or_else(|| AppError::not_found("certificate of this account", id))
}

impl From<Certificate> for CertificateView {
    fn from(one: Certificate) -> Self {
        let (pending, decision) = match one.state() {
            State::Submitted { pending } => (pending.as_ref().map(|pending| pending.reference.clone()), None),
            State::Decided(decision) => (None, Some(decision.clone().into())),
        };
        Self {
            id: one.id,
            kind: one.kind(),
            state: one.word(),
            suspended: one.suspended().map(|suspension| suspension.since.to_string()),
            rank: one.document.rank(),
            scope: one.document.scope().to_vec(),
            institution: one.document.place().map(str::to_owned),
            practising_since: one.document.practising_since().map(|since| since.to_string()),
            issued_by: one.issued_by,
            issued_on: one.issued_on.to_string(),
            valid_until: one.valid_until.as_ref().map(Instant::to_string),
            pending,
            decision,
        }
    }
}

impl From<Decision> for DecisionView {
    fn from(Decision { by, at, verdict }: Decision) -> Self {
        let (by, who, reason, digest, call) = match by {
            Decider::Person { account, reason } => ("person", account.to_string(), Some(reason), None, None),
            Decider::Plugin(Verifier { id, digest, call }) => {
                ("plugin", id, None, Some(digest), Some(call.to_string()))
            }
        };
        let (level, until, findings) = match verdict {
            Verdict::Verified { level, until } => (Some(level.as_str()), until, Vec::new()),
            Verdict::Refused { findings } => (None, None, findings),
        };
        let until = until.map(|until| until.to_string());
        Self { by, who, reason, digest, call, at: at.to_string(), level, until, findings }
    }
}

impl From<Filing> for FilingView {
    fn from(filing: Filing) -> Self {
        Self {
            tenant: filing.tenant.to_string(),
            basis: filing.basis,
            from: filing.from.to_string(),
            until: filing.until.map(|until| until.to_string()),
            state: filing.state,
        }
    }
}
