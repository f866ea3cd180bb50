//! Consents of patients. Revoked ones are kept.

use serde_json::Value;
use xinglin_domain::{
    id::{ConsentId, OrganisationId},
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A consent with its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The organisation that it is given to.
    pub organisation: Option<OrganisationId>,
    /// The domain value, as JSON.
    pub body: Value,
    /// When it was given.
    pub given_at: Instant,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

impl TryFrom<Row> for Consent {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("consent_id")?,
            patient_id: row.get("patient_id")?,
            organisation: row.get("organisation_id")?,
            body: row.json("body")?,
            given_at: row.get("given_at")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One consent.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_consent(&self, id: ConsentId) -> Result<Consent> {
        let sql = "SELECT * FROM consent WHERE tenant_id = $1 AND consent_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("consent", id))?.try_into()
    }

    /// A patient's consents, newest first; including revoked ones if `all`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_consents(&self, patient_id: &str, all: bool) -> Result<Vec<Consent>> {
        let sql = "SELECT * FROM consent WHERE tenant_id = $1 AND patient_id = $2 AND (revoked_at IS NULL OR $3)
                   ORDER BY given_at DESC, consent_id DESC";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id, all])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The unrevoked consents of these patients.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_consents_of(&self, patients: &[String]) -> Result<Vec<Consent>> {
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        let text = "SELECT * FROM consent WHERE tenant_id = $1 AND revoked_at IS NULL AND patient_id IN ";
        let mut sql = Sql::new(text, args![self.tenant]);
        sql.bind_all(patients);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new consent.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_consent(&self, consent: &Consent) -> Result<()> {
        let sql = "INSERT INTO consent (tenant_id, consent_id, patient_id, organisation_id, body, given_at, revoked_at)
                   VALUES ($1, $2, $3, $4, $5, $6, NULL)";
        let Consent { id, patient_id, organisation, body, given_at, .. } = consent;
        let args = args![self.tenant, *id, patient_id, *organisation, Arg::json(body)?, *given_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Revokes a consent.
    ///
    /// # Errors
    /// `VersionConflict` if it is revoked already.
    pub async fn revoke_consent(&self, id: ConsentId, body: &Value, at: Instant) -> Result<()> {
        let sql = "UPDATE consent SET body = $3, revoked_at = $4
                   WHERE tenant_id = $1 AND consent_id = $2 AND revoked_at IS NULL";
        match self.exec.execute(Sql::new(sql, args![self.tenant, id, Arg::json(body)?, at])).await? {
            0 => Err(self.exec.mark_failed(StoreError::conflict("consent", id)).await),
            _ => Ok(()),
        }
    }
}
