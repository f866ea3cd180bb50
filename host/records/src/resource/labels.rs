//! Labels of restricted compartments, determined when resources are written.

use std::collections::HashMap;

use serde_json::Value;
use xinglin_domain::compartment::{Compartments, mark};
use xinglin_fhir::{bundle::Planned, index};
use xinglin_platform::{AppResult, Platform, boxed};
use xinglin_store::{Label, StoreError, TenantTx};

use super::{medication, medications};

/// Version of the labelling rules; increment it with every change of [`Compartments::of`], so
/// that existing resources are labelled again.
const RULES: i64 = 2;

const LABELLED: &str = "compartment-rules";

/// How many versions are read at once.
const STRETCH: u32 = 500;

/// Types without a patient: staff, organisations, medications, forms.
const NOBODYS: [&str; 15] = [
    "ActivityDefinition",
    "CodeSystem",
    "HealthcareService",
    "Library",
    "Location",
    "Measure",
    "Medication",
    "MedicationKnowledge",
    "Organization",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
    "Substance",
    "ValueSet",
];

/// The resources with labels of these compartments added.
pub fn marked(mut resources: Vec<Value>, compartments: Compartments) -> Vec<Value> {
    resources.iter_mut().for_each(|resource| mark(resource, compartments));
    resources
}

/// The compartments of resources to be written. A prescription is as restricted as the
/// medication it refers to.
#[boxed]
pub(crate) async fn labels(tx: &TenantTx, planned: &[Planned]) -> AppResult<Vec<Label>> {
    let of: HashMap<(&str, &str), Compartments> = planned
        .iter()
        .map(|plan| ((plan.resource_type.as_str(), plan.id.as_str()), Compartments::of(&plan.resource)))
        .collect();
    let mut elsewhere: Vec<&str> = planned.iter().filter_map(|plan| medication(&plan.resource)).collect();
    elsewhere.retain(|id| !of.contains_key(&("Medication", *id)));
    let medications = restrictions(medications(tx, elsewhere).await?);
    let mut labels = Vec::new();
    for plan in planned {
        let Planned { resource_type, id, resource, .. } = plan;
        let own = of.get(&(resource_type.as_str(), id.as_str())).copied().unwrap_or_default();
        let referred = medication(resource).map_or(Compartments::NONE, |id| {
            of.get(&("Medication", id)).or_else(|| medications.get(id)).copied().unwrap_or_default()
        });
        let patient = index::patient(resource).map(str::to_owned);
        push(&mut labels, (resource_type, id, patient), own.or(referred));
    }
    Ok(labels)
}

fn push(labels: &mut Vec<Label>, (kind, id, patient_id): (&str, &str, Option<String>), found: Compartments) {
    if !NOBODYS.contains(&kind) {
        labels.extend(found.iter().map(|compartment| Label {
            kind: kind.to_owned(),
            id: id.to_owned(),
            patient_id: patient_id.clone(),
            compartment,
        }));
    }
}

fn restrictions(medications: Vec<(String, Value)>) -> HashMap<String, Compartments> {
    medications.into_iter().map(|(id, medication)| (id, Compartments::of(&medication))).collect()
}

/// Labels resources written under earlier rules; runs once, before serving.
#[boxed]
pub async fn label_anew(platform: &Platform) -> Result<(), StoreError> {
    let operator = platform.store().operator();
    if operator.find_meta::<i64>(LABELLED).await?.is_some_and(|rules| rules >= RULES) {
        return Ok(());
    }
    for tenant in operator.list_tenants().await? {
        let records = platform.store().tenant(tenant.id);
        let mut after = (String::new(), String::new(), 0);
        loop {
            let versions = records.list_versions((&after.0, &after.1, after.2), STRETCH).await?;
            let Some(last) = versions.last() else { break };
            after = (last.kind.clone(), last.id.clone(), last.version);
            let bodies: Vec<Value> =
                versions.iter().map(|found| serde_json::from_str(found.body.get()).unwrap_or_default()).collect();
            let referred = bodies.iter().filter_map(medication);
            let medications = restrictions(medications(&records, referred).await?);
            let mut labels = Vec::new();
            for (version, body) in versions.iter().zip(&bodies) {
                let named = medication(body).and_then(|id| medications.get(id)).copied().unwrap_or_default();
                let found = Compartments::of(body).or(named);
                push(&mut labels, (&version.kind, &version.id, version.patient_id.clone()), found);
            }
            labels.sort_by(|a, b| (&a.kind, &a.id, a.compartment).cmp(&(&b.kind, &b.id, b.compartment)));
            labels.dedup_by(|a, b| (&a.kind, &a.id, a.compartment) == (&b.kind, &b.id, b.compartment));
            let tx = records.begin().await?;
            tx.put_labels(&labels).await?;
            tx.commit().await?;
        }
    }
    let tx = operator.begin().await?;
    tx.put_meta(LABELLED, &RULES).await?;
    tx.commit().await
}
