use xinglin_domain::{
    access::Action,
    custody::{Custody, Statement},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{AuditQuery, ChainState};

use super::{CustodyView, view};

/// The custodies of the caller's tenant, as source or custodian, oldest first, verified at
/// this moment.
///
/// # Errors
/// If the caller may not read the trail.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<CustodyView>> {
    caller.may(Action::ReadAudit)?;
    let mut views = Vec::new();
    for row in platform.records(caller).list_custodies().await? {
        let custody: Custody = serde_json::from_value(row.body).map_err(AppError::internal)?;
        let chains_hold = chains_hold(platform, &custody.statement).await?;
        views.push(view(platform, custody, chains_hold));
    }
    Ok(views)
}

/// Whether the chains are valid and contain the stated heads.
async fn chains_hold(platform: &Platform, Statement { source, tape, trail, .. }: &Statement) -> AppResult<bool> {
    let records = platform.store().tenant(*source);
    let tape_holds = match (records.verify_chain().await?, &tape.head) {
        // Frozen: there are no more, and a purge leaves the head as it is.
        (ChainState::Intact { length, head, .. }, Some(stated)) => {
            length == tape.length && hex::encode(head) == *stated
        }
        _ => false,
    };
    let trail_holds = match (records.verify_audit().await?, &trail.head) {
        (ChainState::Intact { .. }, Some(_)) if trail.length == 0 => true,
        // It goes on, through the link that was stated.
        (ChainState::Intact { .. }, Some(stated)) => {
            let query = AuditQuery::default();
            let entry = records.list_audit(&query, Some(trail.length + 1), 1).await?.into_iter().next();
            entry.is_some_and(|entry| entry.seq == trail.length && hex::encode(entry.link) == *stated)
        }
        _ => false,
    };
    Ok(tape_holds && trail_holds)
}
