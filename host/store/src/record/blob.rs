//! Attachments without their bytes, which are files.

use xinglin_domain::{
    id::{AccountId, BlobId},
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args},
};

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its id.
    pub id: BlobId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The account that stored it.
    pub account: AccountId,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// Its media type.
    pub content_type: String,
    /// In bytes.
    pub size: i64,
    /// When it was stored.
    pub created_at: Instant,
}

impl TryFrom<Row> for Blob {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("blob_id")?,
            patient_id: row.get("patient_id")?,
            account: row.get("account_id")?,
            sha256: row.get("sha256")?,
            content_type: row.get("content_type")?,
            size: row.get("size")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One attachment.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_blob(&self, id: BlobId) -> Result<Blob> {
        let sql = "SELECT * FROM blob WHERE tenant_id = $1 AND blob_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("blob", id))?.try_into()
    }
}

impl TenantTx {
    /// Stores the row of an attachment whose bytes are stored.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_blob(&self, blob: &Blob) -> Result<()> {
        let sql =
            "INSERT INTO blob (tenant_id, blob_id, patient_id, account_id, sha256, content_type, size, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let Blob { id, patient_id, account, sha256, content_type, size, created_at } = blob;
        let args = args![self.tenant, *id, patient_id, *account, sha256, content_type, *size, *created_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }
}
