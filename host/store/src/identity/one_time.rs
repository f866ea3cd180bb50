//! What is given out to be shown once.

use serde::{Serialize, de::DeserializeOwned};
use xinglin_domain::time::Instant;

use crate::{
    Executor as _, OperatorTx, Result, TenantTx,
    db::{Arg, Sql, args},
};

/// What there is of something that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown<T> {
    /// It was good, and is now used up.
    Good(T),
    /// It was shown before.
    Again(T),
    /// There is none, or its time is over.
    Unknown,
}

impl<T> Shown<T> {
    /// What it says, if it was good.
    pub fn good(self) -> Option<T> {
        match self {
            Self::Good(body) => Some(body),
            Self::Again(_) | Self::Unknown => None,
        }
    }
}

impl TenantTx {
    /// Keeps what something says that is given out, by its digest.
    ///
    /// # Errors
    /// `Unique` if there is one like that.
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

    /// Uses it up; of two at once, one finds it good.
    ///
    /// # Errors
    /// If the database fails, or it says something else.
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
    /// Forgets what ended before then, in all tenants; how many there were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_one_time(&self, before: Instant) -> Result<u64> {
        self.exec.execute(Sql::new("DELETE FROM one_time WHERE expires_at < $1", args![before])).await
    }
}
