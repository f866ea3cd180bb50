//! Transactions that one person has posted and another is still to approve.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, TransactionId},
    money::Money,
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftState {
    /// Nothing yet: it does not count.
    Waiting,
    /// It is in the ledger.
    Approved,
    /// It never counts.
    Rejected,
}

impl DraftState {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for DraftState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Waiting, Self::Approved, Self::Rejected].into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| StoreError::corrupt(format!("draft state `{text}`")))
    }
}

/// A transaction that is to be approved.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The id that it will have in the ledger.
    pub id: TransactionId,
    /// Who posted it.
    pub posted_by: AccountId,
    /// When.
    pub posted_at: Instant,
    /// What it moves.
    pub amount: Money,
    /// What became of it.
    pub state: DraftState,
    /// What was asked, and who judged it, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
}

impl TryFrom<Row> for Draft {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("transaction_id")?,
            posted_by: row.get("posted_by")?,
            posted_at: row.get("posted_at")?,
            amount: row.get("amount")?,
            state: row.get::<String>("status")?.parse()?,
            body: row.json("body")?,
            version: row.get("version")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One draft.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_draft(&self, id: TransactionId) -> Result<Draft> {
        let sql = "SELECT * FROM ledger_draft WHERE tenant_id = $1 AND transaction_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("draft", id))?.try_into()
    }

    /// The drafts that wait, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_drafts(&self, limit: u32) -> Result<Vec<Draft>> {
        let sql = "SELECT * FROM ledger_draft WHERE tenant_id = $1 AND status = 'waiting'
                   ORDER BY posted_at, transaction_id LIMIT $2";
        self.exec.rows(Sql::new(sql, args![self.tenant, limit])).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new draft.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_draft(&self, draft: &Draft) -> Result<()> {
        let sql =
            "INSERT INTO ledger_draft (tenant_id, transaction_id, posted_by, posted_at, amount, status, body, version)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 1)";
        let Draft { id, posted_by, posted_at, amount, state, body, .. } = draft;
        let args = args![self.tenant, *id, *posted_by, *posted_at, *amount, state.as_str(), Arg::json(body)?];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Stores what became of a draft.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn judge_draft(&self, draft: &Draft) -> Result<i64> {
        let sql = "UPDATE ledger_draft SET status = $4, body = $5, version = version + 1
                   WHERE tenant_id = $1 AND transaction_id = $2 AND version = $3";
        let args = args![self.tenant, draft.id, draft.version, draft.state.as_str(), Arg::json(&draft.body)?];
        self.exec.update_one(Sql::new(sql, args), "draft", draft.id, draft.version).await
    }
}
