//! Snapshots: the part of a patient's record that one plugin receives.

use std::collections::HashSet;

use xinglin_domain::{
    clinical::{DataNeed, Omission, OmissionReason, Section, Snapshot},
    coding::Coding,
    compartment::Compartments,
    consent::Purpose,
    id::{PatientId, PrescriptionId},
    measure,
    time::Instant,
};
use xinglin_fhir::snapshot;
use xinglin_platform::{AppResult, Platform, document::value};
use xinglin_store::{Executor, Label, Resource, TenantScope};

use crate::{
    consent::{self, Span},
    resource::{medication, medications},
};

/// Maximum number of resources of one section of a snapshot.
const SNAPSHOT_ROWS: u32 = 2000;

/// Types of medicines and allergies.
const MEDICINES: [&str; 4] = ["MedicationRequest", "MedicationStatement", "MedicationDispense", "AllergyIntolerance"];

/// Maximum number of observations of one code.
const OF_ONE_CODE: u32 = 128;

/// What is left out of a snapshot without an omission that says so.
#[derive(Debug, Clone, Copy)]
pub struct LeftOut {
    /// Medicines and allergies of these compartments: to learn which findings rest on them.
    pub compartments: Compartments,
    /// The prescription that is checked; its own lines are no medicines beside it.
    pub prescription: Option<PrescriptionId>,
}

impl LeftOut {
    /// Nothing.
    pub const NOTHING: Self = Self { compartments: Compartments::NONE, prescription: None };

    /// Whether it leaves out a resource, given the labels of the patient.
    pub fn has(&self, row: &Resource, labels: &[Label]) -> bool {
        let restricted = labels
            .iter()
            .any(|label| label.kind == row.kind && label.id == row.id && self.compartments.contains(label.compartment));
        let own = self.prescription.is_some_and(|rx| {
            let line = row.id.strip_prefix(rx.to_string().as_str()).is_some_and(|rest| rest.starts_with('-'));
            line && matches!(row.kind.as_str(), "MedicationRequest" | "MedicationDispense")
        });
        restricted || own
    }
}

/// The compartments of a patient's medicines and allergies.
///
/// # Errors
/// If the store fails.
pub async fn of_medicines<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Compartments> {
    let labels = records.list_labels(&patient.to_string()).await?;
    let medicines = labels.iter().filter(|label| MEDICINES.contains(&label.kind.as_str()));
    Ok(medicines.map(|label| Compartments::from(label.compartment)).collect())
}

/// The snapshot of a patient for one plugin and purpose.
///
/// # Errors
/// If there is no such patient.
pub async fn snapshot<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    (plugin, purpose): (&str, Purpose),
    needs: &[DataNeed],
    patient: PatientId,
    left_out: LeftOut,
    now: Instant,
) -> AppResult<Snapshot> {
    let person = value(&records.get_resource("Patient", &patient.to_string()).await?)?;
    let pseudonym = platform.keys().pseudonym(records.id(), plugin, patient);
    let labels = match left_out.compartments.is_empty() {
        true => Vec::new(),
        false => records.list_labels(&patient.to_string()).await?,
    };
    let mut rows: Vec<Resource> = Vec::new();
    let mut missing: Vec<Omission> = Vec::new();
    for need in needs {
        let (section, codes, most) = match need {
            DataNeed::Conditions => (Section::Conditions, vec![None], SNAPSHOT_ROWS),
            DataNeed::Allergies => (Section::Allergies, vec![None], SNAPSHOT_ROWS),
            DataNeed::Medications => (Section::Medications, vec![None], SNAPSHOT_ROWS),
            // One code at a time: a glucose sensor does not crowd out the HbA1c.
            // And each in all units: those recorded in another are converted.
            DataNeed::Observations(wanted) => {
                let wanted: Vec<Coding> = wanted.iter().flat_map(measure::spellings).collect();
                (Section::Observations, wanted.into_iter().map(Some).collect(), OF_ONE_CODE)
            }
        };
        let access = consent::plugin_access(platform, records, plugin, patient, (purpose, section)).await?;
        for code in codes {
            // One more than is kept, to know whether there were more.
            let asked = (section, code.as_ref());
            match consent::section(records, patient, asked, &access, Span::newest(most + 1)).await? {
                Err(reason) => missing.push(Omission { section, reason }),
                Ok(shown) => {
                    let mut found = shown.rows;
                    if shown.compartment {
                        missing.push(Omission { section, reason: OmissionReason::Compartment });
                    }
                    if u32::try_from(found.len()).is_ok_and(|found| found > most) {
                        found.pop();
                        missing.push(Omission { section, reason: OmissionReason::Truncated });
                    }
                    rows.extend(found.into_iter().filter(|row| !left_out.has(row, &labels)));
                }
            }
        }
    }
    let mut resources = rows.iter().map(value).collect::<AppResult<Vec<_>>>()?;
    // An observation may bear two of the codes.
    let mut seen = HashSet::new();
    resources.retain(|resource| seen.insert((resource["resourceType"].to_string(), resource["id"].to_string())));
    let named = medications(records, resources.iter().filter_map(medication)).await?;
    resources.extend(named.into_iter().map(|(_, medication)| medication));
    let mut snapshot = snapshot::build(&person, &resources, pseudonym, now).restricted_to(needs).with_facts();
    for omission in missing {
        if !snapshot.omissions.contains(&omission) {
            snapshot.omissions.push(omission);
        }
    }
    Ok(snapshot)
}
