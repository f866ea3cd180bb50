//! The clinical record: FHIR in, FHIR out, and the snapshot for plugins.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Value, json, value::RawValue};
use xinglin_domain::{
    access::Action,
    clinical::{DataNeed, Omission, OmissionReason, Section, Snapshot},
    code::Code,
    id::{AlertId, BillId, EncounterId, EnrolmentId, HoldId, PatientId, PaymentId, PrescriptionId, RelationId, TaskId},
    time::Instant,
};
use xinglin_store::{Executor, RecordQuery, Resource, ResourceQuery, ResourceWrite, StoreError, TenantScope, TenantTx};

use super::{
    AppError, AppResult, Caller, Hospital, compartment, consent::Purpose, search::Asked as Searched, subscription,
    verification,
};
use crate::{
    ambient,
    fhir::{
        FhirError,
        answer::{self, Done, RefusedEntry, Written},
        bundle::{self, Plan, Planned},
        index::{self, Index},
        outcome, search, snapshot, validate,
    },
};

/// Most resources of one section that a snapshot is built from.
const SNAPSHOT_ROWS: u32 = 2000;
/// Most observations of one code.
const OF_ONE_CODE: u32 = 128;

/// One thing to be done to a single resource, over HTTP.
#[derive(Debug, Clone)]
pub struct Act {
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// `Type`, `Type/id` or `Type?condition`.
    pub url: String,
    /// The version that must be current.
    pub if_match: Option<u64>,
    /// Unless there is one like that.
    pub if_none_exist: Option<String>,
}

impl Hospital {
    /// Takes a transaction (all or nothing) or batch (each for itself) bundle
    /// and returns the response bundle. `base` is where the server is, for links.
    ///
    /// # Errors
    /// `FHIR_INVALID` with every issue and its path; nothing is written then.
    pub async fn import_bundle(&self, caller: &Caller, base: &str, bundle: Value) -> AppResult<Value> {
        match bundle::plan(bundle, &mut mint)? {
            Plan::Transaction(planned) => {
                may_write(caller, &planned)?;
                planned.iter().for_each(|planned| touches(caller, planned));
                let tx = self.begin(caller).await?;
                let done = self.do_all(&tx, caller, base, planned).await?;
                caller.write_trail(&tx).await?;
                tx.commit().await?;
                Ok(answer::transaction_response(done))
            }
            Plan::Batch(entries) => {
                // Before the first of them: each is a transaction of its own.
                entries.iter().flatten().for_each(|planned| touches(caller, planned));
                let tx = self.begin(caller).await?;
                caller.write_trail(&tx).await?;
                tx.commit().await?;
                let mut outcomes = Vec::with_capacity(entries.len());
                for entry in entries {
                    let outcome = match entry {
                        Ok(planned) => self.do_one(caller, base, planned).await,
                        Err(error) => Err(error.into()),
                    };
                    outcomes.push(outcome.map_err(|error: AppError| RefusedEntry {
                        status: error.code.class().status(),
                        outcome: error.operation_outcome(),
                    }));
                }
                Ok(answer::batch_response(outcomes))
            }
        }
    }

    /// Creates, updates or deletes a single resource. Returns what came of it.
    ///
    /// # Errors
    /// `FHIR_INVALID`; `PRECONDITION_FAILED` if a condition does not hold or says too
    /// little; `RETENTION_HOLD` if it must stay.
    pub async fn act(&self, caller: &Caller, act: &Act, resource: Option<Value>) -> AppResult<Done> {
        caller.may(Action::ImportRecords)?;
        let mut request = json!({ "method": act.method, "url": act.url });
        if let Some(version) = act.if_match {
            request["ifMatch"] = format!("W/\"{version}\"").into();
        }
        if let Some(condition) = &act.if_none_exist {
            request["ifNoneExist"] = condition.as_str().into();
        }
        let mut entry = json!({ "request": request });
        if let Some(resource) = resource {
            // Said in terms of the resource, before it is wrapped.
            validate::validate(&resource)?;
            entry["resource"] = resource;
        }
        // One way in: a single resource is a transaction of one.
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
        let Plan::Transaction(planned) = bundle::plan(bundle, &mut mint)? else {
            return Err(AppError::internal("a transaction was planned as a batch"));
        };
        planned.iter().for_each(|planned| touches(caller, planned));
        let tx = self.begin(caller).await?;
        let done = self.do_all(&tx, caller, "", planned).await?.into_iter().next();
        let done = done.ok_or_else(|| AppError::internal("nothing was done"))?;
        caller.write_trail(&tx).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Changes a resource by a JSON Patch (RFC 6902), over the version that `if_match`
    /// names or that there is now.
    ///
    /// # Errors
    /// `BODY_INVALID` if it is no patch; `FHIR_INVALID` if it does not fit, or what comes
    /// of it is no sound resource; and as [`Hospital::act`].
    pub async fn patch_resource(
        &self,
        caller: &Caller,
        kind: &str,
        id: &str,
        if_match: Option<u64>,
        patch: &[u8],
    ) -> AppResult<Resource> {
        caller.may(Action::ImportRecords)?;
        let patch: json_patch::Patch = serde_json::from_slice(patch)
            .map_err(|error| AppError::new(Code::BodyInvalid, format!("no JSON Patch: {error}")))?;
        let current = self.read_resource(caller, kind, id).await?;
        let mut resource = value(&current)?;
        json_patch::patch(&mut resource, &patch)
            .map_err(|error| AppError::new(Code::FhirInvalid, format!("the patch does not fit: {error}")))?;
        let version = if_match.or_else(|| u64::try_from(current.version).ok());
        let url = format!("{kind}/{id}");
        let act = Act { method: "PUT", url, if_match: version, if_none_exist: None };
        match self.act(caller, &act, Some(resource)).await? {
            Done::Written(written) => Ok(written.resource),
            _ => Err(AppError::internal("nothing was written")),
        }
    }

    /// The current version of a resource.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none that the caller may see.
    pub async fn read_resource(&self, caller: &Caller, kind: &str, id: &str) -> AppResult<Resource> {
        caller.trail.asked();
        self.visible(&self.records(caller), caller, kind, id, None).await
    }

    /// One version of a resource.
    ///
    /// # Errors
    /// As [`Hospital::read_resource`].
    pub async fn read_version(&self, caller: &Caller, kind: &str, id: &str, version: i64) -> AppResult<Resource> {
        caller.trail.asked();
        self.visible(&self.records(caller), caller, kind, id, Some(version)).await
    }

    /// All versions, newest first, those among them that say that it is gone.
    ///
    /// # Errors
    /// `NOT_FOUND` if there are none that the caller may see.
    pub async fn read_history(&self, caller: &Caller, kind: &str, id: &str) -> AppResult<Vec<Resource>> {
        caller.trail.asked();
        let records = self.records(caller);
        let history = records.list_resource_history(kind, id, None, 1000).await?;
        let labels = records.resource_compartments(kind, id).await?;
        // One answer for all: what is in a compartment is there in each version, of
        // whomever it was.
        let mut patients = HashSet::new();
        for resource in &history {
            if patients.insert(&resource.patient_id) && !self.may_read(caller, resource, labels).await? {
                return Err(AppError::not_found("resource", format!("{kind}/{id}")));
            }
        }
        if history.is_empty() { Err(AppError::not_found("resource", format!("{kind}/{id}"))) } else { Ok(history) }
    }

    async fn do_one(&self, caller: &Caller, base: &str, planned: Planned) -> AppResult<Done> {
        if let bundle::Action::Read { url } = &planned.action {
            // It waits for no turn to write.
            return Ok(Done::Read(self.read_url(&self.records(caller), caller, base, url).await?));
        }
        may_write(caller, std::slice::from_ref(&planned))?;
        let tx = self.begin(caller).await?;
        let done = self.do_all(&tx, caller, base, vec![planned]).await?;
        tx.commit().await?;
        done.into_iter().next().ok_or_else(|| AppError::internal("nothing was done"))
    }

    /// Carries out what a bundle asks for: conditions are resolved, then all is written,
    /// then what is to be read is read.
    async fn do_all(
        &self,
        tx: &TenantTx,
        caller: &Caller,
        base: &str,
        mut planned: Vec<Planned>,
    ) -> AppResult<Vec<Done>> {
        let mut done: Vec<Option<Done>> = self.resolve(tx, caller, &mut planned).await?;
        let (mut to_write, mut places) = (Vec::new(), Vec::new());
        for (place, planned) in planned.iter_mut().enumerate() {
            if done[place].is_none() && !planned.action.is_read() {
                not_ours(planned)?;
                if planned.resource_type == "Subscription" {
                    self.subscribe(tx, caller, planned).await?;
                }
                may_go(tx, planned).await?;
                places.push(place);
                let resource = planned.resource.take();
                to_write.push(Planned { resource, ..planned.clone() });
            }
        }
        if !to_write.is_empty() {
            let written = write(tx, to_write, caller.now).await?;
            for (place, written) in places.into_iter().zip(written) {
                done[place] = Some(written.map_or(Done::Nothing, Done::Written));
            }
        }
        let mut all = Vec::with_capacity(done.len());
        for (planned, done) in planned.iter().zip(done) {
            all.push(match (done, &planned.action) {
                (Some(done), _) => done,
                (None, bundle::Action::Read { url }) => Done::Read(self.read_url(tx, caller, base, url).await?),
                (None, _) => return Err(AppError::internal("an entry was not carried out")),
            });
        }
        Ok(all)
    }

    /// Finds what conditions speak of, and makes plain updates, creates and deletions of
    /// them; what needs nothing more is done.
    async fn resolve(&self, tx: &TenantTx, caller: &Caller, planned: &mut [Planned]) -> AppResult<Vec<Option<Done>>> {
        use bundle::Action as Act;
        let mut done: Vec<Option<Done>> = planned.iter().map(|_| None).collect();
        let conditional = |planned: &&Planned| {
            matches!(
                planned.action,
                Act::Create { if_none_exist: Some(_) } | Act::UpdateBy { .. } | Act::DeleteBy { .. }
            )
        };
        // Of two that ask the same at once, the second sees what the first wrote.
        let kinds: BTreeSet<&str> = planned.iter().filter(conditional).map(|p| p.resource_type.as_str()).collect();
        for kind in kinds {
            tx.lock(&format!("condition/{kind}")).await?;
        }
        let mut moves = HashMap::new();
        for (place, planned) in planned.iter_mut().enumerate() {
            let kind = planned.resource_type.clone();
            let condition = match &planned.action {
                Act::Create { if_none_exist: Some(condition) }
                | Act::UpdateBy { condition, .. }
                | Act::DeleteBy { condition } => condition.clone(),
                _ => continue,
            };
            let found = self.only_one(tx, caller, &kind, &condition).await?;
            let drawn = format!("{kind}/{}", planned.id);
            match (std::mem::replace(&mut planned.action, Act::Delete { if_match: None }), found) {
                (Act::Create { .. }, Some(found)) => {
                    moves.insert(drawn, format!("{kind}/{}", found.id));
                    done[place] = Some(Done::Existing(found));
                }
                (Act::UpdateBy { given, if_match, .. }, Some(found)) => {
                    if given.is_some_and(|given| given != found.id) {
                        let detail = format!("the condition finds {kind}/{}, the resource has another id", found.id);
                        return Err(AppError::new(Code::FhirInvalid, detail));
                    }
                    moves.insert(drawn, format!("{kind}/{}", found.id));
                    if let Value::Object(fields) = &mut planned.resource {
                        fields.insert("id".to_owned(), found.id.clone().into());
                    }
                    planned.id = found.id;
                    planned.action = Act::Update { if_match };
                }
                (Act::UpdateBy { given: Some(_), if_match, .. }, None) => planned.action = Act::Update { if_match },
                (Act::Create { .. } | Act::UpdateBy { .. }, None) => {
                    planned.action = Act::Create { if_none_exist: None };
                }
                (_, Some(found)) => planned.id = found.id,
                (_, None) => done[place] = Some(Done::Nothing),
            }
        }
        // References to what others have: `Practitioner?identifier=…`.
        let searched: BTreeSet<String> = planned
            .iter()
            .flat_map(|planned| &planned.unresolved)
            .map(|unresolved| unresolved.reference.clone())
            .filter(|reference| reference.contains('?'))
            .collect();
        for reference in searched {
            // One that finds nothing, or several, or is no search, stays as it is.
            if let Some((kind, condition)) = reference.split_once('?')
                && let Ok(Some(found)) = self.only_one(tx, caller, kind, condition).await
            {
                moves.insert(reference.clone(), format!("{kind}/{}", found.id));
            }
        }
        bundle::redirect(planned, moves);
        Ok(done)
    }

    /// The one resource that a condition finds, if any.
    async fn only_one(
        &self,
        tx: &TenantTx,
        caller: &Caller,
        kind: &str,
        condition: &str,
    ) -> AppResult<Option<Resource>> {
        caller.may(Action::ReadRecords)?;
        let search = search::parse(kind, &search::parameters(condition.as_bytes()))?;
        if let Some(ignored) = search.ignored.into_iter().next() {
            return Err(ignored.into());
        }
        let mut query = search.query;
        let says_nothing =
            query.criteria.is_empty() && query.tokens.is_empty() && query.ids.is_empty() && query.patient_id.is_none();
        if says_nothing {
            let detail = format!("`{kind}?{condition}` says nothing of what is meant");
            return Err(AppError::new(Code::PreconditionFailed, detail));
        }
        // What is closed to the caller is not found, nor said to be there.
        self.reach(caller, &query).await?.bound(&mut query);
        let mut found = tx.list_resources(&query, None, 2).await?;
        if found.len() > 1 {
            let detail = format!("`{kind}?{condition}` finds several");
            return Err(AppError::new(Code::PreconditionFailed, detail));
        }
        Ok(found.pop())
    }

    /// What a `GET` in a bundle asks for.
    async fn read_url<E: Executor>(
        &self,
        records: &TenantScope<E>,
        caller: &Caller,
        base: &str,
        asked: &str,
    ) -> AppResult<Value> {
        let relative = asked.strip_prefix(base).unwrap_or(asked).trim_start_matches('/');
        let (path, query) = relative.split_once('?').unwrap_or((relative, ""));
        let resource = match path.split('/').collect::<Vec<_>>().as_slice() {
            [kind] if !kind.is_empty() => {
                let (kind, parameters) = ((*kind).to_owned(), search::parameters(query.as_bytes()));
                let asked = Searched { kind, parameters, strict: false, base: base.to_owned() };
                let found = self.search_on(records, caller, &asked).await?;
                return serde_json::to_value(&found).map_err(AppError::internal);
            }
            [kind, id] => self.visible(records, caller, kind, id, None).await?,
            [kind, id, "_history", version] => {
                let version = version.parse().map_err(|_| AppError::not_found("resource", path))?;
                self.visible(records, caller, kind, id, Some(version)).await?
            }
            _ => return Err(AppError::not_found("resource", path)),
        };
        value(&resource)
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
        let sight = self.plugin_sight(records, plugin, patient, purpose).await?;
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
                // One more than is kept, to know whether there were more.
                match self.section(records, patient, (section, code), &sight, Span::newest(most + 1)).await? {
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
                        rows.extend(found);
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
        let mut snapshot = snapshot::build(&person, &resources, pseudonym, now).restricted_to(needs);
        for omission in missing {
            if !snapshot.omissions.contains(&omission) {
                snapshot.omissions.push(omission);
            }
        }
        Ok(snapshot)
    }

    /// One version of a resource, or the current one, if the caller may see it.
    ///
    /// Staff see the hospital's records but for restricted compartments; a patient
    /// sees their own, an insurer what the patient opened to it. That something was
    /// deleted is told to nobody else.
    async fn visible<E: Executor>(
        &self,
        records: &TenantScope<E>,
        caller: &Caller,
        kind: &str,
        id: &str,
        version: Option<i64>,
    ) -> AppResult<Resource> {
        let (resource, labels) = match version {
            None => records.get_labelled_resource(kind, id).await?,
            Some(version) => {
                let resource = records.get_resource_version(kind, id, version).await?;
                (resource, records.resource_compartments(kind, id).await?)
            }
        };
        let may_read = self.may_read(caller, &resource, labels).await?;
        match (may_read, resource.deleted) {
            (false, _) => Err(AppError::not_found("resource", format!("{kind}/{id}"))),
            (true, true) => Err(AppError::new(Code::Deleted, format!("{kind}/{id} was deleted"))),
            (true, false) => Ok(resource),
        }
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

/// The id of the medicine that a request or statement names by reference.
pub(super) fn medication(resource: &Value) -> Option<&str> {
    resource["medicationReference"]["reference"].as_str()?.strip_prefix("Medication/")?.split('/').next()
}

/// Medicines by their ids. They are nobody's, so no patient's record lists them.
pub(super) async fn medications<E: Executor>(
    records: &TenantScope<E>,
    ids: impl IntoIterator<Item = &str>,
) -> Result<Vec<(String, Value)>, StoreError> {
    const AT_ONCE: u32 = 200;
    let ids: BTreeSet<&str> = ids.into_iter().collect();
    let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE as usize) {
        let query = ResourceQuery { kind: "Medication".to_owned(), ids: ids.to_vec(), ..ResourceQuery::default() };
        for row in records.list_resources(&query, None, AT_ONCE).await? {
            let body = serde_json::from_str(row.body.get()).unwrap_or_default();
            found.push((row.id, body));
        }
    }
    Ok(found)
}

/// The resource as JSON.
pub(crate) fn value(resource: &Resource) -> AppResult<Value> {
    serde_json::from_str(resource.body.get()).map_err(AppError::internal)
}

/// Notes whose record is about to be written.
fn touches(caller: &Caller, planned: &Planned) {
    caller.trail.asked();
    if let Some(patient) = index::patient(&planned.resource).and_then(|id| id.parse().ok()) {
        caller.trail.saw(patient);
    }
}

/// Writes resources as their next versions. The host's own projections come
/// this way too. Nothing comes of deleting what is not there.
pub(super) async fn write(tx: &TenantTx, planned: Vec<Planned>, now: Instant) -> AppResult<Vec<Option<Written>>> {
    let keys: Vec<_> = planned.iter().map(|p| (p.resource_type.clone(), p.id.clone())).collect();
    let current = tx.resource_versions(&keys).await?;
    let mut writes = Vec::with_capacity(planned.len());
    let mut written = Vec::with_capacity(planned.len());
    let labels = compartment::labels(tx, &planned).await?;
    for Planned { action, resource_type, id, mut resource, .. } in planned {
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
            verification::corrected(tx, &id, &resource, now).await?;
        }
        answer::stamp(&mut resource, stamped, now);
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
    subscription::notice(tx, &writes, now).await?;
    let mut resources = writes.into_iter().map(Resource::from);
    let mut of = |created| Some(Written { resource: resources.next()?, created });
    Ok(written.into_iter().map(|created| of(created?)).collect())
}

/// Who was registered and never had a record is erased, in all versions: their key goes.
async fn erase(tx: &TenantTx, kind: &str, id: &str, now: Instant) -> AppResult<()> {
    match kind {
        "Patient" if !tx.has_record(id).await? => tx.destroy_keys(id, now).await?,
        "Person" => tx.destroy_keys(&format!("Person/{id}"), now).await?,
        _ => 0,
    };
    Ok(())
}

fn may_write(caller: &Caller, planned: &[Planned]) -> AppResult<()> {
    match planned.iter().all(|planned| planned.action.is_read()) {
        true => Ok(()),
        false => caller.may(Action::ImportRecords),
    }
}

/// Whether it may be deleted, if it is to be: not who has a record.
async fn may_go(tx: &TenantTx, planned: &Planned) -> AppResult<()> {
    if !planned.action.is_delete() || planned.resource_type != "Patient" {
        return Ok(());
    }
    let query = RecordQuery { patient_id: Some(planned.id.clone()), ..RecordQuery::default() };
    let record = tx.list_record(&query, None, 2).await?;
    match record.iter().find(|resource| resource.kind != "Patient") {
        None => Ok(()),
        Some(other) => {
            let detail = format!("Patient/{} has a record, {}/{} for one", planned.id, other.kind, other.id);
            Err(AppError::new(Code::RetentionHold, detail))
        }
    }
}

/// What the host writes of its own acts is not to be written by anybody else: a
/// prescription in the record is a prescription that was signed.
fn not_ours(planned: &Planned) -> AppResult<()> {
    const OURS: [&str; 9] = [
        EncounterId::PREFIX,
        PrescriptionId::PREFIX,
        BillId::PREFIX,
        PaymentId::PREFIX,
        EnrolmentId::PREFIX,
        AlertId::PREFIX,
        HoldId::PREFIX,
        TaskId::PREFIX,
        RelationId::PREFIX,
    ];
    let ours = |prefix: &str| planned.id.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-'));
    if planned.resource_type == "Binary" {
        let detail = "Binary: send attachments to /fhir/R4/Binary, one by one";
        return Err(AppError::new(Code::FhirInvalid, detail));
    }
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

fn raw(value: &Value) -> AppResult<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(AppError::internal)
}

impl From<FhirError> for AppError {
    fn from(error: FhirError) -> Self {
        let issues: Vec<Value> = error
            .issues()
            .map(|issue| json!({ "code": issue.kind.code(), "path": issue.path, "message": issue.message }))
            .collect();
        let mut refusal = Self::new(Code::FhirInvalid, error.to_string()).with("issues", issues);
        refusal.outcome = Some(Box::new(outcome::of_error(&error)));
        refusal
    }
}

#[cfg(test)]
mod tests {
    use xinglin_domain::{
        coding::{Coding, system},
        consent::{Consent, Provision, Recipient, Scope, Terms},
        id::{AccountId, ConsentId},
    };
    use xinglin_runtime::{RecordError, RecordQuery, RecordRead};

    use super::*;
    use crate::{
        app::{chart::Chart, consent, tenant::PLATFORM},
        config::Config,
    };

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

    /// A hospital with two patients.
    async fn hospital(name: &str) -> Hospital {
        let folder = std::env::temp_dir().join(format!("xinglin-consent-{name}-{}", std::process::id()));
        // Of a run that was broken off under the same number.
        drop(std::fs::remove_dir_all(&folder));
        let config = Config { data_dir: folder, ..Config::default() };
        let hospital = Hospital::open(config).await.expect("a hospital");
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
            result("o5", OURS, "20447-9", "2026-05-01T00:00:00Z"),
            json!({
                "resourceType": "Condition", "id": "c2", "subject": { "reference": format!("Patient/{OURS}") },
                "code": { "text": "HIV infection" },
            }),
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
            DataNeed::Observations(
                ["4548-4", "2339-0", "20447-9"].map(|loinc| Coding::new(system::LOINC, loinc)).to_vec(),
            ),
        ];
        let records = hospital.store().tenant(PLATFORM);
        let whom = ("acme.check", Purpose::Treatment);
        hospital.snapshot(&records, whom, &needs, OURS, at("2026-06-01T00:00:00Z")).await.expect("a snapshot")
    }

    #[tokio::test]
    async fn what_is_presumed_shows_the_patient_at_hand_and_no_other() {
        let hospital = hospital("presumed").await;
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

    async fn say(hospital: &Hospital, provision: Provision, scope: Scope) {
        let now = hospital.now();
        let consent = Consent {
            id: ConsentId::from_u128(ambient::fresh_id()),
            patient: OURS,
            terms: Terms {
                provision,
                scope,
                recipient: Recipient::Plugin("acme.check".to_owned()),
                purposes: [Purpose::Treatment].into(),
                from: now,
                until: None,
            },
            given_by: AccountId::from_u128(1),
            given: now,
            revoked: None,
        };
        let tx = hospital.store().tenant(PLATFORM).begin().await.expect("begun");
        tx.insert_consent(&consent::row(&consent).expect("a row")).await.expect("inserted");
        tx.commit().await.expect("committed");
    }

    fn omitted(snapshot: &Snapshot, reason: OmissionReason) -> Vec<Section> {
        snapshot.omissions.iter().filter(|one| one.reason == reason).map(|one| one.section).collect()
    }

    #[tokio::test]
    async fn a_compartment_is_in_no_snapshot_and_no_read() {
        let hospital = hospital("compartment").await;
        let chart = chart(&hospital);
        assert_eq!(chart.observations(&query("20447-9")).await, Err(RecordError::Withheld));
        let none = Chart { patient: OTHERS, ..self::chart(&hospital) };
        assert_eq!(
            none.observations(&query("20447-9")).await,
            Err(RecordError::Withheld),
            "nor is it said that there is none"
        );
        assert_eq!(chart.conditions().await.map(|found| found.len()), Ok(1));
        let snapshot = cut(&hospital).await;
        assert_eq!((snapshot.conditions.len(), snapshot.observations.len()), (1, 3));
        let withheld = [Section::Conditions, Section::Observations];
        assert_eq!(omitted(&snapshot, OmissionReason::Compartment), withheld);

        say(&hospital, Provision::Permit, Scope::Compartment(xinglin_domain::compartment::Compartment::Hiv)).await;
        assert_eq!(chart.observations(&query("20447-9")).await.map(|found| found.len()), Ok(1));
        let snapshot = cut(&hospital).await;
        assert_eq!((snapshot.conditions.len(), snapshot.observations.len()), (2, 4));
        assert_eq!(omitted(&snapshot, OmissionReason::Compartment), []);
    }

    #[tokio::test]
    async fn what_consent_withholds_is_in_no_snapshot_and_no_read() {
        let hospital = hospital("refused").await;
        say(&hospital, Provision::Refuse, Scope::Record).await;
        let chart = chart(&hospital);
        assert_eq!(chart.observations(&query("2339-0")).await, Err(RecordError::Withheld));
        assert_eq!(chart.conditions().await, Err(RecordError::Withheld));
        let snapshot = cut(&hospital).await;
        assert!(snapshot.conditions.is_empty() && snapshot.observations.is_empty());
        assert_eq!(omitted(&snapshot, OmissionReason::Consent), [Section::Conditions, Section::Observations]);
    }
}
