//! What a patient is told, once.

use serde_json::Value;
use xinglin_domain::time::Instant;

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A message to a patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Drawn by the server.
    pub id: String,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The same thing said twice has the same key.
    pub dedupe_key: String,
    /// The domain's own.
    pub body: Value,
    /// When.
    pub created_at: Instant,
    /// When the patient saw it.
    pub read_at: Option<Instant>,
}

impl TryFrom<Row> for Message {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("message_id")?,
            patient_id: row.get("patient_id")?,
            dedupe_key: row.get("dedupe_key")?,
            body: row.json("body")?,
            created_at: row.get("created_at")?,
            read_at: row.get("read_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// A patient's messages, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_messages(&self, patient_id: &str, limit: u32) -> Result<Vec<Message>> {
        let sql = "SELECT * FROM message WHERE tenant_id = $1 AND patient_id = $2
                   ORDER BY created_at DESC, message_id DESC LIMIT $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a message; `false` if it has been said before.
    ///
    /// # Errors
    /// `Unique` if the id is known.
    pub async fn insert_message(&self, message: &Message) -> Result<bool> {
        let sql = "INSERT INTO message (tenant_id, message_id, patient_id, dedupe_key, body, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (tenant_id, dedupe_key) DO NOTHING";
        let Message { id, patient_id, dedupe_key, body, created_at, .. } = message;
        let args = args![self.tenant, id, patient_id, dedupe_key, Arg::json(body)?, *created_at];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Notes that the patient saw a message; the first time stands.
    ///
    /// # Errors
    /// `NotFound` if it is not this patient's.
    pub async fn read_message(&self, patient_id: &str, id: &str, at: Instant) -> Result<()> {
        let sql = "UPDATE message SET read_at = COALESCE(read_at, $4)
                   WHERE tenant_id = $1 AND patient_id = $2 AND message_id = $3";
        match self.exec.execute(Sql::new(sql, args![self.tenant, patient_id, id, at])).await? {
            0 => Err(StoreError::not_found("message", id)),
            _ => Ok(()),
        }
    }
}
