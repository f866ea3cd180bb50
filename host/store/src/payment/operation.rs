//! Operations with payers, each known by its key before it is sent. A payer that
//! does not answer leaves an operation unknown; it is asked about, never resent. What is
//! pending or unknown has its work in [`Queue::Payment`], under its key.

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

/// What is known of an operation's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// It is being sent. If it stays so, the host died over it: treat as unknown.
    Pending,
    /// The payer answered.
    Done,
    /// The payer may have done it or not.
    Unknown,
    /// It was certainly not done.
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

/// One attempt to do one thing with one payer.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// Names it for ever.
    pub key: String,
    /// What is paid.
    pub bill_id: BillId,
    /// The payer's plugin.
    pub payer: String,
    /// `settle` or `reverse`.
    pub verb: String,
    /// What was asked; the same key with another is a conflict.
    pub request_digest: String,
    /// Its fate.
    pub state: OperationState,
    /// The payer's answer.
    pub response: Option<Value>,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was begun.
    pub created_at: Instant,
    /// When its fate was last looked at.
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

/// Whether a key is new.
#[derive(Debug, Clone, PartialEq)]
pub enum Started {
    /// It is: send the request, after the commit.
    New,
    /// It was begun before; compare `request_digest`, then answer the same.
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
    /// Begins an operation, unless its key is known. If its fate is not known by `ask_at`,
    /// the payer is to be asked.
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

    /// Notes an operation's fate. While it is not known, the payer is to be asked at
    /// `ask_at`.
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
