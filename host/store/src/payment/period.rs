//! Closed months of the books. A month is closed with all before it, and stays closed: triggers
//! refuse postings to it.

use xinglin_domain::{
    id::{AccountId, BillId},
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args},
};

/// A closed month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPeriod {
    /// The month: `2026-11`.
    pub period: String,
    /// When it was closed.
    pub closed_at: Instant,
    /// By whom.
    pub closed_by: AccountId,
    /// Digest of what was booked in it.
    pub digest: String,
}

impl TryFrom<Row> for ClosedPeriod {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            period: row.get("period")?,
            closed_at: row.get("closed_at")?,
            closed_by: row.get("closed_by")?,
            digest: row.get("digest")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// Closed months before this one, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_periods(&self, before: Option<&str>, limit: u32) -> Result<Vec<ClosedPeriod>> {
        let mut sql = Sql::new("SELECT * FROM ledger_period WHERE tenant_id = $1", args![self.tenant]);
        if let Some(before) = before {
            sql.push(" AND period < ").bind(before);
        }
        sql.push(" ORDER BY period DESC LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Bills with an operation, begun before a time, whose outcome is not known, or which are in a
    /// state in which it stands with the payer but not in the books, or of which one payer has settled and
    /// another has not. At most so many, by id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_open_bills(&self, before: Instant, unbooked: &str, limit: u32) -> Result<Vec<BillId>> {
        let sql = "SELECT DISTINCT o.bill_id FROM payment_operation o
                   JOIN bill b ON b.tenant_id = o.tenant_id AND b.document_id = o.bill_id
                   WHERE o.tenant_id = $1 AND o.created_at < $2
                     AND (o.state IN ('pending', 'unknown') OR b.status = $3
                          OR (b.status = 'CONFIRMED' AND o.verb = 'settle' AND o.state = 'done'))
                   ORDER BY o.bill_id LIMIT $4";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, before, unbooked, limit])).await?;
        rows.iter().map(|row| row.get("bill_id")).collect()
    }
}

impl TenantTx {
    /// Waits for all that are posting, and has later ones wait for the end of the transaction: what
    /// is read after it is all that there will be. Precedes [`Self::close_period`].
    ///
    /// # Errors
    /// `Contention` after a timeout.
    pub async fn stop_posting(&self) -> Result<()> {
        self.lock("ledger").await
    }

    /// Closes a month for ever.
    ///
    /// # Errors
    /// `PeriodClosed` if it is closed, or a later one.
    pub async fn close_period(&self, closed: &ClosedPeriod) -> Result<()> {
        let sql = "INSERT INTO ledger_period (tenant_id, period, closed_at, closed_by, digest)
                   VALUES ($1, $2, $3, $4, $5)";
        let ClosedPeriod { period, closed_at, closed_by, digest } = closed;
        let args = args![self.tenant, period, *closed_at, *closed_by, digest];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }
}
