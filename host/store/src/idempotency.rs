//! Idempotency: a repeated request with the same key gets the same answer.

use xinglin_domain::time::Instant;

use crate::{
    Executor, OperatorTx, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args},
};

/// `Idempotency-Key` of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// The caller.
    pub account: String,
    /// Unique for the caller.
    pub key: String,
}

/// The state of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Not seen before, now recorded.
    New,
    /// Still running, or the host crashed.
    Running {
        /// Digest of the request.
        digest: String,
        /// When it began.
        since: Instant,
    },
    /// Answered.
    Answered {
        /// Digest of the request.
        digest: String,
        /// HTTP status.
        status: u16,
        /// HTTP body.
        response: Vec<u8>,
    },
}

impl TryFrom<Row> for Request {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let digest = row.get("request_digest")?;
        match row.get::<Option<i64>>("status")? {
            None => Ok(Self::Running { digest, since: row.get("created_at")? }),
            Some(status) => Ok(Self::Answered {
                digest,
                status: status.try_into().map_err(StoreError::corrupt)?,
                response: row.get("response")?,
            }),
        }
    }
}

impl<E: Executor> TenantScope<E> {
    /// The state of a request, if it is recorded.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_request(&self, key: &RequestKey) -> Result<Option<Request>> {
        let sql = "SELECT request_digest, status, response, created_at FROM idempotency
                   WHERE tenant_id = $1 AND account_id = $2 AND request_key = $3";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, &key.account, &key.key])).await?;
        row.map(TryInto::try_into).transpose()
    }
}

impl TenantTx {
    /// Records a request, or returns its state.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn start_request(&self, key: &RequestKey, digest: &str, at: Instant) -> Result<Request> {
        let sql = "INSERT INTO idempotency (tenant_id, account_id, request_key, request_digest, created_at)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, account_id, request_key) DO NOTHING";
        match self.exec.execute(Sql::new(sql, args![self.tenant, &key.account, &key.key, digest, at])).await? {
            0 => self.find_request(key).await?.ok_or(StoreError::Contention),
            _ => Ok(Request::New),
        }
    }

    /// Stores the answer, in the transaction of the effect.
    ///
    /// # Errors
    /// `NotFound` if the request is not recorded or is answered already.
    pub async fn answer_request(&self, key: &RequestKey, status: u16, response: &[u8]) -> Result<()> {
        let sql = "UPDATE idempotency SET status = $4, response = $5
                   WHERE tenant_id = $1 AND account_id = $2 AND request_key = $3 AND status IS NULL";
        let args = args![self.tenant, &key.account, &key.key, i64::from(status), response];
        match self.exec.execute(Sql::new(sql, args)).await? {
            0 => Err(StoreError::not_found("request", &key.key)),
            _ => Ok(()),
        }
    }

    /// Deletes a request that failed before it had an effect, so that it may be retried.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_request(&self, key: &RequestKey) -> Result<()> {
        let sql = "DELETE FROM idempotency
                   WHERE tenant_id = $1 AND account_id = $2 AND request_key = $3 AND status IS NULL";
        self.exec.execute(Sql::new(sql, args![self.tenant, &key.account, &key.key])).await?;
        Ok(())
    }
}

impl OperatorTx {
    /// Deletes the requests of all tenants before this time; returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_requests(&self, before: Instant) -> Result<u64> {
        self.exec.execute(Sql::new("DELETE FROM idempotency WHERE created_at < $1", args![before])).await
    }
}
