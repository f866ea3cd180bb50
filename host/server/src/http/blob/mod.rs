//! Attachments: one file a verb.

mod create;
mod get;

use axum::{
    extract::DefaultBodyLimit,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::fs::File;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, attachment::Media};

use super::{
    access::{Access, allowed, by},
    streamed::streamed,
};
use crate::app::{Hospital, blob::BlobView};

/// Who sends attachments, and who may look into a record.
const KEEPERS: Access =
    Access::By(&[Action::ReadRecords, Action::ReadOwnRecord, Action::ReadOpenedRecord, Action::AttachRecords]);

/// The routes of this noun.
pub fn routes(largest: DefaultBodyLimit) -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::AttachRecords, routes!(create::create)))
        .layer(largest)
        .routes(allowed(KEEPERS, routes!(get::get)))
}

/// The bytes, for a browser to put aside and not to run; or that they are known.
pub fn bytes(asked: &HeaderMap, blob: &BlobView, file: File) -> Response {
    let tag = format!("\"{}\"", blob.sha256);
    let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let mut response = streamed(file).into_response();
            set(&mut response, header::CONTENT_TYPE, &blob.content_type);
            set(&mut response, header::CONTENT_LENGTH, &blob.size.to_string());
            let extension = Media::named(&blob.content_type).map_or("bin", Media::extension);
            set(
                &mut response,
                header::CONTENT_DISPOSITION,
                &format!("attachment; filename=\"{}.{extension}\"", blob.id),
            );
            response
        }
    };
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(&mut response, header::CACHE_CONTROL, "private, no-cache");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
