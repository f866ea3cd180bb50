use xinglin_domain::{
    billing::cash::{Channel, Refund, Stage},
    id::{BillId, PatientId},
    money::Money,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::Tenant;

use crate::till::Stored;

/// Money that a patient is to get and does not have.
pub(crate) struct Unreturned {
    pub(crate) bill: BillId,
    pub(crate) patient: PatientId,
    /// `REFUNDING`, or the state of the share that it is beyond.
    pub(crate) status: &'static str,
    pub(crate) channel: Channel,
    pub(crate) amount: Money,
    /// How often the channel did not carry it out.
    pub(crate) failures: u32,
    pub(crate) since: Instant,
    /// What the channel said last.
    pub(crate) why: Option<String>,
}

/// Number of shares that are listed at once.
const MOST: u32 = 500;

/// How long a channel may take before its refund is listed, in seconds: a project default.
const LATE_SECONDS: i64 = 3600;

/// Refunds that a channel did not carry out, or is late with, and what is to be handed back at the
/// counter, by bill and channel.
pub(crate) async fn unreturned(records: &Tenant, now: Instant) -> AppResult<Vec<Unreturned>> {
    let mut found = Vec::new();
    for row in records.list_cash_to_return(MOST).await? {
        let till = Stored::try_from(row)?.till;
        for channel in Channel::ALL {
            let of_it = || till.refunds().iter().filter(|refund| refund.channel == channel);
            let waits = |refund: &&Refund| {
                let late = refund.failures > 0 || refund.since.plus_seconds(LATE_SECONDS) <= now;
                refund.is_pending() && (late || !channel.is_online())
            };
            let pending: Vec<&Refund> = of_it().filter(waits).collect();
            let Some(since) = pending.iter().map(|refund| refund.since).min() else { continue };
            let why = of_it().rev().find_map(|refund| match &refund.stage {
                Stage::Failed { why, .. } => Some(why.clone()),
                _ => None,
            });
            found.push(Unreturned {
                bill: till.bill(),
                patient: till.patient(),
                status: till.state().as_str(),
                channel,
                amount: Money::sum(pending.iter().map(|refund| refund.amount)).map_err(AppError::internal)?,
                failures: pending.iter().map(|refund| refund.failures).max().unwrap_or_default(),
                since,
                why,
            });
        }
    }
    Ok(found)
}
