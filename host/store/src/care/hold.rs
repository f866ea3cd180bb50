//! Holds on online prescribing.

use serde_json::Value;
use xinglin_domain::{id::HoldId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A hold on a patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The source: the id of an enrolment.
    pub source: String,
    /// Unique among the source's active holds on the patient.
    pub code: String,
    /// The domain value, as JSON.
    pub body: Value,
    /// When it was placed.
    pub placed_at: Instant,
    /// When it was released, and by whom.
    pub released: Option<(Instant, String)>,
}

impl TryFrom<Row> for Hold {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let released_at: Option<Instant> = row.get("released_at")?;
        let released_by: Option<String> = row.get("released_by")?;
        Ok(Self {
            id: row.get("hold_id")?,
            patient_id: row.get("patient_id")?,
            source: row.get("source")?,
            code: row.get("code")?,
            body: row.json("body")?,
            placed_at: row.get("placed_at")?,
            released: released_at.zip(released_by),
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One hold, active or released.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_hold(&self, hold: HoldId) -> Result<Hold> {
        let sql = "SELECT * FROM hold WHERE tenant_id = $1 AND hold_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, hold])).await?;
        row.ok_or_else(|| StoreError::not_found("hold", hold))?.try_into()
    }

    /// The active holds on a patient, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_active_holds(&self, patient_id: &str) -> Result<Vec<Hold>> {
        let sql = "SELECT * FROM hold WHERE tenant_id = $1 AND patient_id = $2 AND released_at IS NULL
                   ORDER BY placed_at, hold_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// All holds on a patient, also released ones, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_holds(&self, patient_id: &str) -> Result<Vec<Hold>> {
        let sql = "SELECT * FROM hold WHERE tenant_id = $1 AND patient_id = $2 ORDER BY placed_at, hold_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Places a hold; `false` if the source has an active hold with this code on the patient.
    ///
    /// # Errors
    /// `Unique` if the id is known.
    pub async fn place_hold(&self, hold: &Hold) -> Result<bool> {
        let sql = "INSERT INTO hold (tenant_id, hold_id, patient_id, source, code, body, placed_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (tenant_id, patient_id, source, code) WHERE released_at IS NULL DO NOTHING";
        let Hold { id, patient_id, source, code, body, placed_at, .. } = hold;
        let args = args![self.tenant, *id, patient_id, source, code, Arg::json(body)?, *placed_at];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Replaces the body of an active hold; `false` if it is released already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_hold(&self, hold: HoldId, body: &Value) -> Result<bool> {
        let sql = "UPDATE hold SET body = $3 WHERE tenant_id = $1 AND hold_id = $2 AND released_at IS NULL";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, hold, Arg::json(body)?])).await? == 1)
    }

    /// Releases an active hold and replaces its body; `false` if it is released already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_hold(&self, hold: HoldId, body: &Value, by: &str, at: Instant) -> Result<bool> {
        let sql = "UPDATE hold SET released_at = $3, released_by = $4, body = $5
                   WHERE tenant_id = $1 AND hold_id = $2 AND released_at IS NULL";
        let args = args![self.tenant, hold, at, by, Arg::json(body)?];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }
}
