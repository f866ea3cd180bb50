//! State machines in the store: JSON bodies with optimistic versions.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use xinglin_domain::{id::PatientId, time::Instant};
use xinglin_store::{Document, DocumentId, Resource, TenantTx};

use crate::{AppError, AppResult};

/// A domain value with its row.
#[derive(Debug)]
pub struct Stored<Id, T> {
    /// The stored row, with its version.
    pub row: Document<Id>,
    /// The domain value.
    pub value: T,
}

/// A row for a value that is not stored yet.
pub fn fresh<Id: DocumentId>(
    id: Id,
    patient: PatientId,
    parent: Option<String>,
    status: &str,
    value: &impl Serialize,
    now: Instant,
) -> AppResult<Document<Id>> {
    Ok(Document {
        id,
        patient_id: patient.to_string(),
        parent_id: parent,
        exclusive_key: None,
        status: status.to_owned(),
        body: serde_json::to_value(value).map_err(AppError::internal)?,
        version: 0,
        created_at: now,
        updated_at: now,
    })
}

impl<Id: DocumentId, T: DeserializeOwned> TryFrom<Document<Id>> for Stored<Id, T> {
    type Error = AppError;

    fn try_from(row: Document<Id>) -> AppResult<Self> {
        let value = T::deserialize(&row.body).map_err(AppError::internal)?;
        Ok(Self { row, value })
    }
}

/// The row with its next state.
pub fn next<Id>(mut row: Document<Id>, status: &str, value: &impl Serialize, now: Instant) -> AppResult<Document<Id>> {
    row.status = status.to_owned();
    row.body = serde_json::to_value(value).map_err(AppError::internal)?;
    row.updated_at = now;
    Ok(row)
}

/// Fails if a row has changed since it was read, and increments its version, so that of two
/// concurrent decisions that depend on each other's rows one fails.
pub async fn touch<Id: DocumentId>(tx: &TenantTx, mut row: Document<Id>, now: Instant) -> AppResult<()> {
    row.updated_at = now;
    tx.update_document(&row).await?;
    Ok(())
}

/// The resource as JSON.
pub fn value(resource: &Resource) -> AppResult<Value> {
    serde_json::from_str(resource.body.get()).map_err(AppError::internal)
}
