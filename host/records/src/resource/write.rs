//! The next versions of resources, the host's own projections among them.

use std::collections::BTreeSet;

use serde_json::{Value, json, value::RawValue};
use xinglin_domain::{code::Code, id::PatientId, time::Instant};
use xinglin_fhir::{
    answer::{self, Written},
    bundle::{self, Planned},
    index::{self, Index},
};
use xinglin_platform::{AppError, AppResult, ambient, boxed};
use xinglin_store::{Resource, ResourceWrite, TenantTx};

use super::labels;
use crate::{criteria, news::News, patient, real_name};

/// The patients whose allergies or state are written, in one order for all.
fn rested_on(planned: &[Planned]) -> BTreeSet<String> {
    let of = |one: &Planned| match one.resource_type.as_str() {
        "Patient" => Some(one.id.clone()),
        "AllergyIntolerance" => index::index(&one.resource).patient,
        _ => None,
    };
    planned.iter().filter_map(of).collect()
}

/// Writes resources as their next versions, also the host's own projections. Deleting a
/// missing resource has no effect.
#[boxed]
pub(crate) async fn write(tx: &TenantTx, planned: Vec<Planned>, now: Instant) -> AppResult<Vec<Option<Written>>> {
    let keys: Vec<_> = planned.iter().map(|p| (p.resource_type.clone(), p.id.clone())).collect();
    let current = tx.resource_versions(&keys).await?;
    let mut writes = Vec::with_capacity(planned.len());
    let mut written = Vec::with_capacity(planned.len());
    let mut news = News::default();
    for patient in rested_on(&planned) {
        patient::lock(tx, patient).await?;
    }
    let labels = labels(tx, &planned).await?;
    for Planned { action, resource_type, id, mut resource, .. } in planned {
        // A bundle may bring ten thousand: others have their turn meanwhile.
        tokio::task::coop::consume_budget().await;
        let known = current.get(&(resource_type.clone(), id.clone())).copied();
        match action {
            bundle::Action::Create { .. } if known.is_some() => {
                return Err(AppError::new(Code::AlreadyExists, format!("{resource_type}/{id} exists")));
            }
            bundle::Action::Update { if_match: Some(wanted) } | bundle::Action::Delete { if_match: Some(wanted) }
                if known != i64::try_from(wanted).ok() =>
            {
                let found = known.map_or("none".to_owned(), |version| version.to_string());
                return Err(AppError::new(
                    Code::PreconditionFailed,
                    format!("{resource_type}/{id}: version {wanted} is wanted, current is {found}"),
                ));
            }
            _ => {}
        }
        let version = known.unwrap_or(0) + 1;
        let stamped = u64::try_from(version).map_err(AppError::internal)?;
        let deleted = action.is_delete();
        let mut found = if deleted {
            let current = match known {
                Some(_) => Some(tx.get_resource(&resource_type, &id).await?),
                None => None,
            };
            let Some(current) = current.filter(|current| !current.deleted) else {
                written.push(None);
                continue;
            };
            resource = json!({ "resourceType": resource_type, "id": id });
            Index { patient: current.patient_id, date: Some(current.effective_at), ..Index::default() }
        } else {
            index::index(&resource)
        };
        if resource_type == "Patient" && id.parse::<PatientId>().is_err() {
            return Err(AppError::new(
                Code::FhirInvalid,
                format!("Patient/{id}: ids of patients are drawn by the hospital; create it with POST"),
            ));
        }
        if resource_type == "Patient" && known.is_some() && !deleted {
            real_name::corrected(tx, &id, &resource, now).await?;
        }
        answer::stamp(&mut resource, stamped, now);
        news.note((&resource, version), found.patient.as_deref(), now);
        written.push(Some(known.is_none()));
        writes.push(ResourceWrite {
            kind: resource_type,
            id,
            version,
            patient_id: found.patient.take(),
            effective_at: found.date.unwrap_or(now),
            last_updated: now,
            deleted,
            body: raw(&resource)?,
            found_by: found.found_by,
        });
    }
    tx.put_resources(&writes).await?;
    tx.put_labels(&labels).await?;
    for ResourceWrite { kind, id, .. } in writes.iter().filter(|write| write.deleted) {
        erase(tx, kind, id, now).await?;
    }
    criteria::notice(tx, &writes, now).await?;
    news.keep(tx, now).await?;
    let mut resources = writes.into_iter().map(Resource::from);
    let mut of = |created| Some(Written { resource: resources.next()?, created });
    Ok(written.into_iter().map(|created| of(created?)).collect())
}

/// Erases a deleted patient without a record, in all versions, by destroying the key.
async fn erase(tx: &TenantTx, kind: &str, id: &str, now: Instant) -> AppResult<()> {
    match kind {
        "Patient" if !tx.has_record(id).await? => tx.destroy_keys(id, now).await?,
        "Person" => tx.destroy_keys(&format!("Person/{id}"), now).await?,
        _ => 0,
    };
    Ok(())
}

/// Writes the host's own projections of its acts.
#[boxed]
pub async fn project(tx: &TenantTx, resources: Vec<Value>, now: Instant) -> AppResult<()> {
    let planned = resources.into_iter().map(|resource| {
        let text = |key: &str| resource[key].as_str().map(str::to_owned).unwrap_or_default();
        Planned {
            action: bundle::Action::Update { if_match: None },
            resource_type: text("resourceType"),
            id: text("id"),
            resource,
            unresolved: Vec::new(),
        }
    });
    write(tx, planned.collect(), now).await.map(drop)
}

/// An id for a new resource of this type.
pub fn mint(kind: &str) -> String {
    let id = PatientId::from_u128(ambient::fresh_id()).to_string();
    match kind {
        "Patient" => id,
        // `task-…` are the hospital's own timers.
        "Task" => id.replacen(PatientId::PREFIX, "fhir-task", 1),
        _ => id.replacen(PatientId::PREFIX, &kind.to_ascii_lowercase(), 1),
    }
}

fn raw(value: &Value) -> AppResult<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(AppError::internal)
}
