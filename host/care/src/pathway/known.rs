//! What lists over many enrolments read of them, each once.

use std::collections::{BTreeSet, HashMap};

use xinglin_domain::{
    compartment::Compartments,
    enrolment::Enrolment,
    id::{EnrolmentId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, document::Stored};
use xinglin_records::consent::{self, Openings};
use xinglin_store::DocumentQuery;

/// Enrolments that were read for one list.
#[derive(Default)]
pub(super) struct Known {
    compartments: HashMap<String, Compartments>,
    documents: HashMap<EnrolmentId, (Compartments, bool)>,
}

impl Known {
    /// Reads the enrolments that are not known yet, and what decides whether the caller may open a document of them; in a
    /// few statements, however many there are.
    pub(super) async fn read<'a>(
        &mut self,
        platform: &Platform,
        caller: &'a Caller,
        of: impl IntoIterator<Item = (EnrolmentId, PatientId)>,
    ) -> AppResult<Openings<'a>> {
        let of: Vec<(EnrolmentId, PatientId)> = of.into_iter().collect();
        let records = platform.records(caller);
        let unknown: BTreeSet<EnrolmentId> =
            of.iter().map(|(id, _)| *id).filter(|id| !self.documents.contains_key(id)).collect();
        if !unknown.is_empty() {
            let most = u32::try_from(unknown.len()).unwrap_or(u32::MAX);
            let ids = unknown.iter().map(ToString::to_string).collect();
            let query = DocumentQuery { ids, ..DocumentQuery::default() };
            for row in records.list_documents::<EnrolmentId>(&query, None, most).await? {
                let Stored::<_, Enrolment> { value, .. } = row.try_into()?;
                let compartments = match self.compartments.get(&value.plugin) {
                    Some(compartments) => *compartments,
                    None => consent::compartments_of(&records, &value.plugin).await?,
                };
                self.compartments.insert(value.plugin, compartments);
                self.documents.insert(value.id, (compartments, value.enrolled_by == caller.actor.account));
            }
        }
        let restricted = |id| self.documents.get(id).is_some_and(|(labels, _)| !labels.is_empty());
        // Of the others no consent decides.
        let asked = of.iter().filter(|(id, patient)| restricted(id) || !caller.can_see(*patient));
        let patients: BTreeSet<PatientId> = asked.map(|(_, patient)| *patient).collect();
        Openings::of(platform, caller, patients).await
    }

    /// The compartments of an enrolment that was read, and whether the caller is its author.
    ///
    /// # Errors
    /// `NOT_FOUND` if it is not there.
    pub(super) fn document(&self, id: EnrolmentId) -> AppResult<(Compartments, bool)> {
        self.documents.get(&id).copied().ok_or_else(|| AppError::not_found("enrolment", id))
    }
}
