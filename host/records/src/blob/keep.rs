use std::{process::Stdio, time::Duration};

use sha2::{Digest as _, Sha256};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};
use xinglin_domain::{
    access::Action,
    attachment::Media,
    code::Code,
    compartment::Compartment,
    id::{BlobId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, blocking, boxed, config};
use xinglin_store::{Blob, Label};

use super::{BINARY, BlobView, path, view};

/// An attachment to store.
#[derive(Debug)]
pub struct NewBlob {
    /// The patient.
    pub patient: PatientId,
    /// Its restricted compartment, if any.
    pub compartment: Option<Compartment>,
    /// Declared media type.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Stores an attachment.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see the patient; `BODY_TOO_LARGE`; `BLOB_TYPE` if the
/// type is not accepted or does not match the content; `BLOB_INFECTED`; `BLOB_UNSCANNED` if it
/// cannot be scanned now.
#[boxed]
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
    let digest = move || (hex::encode(Sha256::digest(&bytes)), bytes);
    let (sha256, bytes) = blocking(digest).await?;
    let blob = Blob {
        id: BlobId::from_u128(ambient::fresh_id()),
        patient_id: patient.to_string(),
        account: caller.actor.account,
        sha256,
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

/// Runs the configured scanner on the bytes, if there is one.
///
/// # Errors
/// `BLOB_INFECTED`; `BLOB_UNSCANNED` if the scanner gave no clear result; the file is then
/// refused.
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
