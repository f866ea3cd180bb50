use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{coding::Coding, id::RequestId};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, Caller, boxed};

use super::{PathwayRequestView, change};

/// How a referral or laboratory tests ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fulfil {
    /// Where the patient was seen and what was found, or what the laboratory reported.
    pub note: String,
    /// The outcome in codes, for the pathway.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub outcome: Vec<Coding>,
}

/// Why a request is turned down.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// In the words of who decides.
    pub reason: String,
}

/// Staff record that a referral or laboratory tests are fulfilled. A question ends when it is answered, a team when all
/// have signed.
///
/// # Errors
/// `PATHWAY_REASON_REQUIRED` without a note; `PATHWAY_STATE` if it has ended, or ends otherwise.
#[tracing::instrument(target = "xinglin::trace", name = "fulfil_request", skip_all)]
#[boxed]
pub async fn fulfil(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    ask: Fulfil,
) -> AppResult<PathwayRequestView> {
    let said = (ask.note, ask.outcome);
    change(extensions, caller, id, |record| record.fulfil(&caller.actor, said, caller.now)).await
}

/// Staff or patient turn a request down; a team's, who could sit in it, or a doctor. The pathway is told, and the care
/// team is alerted: for information only if staff decide what is theirs.
///
/// # Errors
/// `PATHWAY_REASON_REQUIRED`; `PATHWAY_STATE` if it has ended; `AUTH_FORBIDDEN` if a team is not the caller's.
#[tracing::instrument(target = "xinglin::trace", name = "decline_request", skip_all)]
#[boxed]
pub async fn decline(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    ask: Decline,
) -> AppResult<PathwayRequestView> {
    change(extensions, caller, id, |record| record.decline(&caller.actor, ask.reason, caller.now)).await
}
