//! Alerts.

use serde_json::Value;
use xinglin_domain::{
    id::{AlertId, EnrolmentId},
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// An alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The enrolment that raised it.
    pub enrolment_id: Option<EnrolmentId>,
    /// Stable, upper snake case.
    pub code: String,
    /// Severity, named by the server.
    pub severity: String,
    /// The role that must acknowledge it.
    pub owner: String,
    /// `open`, `acknowledged` or `closed`.
    pub state: String,
    /// When it must be acknowledged.
    pub due_at: Instant,
    /// The domain value, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was raised.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for Alert {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("alert_id")?,
            patient_id: row.get("patient_id")?,
            enrolment_id: row.get("enrolment_id")?,
            code: row.get("code")?,
            severity: row.get("severity")?,
            owner: row.get("owner")?,
            state: row.get("state")?,
            due_at: row.get("due_at")?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// A filter of alerts. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// Of this patient.
    pub patient_id: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// For this role.
    pub owner: Option<String>,
}

impl<E: Executor> TenantScope<E> {
    /// One alert.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_alert(&self, alert: AlertId) -> Result<Alert> {
        let sql = "SELECT * FROM alert WHERE tenant_id = $1 AND alert_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, alert])).await?;
        row.ok_or_else(|| StoreError::not_found("alert", alert))?.try_into()
    }

    /// The matching alerts, the most urgent first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_alerts(&self, query: &AlertQuery, limit: u32) -> Result<Vec<Alert>> {
        let mut sql = Sql::new("SELECT * FROM alert WHERE tenant_id = $1", args![self.tenant]);
        if let Some(patient) = &query.patient_id {
            sql.push(" AND patient_id = ").bind(patient);
        }
        if let Some(state) = &query.state {
            sql.push(" AND state = ").bind(state);
        }
        if let Some(owner) = &query.owner {
            sql.push(" AND owner = ").bind(owner);
        }
        sql.push(" ORDER BY due_at, alert_id LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new alert.
    ///
    /// # Errors
    /// `Unique`; `Refused` if the state is not one of the three.
    pub async fn insert_alert(&self, alert: &Alert) -> Result<i64> {
        let sql = "INSERT INTO alert (tenant_id, alert_id, patient_id, enrolment_id, code, severity, owner, state,
                                      due_at, body, version, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12)";
        let args = args![
            self.tenant,
            alert.id,
            &alert.patient_id,
            alert.enrolment_id,
            &alert.code,
            &alert.severity,
            &alert.owner,
            &alert.state,
            alert.due_at,
            Arg::json(&alert.body)?,
            alert.created_at,
            alert.updated_at
        ];
        self.exec.execute(Sql::new(sql, args)).await?;
        Ok(1)
    }

    /// Updates its state, owner, deadline and body.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn update_alert(&self, alert: &Alert) -> Result<i64> {
        let sql = "UPDATE alert SET owner = $4, state = $5, due_at = $6, body = $7, updated_at = $8,
                          version = version + 1
                   WHERE tenant_id = $1 AND alert_id = $2 AND version = $3";
        let args = args![
            self.tenant,
            alert.id,
            alert.version,
            &alert.owner,
            &alert.state,
            alert.due_at,
            Arg::json(&alert.body)?,
            alert.updated_at
        ];
        self.exec.update_one(Sql::new(sql, args), "alert", alert.id, alert.version).await
    }
}
