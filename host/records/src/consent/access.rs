//! Access to records for people, plugins, payers and exports.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;
use xinglin_domain::{
    access::{Action, Role},
    clinical::{OmissionReason, Section},
    code::Code,
    coding::Coding,
    compartment::{Compartment, Compartments},
    consent::{
        Asker, Care, Consent, Provision, Purpose, Recipient, Scope, Terms, Withheld, may_disclose, may_export,
        may_identify,
    },
    id::{EnrolmentId, PatientId},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, grant};
use xinglin_store::{CodeFilter, Executor, Label, PatientQuery, Resource, TenantScope};

use super::{openings::Openings, parse};

/// The access of one requester to one patient's record.
#[derive(Debug, Clone, Copy)]
pub struct RecordAccess {
    /// Whether unrestricted data is accessible.
    pub record: bool,
    /// Inaccessible compartments.
    pub closed: Compartments,
}

impl RecordAccess {
    /// Full access.
    pub const ALL: Self = Self { record: true, closed: Compartments::NONE };

    pub(crate) fn of(mut decide: impl FnMut(Compartments) -> Result<(), Withheld>) -> Self {
        Self {
            record: decide(Compartments::NONE).is_ok(),
            closed: Compartment::ALL.into_iter().filter(|one| decide((*one).into()).is_err()).collect(),
        }
    }

    /// Whether an entry of these compartments is accessible.
    pub fn shows(self, labels: Compartments) -> bool {
        if labels.is_empty() { self.record } else { labels.and(self.closed).is_empty() }
    }
}

/// The access of a plugin to the current patient, during one call.
pub struct PluginAccess {
    record_access: RecordAccess,
    /// The inaccessible part of the record.
    closed: Vec<Label>,
}

/// A section of a record for a plugin.
pub struct Shown {
    /// Newest first.
    pub rows: Vec<Resource>,
    /// Whether some of it is in an inaccessible compartment.
    pub compartment: bool,
}

/// The caller's access to a patient's record.
#[boxed]
pub async fn record_access(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<RecordAccess> {
    caller.trail.saw(patient);
    if caller.is_beyond(Some(patient)) {
        return Ok(RecordAccess { record: false, closed: Compartments::ALL });
    }
    if caller.actor.acts_wholly_for(patient) {
        return Ok(RecordAccess::ALL);
    }
    let openings = Openings::of(platform, caller, [patient]).await?;
    openings.note_emergency(patient, Compartments::ALL);
    Ok(openings.record_access(patient))
}

/// Checks that the caller may read a document of a patient in these compartments; its author
/// always may.
///
/// # Errors
/// `NOT_FOUND`, as if there were none.
pub async fn may_open(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    (labels, author): (Compartments, bool),
    what: &str,
    id: impl std::fmt::Display,
) -> AppResult<()> {
    caller.may_see(patient, what, &id)?;
    if labels.is_empty() || author || record_access(platform, caller, patient).await?.shows(labels) {
        return Ok(());
    }
    Err(AppError::not_found(what, id))
}

/// Checks that the caller may open a part of a document that was given to them, by a role that they have at this moment:
/// as far as it goes they treat the patient in its compartments. A refusal of the patient's closes it all the same.
///
/// # Errors
/// `NOT_FOUND`, as if there were none.
pub async fn may_open_part(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    labels: Compartments,
    what: &str,
    id: impl std::fmt::Display,
) -> AppResult<()> {
    caller.trail.saw(patient);
    let consents = of_patient(&platform.records(caller), patient).await?;
    let care = Care { within: labels, ..Care::default() };
    match part_is_open(caller, (patient, labels), &consents, care) {
        true => Ok(()),
        false => Err(AppError::not_found(what, id)),
    }
}

/// Whether a part of a document that was given to the caller is open to them, by the patient's consents and this relation
/// of care.
pub(super) fn part_is_open(
    caller: &Caller,
    (patient, labels): (PatientId, Compartments),
    consents: &[Consent],
    care: Care,
) -> bool {
    let roles = caller.actor.live_roles(caller.now);
    let asker = Asker::Person { account: caller.actor.account, roles: &roles };
    let disclosed = may_disclose(labels, &asker, Purpose::Treatment, consents, care, caller.now);
    disclosed.is_ok() && !caller.is_beyond(Some(patient))
}

/// Checks that the caller may act in these compartments of a patient's record, whatever data
/// they contain.
///
/// # Errors
/// `ACCESS_COMPARTMENT`.
#[boxed]
pub async fn may_enter(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    labels: Compartments,
) -> AppResult<()> {
    if labels.is_empty() {
        return Ok(());
    }
    let closed = labels.and(record_access(platform, caller, patient).await?.closed);
    match closed.iter().next() {
        None => Ok(()),
        Some(compartment) => Err(closed_to(compartment, "you", caller.purpose())),
    }
}

/// The compartment granted to a plugin; its writes are labelled with it.
pub async fn compartments_of<E: Executor>(records: &TenantScope<E>, plugin: &str) -> AppResult<Compartments> {
    Ok(compartments_if_known(records, plugin).await?.unwrap_or(Compartments::NONE))
}

/// The same; `None` if the plugin is not there any more, so that nobody knows in which compartments what it wrote lies.
pub async fn compartments_if_known<E: Executor>(
    records: &TenantScope<E>,
    plugin: &str,
) -> AppResult<Option<Compartments>> {
    match records.get_install(plugin).await {
        Ok(install) => grant::compartments(&install).map(Some),
        Err(xinglin_store::StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The compartments of documents that a pathway created for an enrolment.
pub(crate) async fn compartments_in<E: Executor>(
    records: &TenantScope<E>,
    enrolment: EnrolmentId,
) -> AppResult<Compartments> {
    let row = records.get_document(enrolment).await?;
    match row.parent_id {
        Some(plugin) => compartments_of(records, &plugin).await,
        None => Ok(Compartments::NONE),
    }
}

/// A plugin's access to a patient's record.
async fn plugin_decision<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    plugin: &str,
    patient: PatientId,
    purpose: Purpose,
) -> AppResult<(RecordAccess, Vec<Consent>)> {
    let consents = of_patient(records, patient).await?;
    let compartment = compartments_of(records, plugin).await?.iter().next();
    let asker = Asker::Plugin { id: plugin, compartment };
    let now = platform.now();
    let record_access =
        RecordAccess::of(|labels| may_disclose(labels, &asker, purpose, &consents, Care::default(), now));
    Ok((record_access, consents))
}

/// A plugin's access to a section of the current patient's record.
///
/// A check of safety sees all medicines and allergies, whatever compartment they are in: what
/// kills does not ask. For the rest of the record it is a treatment.
pub async fn plugin_access<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    plugin: &str,
    patient: PatientId,
    (purpose, section): (Purpose, Section),
) -> AppResult<PluginAccess> {
    let record_access = match (purpose, section) {
        (Purpose::Safety, Section::Medications | Section::Allergies) => RecordAccess::ALL,
        (purpose, _) => plugin_decision(platform, records, plugin, patient, purpose.consented()).await?.0,
    };
    let mut closed = Vec::new();
    if !record_access.closed.is_empty() {
        closed = records.list_labels(&patient.to_string()).await?;
        closed.retain(|label| record_access.closed.contains(label.compartment));
    }
    Ok(PluginAccess { record_access, closed })
}

/// Whether a plugin may see an entry of these compartments.
pub async fn plugin_sees<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    plugin: &str,
    patient: PatientId,
    (purpose, labels): (Purpose, Compartments),
) -> AppResult<bool> {
    Ok(plugin_decision(platform, records, plugin, patient, purpose).await?.0.shows(labels))
}

/// Whether a bill may be disclosed to a payer. If the patient refused, the payer is not
/// called; if the bill discloses a compartment, the patient's consent is required.
///
/// # Errors
/// `ACCESS_COMPARTMENT`.
pub async fn may_bill<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    payer: &str,
    patient: PatientId,
    bill: Compartments,
) -> AppResult<bool> {
    let (record_access, consents) = plugin_decision(platform, records, payer, patient, Purpose::Payment).await?;
    if record_access.shows(bill) {
        return Ok(true);
    }
    let now = platform.now();
    let refused = consents.iter().any(|consent| {
        let Terms { provision, scope, recipient, purposes, .. } = &consent.terms;
        let meant = match scope {
            Scope::Record => true,
            Scope::Compartment(compartment) => bill.contains(*compartment),
            Scope::Identity | Scope::Pathway(_) | Scope::Danger => false,
        };
        *provision == Provision::Refuse
            && *recipient == Recipient::Plugin(payer.to_owned())
            && purposes.contains(&Purpose::Payment)
            && meant
            && consent.holds(now)
    });
    match bill.and(record_access.closed).iter().next() {
        Some(compartment) if !refused => Err(closed_to(compartment, payer, Purpose::Payment)),
        _ => Ok(false),
    }
}

/// Whether a plugin may send the patient's identity data to its servers.
pub async fn identifies<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    plugin: &str,
    patient: PatientId,
    purpose: Purpose,
) -> AppResult<bool> {
    let consents = of_patient(records, patient).await?;
    let enrolled = records.find_coverage(&patient.to_string(), plugin).await?.is_some();
    Ok(may_identify(plugin, purpose.consented(), enrolled, &consents, platform.now()).is_ok())
}

/// The only path from a record to a plugin: the accessible part of a section, newest first, or
/// the reason that there is none.
pub async fn section<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    (section, code): (Section, Option<&Coding>),
    PluginAccess { record_access, closed }: &PluginAccess,
    span: Span,
) -> AppResult<Result<Shown, OmissionReason>> {
    if !record_access.record {
        return Ok(Err(OmissionReason::Consent));
    }
    // Whether or not there is any: the question alone is not answered.
    let asked = code.map_or(Compartments::NONE, |code| Compartments::of_code(Some(&code.system), &code.code));
    if !asked.and(record_access.closed).is_empty() {
        return Ok(Err(OmissionReason::Compartment));
    }
    let kinds: &[&str] = match section {
        Section::Conditions => &["Condition"],
        Section::Allergies => &["AllergyIntolerance"],
        Section::Medications => &["MedicationRequest", "MedicationStatement", "MedicationDispense"],
        Section::Observations => &["Observation"],
    };
    let hidden: HashSet<(&str, &str)> = closed
        .iter()
        .filter(|label| kinds.contains(&label.kind.as_str()))
        .map(|label| (label.kind.as_str(), label.id.as_str()))
        .collect();
    let query = PatientQuery {
        patient_id: patient.to_string(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        codes: code
            .map(|code| CodeFilter { system: Some(code.system.clone()), code: code.code.clone() })
            .into_iter()
            .collect(),
        since: span.since,
        before: span.before,
    };
    // So many more that what is hidden crowds nothing out.
    let most = span.most.saturating_add(u32::try_from(hidden.len()).unwrap_or(u32::MAX));
    let mut rows = records.list_patient_resources(&query, most).await?;
    let found = rows.len();
    rows.retain(|row| !hidden.contains(&(row.kind.as_str(), row.id.as_str())));
    let compartment = rows.len() < found;
    rows.truncate(usize::try_from(span.most).unwrap_or(usize::MAX));
    Ok(Ok(Shown { rows, compartment }))
}

/// The compartments to exclude from a search of the caller.
///
/// # Errors
/// `ACCESS_COMPARTMENT` if it asks for a code of a compartment that is closed to
/// the caller, whether or not there is any; `NOT_FOUND` or `AUTH_FORBIDDEN` if the
/// record is not theirs to search.
#[boxed]
pub(crate) async fn search_access(
    platform: &Platform,
    caller: &Caller,
    patient: Option<PatientId>,
    codes: &[&CodeFilter],
) -> AppResult<Compartments> {
    let asked: Compartments =
        codes.iter().map(|code| Compartments::of_code(code.system.as_deref(), &code.code)).collect();
    let staff = caller.may(Action::ReadRecords).is_ok();
    let record_access = match patient {
        // Nothing restricted is found across patients.
        None => RecordAccess { record: staff, closed: Compartments::ALL },
        Some(patient) => {
            caller.trail.saw(patient);
            let nothing_there = || async {
                Ok::<_, AppError>(platform.records(caller).list_labels(&patient.to_string()).await?.is_empty())
            };
            if staff && asked.is_empty() && !caller.actor.acts_for(patient) && nothing_there().await? {
                return Ok(Compartments::ALL);
            }
            record_access(platform, caller, patient).await?
        }
    };
    if let Some(compartment) = asked.and(record_access.closed).iter().next() {
        return Err(closed_to(compartment, "you", caller.purpose()));
    }
    if !record_access.record {
        return Err(AppError::new(Code::AuthForbidden, "the patient has not opened their record to this account"));
    }
    Ok(record_access.closed)
}

/// Whether one resource may be shown to the caller.
#[boxed]
pub(crate) async fn may_read(
    platform: &Platform,
    caller: &Caller,
    resource: &Resource,
    labels: Compartments,
) -> AppResult<bool> {
    let patient: Option<PatientId> = resource.patient_id.as_deref().and_then(|id| id.parse().ok());
    patient.into_iter().for_each(|patient| caller.trail.saw(patient));
    if caller.is_beyond(patient) {
        return Ok(false);
    }
    if patient.is_some_and(|patient| caller.actor.acts_wholly_for(patient)) {
        return Ok(true);
    }
    let staff = caller.may(Action::ReadRecords).is_ok();
    let near = |patient| caller.actor.acts_for(patient) || caller.actor.is_family_of(patient);
    if !staff && !caller.actor.is(Role::Insurer) && !patient.is_some_and(near) {
        return Ok(false);
    }
    match patient {
        _ if staff && labels.is_empty() => Ok(true),
        // In a compartment, and nobody's who could open it.
        None => Ok(false),
        Some(patient) => Ok(record_access(platform, caller, patient).await?.shows(labels)),
    }
}

/// The resources of a page that may be exported on behalf of the caller.
pub(crate) async fn exportable<E: Executor>(
    records: &TenantScope<E>,
    caller: &Caller,
    kind: &str,
    mut page: Vec<Resource>,
) -> AppResult<Vec<Resource>> {
    const AT_ONCE: usize = 200;
    let mut labels: HashMap<String, Compartments> = HashMap::new();
    let mut consents: HashMap<String, Vec<Consent>> = HashMap::new();
    for chunk in page.chunks(AT_ONCE) {
        let ids: Vec<String> = chunk.iter().map(|resource| resource.id.clone()).collect();
        for Label { id, compartment, .. } in records.list_labels_of(kind, &ids).await? {
            let known = labels.entry(id).or_default();
            *known = known.or(compartment.into());
        }
        let patients: BTreeSet<String> = chunk.iter().filter_map(|resource| resource.patient_id.clone()).collect();
        let patients: Vec<String> = patients.into_iter().filter(|one| !consents.contains_key(one)).collect();
        for consent in records.list_consents_of(&patients).await? {
            consents.entry(consent.patient_id.clone()).or_default().push(parse(consent)?);
        }
        for patient in patients {
            consents.entry(patient).or_default();
        }
    }
    let (roles, now, purpose) = (caller.actor.live_roles(caller.now), caller.now, caller.purpose());
    let asker = Asker::Person { account: caller.actor.account, roles: &roles };
    page.retain(|resource| {
        let labels = labels.get(&resource.id).copied().unwrap_or_default();
        match &resource.patient_id {
            // In a compartment, and nobody's who could open it.
            None => labels.is_empty(),
            Some(patient) => {
                let consents = consents.get(patient).map(Vec::as_slice).unwrap_or_default();
                may_export(labels, &asker, purpose, consents, now).is_ok()
            }
        }
    });
    Ok(page)
}

/// Whether documents of an enrolment are accessible to the caller.
#[boxed]
pub async fn may_see_enrolment(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    id: EnrolmentId,
) -> AppResult<bool> {
    caller.trail.saw(patient);
    let labels = compartments_in(&platform.records(caller), id).await?;
    Ok(labels.is_empty() || record_access(platform, caller, patient).await?.shows(labels))
}

/// The compartments of the evidence of a visit.
pub(super) fn evidence(visit: &Value) -> Compartments {
    match visit {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| if name == "evidence" { Compartments::of(value) } else { evidence(value) })
            .collect(),
        _ => Compartments::NONE,
    }
}

fn closed_to(compartment: Compartment, whom: &str, purpose: Purpose) -> AppError {
    let detail = format!(
        "`{compartment}` is a restricted part of the record; the patient has not opened it to {whom} for {}",
        purpose.as_str()
    );
    AppError::new(Code::AccessCompartment, detail).with("compartment", compartment)
}

/// The unrevoked consents of a patient.
///
/// # Errors
/// If a stored value cannot be parsed.
pub async fn of_patient<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Vec<Consent>> {
    records.list_consents(&patient.to_string(), false).await?.into_iter().map(parse).collect()
}

/// The period and the maximum number of entries, newest first.
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
