//! One-time handles.

use serde::{Serialize, de::DeserializeOwned};
use xinglin_domain::time::Instant;

use crate::{
    Executor as _, OperatorTx, Result, TenantTx,
    db::{Arg, Sql, args},
};

/// The result of presenting a handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown<T> {
    /// Valid; now used.
    Good(T),
    /// Used before.
    Again(T),
    /// Unknown or expired.
    Unknown,
}

impl<T> Shown<T> {
    /// Its content, if it was valid.
    pub fn good(self) -> Option<T> {
        match self {
            Self::Good(body) => Some(body),
            Self::Again(_) | Self::Unknown => None,
        }
    }
}

impl TenantTx {
    /// Stores the content of a handle under its digest.
    ///
    /// # Errors
    /// `Unique` if the digest exists.
    pub async fn put_one_time(
        &self,
        kind: &str,
        digest: &str,
        body: &impl Serialize,
        expires_at: Instant,
    ) -> Result<()> {
        let sql = "INSERT INTO one_time (tenant_id, kind, digest, body, expires_at) VALUES ($1, $2, $3, $4, $5)";
        let args = args![self.tenant, kind, digest, Arg::json(body)?, expires_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Uses a handle; of two concurrent uses, one succeeds.
    ///
    /// # Errors
    /// If the database fails, or the content has another type.
    pub async fn take_one_time<T: DeserializeOwned>(&self, kind: &str, digest: &str, at: Instant) -> Result<Shown<T>> {
        let sql = "UPDATE one_time SET used_at = $4
                   WHERE tenant_id = $1 AND kind = $2 AND digest = $3 AND used_at IS NULL AND expires_at > $4";
        let taken = self.exec.execute(Sql::new(sql, args![self.tenant, kind, digest, at])).await? == 1;
        let sql = "SELECT body, used_at FROM one_time WHERE tenant_id = $1 AND kind = $2 AND digest = $3";
        let Some(row) = self.exec.row(Sql::new(sql, args![self.tenant, kind, digest])).await? else {
            return Ok(Shown::Unknown);
        };
        match row.get::<Option<Instant>>("used_at")? {
            Some(_) if taken => Ok(Shown::Good(row.json("body")?)),
            Some(_) => Ok(Shown::Again(row.json("body")?)),
            None => Ok(Shown::Unknown),
        }
    }
}

impl OperatorTx {
    /// Deletes handles of all tenants that expired before this time; returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_one_time(&self, before: Instant) -> Result<u64> {
        self.exec.execute(Sql::new("DELETE FROM one_time WHERE expires_at < $1", args![before])).await
    }
}
