//! Passkeys.

use serde_json::Value;
use xinglin_domain::{id::AccountId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A passkey.
#[derive(Debug, Clone, PartialEq)]
pub struct Passkey {
    /// Credential id, encoded as text.
    pub id: String,
    /// Its account.
    pub account: AccountId,
    /// Name chosen by the user.
    pub name: String,
    /// The server's value, as JSON.
    pub body: Value,
    /// Signature counter of the authenticator; 0 if it has none.
    pub counter: i64,
    /// When it was registered.
    pub created_at: Instant,
    /// When it was last used.
    pub used_at: Option<Instant>,
}

impl TryFrom<Row> for Passkey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("passkey_id")?,
            account: row.get("account_id")?,
            name: row.get("name")?,
            body: row.json("body")?,
            counter: row.get("counter")?,
            created_at: row.get("created_at")?,
            used_at: row.get("used_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One passkey, if it exists.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_passkey(&self, id: &str) -> Result<Option<Passkey>> {
        let sql = "SELECT * FROM passkey WHERE tenant_id = $1 AND passkey_id = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, id])).await?.map(TryInto::try_into).transpose()
    }

    /// The passkeys of an account, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_passkeys(&self, account: AccountId) -> Result<Vec<Passkey>> {
        let sql = "SELECT * FROM passkey WHERE tenant_id = $1 AND account_id = $2 ORDER BY created_at, passkey_id";
        self.exec.rows(Sql::new(sql, args![self.tenant, account])).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new passkey.
    ///
    /// # Errors
    /// `Unique` if it is registered already.
    pub async fn insert_passkey(&self, passkey: &Passkey) -> Result<()> {
        let sql = "INSERT INTO passkey (tenant_id, passkey_id, account_id, name, body, counter, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let args = args![
            self.tenant,
            &passkey.id,
            passkey.account,
            &passkey.name,
            Arg::json(&passkey.body)?,
            passkey.counter,
            passkey.created_at
        ];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Updates a passkey after a sign-in, if its stored counter still is `counter`; returns whether
    /// it was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn use_passkey(&self, passkey: &Passkey, counter: i64) -> Result<bool> {
        let sql = "UPDATE passkey SET body = $4, counter = $5, used_at = $6
                   WHERE tenant_id = $1 AND passkey_id = $2 AND counter = $3";
        let args =
            args![self.tenant, &passkey.id, counter, Arg::json(&passkey.body)?, passkey.counter, passkey.used_at];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Deletes a passkey of an account; returns whether it existed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_passkey(&self, account: AccountId, id: &str) -> Result<bool> {
        let sql = "DELETE FROM passkey WHERE tenant_id = $1 AND account_id = $2 AND passkey_id = $3";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, account, id])).await? == 1)
    }
}
