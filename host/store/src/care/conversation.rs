//! Messages of visits: append-only until purged.

use serde_json::Value;
use xinglin_domain::{id::EncounterId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A message in a visit.
#[derive(Debug, Clone, PartialEq)]
pub struct VisitMessage {
    /// Its number in the visit, from 1.
    pub seq: i64,
    /// The domain value, as JSON.
    pub body: Value,
    /// When it was written.
    pub created_at: Instant,
}

impl TryFrom<Row> for VisitMessage {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self { seq: row.get("seq")?, body: row.json("body")?, created_at: row.get("created_at")? })
    }
}

impl<E: Executor> TenantScope<E> {
    /// Messages of a visit after this number, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_visit_messages(&self, visit: EncounterId, after: i64, limit: u32) -> Result<Vec<VisitMessage>> {
        let sql = "SELECT * FROM visit_message WHERE tenant_id = $1 AND encounter_id = $2 AND seq > $3
                   ORDER BY seq LIMIT $4";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, visit, after, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Appends a message to a visit; returns its number. Concurrent writers need a lock.
    ///
    /// # Errors
    /// `Reference` if there is no such visit; `Unique` if another was appended concurrently.
    pub async fn append_visit_message(&self, visit: EncounterId, body: &Value, at: Instant) -> Result<i64> {
        let sql = "INSERT INTO visit_message (tenant_id, encounter_id, seq, body, created_at)
                   SELECT $1, $2, COALESCE(MAX(seq), 0) + 1, $3, $4 FROM visit_message
                   WHERE tenant_id = $1 AND encounter_id = $2
                   RETURNING seq";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, visit, Arg::json(body)?, at])).await?;
        row.ok_or_else(|| StoreError::corrupt("a message was not stored"))?.get("seq")
    }

    /// Records a purge and who ordered it, then deletes the messages before a moment; returns their
    /// number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_visit_messages(&self, before: Instant, by: &str, at: Instant) -> Result<u64> {
        let sql = "INSERT INTO visit_message_purge (tenant_id, before_at, purged_at, purged_by)
                   VALUES ($1, $2, $3, $4)
                   ON CONFLICT (tenant_id, before_at) DO NOTHING";
        self.exec.execute(Sql::new(sql, args![self.tenant, before, at, by])).await?;
        let sql = "DELETE FROM visit_message WHERE tenant_id = $1 AND created_at < $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, before])).await
    }
}
