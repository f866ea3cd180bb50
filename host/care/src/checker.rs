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
    /// The compartments of the patient's medicines and allergies.
    restricted: Compartments,
}

impl Subject {
    pub(crate) async fn of<E: Executor>(
        records: &TenantScope<E>,
        patient: PatientId,
        prescription: Option<PrescriptionId>,
    ) -> AppResult<Self> {
        let restricted = snapshot::of_medicines(records, patient).await?;
        Ok(Self { patient, prescription, restricted })
    }

    /// What a checker is not given: the prescription itself, and these compartments.
    pub(crate) const fn left_out(&self, compartments: Compartments) -> LeftOut {
        LeftOut { compartments, prescription: self.prescription }
    }

    /// Whether what a checker is given is restricted.
    pub(crate) const fn is_restricted(&self) -> bool {
        !self.restricted.is_empty()
    }

    /// Whether the caller may read whatever a checker finds.
    pub(crate) async fn is_open_to(&self, platform: &Platform, caller: &Caller) -> AppResult<bool> {
        if self.restricted.is_empty() {
            return Ok(true);
        }
        let closed = consent::record_access(platform, caller, self.patient).await?.closed;
        Ok(closed.and(self.restricted).is_empty())
    }
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
        let left_out = of.left_out(compartments);
        snapshot::snapshot(platform, records, asker, needs, of.patient, left_out, caller.now).await
    };
    let whole = cut(Compartments::NONE).await?;
    if !of.is_restricted() {
        return Ok((whole, None));
    }
    let open = cut(Compartments::ALL).await?;
    Ok((whole, Some(open)))
}
