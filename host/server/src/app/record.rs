//! The clinical record: FHIR in, FHIR out, and the snapshot for plugins.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json, value::RawValue};
use xinglin_domain::{
    access::{Action, Role},
    clinical::{DataNeed, Omission, OmissionReason, Section, Snapshot},
    code::Code,
    id::{AlertId, BillId, EncounterId, EnrolmentId, HoldId, PatientId, PaymentId, PrescriptionId, TaskId},
    time::Instant,
};
use xinglin_store::{
    CodeFilter, Executor, PatientQuery, Resource, ResourceQuery, ResourceWrite, TenantScope, TenantTx, Token,
    TokenFilter,
};

use super::{AppError, AppResult, Caller, Hospital};
use crate::{
    ambient,
    fhir::{
        FhirError,
        answer::{self, RefusedEntry, Written},
        bundle::{self, Plan, Planned},
        index, outcome, snapshot, validate,
    },
};

/// Most resources of one section that a snapshot is built from.
const SNAPSHOT_ROWS: u32 = 2000;
/// Most observations of one code.
const OF_ONE_CODE: u32 = 128;

/// A page of a search.
#[derive(Debug)]
pub struct Page {
    /// Newest first.
    pub resources: Vec<Resource>,
    /// How many there are in all.
    pub total: i64,
}

impl Hospital {
    /// Takes a transaction (all or nothing) or batch (each for itself) bundle
    /// and returns the response bundle.
    ///
    /// # Errors
    /// `FHIR_INVALID` with every issue and its path; nothing is written then.
    pub async fn import_bundle(&self, caller: &Caller, bundle: Value) -> AppResult<Value> {
        caller.may(Action::ImportRecords)?;
        match bundle::plan(bundle, &mut mint)? {
            Plan::Transaction(planned) => {
                planned.iter().try_for_each(not_ours)?;
                let tx = self.begin(caller).await?;
                let written = write(&tx, planned, caller.now).await?;
                tx.commit().await?;
                Ok(answer::transaction_response(&written))
            }
            Plan::Batch(entries) => {
                let mut outcomes = Vec::with_capacity(entries.len());
                for entry in entries {
                    let outcome = match entry {
                        Ok(planned) => self.write_one(caller, planned).await,
                        Err(error) => Err(error.into()),
                    };
                    outcomes.push(outcome.map_err(|error: AppError| RefusedEntry {
                        status: error.code.class().status(),
                        outcome: error.operation_outcome(),
                    }));
                }
                Ok(answer::batch_response(&outcomes))
            }
        }
    }

    /// Creates (without an id) or updates (with one) a single resource.
    ///
    /// # Errors
    /// `FHIR_INVALID`, or `VERSION_CONFLICT` if `if_match` is not current.
    pub async fn put_resource(
        &self,
        caller: &Caller,
        kind: &str,
        id: Option<&str>,
        if_match: Option<u64>,
        resource: Value,
    ) -> AppResult<Resource> {
        caller.may(Action::ImportRecords)?;
        let (method, url) = match id {
            Some(id) => ("PUT", format!("{kind}/{id}")),
            None => ("POST", kind.to_owned()),
        };
        let mut request = json!({ "method": method, "url": url });
        if let Some(version) = if_match {
            request["ifMatch"] = format!("W/\"{version}\"").into();
        }
        // Said in terms of the resource, before it is wrapped.
        validate::validate(&resource)?;
        // One way in: a single resource is a transaction of one.
        let bundle = json!({
            "resourceType": "Bundle", "type": "transaction",
            "entry": [{ "resource": resource, "request": request }],
        });
        let Plan::Transaction(planned) = bundle::plan(bundle, &mut mint)? else {
            return Err(AppError::internal("a transaction was planned as a batch"));
        };
        planned.iter().try_for_each(not_ours)?;
        let id = planned.first().map(|planned| planned.id.clone()).unwrap_or_default();
        let tx = self.begin(caller).await?;
        write(&tx, planned, caller.now).await?;
        let resource = tx.get_resource(kind, &id).await?;
        tx.commit().await?;
        Ok(resource)
    }

    /// The current version of a resource.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none that the caller may see.
    pub async fn read_resource(&self, caller: &Caller, kind: &str, id: &str) -> AppResult<Resource> {
        let resource = self.records(caller).get_resource(kind, id).await?;
        visible(caller, resource)
    }

    /// One version of a resource.
    ///
    /// # Errors
    /// As [`Hospital::read_resource`].
    pub async fn read_version(&self, caller: &Caller, kind: &str, id: &str, version: i64) -> AppResult<Resource> {
        let resource = self.records(caller).get_resource_version(kind, id, version).await?;
        visible(caller, resource)
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// As [`Hospital::read_resource`].
    pub async fn read_history(&self, caller: &Caller, kind: &str, id: &str) -> AppResult<Vec<Resource>> {
        let history = self.records(caller).list_resource_history(kind, id, None, 1000).await?;
        if history.is_empty() {
            return Err(AppError::not_found("resource", format!("{kind}/{id}")));
        }
        history.into_iter().map(|resource| visible(caller, resource)).collect()
    }

    /// Resources of one type, by id, patient and code.
    ///
    /// # Errors
    /// If the caller may not search, or a patient asks without naming themselves.
    pub async fn search(&self, caller: &Caller, mut query: ResourceQuery, count: u32) -> AppResult<Page> {
        if caller.may(Action::ReadRecords).is_err() {
            // A patient searches their own record and no other.
            let asked = query.patient_id.as_deref().and_then(|id| id.parse::<PatientId>().ok());
            let patient = asked.or_else(|| caller.actor.patients.first().copied());
            let patient = patient.ok_or_else(|| AppError::new(Code::AuthForbidden, "this account has no record"))?;
            caller.may_see(patient, "patient", patient)?;
            query.patient_id = Some(patient.to_string());
        }
        let records = self.records(caller);
        let total = records.count_resources(&query).await?;
        let resources = records.list_resources(&query, None, count.min(1000)).await?;
        Ok(Page { resources, total })
    }

    async fn write_one(&self, caller: &Caller, planned: Planned) -> AppResult<Written> {
        not_ours(&planned)?;
        let tx = self.begin(caller).await?;
        let written = write(&tx, vec![planned], caller.now).await?;
        tx.commit().await?;
        written.into_iter().next().ok_or_else(|| AppError::internal("nothing was written"))
    }

    /// What one plugin may know of a patient.
    ///
    /// # Errors
    /// If there is no such patient.
    pub(super) async fn snapshot<E: Executor>(
        &self,
        records: &TenantScope<E>,
        plugin: &str,
        needs: &[DataNeed],
        patient: PatientId,
        now: Instant,
    ) -> AppResult<Snapshot> {
        let id = patient.to_string();
        let person = value(&records.get_resource("Patient", &id).await?)?;
        let pseudonym = self.keys().pseudonym(records.id(), plugin, patient);
        let mut rows: Vec<Resource> = Vec::new();
        let mut cut: Vec<Section> = Vec::new();
        let mut fetch = async |section: Section, kinds: &[&str], code: Option<CodeFilter>, most: u32| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            let query = PatientQuery { patient_id: id.clone(), kinds, codes: code.into_iter().collect() };
            // One more than is kept, to know whether there were more.
            let mut found = records.list_patient_resources(&query, most + 1).await?;
            if u32::try_from(found.len()).is_ok_and(|found| found > most) {
                found.pop();
                cut.push(section);
            }
            rows.extend(found);
            Ok::<_, AppError>(())
        };
        for need in needs {
            match need {
                DataNeed::Conditions => fetch(Section::Conditions, &["Condition"], None, SNAPSHOT_ROWS).await?,
                DataNeed::Allergies => fetch(Section::Allergies, &["AllergyIntolerance"], None, SNAPSHOT_ROWS).await?,
                DataNeed::Medications => {
                    let kinds = ["MedicationRequest", "MedicationStatement"];
                    fetch(Section::Medications, &kinds, None, SNAPSHOT_ROWS).await?;
                }
                // One code at a time: a glucose sensor does not crowd out the HbA1c.
                DataNeed::Observations(wanted) => {
                    for coding in wanted {
                        let code = CodeFilter { system: Some(coding.system.clone()), code: coding.code.clone() };
                        fetch(Section::Observations, &["Observation"], Some(code), OF_ONE_CODE).await?;
                    }
                }
            }
        }
        let mut resources = rows.iter().map(value).collect::<AppResult<Vec<_>>>()?;
        // An observation may bear two of the codes.
        let mut seen = HashSet::new();
        resources.retain(|resource| seen.insert((resource["resourceType"].to_string(), resource["id"].to_string())));
        resources.extend(referred_medications(records, &resources).await?);
        let mut snapshot = snapshot::build(&person, &resources, pseudonym, now).restricted_to(needs);
        for section in cut {
            let omission = Omission { section, reason: OmissionReason::Truncated };
            if !snapshot.omissions.contains(&omission) {
                snapshot.omissions.push(omission);
            }
        }
        Ok(snapshot)
    }
}

/// The medicines that requests and statements name by reference. They are
/// nobody's, so no patient's record lists them.
async fn referred_medications<E: Executor>(records: &TenantScope<E>, resources: &[Value]) -> AppResult<Vec<Value>> {
    const AT_ONCE: usize = 200;
    let references = resources.iter().filter_map(|resource| resource["medicationReference"]["reference"].as_str());
    let ids: BTreeSet<&str> = references.filter_map(|reference| reference.strip_prefix("Medication/")).collect();
    let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let query = ResourceQuery { kind: "Medication".to_owned(), ids: ids.to_vec(), ..ResourceQuery::default() };
        let rows = records.list_resources(&query, None, u32::try_from(AT_ONCE).unwrap_or(u32::MAX)).await?;
        for row in &rows {
            found.push(value(row)?);
        }
    }
    Ok(found)
}

/// The resource as JSON.
pub(crate) fn value(resource: &Resource) -> AppResult<Value> {
    serde_json::from_str(resource.body.get()).map_err(AppError::internal)
}

/// Writes resources as their next versions. The host's own projections come
/// this way too.
pub(super) async fn write(tx: &TenantTx, planned: Vec<Planned>, now: Instant) -> AppResult<Vec<Written>> {
    let keys: Vec<_> = planned.iter().map(|p| (p.resource_type.clone(), p.id.clone())).collect();
    let current = tx.resource_versions(&keys).await?;
    let mut writes = Vec::with_capacity(planned.len());
    let mut written = Vec::with_capacity(planned.len());
    for Planned { action, resource_type, id, mut resource, .. } in planned {
        let known = current.get(&(resource_type.clone(), id.clone())).copied();
        match action {
            bundle::Action::Create if known.is_some() => {
                return Err(AppError::new(Code::AlreadyExists, format!("{resource_type}/{id} exists")));
            }
            bundle::Action::Update { if_match: Some(wanted) } if known != i64::try_from(wanted).ok() => {
                let found = known.map_or("none".to_owned(), |version| version.to_string());
                return Err(AppError::new(
                    Code::VersionConflict,
                    format!("{resource_type}/{id}: ifMatch names version {wanted}, current is {found}"),
                ));
            }
            _ => {}
        }
        if resource_type == "Patient" && id.parse::<PatientId>().is_err() {
            return Err(AppError::new(
                Code::FhirInvalid,
                format!("Patient/{id}: ids of patients are drawn by the hospital; create it with POST"),
            ));
        }
        let version = known.unwrap_or(0) + 1;
        let stamped = u64::try_from(version).map_err(AppError::internal)?;
        answer::stamp(&mut resource, stamped, now);
        written.push(Written {
            resource_type: resource_type.clone(),
            id: id.clone(),
            version: stamped,
            at: now,
            created: known.is_none(),
        });
        let found = index::index(&resource);
        writes.push(ResourceWrite {
            kind: resource_type,
            id,
            version,
            patient_id: found.patient,
            effective_at: found.date.unwrap_or(now),
            last_updated: now,
            deleted: false,
            body: raw(&resource)?,
            tokens: found
                .tokens
                .into_iter()
                .map(|token| Token { param: token.param.to_owned(), system: token.system, code: token.code })
                .collect(),
        });
    }
    tx.put_resources(&writes).await?;
    Ok(written)
}

/// What the host writes of its own acts is not to be written by anybody else: a
/// prescription in the record is a prescription that was signed.
fn not_ours(planned: &Planned) -> AppResult<()> {
    const OURS: [&str; 8] = [
        EncounterId::PREFIX,
        PrescriptionId::PREFIX,
        BillId::PREFIX,
        PaymentId::PREFIX,
        EnrolmentId::PREFIX,
        AlertId::PREFIX,
        HoldId::PREFIX,
        TaskId::PREFIX,
    ];
    let ours = |prefix: &str| planned.id.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-'));
    if OURS.into_iter().any(ours) {
        let Planned { resource_type, id, .. } = planned;
        let detail = format!("{resource_type}/{id}: ids of this form are the hospital's own; choose another");
        return Err(AppError::new(Code::FhirInvalid, detail));
    }
    Ok(())
}

/// Writes the host's own projections of its acts.
pub(super) async fn project(tx: &TenantTx, resources: Vec<Value>, now: Instant) -> AppResult<()> {
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
pub(super) fn mint(kind: &str) -> String {
    let id = PatientId::from_u128(ambient::fresh_id()).to_string();
    match kind {
        "Patient" => id,
        // `task-…` are the hospital's own timers.
        "Task" => id.replacen(PatientId::PREFIX, "fhir-task", 1),
        _ => id.replacen(PatientId::PREFIX, &kind.to_ascii_lowercase(), 1),
    }
}

/// The query of a search on `patient` and `code` tokens as FHIR writes them:
/// `system|code`, `|code` or `code`, several parted by commas.
pub fn token_filter(param: &str, text: &str) -> TokenFilter {
    let any_of = text.split(',').map(|token| match token.split_once('|') {
        Some((system, code)) => CodeFilter { system: Some(system.to_owned()), code: code.to_owned() },
        None => CodeFilter { system: None, code: token.to_owned() },
    });
    TokenFilter { param: param.to_owned(), any_of: any_of.collect() }
}

fn raw(value: &Value) -> AppResult<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(AppError::internal)
}

/// Staff see the hospital's records; a patient sees their own.
fn visible(caller: &Caller, resource: Resource) -> AppResult<Resource> {
    let gone = || AppError::not_found("resource", format!("{}/{}", resource.kind, resource.id));
    if resource.deleted {
        return Err(gone());
    }
    let own = resource.patient_id.as_deref().and_then(|id| id.parse().ok());
    let theirs = own.is_some_and(|patient| caller.actor.is(Role::Patient) && caller.actor.acts_for(patient));
    if theirs || caller.may(Action::ReadRecords).is_ok() { Ok(resource) } else { Err(gone()) }
}

impl From<FhirError> for AppError {
    fn from(error: FhirError) -> Self {
        let issues: Vec<Value> = error
            .issues()
            .map(|issue| json!({ "code": issue.kind.code(), "path": issue.path, "message": issue.message }))
            .collect();
        let mut refusal = Self::new(Code::FhirInvalid, error.to_string()).with("issues", issues);
        refusal.outcome = Some(outcome::of_error(&error));
        refusal
    }
}
