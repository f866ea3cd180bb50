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
    /// Lists begin with the lowest: 0 for a critical alert.
    pub urgency: i64,
    /// The role that must acknowledge it.
    pub owner: String,
    /// The roles that were told of it, each once: the owner, and those that it climbed to.
    pub told: Vec<String>,
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
            urgency: row.get("urgency")?,
            owner: row.get("owner")?,
            told: row.get::<String>("told")?.split_whitespace().map(str::to_owned).collect(),
            state: row.get("state")?,
            due_at: row.get("due_at")?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl Alert {
    /// The roles between blanks, so that each is found as ` role `.
    fn told_text(&self) -> String {
        format!(" {} ", self.told.join(" "))
    }
}

/// A filter of alerts. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// Of this patient.
    pub patient_id: Option<String>,
    /// Raised by this enrolment.
    pub enrolment_id: Option<EnrolmentId>,
    /// With this code.
    pub code: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// One of these roles was told of it; empty for all.
    pub told: Vec<String>,
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

    /// A page of the matching alerts: the most urgent first, of equal urgency the earliest due. `after`
    /// is the last alert of the page before; it need not match any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_alerts(&self, query: &AlertQuery, after: Option<&Alert>, limit: u32) -> Result<Vec<Alert>> {
        let mut sql = Sql::new("SELECT * FROM alert WHERE tenant_id = $1", args![self.tenant]);
        if let Some(patient) = &query.patient_id {
            sql.push(" AND patient_id = ").bind(patient);
        }
        if let Some(enrolment) = query.enrolment_id {
            sql.push(" AND enrolment_id = ").bind(enrolment);
        }
        if let Some(code) = &query.code {
            sql.push(" AND code = ").bind(code);
        }
        if let Some(state) = &query.state {
            sql.push(" AND state = ").bind(state);
        }
        for (place, role) in query.told.iter().enumerate() {
            sql.push(if place == 0 { " AND (told LIKE " } else { " OR told LIKE " }).bind(format!("% {role} %"));
        }
        if !query.told.is_empty() {
            sql.push(")");
        }
        if let Some(Alert { urgency, due_at, id, .. }) = after {
            sql.push(" AND (urgency, due_at, alert_id) > (").bind(*urgency);
            sql.push(", ").bind(*due_at).push(", ").bind(*id).push(")");
        }
        sql.push(" ORDER BY urgency, due_at, alert_id LIMIT ").bind(limit);
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
                                      due_at, body, version, created_at, updated_at, urgency, told)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13, $14)";
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
            alert.updated_at,
            alert.urgency,
            alert.told_text()
        ];
        self.exec.execute(Sql::new(sql, args)).await?;
        Ok(1)
    }

    /// Updates its state, owner, who was told, deadline and body.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn update_alert(&self, alert: &Alert) -> Result<i64> {
        let sql = "UPDATE alert SET owner = $4, state = $5, due_at = $6, body = $7, updated_at = $8,
                          told = $9, version = version + 1
                   WHERE tenant_id = $1 AND alert_id = $2 AND version = $3";
        let args = args![
            self.tenant,
            alert.id,
            alert.version,
            &alert.owner,
            &alert.state,
            alert.due_at,
            Arg::json(&alert.body)?,
            alert.updated_at,
            alert.told_text()
        ];
        self.exec.update_one(Sql::new(sql, args), "alert", alert.id, alert.version).await
    }
}
