//! Execution of a bundle: resolve conditions, write, then read.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{
        AlertId, BillId, EncounterId, EnrolmentId, HoldId, InsuranceRequestId, PaymentId, PrescriptionId, RelationId,
        RequestId, TaskId,
    },
};
use xinglin_fhir::{
    answer::Done,
    bundle::{self, Planned},
    index, insurance, project, search,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::value};
use xinglin_store::{Executor, RecordQuery, Resource, TenantScope, TenantTx};

use crate::{
    resource::{visible, write},
    search::Asked as Searched,
    subscription,
};

/// Executes a bundle: resolves conditions, then writes, then reads.
#[boxed]
pub(super) async fn do_all(
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

/// Resolves conditions into plain creates, updates and deletes; entries that need no write are
/// completed.
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

/// The single match of a condition, if any.
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
    crate::search::search_scope(platform, caller, &query).await?.bound(&mut query);
    let mut found = tx.list_resources(&query, None, 2).await?;
    if found.len() > 1 {
        let detail = format!("`{kind}?{condition}` finds several");
        return Err(AppError::new(Code::PreconditionFailed, detail));
    }
    Ok(found.pop())
}

/// The result of a `GET` in a bundle.
pub(super) async fn read_url<E: Executor>(
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

/// Records the patients to be written, for the audit trail.
pub(super) fn touches(caller: &Caller, planned: &Planned) {
    caller.trail.asked();
    if let Some(patient) = index::patient(&planned.resource).and_then(|id| id.parse().ok()) {
        caller.trail.saw(patient);
    }
}

/// Checks that a resource may be deleted: not a patient with a record.
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

/// Refuses external writes to projections of the host: a prescription in the record is one
/// that was signed.
fn not_ours(planned: &Planned) -> AppResult<()> {
    const OURS: [&str; 12] = [
        EncounterId::PREFIX,
        PrescriptionId::PREFIX,
        BillId::PREFIX,
        InsuranceRequestId::PREFIX,
        PaymentId::PREFIX,
        EnrolmentId::PREFIX,
        AlertId::PREFIX,
        HoldId::PREFIX,
        TaskId::PREFIX,
        RelationId::PREFIX,
        RequestId::PREFIX,
        project::LAB_REQUEST,
    ];
    let ours = |prefix: &str| planned.id.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-'));
    if planned.resource_type == "Binary" {
        let detail = "Binary: send attachments to /fhir/R4/Binary, one by one";
        return Err(AppError::new(Code::FhirInvalid, detail));
    }
    let kind = planned.resource_type.as_str();
    if OURS.into_iter().any(ours) || insurance::OURS.iter().any(|(of, prefix)| *of == kind && ours(prefix)) {
        let Planned { resource_type, id, .. } = planned;
        let detail = format!("{resource_type}/{id}: ids of this form are the hospital's own; choose another");
        return Err(AppError::new(Code::FhirInvalid, detail));
    }
    Ok(())
}
