//! Observations of the record become events of pathways.

use serde::Deserialize;
use serde_json::Value;
use xinglin_domain::{
    clinical::{Observation, ObservationValue},
    coding::{Attribute, AttributeValue, LocalizedText},
    compartment::Compartments,
    consent::Purpose,
    enrolment::Enrolment,
    id::{EnrolmentId, PatientId},
    pathway::{self, Event, Role},
    review::Severity,
    safety::{Danger, of_observation},
    time::Instant,
};
use xinglin_fhir::{
    project,
    snapshot::{self, Observed, Refused},
};
use xinglin_platform::{
    AppError, AppResult, Platform, boxed,
    document::{Stored, value},
};
use xinglin_records::{
    consent,
    news::{self, Reading},
    resource::{self, marked},
};
use xinglin_store::{CodeFilter, DocumentQuery, PatientQuery, Resource, StoreError, Tenant, TenantTx, Work};

use super::{Occasion, keep_from, raise, ready, request};
use crate::safety::{self, Found};

/// Minutes within which a person looks at a value that no rule gets: a project default.
const REFUSED_MINUTES: u32 = 60;

/// Maximum number of observations that are compared with a new one.
const COMPARED: u32 = 100;

/// Turns written observations into events of the patient's pathways, in the order of writing.
///
/// # Errors
/// If the store fails.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn observe(platform: &Platform, records: &Tenant, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let tx = records.begin().await?;
    if tx.finish_work(work).await? {
        spread(platform, &tx, work, (occasion.now, occasion.now)).await?;
    }
    Ok(tx.commit().await?)
}

/// Stores the events that become of written observations, in the transaction that finishes their
/// work; due at `from`. One event for each enrolment whose pathway declared the code and may see it,
/// if the value is news to it:
///
/// - a new value, written since the enrolment and [recent](news::is_recent) then, that the record does not
///   hold already under another id, where the pathway may see it (a device sends twice);
/// - a correction, written since the enrolment, of a value that was news or that is recent: what it was
///   differs.
///
/// What no rule gets is an alert instead. What says that the patient is in danger opens the
/// [contact](crate::safety), also without an enrolment.
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
    let mut enrolments = Vec::new();
    for row in tx.list_documents::<EnrolmentId>(&query, None, 100).await? {
        let Stored::<_, Enrolment> { value, .. } = row.try_into()?;
        enrolments.push(value);
    }
    // Oldest first, as they were enrolled.
    enrolments.reverse();
    let mut kept = Vec::new();
    if enrolments.is_empty() && !readings.iter().any(|reading| reading.safety) {
        return Ok(kept);
    }
    let person = match tx.get_resource("Patient", &patient.to_string()).await {
        Ok(person) => value(&person)?,
        Err(StoreError::NotFound { .. }) => return Ok(kept),
        Err(error) => return Err(error.into()),
    };
    for reading in readings {
        if enrolments.is_empty() && !reading.safety {
            continue;
        }
        let Some(news) = News::read(tx, &person, &reading).await? else { continue };
        if let Some(danger) = news.danger() {
            let found_in = format!("Observation/{}", news.id);
            safety::open(tx, patient, Found { danger, found_in }, now).await?;
        }
        for enrolment in &enrolments {
            if news.is_for(enrolment) {
                kept.extend(tell(platform, tx, &news, enrolment, (now, from)).await?);
            }
        }
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
}

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
                same_patient.then(|| snapshot::observed(person, &before)).flatten()
            }
        };
        let corrects = match before {
            Some(before) if before.says_same(&observed) => return Ok(None),
            Some(_) => first_valid(tx, &row).await?,
            None => None,
        };
        let repeats = match corrects {
            Some(_) => Vec::new(),
            None => repeats(tx, person, &row, &observed).await?,
        };
        Ok(Some(Self { id: row.id, resource, observed, labels, written: row.last_updated, corrects, repeats }))
    }

    /// The danger to the patient that it tells of for the first time.
    fn danger(&self) -> Option<Danger> {
        let news = self.corrects.is_some() || self.repeats.is_empty();
        let recent = self.corrects.is_some_and(|(_, recent)| recent) || news::is_recent(&self.resource, self.written);
        of_observation(&self.observed.observation).filter(|_| news && recent)
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

/// The event of one enrolment; and the alert of what it does not get.
async fn tell(
    platform: &Platform,
    tx: &TenantTx,
    news: &News,
    enrolment: &Enrolment,
    (now, from): (Instant, Instant),
) -> AppResult<Vec<Work>> {
    let ready = ready(tx, enrolment.id).await?;
    let mut observation = news.observed.observation.clone();
    let whom = (Purpose::Treatment, news.labels);
    let seen = consent::plugin_sees(platform, tx, &enrolment.plugin, enrolment.patient, whom).await?;
    if !ready.definition.hears_of(&observation.code) || !seen {
        return Ok(Vec::new());
    }
    for &labels in &news.repeats {
        let whom = (Purpose::Treatment, labels);
        if consent::plugin_sees(platform, tx, &enrolment.plugin, enrolment.patient, whom).await? {
            tracing::info!(observation = news.id, "the record holds this reading already");
            return Ok(Vec::new());
        }
    }
    for refused in &news.observed.refused {
        let mut alert = ready.notice(
            refused.fault.code().as_str(),
            Severity::Warning,
            said(refused, &news.id),
            Role::Doctor,
            REFUSED_MINUTES,
        );
        alert.citation = refused.what.citation();
        let projection = raise(tx, enrolment, alert, now).await?;
        resource::project(tx, marked(projection.into_iter().collect(), ready.compartments), now).await?;
    }
    if !news.observed.refused.is_empty() && is_void(&observation) {
        return Ok(Vec::new());
    }
    if let Some(request) = requested(tx, news, enrolment).await? {
        let value = AttributeValue::Text(request);
        observation.attributes.push(Attribute { key: "xinglin.request".to_owned(), value });
    }
    let codes = observation.code.clone();
    let reading = pathway::Reading { observation, provenance: snapshot::provenance(&news.resource) };
    let mut events = vec![Event::Observed(reading)];
    events.extend(request::result(tx, enrolment.id, &codes, now).await?);
    keep_from(tx, enrolment.id, events, from).await
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

fn said(Refused { fault, what, sent }: &Refused, id: &str) -> LocalizedText {
    let [zh, en] = what.names();
    let message = |text: &str, name: &str, kept: &str| {
        let sent = if sent.is_empty() { String::new() } else { format!(" {sent}") };
        format!("{name}{sent}: {text} {kept} (Observation/{id})")
    };
    LocalizedText::zh_en(
        &message(fault.code().zh(), zh, "该值未用于任何规则，原值保留在病历中，请人工核实。"),
        &message(fault.code().en(), en, "No rule got it; it is in the record as it was sent. Please verify it."),
    )
}
