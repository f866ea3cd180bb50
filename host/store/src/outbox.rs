//! What must still be told to somebody once a transaction has committed: to the
//! outside, or to a pathway that gave no answer. Each entry is delivered at least
//! once; the receiver tells repetitions by its id.

use serde_json::Value;
use xinglin_domain::{id::TenantId, time::Instant};

use crate::{
    Executor, OperatorTx, Result, StoreError, TenantTx,
    custody::NOT_FROZEN,
    db::{Arg, Row, Sql, args},
};

/// Something to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEntry {
    /// Of whom. Filled in by reads; a write goes to the tenant it is made in.
    pub tenant: TenantId,
    /// Drawn by the server.
    pub id: String,
    /// Who should hear it.
    pub topic: String,
    /// What.
    pub payload: Value,
    /// Since when it waits.
    pub created_at: Instant,
    /// When to try next.
    pub due_at: Instant,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

impl TryFrom<Row> for OutboxEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tenant: row.get("tenant_id")?,
            id: row.get("outbox_id")?,
            topic: row.get("topic")?,
            payload: row.json("payload")?,
            created_at: row.get("created_at")?,
            due_at: row.get("due_at")?,
            attempts: row.get("attempts")?,
        })
    }
}

impl TenantTx {
    /// Puts something in, to be delivered after the commit.
    ///
    /// # Errors
    /// `Unique` if the id is known.
    pub async fn insert_outbox(&self, entry: &OutboxEntry) -> Result<()> {
        let sql = "INSERT INTO outbox (tenant_id, outbox_id, topic, payload, created_at, due_at, attempts)
                   VALUES ($1, $2, $3, $4, $5, $6, 0)";
        let OutboxEntry { id, topic, payload, created_at, due_at, .. } = entry;
        self.exec
            .execute(Sql::new(sql, args![self.tenant, id, topic, Arg::json(payload)?, *created_at, *due_at]))
            .await?;
        Ok(())
    }

    /// Notes that an entry was delivered; `false` if it had been already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn finish_outbox(&self, id: &str, at: Instant) -> Result<bool> {
        let sql = "UPDATE outbox SET done_at = $3, claimed_until = NULL
                   WHERE tenant_id = $1 AND outbox_id = $2 AND done_at IS NULL";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, id, at])).await? == 1)
    }

    /// Notes that an entry could not be delivered, and when to try again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn retry_outbox(&self, id: &str, due_at: Instant) -> Result<()> {
        let sql = "UPDATE outbox SET due_at = $3, claimed_until = NULL
                   WHERE tenant_id = $1 AND outbox_id = $2 AND done_at IS NULL";
        self.exec.execute(Sql::new(sql, args![self.tenant, id, due_at])).await?;
        Ok(())
    }
}

impl OperatorTx {
    /// Leases entries of all tenants that are due at `now` to the caller until
    /// `lease`, the earliest due first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_outbox(&self, now: Instant, lease: Instant, limit: u32) -> Result<Vec<OutboxEntry>> {
        let sql = format!(
            "WITH due AS MATERIALIZED (
                 SELECT tenant_id AS due_tenant, outbox_id AS due_entry FROM outbox
                 WHERE done_at IS NULL AND due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1)
                   AND {NOT_FROZEN}
                 ORDER BY due_at LIMIT $3{}
             )
             UPDATE outbox SET claimed_until = $2, attempts = attempts + 1 FROM due
             WHERE tenant_id = due_tenant AND outbox_id = due_entry
             RETURNING tenant_id, outbox_id, topic, payload, created_at, due_at, attempts",
            self.exec.engine().skip_locked()
        );
        let rows = self.exec.rows(Sql::new(sql, args![now, lease, limit])).await?;
        let mut entries = rows.into_iter().map(TryInto::try_into).collect::<Result<Vec<OutboxEntry>>>()?;
        entries.sort_by(|a, b| (a.due_at, &a.id).cmp(&(b.due_at, &b.id)));
        Ok(entries)
    }
}
