//! Accounts: a person in one tenant, in their roles, under their credentials.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Actor, Credential, Role, Title},
    code::Code,
    encounter::IdentityCheck,
    id::{AccountId, PatientId, TenantId},
    time::Instant,
};
use xinglin_store::{Account, TenantRow};

use super::{
    AppError, AppResult, Caller, Hospital,
    client::Registration,
    password,
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
    /// Licences; doctors, pharmacists and nurses cannot act without one.
    #[serde(default)]
    pub credentials: Vec<NewCredential>,
    /// The patient that the person is; at most one. Wards are relations.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub patients: Vec<PatientId>,
    /// Result of the real-name check of a patient.
    #[serde(default)]
    pub identity: Option<NewIdentity>,
}

/// A licence to practise in this hospital.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// The profession.
    #[schema(value_type = String)]
    pub role: Role,
    /// Number of the practice certificate.
    pub number: String,
    /// Rank.
    #[schema(value_type = String)]
    pub title: Title,
    /// Whether practice at this hospital is registered or filed.
    pub filed: bool,
    /// In force from this day on: `2026-01-01` or RFC 3339.
    pub from: String,
    /// In force until just before this day.
    pub until: String,
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
    /// Its licences.
    pub credentials: Vec<CredentialView>,
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

/// A licence to practise in this hospital.
#[derive(Serialize, ToSchema)]
pub struct CredentialView {
    /// The profession.
    #[schema(value_type = String)]
    pub role: Role,
    /// Number of the practice certificate.
    pub number: String,
    /// Rank.
    #[schema(value_type = String)]
    pub title: Title,
    /// Whether practice at this hospital is registered or filed.
    pub filed: bool,
    /// In force from then on.
    pub from: String,
    /// In force until just before then.
    pub until: String,
    /// Since when it is suspended, if it is.
    pub suspended: Option<String>,
}

/// What an account is entitled to, as kept with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    pub credentials: Vec<Credential>,
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
        credentials: standing.credentials,
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
        let credentials = new.credentials.into_iter().map(Credential::try_from).collect::<AppResult<_>>()?;
        let identity = new.identity.map(|check| IdentityCheck {
            document_matches: check.document_matches,
            face_per_mille: check.face_per_mille,
        });
        let standing = Standing { credentials, patients: new.patients, identity, client: None };
        let row = self.account_row(new.login, new.password, new.roles, standing, caller.now).await?;
        let tx = records.begin().await?;
        tx.insert_account(&row).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// The accounts of a tenant, by login.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn list_accounts(&self, caller: &Caller, tenant: TenantId) -> AppResult<Vec<AccountView>> {
        caller.may_in(tenant, Action::ManageAccounts)?;
        self.store().tenant(tenant).list_accounts().await?.into_iter().map(AccountView::try_from).collect()
    }

    /// One account of a tenant.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn get_account(&self, caller: &Caller, tenant: TenantId, id: AccountId) -> AppResult<AccountView> {
        caller.may_in(tenant, Action::ManageAccounts)?;
        self.store().tenant(tenant).get_account(id).await?.try_into()
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn whoami(&self, caller: &Caller) -> AppResult<MeView> {
        let account = self.records(caller).get_account(caller.actor.account).await?.try_into()?;
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
            version: 0,
            created_at: now,
            updated_at: now,
        };
        let row = self.account_row("operator".into(), password, vec![Role::Operator], Standing::default(), now).await?;
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
        login: String,
        password: String,
        roles: Vec<Role>,
        standing: Standing,
        now: Instant,
    ) -> AppResult<Account> {
        let password_hash = password::hashed(password, "password").await?;
        let row = self.account_without_password(PLATFORM, login, &roles, standing)?;
        Ok(Account { password_hash: Some(password_hash), created_at: now, updated_at: now, ..row })
    }

    /// A new account of somebody who signs in elsewhere.
    pub(super) fn account_without_password(
        &self,
        tenant: TenantId,
        login: String,
        roles: &[Role],
        standing: Standing,
    ) -> AppResult<Account> {
        let (id, now) = (AccountId::from_u128(ambient::fresh_id()), self.now());
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
            version: 0,
            created_at: now,
            updated_at: now,
        })
    }
}

impl TryFrom<NewCredential> for Credential {
    type Error = AppError;

    fn try_from(new: NewCredential) -> AppResult<Self> {
        let day = |field: &str, text: &str| AppError::time(&format!("credentials.{field}"), text);
        Ok(Self {
            role: new.role,
            number: new.number,
            title: new.title,
            filed: new.filed,
            from: day("from", &new.from)?,
            until: day("until", &new.until)?,
            suspended: None,
        })
    }
}

impl From<Credential> for CredentialView {
    fn from(licence: Credential) -> Self {
        Self {
            role: licence.role,
            number: licence.number,
            title: licence.title,
            filed: licence.filed,
            from: licence.from.to_string(),
            until: licence.until.to_string(),
            suspended: licence.suspended.map(|since| since.to_string()),
        }
    }
}

impl TryFrom<Account> for AccountView {
    type Error = AppError;

    fn try_from(row: Account) -> AppResult<Self> {
        let standing = standing(&row)?;
        Ok(Self {
            id: row.id,
            login: row.login,
            roles: row.roles,
            active: row.active,
            credentials: standing.credentials.into_iter().map(CredentialView::from).collect(),
            patients: standing.patients.iter().take(1).map(PatientId::to_string).collect(),
            public_key: row.public_key.unwrap_or_default(),
        })
    }
}
