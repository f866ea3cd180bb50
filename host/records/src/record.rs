//! The clinical record: FHIR in, FHIR out, and the snapshot for plugins.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Value, json, value::RawValue};
use xinglin_domain::{
    access::Action,
    clinical::{DataNeed, Omission, OmissionReason, Section, Snapshot},
    code::Code,
    consent::Purpose,
    id::{AlertId, BillId, EncounterId, EnrolmentId, HoldId, PatientId, PaymentId, PrescriptionId, RelationId, TaskId},
    time::Instant,
};
use xinglin_fhir::{
    answer::{self, Done, RefusedEntry, Written},
    bundle::{self, Plan, Planned},
    index::{self, Index},
    search, snapshot, validate,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, document::value};
use xinglin_store::{Executor, RecordQuery, Resource, ResourceQuery, ResourceWrite, StoreError, TenantScope, TenantTx};

use crate::{compartment, consent, real_name, search::Asked as Searched, subscription};

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

/// Takes a transaction (all or nothing) or batch (each for itself) bundle
/// and returns the response bundle. `base` is where the server is, for links.
///
/// # Errors
/// `FHIR_INVALID` with every issue and its path; nothing is written then.
pub async fn import(platform: &Platform, caller: &Caller, base: &str, bundle: Value) -> AppResult<Value> {
    match bundle::plan(bundle, &mut mint)? {
        Plan::Transaction(planned) => {
            may_write(caller, &planned)?;
            planned.iter().for_each(|planned| touches(caller, planned));
            let tx = platform.begin(caller).await?;
            let done = do_all(platform, &tx, caller, base, planned).await?;
            caller.write_trail(&tx).await?;
            tx.commit().await?;
            Ok(answer::transaction_response(done))
        }
        Plan::Batch(entries) => {
            // Before the first of them: each is a transaction of its own.
            entries.iter().flatten().for_each(|planned| touches(caller, planned));
            let tx = platform.begin(caller).await?;
            caller.write_trail(&tx).await?;
            tx.commit().await?;
            let mut outcomes = Vec::with_capacity(entries.len());
            for entry in entries {
                let outcome = match entry {
                    Ok(planned) => do_one(platform, caller, base, planned).await,
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
pub async fn act(platform: &Platform, caller: &Caller, act: &Act, resource: Option<Value>) -> AppResult<Done> {
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
    let tx = platform.begin(caller).await?;
    let done = do_all(platform, &tx, caller, "", planned).await?.into_iter().next();
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
/// of it is no sound resource; and as [`act`].
pub async fn patch(
    platform: &Platform,
    caller: &Caller,
    kind: &str,
    id: &str,
    if_match: Option<u64>,
    patch: &[u8],
) -> AppResult<Resource> {
    caller.may(Action::ImportRecords)?;
    let patch: json_patch::Patch = serde_json::from_slice(patch)
        .map_err(|error| AppError::new(Code::BodyInvalid, format!("no JSON Patch: {error}")))?;
    let current = read(platform, caller, kind, id).await?;
    let mut resource = value(&current)?;
    json_patch::patch(&mut resource, &patch)
        .map_err(|error| AppError::new(Code::FhirInvalid, format!("the patch does not fit: {error}")))?;
    let version = if_match.or_else(|| u64::try_from(current.version).ok());
    let url = format!("{kind}/{id}");
    let change = Act { method: "PUT", url, if_match: version, if_none_exist: None };
    match act(platform, caller, &change, Some(resource)).await? {
        Done::Written(written) => Ok(written.resource),
        _ => Err(AppError::internal("nothing was written")),
    }
}

/// The current version of a resource.
///
/// # Errors
/// `NOT_FOUND` if there is none that the caller may see.
pub async fn read(platform: &Platform, caller: &Caller, kind: &str, id: &str) -> AppResult<Resource> {
    caller.trail.asked();
    visible(platform, &platform.records(caller), caller, kind, id, None).await
}

/// One version of a resource.
///
/// # Errors
/// As [`read`].
pub async fn read_version(
    platform: &Platform,
    caller: &Caller,
    kind: &str,
    id: &str,
    version: i64,
) -> AppResult<Resource> {
    caller.trail.asked();
    visible(platform, &platform.records(caller), caller, kind, id, Some(version)).await
}

/// All versions, newest first, those among them that say that it is gone.
///
/// # Errors
/// `NOT_FOUND` if there are none that the caller may see.
pub async fn read_history(platform: &Platform, caller: &Caller, kind: &str, id: &str) -> AppResult<Vec<Resource>> {
    caller.trail.asked();
    let records = platform.records(caller);
    let history = records.list_resource_history(kind, id, None, 1000).await?;
    let labels = records.resource_compartments(kind, id).await?;
    // One answer for all: what is in a compartment is there in each version, of
    // whomever it was.
    let mut patients = HashSet::new();
    for resource in &history {
        if patients.insert(&resource.patient_id) && !consent::may_read(platform, caller, resource, labels).await? {
            return Err(AppError::not_found("resource", format!("{kind}/{id}")));
        }
    }
    if history.is_empty() { Err(AppError::not_found("resource", format!("{kind}/{id}"))) } else { Ok(history) }
}

async fn do_one(platform: &Platform, caller: &Caller, base: &str, planned: Planned) -> AppResult<Done> {
    if let bundle::Action::Read { url } = &planned.action {
        // It waits for no turn to write.
        return Ok(Done::Read(read_url(platform, &platform.records(caller), caller, base, url).await?));
    }
    may_write(caller, std::slice::from_ref(&planned))?;
    let tx = platform.begin(caller).await?;
    let done = do_all(platform, &tx, caller, base, vec![planned]).await?;
    tx.commit().await?;
    done.into_iter().next().ok_or_else(|| AppError::internal("nothing was done"))
}

/// Carries out what a bundle asks for: conditions are resolved, then all is written,
/// then what is to be read is read.
async fn do_all(
    platform: &Platform,
    tx: &TenantTx,
    caller: &Caller,
    base: &str,
    mut planned: Vec<Planned>,
) -> AppResult<Vec<Done>> {
    let mut done: Vec<Option<Done>> = resolve(platform, tx, caller, &mut planned).await?;
    let (mut to_write, mut places) = (Vec::new(), Vec::new());
    for (place, planned) in planned.iter_mut().enumerate() {
        if done[place].is_none() && !planned.action.is_read() {
            not_ours(planned)?;
            if planned.resource_type == "Subscription" {
                subscription::subscribe(platform, tx, caller, planned).await?;
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
            (None, bundle::Action::Read { url }) => Done::Read(read_url(platform, tx, caller, base, url).await?),
            (None, _) => return Err(AppError::internal("an entry was not carried out")),
        });
    }
    Ok(all)
}

/// Finds what conditions speak of, and makes plain updates, creates and deletions of
/// them; what needs nothing more is done.
async fn resolve(
    platform: &Platform,
    tx: &TenantTx,
    caller: &Caller,
    planned: &mut [Planned],
) -> AppResult<Vec<Option<Done>>> {
    use bundle::Action as Act;
    let mut done: Vec<Option<Done>> = planned.iter().map(|_| None).collect();
    let conditional = |planned: &&Planned| {
        matches!(planned.action, Act::Create { if_none_exist: Some(_) } | Act::UpdateBy { .. } | Act::DeleteBy { .. })
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
        let found = only_one(platform, tx, caller, &kind, &condition).await?;
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
            && let Ok(Some(found)) = only_one(platform, tx, caller, kind, condition).await
        {
            moves.insert(reference.clone(), format!("{kind}/{}", found.id));
        }
    }
    bundle::redirect(planned, moves);
    Ok(done)
}

/// The one resource that a condition finds, if any.
async fn only_one(
    platform: &Platform,
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
    crate::search::reach(platform, caller, &query).await?.bound(&mut query);
    let mut found = tx.list_resources(&query, None, 2).await?;
    if found.len() > 1 {
        let detail = format!("`{kind}?{condition}` finds several");
        return Err(AppError::new(Code::PreconditionFailed, detail));
    }
    Ok(found.pop())
}

/// What a `GET` in a bundle asks for.
async fn read_url<E: Executor>(
    platform: &Platform,
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
            let found = crate::search::search_on(platform, records, caller, &asked).await?;
            return serde_json::to_value(&found).map_err(AppError::internal);
        }
        [kind, id] => visible(platform, records, caller, kind, id, None).await?,
        [kind, id, "_history", version] => {
            let version = version.parse().map_err(|_| AppError::not_found("resource", path))?;
            visible(platform, records, caller, kind, id, Some(version)).await?
        }
        _ => return Err(AppError::not_found("resource", path)),
    };
    value(&resource)
}

/// What one plugin may know of a patient, and what for.
///
/// # Errors
/// If there is no such patient.
pub async fn snapshot<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    (plugin, purpose): (&str, Purpose),
    needs: &[DataNeed],
    patient: PatientId,
    now: Instant,
) -> AppResult<Snapshot> {
    let person = value(&records.get_resource("Patient", &patient.to_string()).await?)?;
    let pseudonym = platform.keys().pseudonym(records.id(), plugin, patient);
    let sight = consent::plugin_sight(platform, records, plugin, patient, purpose).await?;
    let mut rows: Vec<Resource> = Vec::new();
    let mut missing: Vec<Omission> = Vec::new();
    for need in needs {
        let (section, codes, most) = match need {
            DataNeed::Conditions => (Section::Conditions, vec![None], SNAPSHOT_ROWS),
            DataNeed::Allergies => (Section::Allergies, vec![None], SNAPSHOT_ROWS),
            DataNeed::Medications => (Section::Medications, vec![None], SNAPSHOT_ROWS),
            // One code at a time: a glucose sensor does not crowd out the HbA1c.
            DataNeed::Observations(wanted) => (Section::Observations, wanted.iter().map(Some).collect(), OF_ONE_CODE),
        };
        for code in codes {
            // One more than is kept, to know whether there were more.
            match consent::section(records, patient, (section, code), &sight, Span::newest(most + 1)).await? {
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
    platform: &Platform,
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
    let may_read = consent::may_read(platform, caller, &resource, labels).await?;
    match (may_read, resource.deleted) {
        (false, _) => Err(AppError::not_found("resource", format!("{kind}/{id}"))),
        (true, true) => Err(AppError::new(Code::Deleted, format!("{kind}/{id} was deleted"))),
        (true, false) => Ok(resource),
    }
}

/// How far back, and how much of it: the newest.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Not before then.
    pub since: Option<Instant>,
    /// Before then.
    pub before: Option<Instant>,
    /// So many at most.
    pub most: u32,
}

impl Span {
    /// The newest, however old.
    pub const fn newest(most: u32) -> Self {
        Self { since: None, before: None, most }
    }
}

/// The id of the medicine that a request or statement names by reference.
pub fn medication(resource: &Value) -> Option<&str> {
    resource["medicationReference"]["reference"].as_str()?.strip_prefix("Medication/")?.split('/').next()
}

/// Medicines by their ids. They are nobody's, so no patient's record lists them.
pub async fn medications<E: Executor>(
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

/// Notes whose record is about to be written.
fn touches(caller: &Caller, planned: &Planned) {
    caller.trail.asked();
    if let Some(patient) = index::patient(&planned.resource).and_then(|id| id.parse().ok()) {
        caller.trail.saw(patient);
    }
}

/// Writes resources as their next versions. The host's own projections come
/// this way too. Nothing comes of deleting what is not there.
pub(crate) async fn write(tx: &TenantTx, planned: Vec<Planned>, now: Instant) -> AppResult<Vec<Option<Written>>> {
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
            real_name::corrected(tx, &id, &resource, now).await?;
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
