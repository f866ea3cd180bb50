use xinglin_domain::{access::Action, code::Code};
use xinglin_fhir::answer::Done;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::value};
use xinglin_store::Resource;

use super::{Act, act};
use crate::resource::read;

/// Applies a JSON Patch (RFC 6902) to the version given by `if_match`, or the current one.
///
/// # Errors
/// `BODY_INVALID` if it is not a patch; `FHIR_INVALID` if it cannot be applied, or the result
/// is invalid; and as [`act`].
#[boxed]
pub async fn patch(
    platform: &Platform,
    caller: &Caller,
    kind: &str,
    id: &str,
    if_match: Option<u64>,
    patch: &[u8],
) -> AppResult<Resource> {
    caller.may(Action::ImportRecords)?;
    let patch: json_patch::Patch = serde_json::from_slice(patch)
        .map_err(|error| AppError::new(Code::BodyInvalid, format!("no JSON Patch: {error}")))?;
    let current = read(platform, caller, kind, id).await?;
    let mut resource = value(&current)?;
    json_patch::patch(&mut resource, &patch)
        .map_err(|error| AppError::new(Code::FhirInvalid, format!("the patch does not fit: {error}")))?;
    let version = if_match.or_else(|| u64::try_from(current.version).ok());
    let url = format!("{kind}/{id}");
    let change = Act { method: "PUT", url, if_match: version, if_none_exist: None };
    match act(platform, caller, &change, Some(resource)).await? {
        Done::Written(written) => Ok(written.resource),
        _ => Err(AppError::internal("nothing was written")),
    }
}
