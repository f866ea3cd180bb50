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

use super::{
    AppError, AppResult, Caller, Hospital,
    consent::{Asked, Purpose},
};
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

    /// What one plugin may know of a patient, and what for.
    ///
    /// # Errors
    /// If there is no such patient.
    pub(super) async fn snapshot<E: Executor>(
        &self,
        records: &TenantScope<E>,
        (plugin, purpose): (&str, Purpose),
        needs: &[DataNeed],
        patient: PatientId,
        now: Instant,
    ) -> AppResult<Snapshot> {
        let person = value(&records.get_resource("Patient", &patient.to_string()).await?)?;
        let pseudonym = self.keys().pseudonym(records.id(), plugin, patient);
        let mut rows: Vec<Resource> = Vec::new();
        let mut missing: Vec<Omission> = Vec::new();
        for need in needs {
            let (section, codes, most) = match need {
                DataNeed::Conditions => (Section::Conditions, vec![None], SNAPSHOT_ROWS),
                DataNeed::Allergies => (Section::Allergies, vec![None], SNAPSHOT_ROWS),
                DataNeed::Medications => (Section::Medications, vec![None], SNAPSHOT_ROWS),
                // One code at a time: a glucose sensor does not crowd out the HbA1c.
                DataNeed::Observations(wanted) => {
                    (Section::Observations, wanted.iter().map(Some).collect(), OF_ONE_CODE)
                }
            };
            for code in codes {
                let asked = Asked { tenant: records.id(), patient, plugin, section, code, purpose };
                // One more than is kept, to know whether there were more.
                let found = self.section(records, &asked, Span::newest(most + 1)).await?;
                match found {
                    None => missing.push(Omission { section, reason: OmissionReason::Consent }),
                    Some(mut found) => {
                        if u32::try_from(found.len()).is_ok_and(|found| found > most) {
                            found.pop();
                            missing.push(Omission { section, reason: OmissionReason::Truncated });
                        }
                        rows.extend(found);
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
        for omission in missing {
            if !snapshot.omissions.contains(&omission) {
                snapshot.omissions.push(omission);
            }
        }
        Ok(snapshot)
    }

    /// The one way from a record to a plugin: what consent lets it see of a
    /// section, newest first, or nothing at all if it is withheld.
    pub(super) async fn section<E: Executor>(
        &self,
        records: &TenantScope<E>,
        asked: &Asked<'_>,
        span: Span,
    ) -> AppResult<Option<Vec<Resource>>> {
        if !self.consent_rules().allows(asked).await? {
            return Ok(None);
        }
        let kinds: &[&str] = match asked.section {
            Section::Conditions => &["Condition"],
            Section::Allergies => &["AllergyIntolerance"],
            Section::Medications => &["MedicationRequest", "MedicationStatement"],
            Section::Observations => &["Observation"],
        };
        let code = asked.code.map(|code| CodeFilter { system: Some(code.system.clone()), code: code.code.clone() });
        let query = PatientQuery {
            patient_id: asked.patient.to_string(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            codes: code.into_iter().collect(),
            since: span.since,
            before: span.before,
        };
        Ok(Some(records.list_patient_resources(&query, span.most).await?))
    }
}

/// How far back, and how much of it: the newest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub since: Option<Instant>,
    pub before: Option<Instant>,
    pub most: u32,
}

impl Span {
    pub const fn newest(most: u32) -> Self {
        Self { since: None, before: None, most }
    }
}

/// The medicines that requests and statements name by reference. They are
/// nobody's, so no patient's record lists them.
pub(super) async fn referred_medications<E: Executor>(
    records: &TenantScope<E>,
    resources: &[Value],
) -> AppResult<Vec<Value>> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use xinglin_domain::coding::{Coding, system};
    use xinglin_runtime::{RecordError, RecordQuery, RecordRead};

    use super::*;
    use crate::{
        app::{
            chart::Chart,
            consent::{Consent, ConsentFuture, Presumed},
            tenant::PLATFORM,
        },
        config::Config,
    };

    /// Lets nobody see HbA1c or a diagnosis.
    struct Reserved;

    impl Consent for Reserved {
        fn allows<'a>(&'a self, asked: &'a Asked<'a>) -> ConsentFuture<'a> {
            let withheld = asked.section == Section::Conditions || asked.code.is_some_and(|code| code.code == "4548-4");
            Box::pin(async move { Ok(!withheld) })
        }
    }

    const OURS: PatientId = PatientId::from_u128(1);
    const OTHERS: PatientId = PatientId::from_u128(2);

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("instant")
    }

    fn result(id: &str, patient: PatientId, loinc: &str, day: &str) -> Value {
        json!({
            "resourceType": "Observation", "id": id, "status": "final",
            "subject": { "reference": format!("Patient/{patient}") },
            "code": { "coding": [{ "system": system::LOINC, "code": loinc }] },
            "effectiveDateTime": day, "valueQuantity": { "value": 7, "code": "%" },
        })
    }

    /// A hospital with two patients, under these rules of consent.
    async fn hospital(name: &str, consent: impl Consent + 'static) -> Hospital {
        let folder = std::env::temp_dir().join(format!("xinglin-consent-{name}-{}", std::process::id()));
        // Of a run that was broken off under the same number.
        drop(std::fs::remove_dir_all(&folder));
        let config = Config { data_dir: folder, ..Config::default() };
        let hospital = Hospital::open_under(config, Arc::new(consent)).await.expect("a hospital");
        hospital.ensure_operator("correct horse battery".to_owned()).await.expect("an operator");
        let patient = |id: PatientId| json!({ "resourceType": "Patient", "id": id.to_string() });
        let condition = json!({
            "resourceType": "Condition", "id": "c1", "subject": { "reference": format!("Patient/{OURS}") },
            "code": { "coding": [{ "system": system::ICD10, "code": "E11.9" }] },
        });
        let record = vec![
            patient(OURS),
            patient(OTHERS),
            condition,
            result("o1", OURS, "4548-4", "2026-01-01T00:00:00Z"),
            result("o2", OURS, "2339-0", "2026-02-01T00:00:00Z"),
            result("o3", OURS, "2339-0", "2026-03-01T00:00:00Z"),
            result("o4", OTHERS, "2339-0", "2026-04-01T00:00:00Z"),
        ];
        let tx = hospital.store().tenant(PLATFORM).begin().await.expect("begun");
        project(&tx, record, at("2026-06-01T00:00:00Z")).await.expect("written");
        tx.commit().await.expect("committed");
        hospital
    }

    fn chart(hospital: &Hospital) -> Chart {
        Chart {
            hospital: hospital.clone(),
            tenant: PLATFORM,
            plugin: "acme.check".to_owned(),
            patient: OURS,
            purpose: Purpose::Treatment,
        }
    }

    fn query(loinc: &str) -> RecordQuery {
        RecordQuery { code: Coding::new(system::LOINC, loinc), since: None, before: None, limit: 500 }
    }

    async fn cut(hospital: &Hospital) -> Snapshot {
        let needs = [
            DataNeed::Conditions,
            DataNeed::Observations(vec![Coding::new(system::LOINC, "4548-4"), Coding::new(system::LOINC, "2339-0")]),
        ];
        let records = hospital.store().tenant(PLATFORM);
        let whom = ("acme.check", Purpose::Treatment);
        hospital.snapshot(&records, whom, &needs, OURS, at("2026-06-01T00:00:00Z")).await.expect("a snapshot")
    }

    #[tokio::test]
    async fn what_is_presumed_shows_the_patient_at_hand_and_no_other() {
        let hospital = hospital("presumed", Presumed).await;
        let chart = chart(&hospital);
        let days = async |query: RecordQuery| -> Vec<Option<Instant>> {
            chart.observations(&query).await.expect("shown").iter().map(|o| o.effective).collect()
        };
        let (february, march) = (Some(at("2026-02-01T00:00:00Z")), Some(at("2026-03-01T00:00:00Z")));
        assert_eq!(days(query("2339-0")).await, [march, february], "newest first, and only of one patient");
        assert_eq!(days(RecordQuery { limit: 1, ..query("2339-0") }).await, [march]);
        assert_eq!(days(RecordQuery { since: march, ..query("2339-0") }).await, [march]);
        assert_eq!(days(RecordQuery { before: march, ..query("2339-0") }).await, [february]);
        assert_eq!(chart.conditions().await.expect("shown").len(), 1);
        assert_eq!(chart.allergies().await, Ok(vec![]));
        assert_eq!(cut(&hospital).await.observations.len(), 3);
    }

    #[tokio::test]
    async fn what_consent_withholds_is_in_no_snapshot_and_no_read() {
        let hospital = hospital("reserved", Reserved).await;
        let chart = chart(&hospital);
        assert_eq!(chart.observations(&query("4548-4")).await, Err(RecordError::Withheld));
        assert_eq!(chart.observations(&query("2339-0")).await.map(|found| found.len()), Ok(2));
        assert_eq!(chart.conditions().await, Err(RecordError::Withheld));

        let snapshot = cut(&hospital).await;
        assert!(snapshot.conditions.is_empty());
        assert_eq!(snapshot.observations.len(), 2);
        for section in [Section::Conditions, Section::Observations] {
            let omission = Omission { section, reason: OmissionReason::Consent };
            assert!(snapshot.omissions.contains(&omission), "{:?}", snapshot.omissions);
        }
    }
}
