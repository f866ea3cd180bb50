use std::collections::BTreeSet;

use xinglin_domain::{
    consent::{Recipient, Scope},
    enrolment::Enrolment,
    id::{ConsentId, EnrolmentId, PatientId},
    organisation::Organisation,
    sharing::{CareStatus, with_organisation},
    time::Instant,
};
use xinglin_platform::{AppResult, acting, document::Stored};
use xinglin_records::{consent, patient as records_of_patient};
use xinglin_store::{Executor, TenantScope};

/// What an organisation may be told of somebody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// One of their records by which it may be: that which stands for them now, or else the first.
    pub(super) record: PatientId,
    /// The record that stands for them now.
    pub(super) current: PatientId,
    /// By this consent, the patient's own if there are several.
    pub(super) consent: ConsentId,
    /// At the moment that was asked for.
    pub(super) status: CareStatus,
}

/// Of which moment an organisation is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The end of the time before this.
    pub(super) until: Instant,
    /// Whether consents count that were given later: of who is known to it already, so that they may be renewed.
    pub(super) known: bool,
}

/// What consents in force let an organisation know of somebody, by all records of theirs that name each other. `None` if
/// nothing, or if they have died.
pub(super) async fn told<E: Executor>(
    records: &TenantScope<E>,
    organisation: &Organisation,
    patient: PatientId,
    asked: Asked,
    now: Instant,
) -> AppResult<Option<Told>> {
    let current = records_of_patient::current(records, patient).await?;
    if records_of_patient::has_died(records, current).await? {
        return Ok(None);
    }
    let mut all = records_of_patient::records_of(records, patient).await?;
    all.sort_unstable_by_key(|record| (*record != current, *record));
    let mut told: Option<Told> = None;
    for record in all {
        let Some((consent, status)) = by_record(records, organisation, record, asked, now).await? else { continue };
        let first = told.get_or_insert(Told { record, current, consent, status });
        if status == CareStatus::InCare {
            first.status = status;
        }
    }
    Ok(told)
}

/// The same, by one record.
async fn by_record<E: Executor>(
    records: &TenantScope<E>,
    organisation: &Organisation,
    patient: PatientId,
    Asked { until, known }: Asked,
    now: Instant,
) -> AppResult<Option<(ConsentId, CareStatus)>> {
    let to = Recipient::Organisation(organisation.id);
    let mut consents = consent::of_patient(records, patient).await?;
    consents.retain(|one| one.terms.recipient == to && (known || (one.given < until && one.terms.from < until)));
    let named: BTreeSet<EnrolmentId> = consents
        .iter()
        .filter_map(|one| match one.terms.scope {
            Scope::Pathway(pathway) => Some(pathway.enrolment),
            _ => None,
        })
        .collect();
    if named.is_empty() {
        return Ok(None);
    }
    let consenters = acting::consenters(records, patient, now).await?;
    let part = organisation.kind.part();
    let (mut by, mut enrolments) = (None, Vec::new());
    for id in named {
        let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
        let Some(labels) = consent::compartments_if_known(records, &value.plugin).await? else { continue };
        let said = with_organisation(&consents, (organisation.id, part), (id, labels), &consenters, now);
        if let Some(consent) = said.filter(|_| value.patient == patient) {
            by.get_or_insert(consent);
            enrolments.push(value);
        }
    }
    Ok(by.zip(CareStatus::of(&enrolments, until.plus_seconds(-1))))
}
