//! Accounts: a person in one tenant, in their roles, under their credentials.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    encounter::IdentityCheck,
    id::{AccountId, PatientId, TenantId},
    practice::Bar,
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient,
    settings::{PLATFORM, Settings},
    standing::{Standing, actor},
};
use xinglin_store::{Account, TenantRow};

use crate::{
    password,
    practice::{self, BlockedView, CertificateView, FilingView, NewCertificate, NewFiling, Numbers},
    relation::{self, RelationView},
    verification,
};

/// An account to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Unique in the tenant.
    pub login: String,
    /// 12 to 128 characters.
    pub password: String,
    /// For example `doctor`, `pharmacist`, `patient`, `administrator`.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// Certificates. Whoever treats cannot act before those that the role needs were verified.
    #[serde(default)]
    pub certificates: Vec<NewCertificate>,
    /// Where the practice is registered or filed.
    #[serde(default)]
    pub filings: Vec<NewFiling>,
    /// The patient that the person is; at most one. Wards are relations.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub patients: Vec<PatientId>,
    /// Result of the real-name check of a patient.
    #[serde(default)]
    pub identity: Option<NewIdentity>,
}

/// Result of a real-name check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIdentity {
    /// Whether name and id number belong together.
    pub document_matches: bool,
    /// Likeness of the face, in thousandths.
    pub face_per_mille: u16,
}

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
    /// Roles that it cannot act in now, and why.
    pub blocked: Vec<BlockedView>,
    /// The patient that it is.
    pub patients: Vec<String>,
    /// Ed25519 public key that its signatures verify with, in hex.
    pub public_key: String,
}

/// One's own account.
#[derive(Serialize, ToSchema)]
pub struct MeView {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "the name says it")]
    pub account: AccountView,
    /// Whose guardian, family or contact one is, also from a later day on.
    pub relations: Vec<RelationView>,
}

/// Opens an account in a tenant. Its signing key is held by the host.
///
/// # Errors
/// If the caller may not, the login is taken, or the password too short.
pub async fn create(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    new: NewAccount,
) -> AppResult<AccountView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    if tenant == PLATFORM || new.roles.contains(&Role::Operator) {
        return Err(AppError::new(Code::AuthForbidden, "operators are made at the first start, not over the API"));
    }
    if new.roles.contains(&Role::Service) {
        let detail = "roles: a service client has keys and no password; see POST …/clients";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "roles"));
    }
    if new.login.trim().is_empty() || new.login.chars().count() > 64 {
        return Err(AppError::new(Code::BodyInvalid, "login: 1 to 64 characters").with("path", "login"));
    }
    if new.roles.is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "roles: at least one").with("path", "roles"));
    }
    if new.patients.len() > 1 {
        let detail = "patients: the person alone; a guardian is registered, see POST …/patients/{patient}/relations";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "patients"));
    }
    let records = extensions.platform.store().tenant(tenant);
    records.profile().await?;
    for patient in &new.patients {
        records.get_resource("Patient", &patient.to_string()).await?;
    }
    let filings = practice::filings(tenant, new.filings)?;
    let identity = new
        .identity
        .map(|check| IdentityCheck { document_matches: check.document_matches, face_per_mille: check.face_per_mille });
    let id = AccountId::from_u128(ambient::fresh_id());
    let (certificates, numbers) = practice::certificates(&extensions.platform, tenant, id, new.certificates)?;
    let standing = Standing { certificates, filings, patients: new.patients, identity, client: None };
    let row = account_row(&extensions.platform, id, new.login, new.password, new.roles, standing, caller.now).await?;
    let tx = records.begin().await?;
    tx.insert_account(&row).await?;
    Numbers::Claim(numbers).write(&tx, id).await?;
    tx.commit().await?;
    verification::hear_verifiers(extensions, caller, tenant, id).await;
    AccountView::of(records.get_account(id).await?, caller.now)
}

/// The accounts of a tenant, by login.
///
/// # Errors
/// If the caller may not.
pub async fn list(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<AccountView>> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let rows = platform.store().tenant(tenant).list_accounts().await?;
    rows.into_iter().map(|row| AccountView::of(row, caller.now)).collect()
}

/// One account of a tenant.
///
/// # Errors
/// If the caller may not, or there is none.
pub async fn get(platform: &Platform, caller: &Caller, tenant: TenantId, id: AccountId) -> AppResult<AccountView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    AccountView::of(platform.store().tenant(tenant).get_account(id).await?, caller.now)
}

/// The caller's own account.
///
/// # Errors
/// If the store fails.
pub async fn whoami(platform: &Platform, caller: &Caller) -> AppResult<MeView> {
    let account = platform.records(caller).get_account(caller.actor.account).await?;
    let account = AccountView::of(account, caller.now)?;
    Ok(MeView { account, relations: relation::own(platform, caller).await? })
}

/// Makes the first operator, `operator`, if there is none yet.
///
/// # Errors
/// If the password is too short or the store fails.
pub async fn ensure_operator(platform: &Platform, password: String) -> AppResult<()> {
    if has_operator(platform).await? {
        return Ok(());
    }
    let now = platform.now();
    let settings = Settings { consent: String::new(), formulary: Vec::new() };
    let tenant = TenantRow {
        id: PLATFORM,
        kind: "platform".into(),
        name: "Platform".into(),
        settings: serde_json::to_value(settings).map_err(AppError::internal)?,
        second_factor: false,
        practice_years: Bar::LAW.years().into(),
        version: 0,
        created_at: now,
        updated_at: now,
    };
    let id = AccountId::from_u128(ambient::fresh_id());
    let roles = vec![Role::Operator];
    let row = account_row(platform, id, "operator".into(), password, roles, Standing::default(), now).await?;
    let founded = platform.store().operator().list_tenants().await?.iter().any(|tenant| tenant.id == PLATFORM);
    if !founded {
        let tx = platform.store().operator().begin().await?;
        tx.insert_tenant(&tenant).await?;
        tx.commit().await?;
    }
    let tx = platform.store().tenant(PLATFORM).begin().await?;
    tx.insert_account(&row).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether somebody can run this host.
///
/// # Errors
/// If the store fails.
pub async fn has_operator(platform: &Platform) -> AppResult<bool> {
    Ok(!platform.store().tenant(PLATFORM).list_accounts().await?.is_empty())
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
    let password_hash = password::hashed(password, "password").await?;
    let row = without_password(platform, PLATFORM, id, login, &roles, standing)?;
    Ok(Account { password_hash: Some(password_hash), created_at: now, updated_at: now, ..row })
}

/// A new account of somebody who signs in elsewhere.
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
    /// An account as it stands at a moment.
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
