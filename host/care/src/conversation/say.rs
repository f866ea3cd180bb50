use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Role,
    attachment::Media,
    code::Code,
    conversation::{Content, Message},
    id::{BlobId, EncounterId},
};
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_records::blob;

use super::{SaidView, append, may_converse};
use crate::Care;

/// A message to post.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// Words, or
    #[serde(default)]
    pub text: Option<String>,
    /// a picture: an attachment of this patient.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub image: Option<BlobId>,
    /// The role of the author, if the caller has several.
    #[serde(default, rename = "as")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
}

/// Posts a message in a visit.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see; `ENC_STATE` if it is
/// not in progress; `ENC_RED_FLAG` for the patient of one that was stopped;
/// `AUTH_IMPERSONATION` if the caller does not have the role; `BODY_INVALID`.
#[boxed]
pub async fn say(care: &Care, caller: &Caller, visit: EncounterId, say: Say) -> AppResult<SaidView> {
    let patient = may_converse(&care.platform, caller, visit).await?.patient();
    let content = match (say.text, say.image) {
        (Some(text), None) => Content::Text { text },
        (None, Some(blob)) => Content::Image { blob },
        _ => return Err(AppError::new(Code::BodyInvalid, "send either `text` or `image`")),
    };
    content.check()?;
    if let Content::Image { blob } = &content {
        let found = blob::visible(&care.platform, &care.platform.records(caller), caller, *blob).await?;
        let shown = Media::named(&found.content_type).is_some_and(Media::is_image);
        if found.patient_id != patient.to_string() || !shown {
            return Err(AppError::new(Code::BodyInvalid, "`image` must be a picture of this patient's record"));
        }
    }
    append(care, caller, visit, say.role, async |_, _, author| Ok(Message { author, content })).await
}
