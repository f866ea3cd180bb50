//! Observations of the record become events of pathways.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use xinglin_domain::{
    clinical::{Observation, ObservationValue},
    coding::{Attribute, AttributeValue, Coding, Decimal, LocalizedText},
    compartment::Compartments,
    consent::Purpose,
    enrolment::Enrolment,
    id::{EnrolmentId, PatientId},
    measure::{self, Fault},
    pathway::{
        self, Event, Role, Series,
        series::{self, Said},
    },
    review::Severity,
    time::Instant,
};
use xinglin_fhir::{
    project,
    series::{self as batch, Sampled},
    snapshot::{self, Observed, Refused},
};
use xinglin_platform::{AppError, AppResult, Platform, boxed, document::value};
use xinglin_records::{
    consent,
    news::{self, Reading},
    resource::{self, marked},
};
use xinglin_store::{CodeFilter, DocumentQuery, PatientQuery, Resource, StoreError, Tenant, TenantTx, Work};

use super::{Occasion, Ready, raise, ready, request};
use crate::{event::keep_from, safety};

/// Minutes within which a person looks at a value that no rule gets: a project default.
const REFUSED_MINUTES: u32 = 60;

/// Maximum number of observations that are compared with a new one.
const COMPARED: u32 = 100;

/// How long a batch of a device may last: two of a longer one may be told twice where they overlap.
const LONGEST_BATCH_DAYS: i64 = 31;

/// Turns written observations into events of the patient's pathways, in the order of writing. What says that the patient
/// is in danger opens the [contact](crate::safety) first, also without an enrolment, in a transaction of its own: no
/// pathway stands in its way.
///
/// # Errors
/// If the store fails.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn observe(platform: &Platform, records: &Tenant, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let readings = Vec::<Reading>::deserialize(&work.payload).map_err(AppError::internal)?;
    if let Ok(patient) = work.lane.parse()
        && readings.iter().any(|reading| reading.safety)
    {
        let tx = records.begin().await?;
        for reading in &readings {
            safety::read(&tx, patient, reading, occasion.now).await?;
        }
        tx.commit().await?;
    }
    let tx = records.begin().await?;
    if tx.finish_work(work).await? {
        spread(platform, &tx, work, (occasion.now, occasion.now)).await?;
    }
    Ok(tx.commit().await?)
}

/// Stores the events that become of written observations, in the transaction that finishes their
/// work; due at `from`. One event for each enrolment whose pathway declared the code and may see it (many of a device
/// are [one](series::together)), if the value is news to it:
///
/// - a new value, written since the enrolment and [recent](news::is_recent) then, that the record does not
///   hold already under another id, where the pathway may see it (a device sends twice);
/// - a correction, written since the enrolment, of a value that was news or that is recent: what it was
///   differs.
///
/// What no rule gets is an alert instead.
pub(super) async fn spread(
    platform: &Platform,
    tx: &TenantTx,
    work: &Work,
    (now, from): (Instant, Instant),
) -> AppResult<Vec<Work>> {
    let readings = Vec::<Reading>::deserialize(&work.payload).map_err(AppError::internal)?;
    let patient: PatientId = match work.lane.parse() {
        Ok(patient) => patient,
        // An observation of somebody else's patient: nobody here follows it.
        Err(_) => return Ok(Vec::new()),
    };
    let query = DocumentQuery {
        patient_id: Some(patient.to_string()),
        statuses: vec!["active".into()],
        ..DocumentQuery::default()
    };
    let mut told = Vec::new();
    for row in tx.list_documents::<EnrolmentId>(&query, None, 100).await? {
        told.push((ready(tx, row.id).await?, Vec::new()));
    }
    // Oldest first, as they were enrolled.
    told.reverse();
    let mut kept = Vec::new();
    if told.is_empty() {
        return Ok(kept);
    }
    let person = match tx.get_resource("Patient", &patient.to_string()).await {
        Ok(person) => value(&person)?,
        Err(StoreError::NotFound { .. }) => return Ok(kept),
        Err(error) => return Err(error.into()),
    };
    for reading in readings.iter().filter(|reading| reading.kind == "Observation") {
        let Some(news) = News::read(tx, &person, reading).await? else { continue };
        for (ready, said) in &mut told {
            if news.is_for(&ready.enrolment) {
                said.extend(tell(platform, tx, &news, ready, now).await?);
            }
        }
    }
    for (ready, said) in told {
        let events = if ready.definition.follows_up { series::together(said) } else { series::one_by_one(said) };
        kept.extend(keep_from(tx, ready.enrolment.id, events, from).await?);
    }
    Ok(kept)
}

/// A version of an observation that differs from what was known.
struct News {
    id: String,
    resource: Value,
    observed: Observed,
    /// Compartments of the observation.
    labels: Compartments,
    /// When it was written.
    written: Instant,
    /// Of a correction (an earlier version was valid and said something else), when the value was first
    /// written, and whether it was recent then.
    corrects: Option<(Instant, bool)>,
    /// Compartments of observations under other ids that said the same before.
    repeats: Vec<Compartments>,
    /// Its values, if it is a batch; an error, if they are not understood.
    batch: Option<Result<Sampled, Refused>>,
    /// Compartments of batches that were written before, with their values that are in this one too.
    overlaps: Vec<(Compartments, Values)>,
}

/// Values of a device, each with its moment.
type Values = BTreeSet<(Instant, Decimal)>;

impl News {
    /// Nothing if it is not valid any more, or says what this observation said already.
    async fn read(tx: &TenantTx, person: &Value, reading: &Reading) -> AppResult<Option<Self>> {
        let (current, labels) = match tx.get_labelled_resource("Observation", &reading.id).await {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if current.deleted || !snapshot::stands(&value(&current)?) {
            // Entered in error, before anybody was told.
            return Ok(None);
        }
        let row = match current.version == reading.version {
            true => current,
            false => tx.get_resource_version("Observation", &reading.id, reading.version).await?,
        };
        let resource = value(&row)?;
        let Some(observed) = snapshot::observed(person, &resource) else { return Ok(None) };
        let before = match row.version {
            1 => None,
            version => {
                let before = tx.get_resource_version("Observation", &row.id, version - 1).await?;
                let same_patient = before.patient_id == row.patient_id && !before.deleted;
                let before = value(&before)?;
                let same_batch = before.get("valueSampledData") == resource.get("valueSampledData");
                same_patient.then(|| Some((snapshot::observed(person, &before)?, same_batch))).flatten()
            }
        };
        let corrects = match before {
            Some((before, true)) if before.says_same(&observed) => return Ok(None),
            Some(_) => first_valid(tx, &row).await?,
            None => None,
        };
        let repeats = match corrects {
            Some(_) => Vec::new(),
            None if batch::is_batch(&resource) => Vec::new(),
            None => repeats(tx, person, &row, &observed).await?,
        };
        let batch = batch::sampled(&resource, row.last_updated);
        let overlaps = match &batch {
            Some(Ok(own)) => overlaps(tx, &row, &observed, own).await?,
            _ => Vec::new(),
        };
        Ok(Some(Self {
            id: row.id,
            resource,
            observed,
            labels,
            written: row.last_updated,
            corrects,
            repeats,
            batch,
            overlaps,
        }))
    }

    /// Whether it is news since the patient was enrolled, and not context. What counts is when it was
    /// written: a result may be drawn before the enrolment and come after it.
    fn is_for(&self, enrolment: &Enrolment) -> bool {
        let was_news = self.corrects.is_some_and(|(written, recent)| recent && written >= enrolment.enrolled);
        self.written >= enrolment.enrolled && (was_news || news::is_recent(&self.resource, self.written))
    }
}

/// When an observation was first written in a version that was valid, and whether it was recent then.
async fn first_valid(tx: &TenantTx, row: &Resource) -> AppResult<Option<(Instant, bool)>> {
    for version in 1..row.version {
        let version = tx.get_resource_version("Observation", &row.id, version).await?;
        if version.deleted {
            continue;
        }
        let resource = value(&version)?;
        if snapshot::stands(&resource) {
            return Ok(Some((version.last_updated, news::is_recent(&resource, version.last_updated))));
        }
    }
    Ok(None)
}

/// The compartments of observations under other ids that say the same, and did so before: same code,
/// effective time and value. Two devices that agree at the same moment are one reading too. What was
/// corrected to something else, or entered in error, says it no more.
async fn repeats(tx: &TenantTx, person: &Value, row: &Resource, observed: &Observed) -> AppResult<Vec<Compartments>> {
    let (Some(effective), Some(patient)) = (observed.observation.effective, &row.patient_id) else {
        return Ok(Vec::new());
    };
    let codes = observed.observation.code.iter().flat_map(xinglin_domain::measure::spellings);
    let query = PatientQuery {
        patient_id: patient.clone(),
        kinds: vec!["Observation".into()],
        codes: codes.map(|code| CodeFilter { system: Some(code.system), code: code.code }).collect(),
        since: Some(effective),
        before: Some(Instant::from_micros(effective.micros().saturating_add(1))),
    };
    let mut found = Vec::new();
    for other in tx.list_patient_resources(&query, COMPARED).await? {
        if other.id != row.id && said_before(tx, person, &other, (row, observed)).await? {
            found.push(tx.get_labelled_resource("Observation", &other.id).await?.1);
        }
    }
    Ok(found)
}

/// Batches of the same code that a batch may overlap with, written before it.
async fn overlaps(
    tx: &TenantTx,
    row: &Resource,
    observed: &Observed,
    own: &Sampled,
) -> AppResult<Vec<(Compartments, Values)>> {
    let (Some(start), Some(patient)) = (observed.observation.effective, &row.patient_id) else {
        return Ok(Vec::new());
    };
    let own: Values = own.points.iter().map(|point| (point.at, point.value)).collect();
    let codes = observed.observation.code.iter().flat_map(xinglin_domain::measure::spellings);
    let query = PatientQuery {
        patient_id: patient.clone(),
        kinds: vec!["Observation".into()],
        codes: codes.map(|code| CodeFilter { system: Some(code.system), code: code.code }).collect(),
        since: Some(start.plus_days(-LONGEST_BATCH_DAYS)),
        before: Some(start.plus_days(LONGEST_BATCH_DAYS)),
    };
    let mut found = Vec::new();
    for other in tx.list_patient_resources(&query, COMPARED).await? {
        let resource = value(&other)?;
        let before = (other.last_updated, &other.id) < (row.last_updated, &row.id) && snapshot::stands(&resource);
        if let Some(Ok(sampled)) = batch::sampled(&resource, other.last_updated).filter(|_| before) {
            let same = sampled.points.into_iter().map(|point| (point.at, point.value)).filter(|one| own.contains(one));
            let labels = tx.get_labelled_resource("Observation", &other.id).await?.1;
            found.push((labels, same.collect()));
        }
    }
    Ok(found)
}

/// Whether an observation says the same as another one, and has done so since before that was written.
async fn said_before(
    tx: &TenantTx,
    person: &Value,
    other: &Resource,
    (row, observed): (&Resource, &Observed),
) -> AppResult<bool> {
    let mut version = other.clone();
    loop {
        if version.deleted
            || !snapshot::observed(person, &value(&version)?).is_some_and(|said| said.says_same(observed))
        {
            return Ok(false);
        }
        if (version.last_updated, &version.id) < (row.last_updated, &row.id) {
            return Ok(true);
        }
        if version.version == 1 {
            return Ok(false);
        }
        version = tx.get_resource_version("Observation", &other.id, version.version - 1).await?;
    }
}

/// What one enrolment is told; and the alert of what it does not get.
async fn tell(platform: &Platform, tx: &TenantTx, news: &News, ready: &Ready, now: Instant) -> AppResult<Vec<Said>> {
    let mut observation = news.observed.observation.clone();
    let enrolment = &ready.enrolment;
    let sees = async |labels| {
        let whom = (Purpose::Treatment, labels);
        consent::plugin_sees(platform, tx, &enrolment.plugin, enrolment.patient, whom).await
    };
    if !ready.definition.hears_of(&observation.code) || !sees(news.labels).await? {
        return Ok(Vec::new());
    }
    let codes = observation.code.clone();
    let first = codes.first().cloned().unwrap_or_else(|| Coding::new("", ""));
    for &labels in &news.repeats {
        if sees(labels).await? {
            tracing::info!(observation = news.id, "the record holds this reading already");
            return Ok(vec![Said::Known(first)]);
        }
    }
    for refused in &news.observed.refused {
        refuse(tx, ready, refused, (&news.id, 1), now).await?;
    }
    if batch::is_batch(&news.resource) {
        let mut known = BTreeSet::new();
        for (labels, values) in &news.overlaps {
            if sees(*labels).await? {
                known.extend(values);
            }
        }
        return batched(tx, news, ready, &known, now).await;
    }
    if !news.observed.refused.is_empty() && is_void(&observation) {
        let implausible = news.observed.refused.iter().all(|refused| refused.fault == Fault::Implausible);
        return Ok(implausible.then_some(Said::Implausible(first)).into_iter().collect());
    }
    if let Some(request) = requested(tx, news, enrolment).await? {
        let value = AttributeValue::Text(request);
        observation.attributes.push(Attribute { key: "xinglin.request".to_owned(), value });
    }
    let provenance = snapshot::provenance(&news.resource);
    let void = is_void(&observation);
    let mut said = vec![Said::Event(Event::Observed(pathway::Reading { observation, provenance }))];
    // What a patient types is no result of the laboratory, nor is one without a value, nor the correction of another.
    if provenance != pathway::Provenance::SelfReported && !void && news.corrects.is_none() {
        said.extend(request::result(tx, enrolment.id, (&codes, &news.id), now).await?.into_iter().map(Said::Event));
    }
    Ok(said)
}

/// The values of a batch that were not `known` before. A pathway of 1.0 has no words for it: staff and panels see it in
/// the record.
async fn batched(tx: &TenantTx, news: &News, ready: &Ready, known: &Values, now: Instant) -> AppResult<Vec<Said>> {
    let sampled = match &news.batch {
        None => return Ok(Vec::new()),
        Some(Err(refused)) => {
            refuse(tx, ready, refused, (&news.id, 1), now).await?;
            return Ok(Vec::new());
        }
        Some(Ok(sampled)) => sampled.clone(),
    };
    let Sampled { code, unit, points, implausible } = sampled;
    if let Some(what) = measure::measurand(std::slice::from_ref(&code)).filter(|_| implausible > 0) {
        let refused = Refused { fault: Fault::Implausible, what, sent: String::new() };
        refuse(tx, ready, &refused, (&news.id, implausible), now).await?;
    }
    if !ready.definition.follows_up {
        return Ok(Vec::new());
    }
    let series = Series { code, unit, points, duplicates: 0, implausible };
    let events = series::in_order(series::without(series, known)).into_iter().map(Event::Streamed);
    Ok(events.map(Said::Event).collect())
}

/// Tells a doctor of values that no rule gets.
async fn refuse(
    tx: &TenantTx,
    ready: &Ready,
    refused: &Refused,
    (id, count): (&str, u32),
    now: Instant,
) -> AppResult<()> {
    let message = said(refused, (id, count));
    let mut alert =
        ready.notice(refused.fault.code().as_str(), Severity::Warning, message, Role::Doctor, REFUSED_MINUTES);
    alert.citation = refused.what.citation();
    let projection = raise(tx, &ready.enrolment, alert, now).await?;
    resource::project(tx, marked(projection.into_iter().collect(), ready.compartments), now).await
}

fn is_void(observation: &Observation) -> bool {
    let void = |value: &ObservationValue| *value == ObservationValue::Absent;
    void(&observation.value) && observation.components.iter().all(|part| void(&part.value))
}

/// The laboratory request of this pathway that an observation is the result of: the one it refers
/// to, otherwise the last that asked for its code.
async fn requested(tx: &TenantTx, news: &News, enrolment: &Enrolment) -> AppResult<Option<String>> {
    let query = PatientQuery {
        patient_id: enrolment.patient.to_string(),
        kinds: vec!["ServiceRequest".into()],
        ..PatientQuery::default()
    };
    let of_patient = tx.list_patient_resources(&query, COMPARED).await?;
    let mut ours = Vec::new();
    for row in of_patient {
        if project::asks_for(&value(&row)?, enrolment.id, &news.observed.observation.code) {
            ours.push(row.id);
        }
    }
    let based_on = news.resource["basedOn"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |id: &&String| {
        let reference = format!("ServiceRequest/{id}");
        based_on.iter().any(|one| one["reference"].as_str().is_some_and(|one| one.ends_with(&reference)))
    };
    // Newest first.
    let found = ours.iter().find(named).or_else(|| ours.first());
    Ok(found.cloned())
}

fn said(Refused { fault, what, sent }: &Refused, (id, count): (&str, u32)) -> LocalizedText {
    let [zh, en] = what.names();
    let message = |text: &str, name: &str, kept: &str| {
        let times = if count > 1 { format!(" ×{count}") } else { String::new() };
        let sent = if sent.is_empty() { times } else { format!(" {sent}{times}") };
        format!("{name}{sent}: {text} {kept} (Observation/{id})")
    };
    LocalizedText::zh_en(
        &message(fault.code().zh(), zh, "该值未用于任何规则，原值保留在病历中，请人工核实。"),
        &message(fault.code().en(), en, "No rule got it; it is in the record as it was sent. Please verify it."),
    )
}
