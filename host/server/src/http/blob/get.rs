//! `GET /api/v1/blobs/{id}`

use axum::{extract::State, http::HeaderMap, response::Response};
use xinglin_domain::id::BlobId;

use crate::{
    app::{AppResult, Caller, Hospital},
    http::{extract::At, problem::Problem},
};

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
) -> AppResult<Response> {
    let (blob, file) = hospital.open_blob(&caller, id).await?;
    Ok(super::bytes(&headers, &blob, file))
}
