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
    pathway::{Event, Role},
    review::Severity,
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

use super::{Occasion, keep_from, raise, ready};

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
/// - a new value, since the enrolment and [recent](news::is_recent), that the record does not hold
///   already under another id (a device sends twice);
/// - a correction of a value since the enrolment: what it was differs.
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
    let mut enrolments = Vec::new();
    for row in tx.list_documents::<EnrolmentId>(&query, None, 100).await? {
        let Stored::<_, Enrolment> { value, .. } = row.try_into()?;
        enrolments.push(value);
    }
    // Oldest first, as they were enrolled.
    enrolments.reverse();
    let mut kept = Vec::new();
    if enrolments.is_empty() {
        return Ok(kept);
    }
    let person = match tx.get_resource("Patient", &patient.to_string()).await {
        Ok(person) => value(&person)?,
        Err(StoreError::NotFound { .. }) => return Ok(kept),
        Err(error) => return Err(error.into()),
    };
    for reading in readings {
        let Some(news) = News::read(tx, &person, &reading).await? else { continue };
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
    /// Whether an earlier version was valid and said something else.
    corrects: bool,
    written: Instant,
}

impl News {
    /// Nothing if it is not valid any more, or says what the record said already.
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
        let corrects = match &before {
            Some(before) if says_same(before, &observed) => return Ok(None),
            before => before.is_some(),
        };
        if !corrects && repeats(tx, person, &row, &observed).await? {
            tracing::info!(observation = row.id, "the record holds this reading already");
            return Ok(None);
        }
        Ok(Some(Self { id: row.id, resource, observed, labels, corrects, written: row.last_updated }))
    }

    /// Whether it is news since the patient was enrolled, and not context.
    fn is_for(&self, enrolment: &Enrolment) -> bool {
        let since = snapshot::known_since(&self.resource).is_none_or(|since| since >= enrolment.enrolled);
        since && (self.corrects || news::is_recent(&self.resource, self.written))
    }
}

fn says_same(before: &Observed, after: &Observed) -> bool {
    let Observed { observation: before, refused: refused_before } = before;
    let Observed { observation: after, refused } = after;
    let same_code = before.code.iter().zip(&after.code).all(|(one, other)| one.same(other));
    same_code
        && (&before.value, &before.components, before.effective) == (&after.value, &after.components, after.effective)
        && refused_before == refused
}

/// Whether the record holds the same reading under another id, written earlier: same code, effective
/// time and value. Two devices that agree at the same moment are one reading too.
async fn repeats(tx: &TenantTx, person: &Value, row: &Resource, observed: &Observed) -> AppResult<bool> {
    let (Some(effective), Some(patient)) = (observed.observation.effective, &row.patient_id) else {
        return Ok(false);
    };
    let codes = observed.observation.code.iter().flat_map(xinglin_domain::measure::spellings);
    let query = PatientQuery {
        patient_id: patient.clone(),
        kinds: vec!["Observation".into()],
        codes: codes.map(|code| CodeFilter { system: Some(code.system), code: code.code }).collect(),
        since: Some(effective),
        before: Some(Instant::from_micros(effective.micros().saturating_add(1))),
    };
    for other in tx.list_patient_resources(&query, COMPARED).await? {
        if other.id == row.id {
            continue;
        }
        // What it said first; a later correction of it is another reading.
        let first = match other.version {
            1 => other,
            _ => tx.get_resource_version("Observation", &other.id, 1).await?,
        };
        let earlier = (first.last_updated, &first.id) < (row.last_updated, &row.id);
        if earlier
            && !first.deleted
            && snapshot::observed(person, &value(&first)?).is_some_and(|o| says_same(&o, observed))
        {
            return Ok(true);
        }
    }
    Ok(false)
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
    keep_from(tx, enrolment.id, vec![Event::Observed(observation)], from).await
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
