//! Bulk exports. An open one has work in [`Queue::Export`], under its own id.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, ExportId, TenantId},
    time::Instant,
};

use crate::{
    Executor, Operator, Queue, Result, StoreError, TenantScope, TenantTx, Work,
    db::{Arg, Row, Sql, args},
};

/// State of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// Waiting or running.
    Open,
    /// Its files can be fetched.
    Done,
    /// It failed.
    Failed,
    /// Cancelled, before or after its end.
    Cancelled,
}

impl ExportState {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for ExportState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Open, Self::Done, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::corrupt(format!("export state `{text}`")))
    }
}

/// An export.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// Its id.
    pub id: ExportId,
    /// The account that requested it.
    pub account: AccountId,
    /// Its state.
    pub state: ExportState,
    /// The use case's value, as JSON.
    pub body: Value,
    /// Number of the current attempt, from 1; 0 before the first.
    pub attempts: i64,
    /// When its files expire, once it has ended.
    pub ends_at: Option<Instant>,
    /// When it was requested.
    pub created_at: Instant,
}

impl TryFrom<Row> for Export {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tenant: row.get("tenant_id")?,
            id: row.get("export_id")?,
            account: row.get("account_id")?,
            state: row.get::<String>("status")?.parse()?,
            body: row.json("body")?,
            attempts: row.get("attempts")?,
            ends_at: row.get("ends_at")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One export.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_export(&self, id: ExportId) -> Result<Export> {
        let sql = "SELECT * FROM export_job WHERE tenant_id = $1 AND export_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("export", id))?.try_into()
    }

    /// Number of open exports.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_open_exports(&self) -> Result<i64> {
        let sql = "SELECT COUNT(*) AS total FROM export_job WHERE tenant_id = $1 AND status = 'open'";
        let row = self.exec.row(Sql::new(sql, args![self.tenant])).await?;
        row.map_or(Ok(0), |row| row.get("total"))
    }
}

impl TenantTx {
    /// Stores a new export.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_export(&self, export: &Export) -> Result<()> {
        let sql = "INSERT INTO export_job (tenant_id, export_id, account_id, status, body, attempts, created_at)
                   VALUES ($1, $2, $3, 'open', $4, 0, $5)";
        let Export { id, account, body, created_at, .. } = export;
        let args = args![self.tenant, *id, *account, Arg::json(body)?, *created_at];
        self.exec.execute(Sql::new(sql, args)).await?;
        self.put_work(&[Work::new(Queue::Export, id, id, *created_at)]).await
    }

    /// Stores progress or result of an attempt; `false` if the export was cancelled. Only the
    /// holder of [its work](crate::Work) may call this.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_export(&self, export: &Export) -> Result<bool> {
        let sql = "UPDATE export_job SET status = $3, body = $4, attempts = $5, ends_at = $6
                   WHERE tenant_id = $1 AND export_id = $2 AND status = 'open'";
        let Export { id, attempts, state, body, ends_at, .. } = export;
        let args = args![self.tenant, *id, state.as_str(), Arg::json(body)?, *attempts, *ends_at];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Cancels an export, whether it has ended or not; `false` if it was cancelled before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel_export(&self, id: ExportId, at: Instant) -> Result<bool> {
        self.drop_work(Queue::Export, &id.to_string()).await?;
        let sql = "UPDATE export_job SET status = 'cancelled', ends_at = $3
                   WHERE tenant_id = $1 AND export_id = $2 AND status <> 'cancelled'";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, id, at])).await? == 1)
    }

    /// Deletes an export that has ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_export(&self, id: ExportId) -> Result<()> {
        let sql = "DELETE FROM export_job WHERE tenant_id = $1 AND export_id = $2 AND status <> 'open'";
        self.exec.execute(Sql::new(sql, args![self.tenant, id])).await.map(drop)
    }
}

impl Operator {
    /// Exports of all tenants whose files have expired at `now`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_ended_exports(&self, now: Instant, limit: u32) -> Result<Vec<Export>> {
        let sql = "SELECT * FROM export_job WHERE status <> 'open' AND ends_at <= $1 ORDER BY ends_at LIMIT $2";
        self.exec.rows(Sql::new(sql, args![now, limit])).await?.into_iter().map(TryInto::try_into).collect()
    }
}
