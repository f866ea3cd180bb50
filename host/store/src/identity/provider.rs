//! Where people sign in if not here, and who they are here.

use serde_json::Value;
use xinglin_domain::{id::AccountId, time::Instant};

use crate::{
    Account, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// The provider of identities that a tenant trusts.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityProvider {
    /// The server's own.
    pub body: Value,
    /// What the provider knows us by, sealed.
    pub sealed: Vec<u8>,
    /// Seen version; 0 if not stored.
    pub version: i64,
    /// When it was last set.
    pub updated_at: Instant,
}

impl TryFrom<Row> for IdentityProvider {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            body: row.json("body")?,
            sealed: row.get("sealed")?,
            version: row.get("version")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Who somebody at a provider is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityLink {
    /// The provider.
    pub issuer: String,
    /// Its name for the person, which it gives to nobody else.
    pub subject: String,
    /// The account.
    pub account: AccountId,
    /// When they first came.
    pub created_at: Instant,
}

impl<E: Executor> TenantScope<E> {
    /// The provider that the tenant trusts, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_identity_provider(&self) -> Result<Option<IdentityProvider>> {
        let sql = "SELECT * FROM identity_provider WHERE tenant_id = $1";
        self.exec.row(Sql::new(sql, args![self.tenant])).await?.map(TryInto::try_into).transpose()
    }

    /// The account of somebody at a provider, if they are known.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_linked(&self, issuer: &str, subject: &str) -> Result<Option<Account>> {
        let sql = "SELECT a.*, t.practice_years FROM account a JOIN identity_link l USING (tenant_id, account_id)
                   JOIN tenant t USING (tenant_id)
                   WHERE a.tenant_id = $1 AND l.issuer = $2 AND l.subject = $3";
        self.exec.row(Sql::new(sql, args![self.tenant, issuer, subject])).await?.map(TryInto::try_into).transpose()
    }

    /// Whether the account is somebody's at this provider already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn is_linked(&self, issuer: &str, account: AccountId) -> Result<bool> {
        let sql = "SELECT 1 AS one FROM identity_link WHERE tenant_id = $1 AND issuer = $2 AND account_id = $3";
        Ok(self.exec.row(Sql::new(sql, args![self.tenant, issuer, account])).await?.is_some())
    }
}

impl TenantTx {
    /// Keeps a provider in place of the one there may be.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_identity_provider(&self, provider: &IdentityProvider) -> Result<()> {
        let sql = "INSERT INTO identity_provider (tenant_id, body, sealed, version, updated_at)
                   VALUES ($1, $2, $3, 1, $4)
                   ON CONFLICT (tenant_id) DO UPDATE
                   SET body = excluded.body, sealed = excluded.sealed, updated_at = excluded.updated_at,
                       version = identity_provider.version + 1";
        let args = args![self.tenant, Arg::json(&provider.body)?, provider.sealed.as_slice(), provider.updated_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Trusts none any more, and forgets who came from there; whether there was one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_identity_provider(&self) -> Result<bool> {
        self.exec.execute(Sql::new("DELETE FROM identity_link WHERE tenant_id = $1", args![self.tenant])).await?;
        let sql = "DELETE FROM identity_provider WHERE tenant_id = $1";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant])).await? == 1)
    }

    /// From now on that person is this account.
    ///
    /// # Errors
    /// `Unique` if they are one already.
    pub async fn insert_identity_link(&self, link: &IdentityLink) -> Result<()> {
        let sql = "INSERT INTO identity_link (tenant_id, issuer, subject, account_id, created_at)
                   VALUES ($1, $2, $3, $4, $5)";
        let args = args![self.tenant, &link.issuer, &link.subject, link.account, link.created_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }
}
