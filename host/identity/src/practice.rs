//! What proves that somebody may act: their certificates, each of which somebody must
//! have verified, and where their practice is filed. What changes here holds with the
//! next act, for it is read at each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role, Title},
    code::Code,
    id::{AccountId, CertificateId, TenantId},
    identity::{Decider, Decision, Finding, Level, Verdict, Verifier},
    practice::{Bar, Basis, Certificate, Document, Filing, FilingState, Kind, State, Suspension},
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient,
    keys::Place,
    standing::{Standing, bar, standing},
};
use xinglin_store::{Account, CertificateNumber, TenantTx};

use crate::{
    account::AccountView,
    suspension::{self, Because},
    verification,
};

/// A certificate that somebody says they hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// `identity_card`, `doctor_qualification`, `doctor_practice`, `doctor_title`, `pharmacy_title`,
    /// `licensed_pharmacist`, `nurse_registration`, `psychotherapist_title`, `counsellor_bar` or `employer_proof`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Its number: 1 to 64 characters. It is sealed and never given out again.
    pub number: String,
    /// Who issued it.
    pub issued_by: String,
    /// In force from this day on: `2026-01-01` or RFC 3339.
    pub issued_on: String,
    /// In force until just before this day; for good if left out.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// On a title, and there only: `junior`, `middle`, `associate_senior` or `senior`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub rank: Option<Title>,
    /// Specialities, on a doctor's practice certificate and there only.
    #[serde(default)]
    pub scope: Option<Vec<String>>,
    /// Main institution of a doctor, where a nurse is registered, or the employer.
    #[serde(default)]
    pub institution: Option<String>,
    /// Since when a doctor works independently.
    #[serde(default)]
    pub practising_since: Option<String>,
    /// Hours that a counsellor's clients paid for.
    #[serde(default)]
    pub charged_hours: Option<u32>,
}

/// More certificates of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificates {
    /// Beside those it has.
    pub certificates: Vec<NewCertificate>,
}

/// What somebody who looked at certificates found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// `cert-…`, all of one account, none decided before.
    #[schema(value_type = Vec<String>)]
    pub certificates: Vec<CertificateId>,
    /// Whether they are what they seem.
    pub verified: bool,
    /// What was seen, or what is wrong.
    pub reason: String,
    /// They are to be looked at again then.
    #[serde(default)]
    pub until: Option<String>,
}

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
    /// From this day on.
    pub from: String,
    /// Until just before this day; for good if left out.
    #[serde(default)]
    pub until: Option<String>,
    /// `applied`, `in_force` or `ended`.
    #[schema(value_type = String)]
    pub state: FilingState,
}

/// All filings of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFilings {
    /// In place of those it has.
    pub filings: Vec<NewFiling>,
}

/// What a hospital asks of those who practise in it.
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
    /// What a register that was asked knows the request by.
    pub pending: Option<String>,
    /// Who decided, once somebody did.
    pub decision: Option<DecisionView>,
    /// Since when it is suspended, if it is.
    pub suspended: Option<String>,
}

/// What was decided, and by whom.
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
    /// Of what is verified: `basic`, `substantial` or `high`.
    pub level: Option<&'static str>,
    /// Until just before when it counts, if not for good.
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

/// A role that an account cannot act in.
#[derive(Serialize, ToSchema)]
pub struct BlockedView {
    /// Which.
    #[schema(value_type = String)]
    pub role: Role,
    /// The first thing that is wrong.
    pub why: String,
}

/// Kind of what is sealed: numbers of certificates.
const SEALED: &str = "certificate";

/// Takes in certificates that somebody says they hold. They count once they are
/// verified.
///
/// # Errors
/// If the caller may not, or the account is their own; `CRED_NUMBER_TAKEN` if another
/// account holds a certificate of the same kind and number.
pub async fn submit(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    new: NewCertificates,
) -> AppResult<AccountView> {
    let submit = |standing: &mut Standing| {
        let (certificates, numbers) = certificates(&extensions.platform, tenant, id, new.certificates)?;
        standing.certificates.extend(certificates);
        Ok(Numbers::Claim(numbers))
    };
    change_standing(&extensions.platform, caller, (tenant, id), "certificates submitted", submit).await?;
    verification::hear_verifiers(extensions, caller, tenant, id).await;
    AccountView::of(extensions.platform.store().tenant(tenant).get_account(id).await?, caller.now)
}

/// Decides certificates by hand. The record says who did.
///
/// # Errors
/// If the caller may not, or the account is their own; `NOT_FOUND`; `CRED_STATE` if one
/// was decided before, and then none is decided.
pub async fn judge(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    judgement: Judgement,
) -> AppResult<AccountView> {
    let judge = |standing: &mut Standing| {
        let decision = by_hand(caller, judgement.verified, &judgement.reason, judgement.until.as_deref())?;
        for id in &judgement.certificates {
            certificate(standing, *id)?.decide(decision.clone())?;
        }
        Ok(Numbers::release(standing, &judgement.certificates))
    };
    change_standing(platform, caller, (tenant, id), "certificates judged", judge).await
}

/// Suspends a certificate: the account may still sign in, and no longer act by it.
///
/// # Errors
/// If the caller may not, or the account is their own; `NOT_FOUND`.
pub async fn suspend(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    (id, which): (AccountId, CertificateId),
    because: Because,
) -> AppResult<AccountView> {
    let suspend = |standing: &mut Standing| {
        let suspension = Suspension { since: caller.now, by: caller.actor.account, reason: because.reason };
        certificate(standing, which)?.suspend(suspension);
        Ok(Numbers::Keep)
    };
    change_standing(platform, caller, (tenant, id), "certificate suspended", suspend).await
}

/// Lifts the suspension of a certificate.
///
/// # Errors
/// If the caller may not, or the account is their own; `NOT_FOUND`.
pub async fn restore(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    (id, which): (AccountId, CertificateId),
    because: Because,
) -> AppResult<AccountView> {
    let restore = |standing: &mut Standing| {
        certificate(standing, which)?.restore();
        tracing::info!(%tenant, account = %id, reason = because.reason, "a suspension is lifted");
        Ok(Numbers::Keep)
    };
    change_standing(platform, caller, (tenant, id), "certificate restored", restore).await
}

/// Records where somebody's practice is registered or filed.
///
/// # Errors
/// If the caller may not, the account is their own, or a date is none.
pub async fn put_filings(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    new: NewFilings,
) -> AppResult<AccountView> {
    let put = |standing: &mut Standing| {
        standing.filings = filings(tenant, new.filings)?;
        Ok(Numbers::Keep)
    };
    change_standing(platform, caller, (tenant, id), "filings recorded", put).await
}

/// What a hospital asks of those who practise in it.
///
/// # Errors
/// If the caller may not.
pub async fn rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<PracticeRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let row = platform.store().tenant(tenant).profile().await?;
    Ok(PracticeRules { years: bar(row.practice_years).years() })
}

/// Sets it. It holds with the next act of every doctor.
///
/// # Errors
/// If the caller may not; `BODY_INVALID` for less than the law asks.
pub async fn put_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    rules: PracticeRules,
) -> AppResult<PracticeRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let out_of_range = || AppError::new(Code::BodyInvalid, "years: 3, which is the law, to 50").with("path", "years");
    let years = Bar::new(rules.years).ok_or_else(out_of_range)?.years();
    let mut row = platform.store().tenant(tenant).profile().await?;
    row.practice_years = years.into();
    row.updated_at = caller.now;
    let tx = platform.store().operator().begin().await?;
    tx.update_tenant(&row).await?;
    tx.commit().await?;
    tracing::info!(%tenant, years, by = %caller.actor.account, "the years of practice that doctors need were set");
    Ok(PracticeRules { years })
}

/// The number of a certificate, opened: one of those that its account holds.
pub(crate) fn number_of(
    platform: &Platform,
    tenant: TenantId,
    numbers: &[CertificateNumber],
    one: &Certificate,
) -> AppResult<String> {
    let found = numbers.iter().find(|number| number.kind == one.kind().as_str() && number.blind == one.number);
    let opened = found.and_then(|number| {
        let (owner, name) = (number.account.to_string(), format!("{}/{}", number.kind, number.blind));
        let place = Place { tenant, owner: &owner, kind: SEALED, name: &name };
        String::from_utf8(platform.keys().unseal(&place, &number.sealed)?).ok()
    });
    opened.ok_or_else(|| AppError::internal(format!("{}: its number cannot be opened", one.id)))
}

/// Claims, with their numbers sealed apart.
pub(crate) fn certificates(
    platform: &Platform,
    tenant: TenantId,
    account: AccountId,
    new: Vec<NewCertificate>,
) -> AppResult<(Vec<Certificate>, Vec<CertificateNumber>)> {
    let (mut certificates, mut numbers) = (Vec::new(), Vec::new());
    for mut new in new {
        let number = new.number.trim().to_uppercase();
        let plain = plain(&number);
        if plain.is_empty() || number.chars().count() > 64 {
            return Err(wrong("number", "1 to 64 characters"));
        }
        if new.issued_by.trim().is_empty() {
            return Err(wrong("issued_by", "who issued it?"));
        }
        let (kind, day) = (new.kind.as_str(), |field: &str, text: &str| AppError::time(field, text));
        let blind = platform.keys().blind(tenant, &format!("{SEALED}/{kind}/{plain}"));
        let blind = hex::encode(&blind[..16]);
        let document = document(&mut new)?;
        let until = new.valid_until.as_deref().map(|until| day("certificates.valid_until", until)).transpose()?;
        let from = day("certificates.issued_on", &new.issued_on)?;
        let id = CertificateId::from_u128(ambient::fresh_id());
        certificates.push(Certificate::submitted(id, document, blind.clone(), new.issued_by, from, until));
        let mut row = CertificateNumber { kind: kind.to_owned(), blind, account, sealed: Vec::new() };
        row.sealed = seal_number(platform, tenant, &row, number.as_bytes());
        numbers.push(row);
    }
    Ok((certificates, numbers))
}

fn seal_number(platform: &Platform, tenant: TenantId, row: &CertificateNumber, number: &[u8]) -> Vec<u8> {
    let (owner, name) = (row.account.to_string(), format!("{}/{}", row.kind, row.blind));
    platform.keys().seal(&Place { tenant, owner: &owner, kind: SEALED, name: &name }, number)
}

/// Changes what an account that is not the caller's is entitled to, and the numbers
/// that go with it.
async fn change_standing(
    platform: &Platform,
    caller: &Caller,
    (tenant, id): (TenantId, AccountId),
    what: &str,
    change: impl FnOnce(&mut Standing) -> AppResult<Numbers>,
) -> AppResult<AccountView> {
    let mut row = suspension::other_account(platform, caller, tenant, id, Action::ManageAccounts).await?;
    let mut standing = standing(&row)?;
    let numbers = change(&mut standing)?;
    let tx = platform.store().tenant(row.tenant).begin().await?;
    put_standing(&tx, &mut row, &standing, numbers, caller.now).await?;
    tx.commit().await?;
    tracing::info!(tenant = %row.tenant, account = %row.id, by = %caller.actor.account, "{what}");
    AccountView::of(row, caller.now)
}

/// Writes what an account is entitled to, and what becomes of numbers by that.
///
/// # Errors
/// If the account has changed since; as [`Numbers::write`].
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

/// What becomes of numbers with a change of an account.
pub enum Numbers {
    /// Nothing.
    Keep,
    /// The account holds these, unless another does.
    Claim(Vec<CertificateNumber>),
    /// The account holds these no longer, by kind and code.
    Release(Vec<(Kind, String)>),
}

impl Numbers {
    /// What was rejected does not keep a number from whose it is, unless the account has
    /// it on another certificate too.
    pub fn release(standing: &Standing, decided: &[CertificateId]) -> Self {
        let key = |one: &Certificate| (one.kind(), one.number.clone());
        let all = &standing.certificates;
        let kept: Vec<_> = all.iter().filter(|one| !one.is_rejected()).map(key).collect();
        let gone = all.iter().filter(|one| decided.contains(&one.id)).map(key).filter(|number| !kept.contains(number));
        Self::Release(gone.collect())
    }

    /// In the transaction of the change.
    ///
    /// # Errors
    /// `CRED_NUMBER_TAKEN` if another account holds one.
    pub async fn write(self, tx: &TenantTx, account: AccountId) -> AppResult<()> {
        match self {
            Self::Keep => {}
            Self::Claim(numbers) => {
                for number in numbers {
                    if !tx.claim_certificate_number(&number).await? {
                        let detail = format!("another account holds a `{}` of this number", number.kind);
                        return Err(AppError::new(Code::CredNumberTaken, detail).with("kind", number.kind));
                    }
                }
            }
            Self::Release(numbers) => {
                for (kind, blind) in numbers {
                    tx.release_certificate_number(account, kind.as_str(), &blind).await?;
                }
            }
        }
        Ok(())
    }
}

/// What somebody decides who looked at the document itself.
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

/// Filings as they are kept.
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

/// A number as it is compared: however it was spaced, hyphenated or typed in full width.
fn plain(number: &str) -> String {
    let narrow = |c: char| match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    };
    number.chars().map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

pub(crate) fn certificate(standing: &mut Standing, id: CertificateId) -> AppResult<&mut Certificate> {
    let found = standing.certificates.iter_mut().find(|one| one.id == id);
    found.ok_or_else(|| AppError::not_found("certificate of this account", id))
}

fn wrong(field: &str, why: &str) -> AppError {
    let path = format!("certificates.{field}");
    AppError::new(Code::BodyInvalid, format!("{path}: {why}")).with("path", path)
}

/// What only this kind of certificate says; what belongs on another is refused.
fn document(new: &mut NewCertificate) -> AppResult<Document> {
    fn taken<T>(field: &str, value: &mut Option<T>) -> AppResult<T> {
        value.take().ok_or_else(|| wrong(field, "belongs on this kind of certificate"))
    }
    fn words(field: &str, value: &mut Option<String>) -> AppResult<String> {
        let text = taken(field, value)?;
        if text.trim().is_empty() { Err(wrong(field, "is empty")) } else { Ok(text) }
    }
    let document = match new.kind {
        Kind::IdentityCard => Document::IdentityCard {},
        Kind::DoctorQualification => Document::DoctorQualification {},
        Kind::DoctorPractice => Document::DoctorPractice {
            scope: taken("scope", &mut new.scope)?,
            institution: words("institution", &mut new.institution)?,
            since: AppError::time(
                "certificates.practising_since",
                &words("practising_since", &mut new.practising_since)?,
            )?,
        },
        Kind::DoctorTitle => Document::DoctorTitle { rank: taken("rank", &mut new.rank)? },
        Kind::PharmacyTitle => Document::PharmacyTitle { rank: taken("rank", &mut new.rank)? },
        Kind::LicensedPharmacist => Document::LicensedPharmacist {},
        Kind::NurseRegistration => {
            Document::NurseRegistration { institution: words("institution", &mut new.institution)? }
        }
        Kind::PsychotherapistTitle => Document::PsychotherapistTitle { rank: taken("rank", &mut new.rank)? },
        Kind::CounsellorBar => {
            Document::CounsellorBar { charged_hours: taken("charged_hours", &mut new.charged_hours)? }
        }
        Kind::EmployerProof => Document::EmployerProof { employer: words("institution", &mut new.institution)? },
    };
    if matches!(&document, Document::DoctorPractice { scope, .. } if scope.is_empty()) {
        return Err(wrong("scope", "at least one speciality"));
    }
    let left = [
        ("rank", new.rank.is_some()),
        ("scope", new.scope.is_some()),
        ("institution", new.institution.is_some()),
        ("practising_since", new.practising_since.is_some()),
        ("charged_hours", new.charged_hours.is_some()),
    ];
    match left.into_iter().find(|(_, left)| *left) {
        Some((field, _)) => Err(wrong(field, "does not belong on this kind of certificate")),
        None => Ok(document),
    }
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
