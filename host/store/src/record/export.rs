//! Exports in bulk: what was asked, and how far it is. An open one has its work in
//! [`Queue::Export`], under its own id.

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

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// It waits for its turn, or runs.
    Open,
    /// Its files can be fetched.
    Done,
    /// Nothing came of it.
    Failed,
    /// It was called off, before or after.
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
    /// Who asked for it.
    pub account: AccountId,
    /// How far it is.
    pub state: ExportState,
    /// The use case's value, as JSON.
    pub body: Value,
    /// Which try it is, from 1; 0 if it waits for the first.
    pub attempts: i64,
    /// From when on its files are not kept, once it has ended.
    pub ends_at: Option<Instant>,
    /// When it was asked for.
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

    /// How many have not ended.
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
    /// Asks for an export.
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

    /// Notes how far a try is, or what came of it; `false` if the export was called off.
    /// Only who has [its work](crate::Work) may.
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

    /// Calls an export off, whether it has ended or not; `false` if it was before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel_export(&self, id: ExportId, at: Instant) -> Result<bool> {
        self.drop_work(Queue::Export, &id.to_string()).await?;
        let sql = "UPDATE export_job SET status = 'cancelled', ends_at = $3
                   WHERE tenant_id = $1 AND export_id = $2 AND status <> 'cancelled'";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, id, at])).await? == 1)
    }

    /// Forgets an export that has ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_export(&self, id: ExportId) -> Result<()> {
        let sql = "DELETE FROM export_job WHERE tenant_id = $1 AND export_id = $2 AND status <> 'open'";
        self.exec.execute(Sql::new(sql, args![self.tenant, id])).await.map(drop)
    }
}

impl Operator {
    /// Exports of all tenants whose files are not kept any longer at `now`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_ended_exports(&self, now: Instant, limit: u32) -> Result<Vec<Export>> {
        let sql = "SELECT * FROM export_job WHERE status <> 'open' AND ends_at <= $1 ORDER BY ends_at LIMIT $2";
        self.exec.rows(Sql::new(sql, args![now, limit])).await?.into_iter().map(TryInto::try_into).collect()
    }
}
