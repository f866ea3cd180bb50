//! Accounts.

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, TenantId},
    time::Instant,
};

use crate::{
    Executor, OperatorScope, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A person in one tenant, with their roles.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// Unique in the tenant.
    pub login: String,
    /// PHC string; `None` with single sign-on.
    pub password_hash: Option<String>,
    /// Names of the roles.
    pub roles: Vec<String>,
    /// FHIR id of the patient or practitioner.
    pub person_ref: Option<String>,
    /// The entitlements, as JSON.
    pub credential: Option<Value>,
    /// Verification key of the person's signatures.
    pub public_key: Option<String>,
    /// `false` if suspended.
    pub active: bool,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// Years of independent practice that the tenant requires of doctors. Filled in by reads.
    pub practice_years: i64,
    /// When it was created.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for Account {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("account_id")?,
            tenant: row.get("tenant_id")?,
            login: row.get("login")?,
            password_hash: row.get("password_hash")?,
            roles: row.json("roles")?,
            person_ref: row.get("person_ref")?,
            credential: row.opt_json("credential")?,
            public_key: row.get("public_key")?,
            active: row.get("active")?,
            version: row.get("version")?,
            practice_years: row.get("practice_years")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One account.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_account(&self, account: AccountId) -> Result<Account> {
        let sql = "SELECT a.*, t.practice_years FROM account a JOIN tenant t USING (tenant_id)
                   WHERE a.tenant_id = $1 AND a.account_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, account])).await?;
        row.ok_or_else(|| StoreError::not_found("account", account))?.try_into()
    }

    /// The account with this login, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_account_by_login(&self, login: &str) -> Result<Option<Account>> {
        let sql = "SELECT a.*, t.practice_years FROM account a JOIN tenant t USING (tenant_id)
                   WHERE a.tenant_id = $1 AND a.login = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, login])).await?.map(TryInto::try_into).transpose()
    }

    /// The accounts of one patient or practitioner.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_accounts_of(&self, person_ref: &str) -> Result<Vec<Account>> {
        let sql = "SELECT a.*, t.practice_years FROM account a JOIN tenant t USING (tenant_id)
                   WHERE a.tenant_id = $1 AND a.person_ref = $2 ORDER BY a.account_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, person_ref])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// All accounts, by login.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_accounts(&self) -> Result<Vec<Account>> {
        let sql = "SELECT a.*, t.practice_years FROM account a JOIN tenant t USING (tenant_id)
                   WHERE a.tenant_id = $1 ORDER BY a.login";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl<E: Executor> OperatorScope<E> {
    /// The accounts with this login in all tenants: for a sign-in without a tenant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_accounts_by_login(&self, login: &str) -> Result<Vec<Account>> {
        let sql = "SELECT a.*, t.practice_years FROM account a JOIN tenant t USING (tenant_id)
                   WHERE a.login = $1 ORDER BY a.tenant_id";
        let rows = self.exec.rows(Sql::new(sql, args![login])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new account.
    ///
    /// # Errors
    /// `Unique` if the login is taken; `Reference` if there is no such tenant.
    pub async fn insert_account(&self, account: &Account) -> Result<i64> {
        let sql = "INSERT INTO account (tenant_id, account_id, login, password_hash, roles, person_ref, credential,
                                        public_key, active, version, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11)";
        let args = args![
            self.tenant,
            account.id,
            &account.login,
            &account.password_hash,
            Arg::json(&account.roles)?,
            &account.person_ref,
            Arg::opt_json(account.credential.as_ref())?,
            &account.public_key,
            account.active,
            account.created_at,
            account.updated_at
        ];
        self.exec.execute(Sql::new(sql, args)).await?;
        Ok(1)
    }

    /// Updates everything but the login.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn update_account(&self, account: &Account) -> Result<i64> {
        let sql = "UPDATE account SET password_hash = $4, roles = $5, person_ref = $6, credential = $7,
                          public_key = $8, active = $9, updated_at = $10, version = version + 1
                   WHERE tenant_id = $1 AND account_id = $2 AND version = $3";
        let args = args![
            self.tenant,
            account.id,
            account.version,
            &account.password_hash,
            Arg::json(&account.roles)?,
            &account.person_ref,
            Arg::opt_json(account.credential.as_ref())?,
            &account.public_key,
            account.active,
            account.updated_at
        ];
        self.exec.update_one(Sql::new(sql, args), "account", account.id, account.version).await
    }
}
