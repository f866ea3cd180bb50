use xinglin_domain::{
    conversation::VideoEvent,
    id::{EncounterId, VideoId},
};
use xinglin_platform::{AppResult, Caller, boxed};

use super::{MeetingView, meet};
use crate::Care;

/// Issues a token for an open meeting to the caller.
///
/// # Errors
/// As [`say`](super::say); `ENC_STATE` if it is not open.
#[boxed]
pub async fn join_meeting(care: &Care, caller: &Caller, visit: EncounterId, id: VideoId) -> AppResult<MeetingView> {
    meet(care, caller, visit, Some(id), VideoEvent::Joined).await
}
