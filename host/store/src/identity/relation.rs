//! Persons related to a patient: guardians, family. Revoked relations are kept. Names are only in
//! the record, where they are sealed.

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, RelationId},
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A relation with its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Its id.
    pub id: RelationId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// Account of the related person.
    pub account: AccountId,
    /// The domain value, as JSON.
    pub body: Value,
    /// When it was confirmed.
    pub confirmed_at: Instant,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

impl TryFrom<Row> for Relation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("relation_id")?,
            patient_id: row.get("patient_id")?,
            account: row.get("account_id")?,
            body: row.json("body")?,
            confirmed_at: row.get("confirmed_at")?,
            revoked_at: row.get("revoked_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One relation.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_relation(&self, id: RelationId) -> Result<Relation> {
        let sql = "SELECT * FROM relation WHERE tenant_id = $1 AND relation_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("relation", id))?.try_into()
    }

    /// Relations of a patient, newest first; including revoked ones if `all`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_relations(&self, patient_id: &str, all: bool) -> Result<Vec<Relation>> {
        let sql = "SELECT * FROM relation WHERE tenant_id = $1 AND patient_id = $2 AND (revoked_at IS NULL OR $3)
                   ORDER BY confirmed_at DESC, relation_id DESC";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id, all])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Unrevoked relations of an account to patients, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_relations_of_account(&self, account: AccountId) -> Result<Vec<Relation>> {
        let sql = "SELECT * FROM relation WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL
                   ORDER BY confirmed_at, relation_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, account])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a new relation.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_relation(&self, relation: &Relation) -> Result<()> {
        let sql =
            "INSERT INTO relation (tenant_id, relation_id, patient_id, account_id, body, confirmed_at, revoked_at)
                   VALUES ($1, $2, $3, $4, $5, $6, NULL)";
        let Relation { id, patient_id, account, body, confirmed_at, .. } = relation;
        let args = args![self.tenant, *id, patient_id, *account, Arg::json(body)?, *confirmed_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Revokes a relation.
    ///
    /// # Errors
    /// `VersionConflict` if it is revoked already.
    pub async fn revoke_relation(&self, id: RelationId, body: &Value, at: Instant) -> Result<()> {
        let sql = "UPDATE relation SET body = $3, revoked_at = $4
                   WHERE tenant_id = $1 AND relation_id = $2 AND revoked_at IS NULL";
        match self.exec.execute(Sql::new(sql, args![self.tenant, id, Arg::json(body)?, at])).await? {
            0 => Err(self.exec.mark_failed(StoreError::conflict("relation", id)).await),
            _ => Ok(()),
        }
    }
}
