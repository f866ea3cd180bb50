//! What checkers of orders see of a record, and who may read what they find in it.

use xinglin_domain::{
    clinical::{DataNeed, Snapshot},
    compartment::Compartments,
    consent::Purpose,
    id::{PatientId, PrescriptionId},
};
use xinglin_platform::{AppResult, Caller, Platform};
use xinglin_records::{
    consent,
    snapshot::{self, LeftOut},
};
use xinglin_store::{Executor, TenantScope};

/// The order that a checker is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) patient: PatientId,
    /// The prescription, if the order is one of this host.
    pub(crate) prescription: Option<PrescriptionId>,
}

/// The record as a checker sees it: all medicines and allergies, whatever compartment they are in
/// (`Purpose::Safety`). The second is the same without those of compartments, if there are any: what
/// a checker finds in the first only is [masked](xinglin_domain::review::Answer::masked).
pub(crate) async fn snapshots<E: Executor>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    (plugin, needs): (&str, &[DataNeed]),
    of: Subject,
) -> AppResult<(Snapshot, Option<Snapshot>)> {
    let asker = (plugin, Purpose::Safety);
    let cut = async |compartments| {
        let left_out = LeftOut { compartments, prescription: of.prescription };
        snapshot::snapshot(platform, records, asker, needs, of.patient, left_out, caller.now).await
    };
    let whole = cut(Compartments::NONE).await?;
    if snapshot::of_medicines(records, of.patient).await?.is_empty() {
        return Ok((whole, None));
    }
    let open = cut(Compartments::ALL).await?;
    Ok((whole, Some(open)))
}

/// Whether the caller may read whatever checkers find about a patient.
pub(crate) async fn may_read_all<E: Executor>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<bool> {
    let restricted = snapshot::of_medicines(records, patient).await?;
    if restricted.is_empty() {
        return Ok(true);
    }
    let closed = consent::record_access(platform, caller, patient).await?.closed;
    Ok(closed.and(restricted).is_empty())
}
