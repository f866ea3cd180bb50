//! Access of one caller to documents of several patients, for lists.

use std::collections::HashMap;

use xinglin_domain::{
    compartment::Compartments,
    consent::{Asker, Care, Consent, may_disclose},
    encounter::Encounter,
    enrolment::Enrolment,
    id::{EncounterId, EnrolmentId, PatientId},
};
use xinglin_platform::{AppResult, Caller, Platform, document::Stored};
use xinglin_store::{DocumentQuery, Tenant};

use super::{
    access::{RecordAccess, compartments_of, evidence, part_is_open},
    parse,
};
use crate::emergency_access;

/// Most active enrolments, and most visits, that are read of each patient.
const MOST_OF_EACH: u32 = 100;

/// What a caller may open of several patients' records, read in a few statements. It notes nobody as seen: a list notes
/// what it shows.
pub struct Openings<'a> {
    caller: &'a Caller,
    of: HashMap<PatientId, (Vec<Consent>, Care)>,
}

impl<'a> Openings<'a> {
    /// Reads the patients' consents, and the relations of care to them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn of(
        platform: &Platform,
        caller: &'a Caller,
        patients: impl IntoIterator<Item = PatientId>,
    ) -> AppResult<Self> {
        // Of the others nothing of it decides.
        let undecided =
            |patient: &PatientId| !caller.is_beyond(Some(*patient)) && !caller.actor.acts_wholly_for(*patient);
        let mut of: HashMap<PatientId, (Vec<Consent>, Care)> =
            patients.into_iter().filter(undecided).map(|patient| (patient, Default::default())).collect();
        if !of.is_empty() {
            let records = platform.records(caller);
            let ids: Vec<String> = of.keys().map(ToString::to_string).collect();
            for consent in records.list_consents_of(&ids).await? {
                let consent = parse(consent)?;
                if let Some((consents, _)) = of.get_mut(&consent.patient) {
                    consents.push(consent);
                }
            }
            for (patient, labels) in treated(caller, &records, &ids).await? {
                if let Some((_, care)) = of.get_mut(&patient) {
                    care.within = care.within.or(labels);
                }
            }
            for (patient, compartment) in emergency_access::opened(caller, &records, &ids).await? {
                if let Some((_, care)) = of.get_mut(&patient) {
                    care.opened = care.opened.or(compartment.into());
                }
            }
        }
        Ok(Self { caller, of })
    }

    /// As [`may_open`](super::may_open), of a patient that was read.
    pub fn opens(&self, patient: PatientId, (labels, author): (Compartments, bool)) -> bool {
        self.caller.can_see(patient) && (labels.is_empty() || author || self.record_access(patient).shows(labels))
    }

    /// Whether a part of a document that was given to the caller is open to them, of a patient that was read. Not as with
    /// [`may_open_part`](super::may_open_part): that it was given to them opens no compartment; a consent, the care of the
    /// patient or emergency access does.
    pub fn opens_part(&self, patient: PatientId, labels: Compartments) -> bool {
        let open =
            |(consents, care): &(Vec<Consent>, Care)| part_is_open(self.caller, (patient, labels), consents, *care);
        self.of.get(&patient).is_some_and(open)
    }

    /// Notes that a document in these compartments was shown.
    pub fn note(&self, patient: PatientId, labels: Compartments) {
        self.caller.trail.saw(patient);
        self.note_emergency(patient, labels);
    }

    pub(super) fn note_emergency(&self, patient: PatientId, labels: Compartments) {
        if self.of.get(&patient).is_some_and(|(_, care)| !care.opened.and(labels).is_empty()) {
            self.caller.trail.emergency();
        }
    }

    pub(super) fn record_access(&self, patient: PatientId) -> RecordAccess {
        let caller = self.caller;
        if caller.is_beyond(Some(patient)) {
            return RecordAccess { record: false, closed: Compartments::ALL };
        }
        if caller.actor.acts_wholly_for(patient) {
            return RecordAccess::ALL;
        }
        let Some((consents, care)) = self.of.get(&patient) else {
            return RecordAccess { record: false, closed: Compartments::ALL };
        };
        let roles = caller.actor.live_roles(caller.now);
        let asker = Asker::Person { account: caller.actor.account, roles: &roles };
        let purpose = caller.purpose_with(patient);
        let access = RecordAccess::of(|labels| may_disclose(labels, &asker, purpose, consents, *care, caller.now));
        // The guardian of an adolescent: all but what the ward has not opened to them.
        RecordAccess { record: access.record || caller.actor.acts_for(patient), ..access }
    }
}

/// Compartments in which the caller treats patients: by the pathways that they enrolled the patient in, and by the
/// evidence that the patient submitted to a visit, not by the doctor's own entries.
async fn treated(caller: &Caller, records: &Tenant, patients: &[String]) -> AppResult<Vec<(PatientId, Compartments)>> {
    let me = caller.actor.account;
    let query = |statuses: &[&str]| DocumentQuery {
        patient_ids: patients.to_vec(),
        statuses: statuses.iter().map(|status| (*status).to_owned()).collect(),
        ..DocumentQuery::default()
    };
    let most = MOST_OF_EACH.saturating_mul(u32::try_from(patients.len()).unwrap_or(u32::MAX));
    let mut plugins: HashMap<String, Compartments> = HashMap::new();
    let mut within = Vec::new();
    for row in records.list_documents::<EnrolmentId>(&query(&["active"]), None, most).await? {
        let Stored::<_, Enrolment> { value, .. } = row.try_into()?;
        if value.enrolled_by != me {
            continue;
        }
        let labels = match plugins.get(&value.plugin) {
            Some(labels) => *labels,
            None => compartments_of(records, &value.plugin).await?,
        };
        plugins.insert(value.plugin, labels);
        within.push((value.patient, labels));
    }
    for row in records.list_documents::<EncounterId>(&query(&["ACCEPTED", "STOPPED"]), None, most).await? {
        let brought = evidence(&row.body);
        let Stored::<_, Encounter> { value, .. } = row.try_into()?;
        if value.doctor() == Some(me) {
            within.push((value.patient(), brought));
        }
    }
    Ok(within)
}
