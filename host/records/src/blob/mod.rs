//! Attachments of a patient's record: images, documents, audio. Stored by their SHA-256;
//! readable by who may read the patient and the compartment.

mod keep;
mod open;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    compartment::Compartments,
    id::{BlobId, PatientId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_store::{Blob, Executor, TenantScope};

use crate::consent;

pub use self::keep::{NewBlob, keep};
pub use self::open::open;

/// An attachment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BlobView {
    /// `blob-…`; `Binary/{id}` in FHIR.
    #[schema(value_type = String)]
    pub id: BlobId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Its media type.
    pub content_type: String,
    /// In bytes.
    pub size: i64,
    /// Of the bytes, in hex.
    pub sha256: String,
    /// When it was sent (RFC 3339).
    pub sent: String,
}

/// Kind of the labels of attachments: their FHIR type.
const BINARY: &str = "Binary";

/// An attachment, if the caller may see it; its sender always may.
pub async fn visible<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    caller: &Caller,
    id: BlobId,
) -> AppResult<Blob> {
    let blob = records.get_blob(id).await?;
    let patient: PatientId = blob.patient_id.parse().map_err(AppError::internal)?;
    let labels: Compartments = records.resource_compartments(BINARY, &id.to_string()).await?;
    let author = blob.account == caller.actor.account;
    consent::may_open(platform, caller, patient, (labels, author), "blob", id).await?;
    Ok(blob)
}

/// Path of the bytes. Separate for each tenant, so equal files of tenants are not detectable.
pub(crate) fn path(tenant: TenantId, sha256: &str) -> String {
    format!("{tenant}/{}/{sha256}", sha256.get(..2).unwrap_or_default())
}

fn view(blob: &Blob) -> AppResult<BlobView> {
    Ok(BlobView {
        id: blob.id,
        patient: blob.patient_id.parse().map_err(AppError::internal)?,
        content_type: blob.content_type.clone(),
        size: blob.size,
        sha256: blob.sha256.clone(),
        sent: blob.created_at.to_string(),
    })
}
