//! Identity providers for single sign-on, and their links to accounts.

use serde_json::Value;
use xinglin_domain::{id::AccountId, time::Instant};

use crate::{
    Account, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// The identity provider of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityProvider {
    /// The server's value, as JSON.
    pub body: Value,
    /// The host's client credentials at the provider, sealed.
    pub sealed: Vec<u8>,
    /// The version that was read; 0 if not stored.
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

/// The account of a person at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityLink {
    /// The provider.
    pub issuer: String,
    /// The provider's unique id of the person.
    pub subject: String,
    /// The account.
    pub account: AccountId,
    /// When they first signed in.
    pub created_at: Instant,
}

impl<E: Executor> TenantScope<E> {
    /// The tenant's identity provider, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_identity_provider(&self) -> Result<Option<IdentityProvider>> {
        let sql = "SELECT * FROM identity_provider WHERE tenant_id = $1";
        self.exec.row(Sql::new(sql, args![self.tenant])).await?.map(TryInto::try_into).transpose()
    }

    /// The account linked to a person at a provider, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_linked(&self, issuer: &str, subject: &str) -> Result<Option<Account>> {
        let sql = "SELECT a.*, t.practice_years FROM account a JOIN identity_link l USING (tenant_id, account_id)
                   JOIN tenant t USING (tenant_id)
                   WHERE a.tenant_id = $1 AND l.issuer = $2 AND l.subject = $3";
        self.exec.row(Sql::new(sql, args![self.tenant, issuer, subject])).await?.map(TryInto::try_into).transpose()
    }

    /// Whether the account is linked to a person at this provider.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn is_linked(&self, issuer: &str, account: AccountId) -> Result<bool> {
        let sql = "SELECT 1 AS one FROM identity_link WHERE tenant_id = $1 AND issuer = $2 AND account_id = $3";
        Ok(self.exec.row(Sql::new(sql, args![self.tenant, issuer, account])).await?.is_some())
    }
}

impl TenantTx {
    /// Stores the identity provider, replacing the former.
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

    /// Deletes the identity provider and all links; returns whether there was one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_identity_provider(&self) -> Result<bool> {
        self.exec.execute(Sql::new("DELETE FROM identity_link WHERE tenant_id = $1", args![self.tenant])).await?;
        let sql = "DELETE FROM identity_provider WHERE tenant_id = $1";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant])).await? == 1)
    }

    /// Links a person at the provider to an account.
    ///
    /// # Errors
    /// `Unique` if the person is linked already.
    pub async fn insert_identity_link(&self, link: &IdentityLink) -> Result<()> {
        let sql = "INSERT INTO identity_link (tenant_id, issuer, subject, account_id, created_at)
                   VALUES ($1, $2, $3, $4, $5)";
        let args = args![self.tenant, &link.issuer, &link.subject, link.account, link.created_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }
}
