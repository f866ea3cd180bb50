use std::collections::BTreeSet;

use xinglin_domain::{
    consent::{Recipient, Scope},
    enrolment::Enrolment,
    id::{ConsentId, EnrolmentId, PatientId},
    organisation::Organisation,
    sharing::{CareStatus, with_organisation},
    time::Instant,
};
use xinglin_platform::{AppResult, acting, document::Stored, grant};
use xinglin_records::consent;
use xinglin_store::{Executor, StoreError, TenantScope};

/// What an organisation may be told of a patient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// By this consent, the patient's own if there are several.
    pub(super) consent: ConsentId,
    /// At the moment that was asked for.
    pub(super) status: CareStatus,
}

/// What consents that were given before `until` let an organisation know at this moment: the status at the end of
/// that time. `None` if nothing.
pub(super) async fn told<E: Executor>(
    records: &TenantScope<E>,
    organisation: &Organisation,
    patient: PatientId,
    until: Instant,
    now: Instant,
) -> AppResult<Option<Told>> {
    let to = Recipient::Organisation(organisation.id);
    let mut consents = consent::of_patient(records, patient).await?;
    consents.retain(|one| one.terms.recipient == to && one.given < until && one.terms.from < until);
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
        let labels = match records.get_install(&value.plugin).await {
            Ok(install) => grant::compartments(&install)?,
            // Nobody knows in which compartments it lay.
            Err(StoreError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let said = with_organisation(&consents, (organisation.id, part), (id, labels), &consenters, now);
        if let Some(consent) = said.filter(|_| value.patient == patient) {
            by.get_or_insert(consent);
            enrolments.push(value);
        }
    }
    let status = CareStatus::of(&enrolments, until.plus_seconds(-1));
    Ok(by.zip(status).map(|(consent, status)| Told { consent, status }))
}
