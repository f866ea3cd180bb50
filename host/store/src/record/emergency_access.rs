//! Emergency accesses and their reviews.

use serde_json::Value;
use xinglin_domain::{id::EmergencyAccessId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// An emergency access with its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct EmergencyAccessRow {
    /// Its id.
    pub id: EmergencyAccessId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The account with the access.
    pub account_id: String,
    /// The domain value, as JSON.
    pub body: Value,
    /// Start.
    pub opened_at: Instant,
    /// End, exclusive.
    pub until_at: Instant,
    /// When it was reviewed.
    pub judged_at: Option<Instant>,
}

impl TryFrom<Row> for EmergencyAccessRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("glass_id")?,
            patient_id: row.get("patient_id")?,
            account_id: row.get("account_id")?,
            body: row.json("body")?,
            opened_at: row.get("opened_at")?,
            until_at: row.get("until_at")?,
            judged_at: row.get("judged_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One emergency access.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_emergency_access(&self, id: EmergencyAccessId) -> Result<EmergencyAccessRow> {
        let sql = "SELECT * FROM broken_glass WHERE tenant_id = $1 AND glass_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("opening", id))?.try_into()
    }

    /// An account's unexpired emergency accesses to these patients' records.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_emergency_accesses_of(
        &self,
        patients: &[String],
        account_id: &str,
        at: Instant,
    ) -> Result<Vec<EmergencyAccessRow>> {
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        let text = "SELECT * FROM broken_glass WHERE tenant_id = $1 AND account_id = $2 AND until_at > $3
                    AND patient_id IN ";
        let mut sql = Sql::new(text, args![self.tenant, account_id, at]);
        sql.bind_all(patients);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Emergency accesses that await review, oldest first, or reviewed ones, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_emergency_accesses(&self, judged: bool, limit: u32) -> Result<Vec<EmergencyAccessRow>> {
        let sql = if judged {
            "SELECT * FROM broken_glass WHERE tenant_id = $1 AND judged_at IS NOT NULL
             ORDER BY judged_at DESC, glass_id DESC LIMIT $2"
        } else {
            "SELECT * FROM broken_glass WHERE tenant_id = $1 AND judged_at IS NULL
             ORDER BY opened_at, glass_id LIMIT $2"
        };
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new emergency access.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_emergency_access(&self, access: &EmergencyAccessRow) -> Result<()> {
        let sql = "INSERT INTO broken_glass
                       (tenant_id, glass_id, patient_id, account_id, body, opened_at, until_at, judged_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)";
        let EmergencyAccessRow { id, patient_id, account_id, body, opened_at, until_at, .. } = access;
        let args = args![self.tenant, *id, patient_id, account_id, Arg::json(body)?, *opened_at, *until_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Stores the review of an emergency access.
    ///
    /// # Errors
    /// `VersionConflict` if it is reviewed already.
    pub async fn judge_emergency_access(&self, id: EmergencyAccessId, body: &Value, at: Instant) -> Result<()> {
        let sql = "UPDATE broken_glass SET body = $3, judged_at = $4
                   WHERE tenant_id = $1 AND glass_id = $2 AND judged_at IS NULL";
        match self.exec.execute(Sql::new(sql, args![self.tenant, id, Arg::json(body)?, at])).await? {
            0 => Err(self.exec.mark_failed(StoreError::conflict("opening", id)).await),
            _ => Ok(()),
        }
    }
}
