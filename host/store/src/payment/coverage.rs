//! Coverages of patients by payers, as last known.

use serde_json::Value;
use xinglin_domain::time::Instant;

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A coverage with its accumulators.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The plugin of the payer.
    pub payer: String,
    /// The domain value, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for Coverage {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            patient_id: row.get("patient_id")?,
            payer: row.get("payer")?,
            body: row.json("body")?,
            version: row.get("version")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// A patient's coverage by one payer, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_coverage(&self, patient_id: &str, payer: &str) -> Result<Option<Coverage>> {
        let sql = "SELECT * FROM coverage WHERE tenant_id = $1 AND patient_id = $2 AND payer = $3";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, patient_id, payer])).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// A patient's coverages, by payer.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_coverages(&self, patient_id: &str) -> Result<Vec<Coverage>> {
        let sql = "SELECT * FROM coverage WHERE tenant_id = $1 AND patient_id = $2 ORDER BY payer";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a coverage, new or changed.
    ///
    /// # Errors
    /// `VersionConflict`, also if the caller takes an existing one for new.
    pub async fn put_coverage(&self, coverage: &Coverage) -> Result<i64> {
        let sql = "INSERT INTO coverage (tenant_id, patient_id, payer, version, body, updated_at)
                   SELECT $1, $2, $3, $4 + 1, $5, $6
                   WHERE $4 = 0 OR EXISTS (SELECT 1 FROM coverage
                                           WHERE tenant_id = $1 AND patient_id = $2 AND payer = $3)
                   ON CONFLICT (tenant_id, patient_id, payer) DO UPDATE
                   SET version = excluded.version, body = excluded.body, updated_at = excluded.updated_at
                   WHERE coverage.version = $4";
        let Coverage { patient_id, payer, body, version, updated_at } = coverage;
        let args = args![self.tenant, patient_id, payer, *version, Arg::json(body)?, *updated_at];
        self.exec.update_one(Sql::new(sql, args), "coverage", format!("{patient_id}/{payer}"), *version).await
    }
}
