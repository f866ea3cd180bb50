//! `POST /api/v1/blobs`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use serde::Deserialize;
use utoipa::IntoParams;
use xinglin_domain::{compartment::Compartment, id::PatientId};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        blob::{BlobView, NewBlob},
    },
    http::{
        extract::{Asked, Raw},
        problem::Problem,
    },
};

/// Whose it is.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// The patient: `pat-…`.
    #[param(value_type = String)]
    patient: PatientId,
    /// `hiv` or `mental-health`, if it belongs into that part of the record.
    #[param(value_type = Option<String>)]
    compartment: Option<Compartment>,
}

/// Keeps an attachment. The body is the file itself: JPEG, PNG, WebP, PDF, MP3, M4A, WAV
/// or DICOM.
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
) -> AppResult<(StatusCode, Json<BlobView>)> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let new = NewBlob { patient, compartment, content_type: declared.to_owned(), bytes: bytes.into() };
    Ok((StatusCode::CREATED, Json(hospital.keep_blob(&caller, new).await?)))
}
