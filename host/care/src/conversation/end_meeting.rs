use xinglin_domain::{
    conversation::VideoEvent,
    id::{EncounterId, VideoId},
};
use xinglin_platform::{AppResult, Caller, boxed};

use super::meet;
use crate::Care;

/// Ends a video meeting: no further tokens are issued.
///
/// # Errors
/// As [`join_meeting`](super::join_meeting).
#[boxed]
pub async fn end_meeting(care: &Care, caller: &Caller, visit: EncounterId, id: VideoId) -> AppResult<()> {
    meet(care, caller, visit, Some(id), VideoEvent::Ended).await.map(drop)
}
