//! Attachments.

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::fs::File;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    attachment::Media,
    compartment::Compartment,
    id::{BlobId, PatientId},
};
use xinglin_platform::Caller;
use xinglin_records::blob::{self, BlobView, NewBlob};

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{Asked, At, Raw, is_known},
        problem::{Problem, Reply},
        streamed::streamed,
    },
};

/// Who may store attachments or read a record.
const KEEPERS: Access =
    Access::By(&[Action::ReadRecords, Action::ReadOwnRecord, Action::ReadOpenedRecord, Action::AttachRecords]);

/// The routes of this noun.
pub fn routes(largest: DefaultBodyLimit) -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::AttachRecords, routes!(create)))
        .layer(largest)
        .routes(allowed(KEEPERS, routes!(get)))
}

/// The bytes as a download, never executed by a browser; or 304 if the caller has them.
pub fn bytes(asked: &HeaderMap, blob: &BlobView, file: File) -> Response {
    let tag = format!("\"{}\"", blob.sha256);
    let always = [
        (header::ETAG, tag.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::CACHE_CONTROL, "private, no-cache"),
    ];
    if is_known(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    let extension = Media::named(&blob.content_type).map_or("bin", Media::extension);
    let of_this = [
        (header::CONTENT_TYPE, blob.content_type.clone()),
        (header::CONTENT_LENGTH, blob.size.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{extension}\"", blob.id)),
    ];
    (always, of_this, streamed(file)).into_response()
}

/// The owner.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// The patient: `pat-…`.
    #[param(value_type = String)]
    patient: PatientId,
    /// `hiv` or `mental-health`, if it belongs to that compartment.
    #[param(value_type = Option<String>)]
    compartment: Option<Compartment>,
}

/// Stores an attachment. The body is the file itself: JPEG, PNG, WebP, PDF, MP3, M4A, WAV or DICOM.
#[utoipa::path(
    post, path = "/api/v1/blobs", tag = "Blob",
    params(Whose),
    request_body(content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "application/pdf"))),
    responses((status = 201, body = BlobView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(Whose { patient, compartment }): Asked<Whose>,
    headers: HeaderMap,
    Raw(bytes): Raw,
) -> Reply<(StatusCode, Json<BlobView>)> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let new = NewBlob { patient, compartment, content_type: declared.to_owned(), bytes: bytes.into() };
    Ok((StatusCode::CREATED, Json(blob::keep(&hospital.platform, &caller, new).await?)))
}

/// The bytes of an attachment, with their SHA-256 as ETag.
#[utoipa::path(
    get, path = "/api/v1/blobs/{id}", tag = "Blob",
    params(("id" = String, Path, description = "`blob-…`")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304),
        (status = "4XX", body = Problem),
    ),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BlobId>,
    headers: HeaderMap,
) -> Reply<Response> {
    let (blob, file) = blob::open(&hospital.platform, &caller, id).await?;
    Ok(bytes(&headers, &blob, file))
}
