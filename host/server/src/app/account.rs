//! Accounts: a person in one tenant, in their roles, under their credentials.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Actor, Role},
    code::Code,
    encounter::IdentityCheck,
    id::{AccountId, PatientId, TenantId},
    practice::{Bar, Certificate, Filing, Practice},
    time::Instant,
};
use xinglin_store::{Account, TenantRow};

use super::{
    AppError, AppResult, Caller, Hospital,
    client::Registration,
    password,
    practice::{self, BlockedView, CertificateView, FilingView, NewCertificate, NewFiling, Numbers},
    relation::RelationView,
    tenant::{PLATFORM, Settings},
};
use crate::ambient;

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

/// What an account is entitled to, as kept with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    #[serde(default)]
    pub filings: Vec<Filing>,
    pub patients: Vec<PatientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityCheck>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Registration>,
}

/// The domain's view of an account.
pub(super) fn actor(row: &Account) -> AppResult<Actor> {
    let standing = standing(row)?;
    let roles = row
        .roles
        .iter()
        .map(|role| serde_json::from_value(serde_json::Value::String(role.clone())))
        .collect::<Result<Vec<Role>, _>>()
        .map_err(AppError::internal)?;
    Ok(Actor {
        account: row.id,
        tenant: row.tenant,
        roles,
        practice: Practice {
            certificates: standing.certificates,
            filings: standing.filings,
            bar: practice::bar(row.practice_years),
        },
        // Of accounts that were opened with wards, too: those are relations now.
        patients: standing.patients.into_iter().take(1).collect(),
        wards: Vec::new(),
        relatives: Vec::new(),
    })
}

pub(super) fn standing(row: &Account) -> AppResult<Standing> {
    match &row.credential {
        Some(value) => serde_json::from_value(value.clone()).map_err(AppError::internal),
        None => Ok(Standing::default()),
    }
}

impl Hospital {
    /// Opens an account in a tenant. Its signing key is held by the host.
    ///
    /// # Errors
    /// If the caller may not, the login is taken, or the password too short.
    pub async fn create_account(&self, caller: &Caller, tenant: TenantId, new: NewAccount) -> AppResult<AccountView> {
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
            let detail =
                "patients: the person alone; a guardian is registered, see POST …/patients/{patient}/relations";
            return Err(AppError::new(Code::BodyInvalid, detail).with("path", "patients"));
        }
        let records = self.store().tenant(tenant);
        records.profile().await?;
        for patient in &new.patients {
            records.get_resource("Patient", &patient.to_string()).await?;
        }
        let filings = practice::filings(tenant, new.filings)?;
        let identity = new.identity.map(|check| IdentityCheck {
            document_matches: check.document_matches,
            face_per_mille: check.face_per_mille,
        });
        let id = AccountId::from_u128(ambient::fresh_id());
        let (certificates, numbers) = self.certificates(tenant, id, new.certificates)?;
        let standing = Standing { certificates, filings, patients: new.patients, identity, client: None };
        let row = self.account_row(id, new.login, new.password, new.roles, standing, caller.now).await?;
        let tx = records.begin().await?;
        tx.insert_account(&row).await?;
        Numbers::Claim(numbers).write(&tx, id).await?;
        tx.commit().await?;
        self.hear_verifiers(caller, tenant, id).await;
        AccountView::of(records.get_account(id).await?, caller.now)
    }

    /// The accounts of a tenant, by login.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn list_accounts(&self, caller: &Caller, tenant: TenantId) -> AppResult<Vec<AccountView>> {
        caller.may_in(tenant, Action::ManageAccounts)?;
        let rows = self.store().tenant(tenant).list_accounts().await?;
        rows.into_iter().map(|row| AccountView::of(row, caller.now)).collect()
    }

    /// One account of a tenant.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn get_account(&self, caller: &Caller, tenant: TenantId, id: AccountId) -> AppResult<AccountView> {
        caller.may_in(tenant, Action::ManageAccounts)?;
        AccountView::of(self.store().tenant(tenant).get_account(id).await?, caller.now)
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn whoami(&self, caller: &Caller) -> AppResult<MeView> {
        let account = self.records(caller).get_account(caller.actor.account).await?;
        let account = AccountView::of(account, caller.now)?;
        Ok(MeView { account, relations: self.own_relations(caller).await? })
    }

    /// Makes the first operator, `operator`, if there is none yet.
    ///
    /// # Errors
    /// If the password is too short or the store fails.
    pub async fn ensure_operator(&self, password: String) -> AppResult<()> {
        if self.has_operator().await? {
            return Ok(());
        }
        let now = self.now();
        let settings = Settings { consent: String::new(), formulary: Vec::new() };
        let platform = TenantRow {
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
        let row = self.account_row(id, "operator".into(), password, roles, Standing::default(), now).await?;
        let founded = self.store().operator().list_tenants().await?.iter().any(|tenant| tenant.id == PLATFORM);
        if !founded {
            let tx = self.store().operator().begin().await?;
            tx.insert_tenant(&platform).await?;
            tx.commit().await?;
        }
        let tx = self.store().tenant(PLATFORM).begin().await?;
        tx.insert_account(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether somebody can run this host.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn has_operator(&self) -> AppResult<bool> {
        Ok(!self.store().tenant(PLATFORM).list_accounts().await?.is_empty())
    }

    async fn account_row(
        &self,
        id: AccountId,
        login: String,
        password: String,
        roles: Vec<Role>,
        standing: Standing,
        now: Instant,
    ) -> AppResult<Account> {
        let password_hash = password::hashed(password, "password").await?;
        let row = self.account_without_password(PLATFORM, id, login, &roles, standing)?;
        Ok(Account { password_hash: Some(password_hash), created_at: now, updated_at: now, ..row })
    }

    /// A new account of somebody who signs in elsewhere.
    pub(super) fn account_without_password(
        &self,
        tenant: TenantId,
        id: AccountId,
        login: String,
        roles: &[Role],
        standing: Standing,
    ) -> AppResult<Account> {
        let now = self.now();
        let word = |role: &Role| serde_json::to_value(role).ok()?.as_str().map(str::to_owned);
        Ok(Account {
            id,
            tenant,
            login,
            password_hash: None,
            roles: roles.iter().filter_map(word).collect(),
            person_ref: standing.patients.first().map(PatientId::to_string),
            credential: Some(serde_json::to_value(standing).map_err(AppError::internal)?),
            public_key: Some(hex::encode(self.keys().public_key(id))),
            active: true,
            practice_years: 0,
            version: 0,
            created_at: now,
            updated_at: now,
        })
    }
}

impl AccountView {
    /// An account as it stands at a moment.
    ///
    /// # Errors
    /// If what is stored cannot be read.
    pub(super) fn of(row: Account, now: Instant) -> AppResult<Self> {
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
