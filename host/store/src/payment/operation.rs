//! Operations with payers, each stored with its key before it is sent. Without an answer the state
//! is unknown; the payer is then queried, and the operation never sent again. Pending and unknown
//! operations have work in [`Queue::Payment`], under their key.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{
    id::{BillId, TenantId},
    time::Instant,
};

use crate::{
    Executor, Queue, Result, StoreError, TenantScope, TenantTx, Work,
    db::{Arg, Row, Sql, args},
};

/// State of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Being sent. If it stays so, the host crashed: treat as unknown.
    Pending,
    /// Answered by the payer.
    Done,
    /// The payer may have executed it or not.
    Unknown,
    /// Certainly not executed.
    Failed,
}

impl OperationState {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for OperationState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Pending, Self::Done, Self::Unknown, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::corrupt(format!("operation state `{text}`")))
    }
}

/// One operation of one payer.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// The unique key, permanent.
    pub key: String,
    /// The bill.
    pub bill_id: BillId,
    /// The plugin of the payer; of a quote, those of all payers, with commas.
    pub payer: String,
    /// `settle`, `reverse`, or `quote` of what a refund has left.
    pub verb: String,
    /// Digest of the request; another digest with the same key is a conflict.
    pub request_digest: String,
    /// Its state.
    pub state: OperationState,
    /// The payer's answer.
    pub response: Option<Value>,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was begun.
    pub created_at: Instant,
    /// When its state last changed or was queried.
    pub updated_at: Instant,
}

impl TryFrom<Row> for Operation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tenant: row.get("tenant_id")?,
            key: row.get("operation_key")?,
            bill_id: row.get("bill_id")?,
            payer: row.get("payer")?,
            verb: row.get("verb")?,
            request_digest: row.get("request_digest")?,
            state: row.get::<String>("state")?.parse()?,
            response: row.opt_json("response")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The result of starting an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Started {
    /// New: send the request after the commit.
    New,
    /// Started before: compare `request_digest`, then give the same answer.
    Known(Box<Operation>),
}

impl<E: Executor> TenantScope<E> {
    /// One operation.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_payment(&self, key: &str) -> Result<Operation> {
        let sql = "SELECT * FROM payment_operation WHERE tenant_id = $1 AND operation_key = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, key])).await?;
        row.ok_or_else(|| StoreError::not_found("payment", key))?.try_into()
    }

    /// A bill's operations, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_payments(&self, bill: BillId) -> Result<Vec<Operation>> {
        let sql = "SELECT * FROM payment_operation WHERE tenant_id = $1 AND bill_id = $2
                   ORDER BY created_at, operation_key";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, bill])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Starts an operation, unless its key exists. If its state is still unknown at `ask_at`, the
    /// payer is queried.
    ///
    /// # Errors
    /// `Reference` if there is no such bill.
    pub async fn start_payment(&self, operation: &Operation, ask_at: Instant) -> Result<Started> {
        let sql = "INSERT INTO payment_operation (tenant_id, operation_key, bill_id, payer, verb, request_digest,
                                                  state, response, version, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10)
                   ON CONFLICT (tenant_id, operation_key) DO NOTHING";
        let args = args![
            self.tenant,
            &operation.key,
            operation.bill_id,
            &operation.payer,
            &operation.verb,
            &operation.request_digest,
            operation.state.as_str(),
            Arg::opt_json(operation.response.as_ref())?,
            operation.created_at,
            operation.updated_at
        ];
        match self.exec.execute(Sql::new(sql, args)).await? {
            0 => self.get_payment(&operation.key).await.map(|known| Started::Known(Box::new(known))),
            _ => {
                self.put_work(&[Work::new(Queue::Payment, &operation.key, operation.bill_id, ask_at)]).await?;
                Ok(Started::New)
            }
        }
    }

    /// Stores an operation's state. While it is unknown, the payer is queried at `ask_at`.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn update_payment(&self, operation: &Operation, ask_at: Instant) -> Result<i64> {
        let sql = "UPDATE payment_operation SET state = $4, response = $5, updated_at = $6, version = version + 1
                   WHERE tenant_id = $1 AND operation_key = $2 AND version = $3";
        let args = args![
            self.tenant,
            &operation.key,
            operation.version,
            operation.state.as_str(),
            Arg::opt_json(operation.response.as_ref())?,
            operation.updated_at
        ];
        let version = self.exec.update_one(Sql::new(sql, args), "payment", &operation.key, operation.version).await?;
        match operation.state {
            OperationState::Pending | OperationState::Unknown => {
                self.put_work(&[Work::new(Queue::Payment, &operation.key, operation.bill_id, ask_at)]).await?;
            }
            OperationState::Done | OperationState::Failed => self.drop_work(Queue::Payment, &operation.key).await?,
        }
        Ok(version)
    }
}
