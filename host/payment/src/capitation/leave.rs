use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::MemberId, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{CapitationMember, Queue, TenantTx, Work};

use super::{
    Chosen, Lead, MemberView, chosen, count_month, invalid, lock, month_of, patient_of, put_year, view, year_of,
};

/// Why a member does not count any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The patient chose another lead.
    Changed,
    /// The patient moved away.
    Moved,
    /// The patient does not want it any more.
    Withdrew,
    /// The patient has died.
    Deceased,
    /// The record of the patient is not in use any more.
    Inactive,
}

/// A departure.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// `moved` or `withdrew`.
    pub reason: Reason,
    /// The day of it; today if left out.
    #[serde(default)]
    pub on: Option<String>,
}

/// A member leaves: it counts to the end of that month, and months after it that were counted are taken
/// off again, as long as their year is open.
///
/// # Errors
/// `NOT_FOUND` for whoever may not know of it; `BODY_INVALID` for a day that has not come; `CAP_CLOSED`
/// if it has left before.
#[boxed]
pub async fn leave(platform: &Platform, caller: &Caller, id: MemberId, ask: Leave) -> AppResult<MemberView> {
    caller.may(Action::ChooseLead)?;
    let records = platform.records(caller);
    let member = records.get_member(id).await?;
    caller.may_act_on(patient_of(&member)?, "member", id)?;
    if !matches!(ask.reason, Reason::Moved | Reason::Withdrew) {
        return Err(invalid("reason", "`moved` or `withdrew`; the others the host knows"));
    }
    let on = ask.on.as_deref().map(|day| AppError::time("on", day)).transpose()?.unwrap_or(caller.now);
    if on > caller.now {
        return Err(invalid("on", "it has not come yet"));
    }
    let lead = Lead { plugin: member.plugin.clone(), lead: member.lead.clone() };
    let tx = records.begin().await?;
    lock(&tx, &lead).await?;
    let member = tx.get_member(id).await?;
    if member.until.is_some() {
        let detail = "it has an end already";
        return Err(AppError::new(xinglin_domain::code::Code::CapClosed, detail));
    }
    let ended = end(&tx, member, month_of(on).next().first().start(), ask.reason, caller.now).await?;
    tx.commit().await?;
    view(ended, Vec::new())
}

/// Ends a member at the beginning of a month, and counts it out of what was counted since, except of
/// years that are closed. The caller holds the [lock] of the lead.
pub(super) async fn end(
    tx: &TenantTx,
    mut member: CapitationMember,
    until: Instant,
    reason: Reason,
    now: Instant,
) -> AppResult<CapitationMember> {
    let until = until.max(member.since);
    let chosen = Chosen { left: Some(reason), ..chosen(&member)? };
    member.body = serde_json::to_value(&chosen).map_err(AppError::internal)?;
    (member.until, member.updated_at) = (Some(until), now);
    member.version = tx.end_member(&member).await?;
    let lead = Lead { plugin: member.plugin.clone(), lead: member.lead.clone() };
    for number in until.china_year()..=now.china_year() {
        let (row, mut year) = year_of(tx, &lead, number, now).await?;
        let first = month_of(until.max(year.period().start)).to_string();
        let months = (first.as_str(), &*format!("{number:04}-12"));
        // What is closed stays as it is.
        if year.end().is_none() && tx.count_out(lead.key(), &member.patient_id, months).await? > 0 {
            year.count_out()?;
            put_year(tx, row, &year, now).await?;
            tx.put_work(&[Work::new(Queue::Capitation, count_month::work_id(&lead), lead.lane(), now)]).await?;
        }
    }
    Ok(member)
}
