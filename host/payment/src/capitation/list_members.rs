use xinglin_domain::{access::Action, id::MemberId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{Lead, MemberView, contract_of, patient_of, view};

/// Most members of a page.
const MOST: u32 = 500;

/// Which members.
#[derive(Debug, Clone)]
pub struct MemberPage {
    /// Only after the one with this id.
    pub after: Option<MemberId>,
    /// Maximum number.
    pub limit: u32,
}

/// The members of a lead, past and present, by id.
///
/// # Errors
/// `NOT_FOUND` if there is no such contract.
#[boxed]
pub async fn list_members(
    platform: &Platform,
    caller: &Caller,
    lead: Lead,
    page: MemberPage,
) -> AppResult<Vec<MemberView>> {
    caller.may(Action::ReadCapitation)?;
    let records = platform.records(caller);
    contract_of(&records, &lead).await?;
    let after = page.after.map(|id| id.to_string()).unwrap_or_default();
    let members = records.list_members(lead.key(), &after, page.limit.clamp(1, MOST)).await?;
    members
        .into_iter()
        .map(|member| {
            caller.trail.saw(patient_of(&member)?);
            view(member, Vec::new())
        })
        .collect()
}
