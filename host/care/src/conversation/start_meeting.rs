use xinglin_domain::{conversation::VideoEvent, id::EncounterId};
use xinglin_platform::{AppResult, Caller, boxed};

use super::{MeetingView, meet};
use crate::Care;

/// Opens a video meeting, or returns the open one.
///
/// # Errors
/// As [`say`](super::say); `AUTH_FORBIDDEN` for the patient; `VIDEO_UNAVAILABLE` if the
/// operator has not configured a provider.
#[boxed]
pub async fn start_meeting(care: &Care, caller: &Caller, visit: EncounterId) -> AppResult<MeetingView> {
    meet(care, caller, visit, None, VideoEvent::Opened).await
}
