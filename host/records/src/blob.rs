//! Attachments: pictures, documents, sounds of a patient's record. The bytes lie under
//! their SHA-256; who may see the patient, and the compartment, may read them.

use std::{process::Stdio, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::{fs::File, io::AsyncWriteExt as _, process::Command, time::timeout};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    attachment::Media,
    code::Code,
    compartment::{Compartment, Compartments},
    id::{BlobId, PatientId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, config};
use xinglin_store::{Blob, Executor, Label, TenantScope};

use crate::consent;

/// An attachment to be kept.
#[derive(Debug)]
pub struct NewBlob {
    /// Whose record it belongs to.
    pub patient: PatientId,
    /// The restricted part of it, if it belongs there.
    pub compartment: Option<Compartment>,
    /// What it is said to be.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

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

/// Kind of the labels of attachments: what they are in FHIR.
const BINARY: &str = "Binary";

/// Keeps an attachment.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see the patient; `BODY_TOO_LARGE`; `BLOB_TYPE` if
/// it is not of a type that is taken, or not what it is said to be; `BLOB_INFECTED`;
/// `BLOB_UNSCANNED` if it cannot be looked through now.
pub async fn keep(platform: &Platform, caller: &Caller, new: NewBlob) -> AppResult<BlobView> {
    let NewBlob { patient, compartment, content_type, bytes } = new;
    caller.may(Action::AttachRecords)?;
    caller.may_see(patient, "patient", patient)?;
    let records = platform.records(caller);
    if records.get_resource("Patient", &patient.to_string()).await?.deleted {
        return Err(AppError::not_found("patient", patient));
    }
    let settings = &platform.config().attachments;
    if bytes.len() > settings.max_bytes {
        return Err(AppError::new(Code::BodyTooLarge, format!("at most {} bytes", settings.max_bytes)));
    }
    let media = Media::check(&content_type, &bytes)?;
    scan(settings, &bytes).await?;
    let blob = Blob {
        id: BlobId::from_u128(ambient::fresh_id()),
        patient_id: patient.to_string(),
        account: caller.actor.account,
        sha256: hex::encode(Sha256::digest(&bytes)),
        content_type: media.content_type().to_owned(),
        size: i64::try_from(bytes.len()).map_err(AppError::internal)?,
        created_at: caller.now,
    };
    // The bytes first: a row without them would be a lie, they without a row are not.
    platform.blobs().keep(path(records.id(), &blob.sha256), bytes).await.map_err(AppError::internal)?;
    let label = compartment.map(|compartment| Label {
        kind: BINARY.to_owned(),
        id: blob.id.to_string(),
        patient_id: Some(blob.patient_id.clone()),
        compartment,
    });
    let tx = platform.begin(caller).await?;
    tx.insert_blob(&blob).await?;
    tx.put_labels(label.as_slice()).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    view(&blob)
}

/// An attachment and its bytes.
///
/// # Errors
/// `NOT_FOUND` if there is none that the caller may see.
pub async fn open(platform: &Platform, caller: &Caller, id: BlobId) -> AppResult<(BlobView, File)> {
    caller.trail.asked();
    let records = platform.records(caller);
    let blob = visible(platform, &records, caller, id).await?;
    let (file, length) = platform.blobs().read(path(records.id(), &blob.sha256)).await.map_err(AppError::internal)?;
    if i64::try_from(length) != Ok(blob.size) {
        return Err(AppError::internal(format!("the bytes of {id} are not whole")));
    }
    Ok((view(&blob)?, file))
}

/// An attachment, if the caller may see it. Whoever sent it knows what it is.
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

/// Has the operator's scanner look through the bytes, if there is one.
///
/// # Errors
/// `BLOB_INFECTED`; `BLOB_UNSCANNED` if it gave no clear answer: nothing is kept unseen.
async fn scan(settings: &config::Attachments, bytes: &[u8]) -> AppResult<()> {
    let Some((program, arguments)) = settings.scan.split_first() else { return Ok(()) };
    let unscanned = |why: String| AppError::new(Code::BlobUnscanned, "").because(format!("the scanner: {why}"));
    let scanned = async {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // Whoever has seen enough may hang up.
            let _ = input.write_all(bytes).await;
        }
        child.wait().await
    };
    match timeout(Duration::from_secs(settings.scan_seconds), scanned).await {
        Err(_) => Err(unscanned("it took too long".to_owned())),
        Ok(Err(error)) => Err(unscanned(error.to_string())),
        Ok(Ok(ended)) => match ended.code() {
            Some(0) => Ok(()),
            Some(1) => Err(AppError::new(Code::BlobInfected, "the scanner found something in it; it was not kept")),
            _ => Err(unscanned(ended.to_string())),
        },
    }
}

/// Where bytes are. Of one tenant: that another has the same is nobody's business.
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
