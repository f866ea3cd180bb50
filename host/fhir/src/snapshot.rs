//! Builds the snapshot for a plugin: codes, numbers and dates, and what an allergy is to in words;
//! never a name, an identifier, an address or free text of a person.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use serde_json::Value;
use xinglin_domain::{
    clinical::{
        Allergy, Component, Condition, ConditionStatus, Criticality, Medication, MedicationStatus, Observation,
        ObservationValue, Omission, OmissionReason, Section, Sex, Snapshot, Subject,
    },
    coding::{Attribute, AttributeValue, Coding, Decimal, Quantity, system},
    measure::{self, Fault, Measurand},
    pathway::Provenance,
    time::Instant,
};

use crate::{
    project::is_awaiting_review,
    read::{codings, instant, items, text},
};

/// Maximum conditions in a snapshot.
pub const MOST_CONDITIONS: usize = 256;

/// Maximum allergies in a snapshot.
pub const MOST_ALLERGIES: usize = 128;

/// Maximum medications in a snapshot.
pub const MOST_MEDICATIONS: usize = 256;

/// Maximum observations in a snapshot.
pub const MOST_OBSERVATIONS: usize = 2048;

/// Maximum observations of one concept, so that frequent glucose readings do not displace last
/// year's HbA1c.
pub const MOST_OF_ONE_CONCEPT: usize = 128;

/// Maximum length of a text value, in bytes; a longer one is given as absent.
pub const LONGEST_TEXT: usize = 256;

/// FHIR's codes for absent data.
const DATA_ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// Categories of observation whose texts are results. In others, above all surveys, a text may be
/// a personal statement.
const RESULTS: [&str; 5] = ["laboratory", "vital-signs", "imaging", "procedure", "exam"];

/// Observations of identity or address, whatever their category: patient name, first name, last
/// name, social security number, address.
const NAMING: [&str; 5] = ["54125-0", "45392-8", "45394-4", "45396-9", "56799-0"];

/// Builds a snapshot of the resources of one patient. Newest first; undated entries last.
/// Sections that exceed their limit lose the oldest entries, noted in `omissions`.
///
/// - Entries in error, refuted, not taken or not final are left out.
/// - A concept with text only is `data-absent-reason#as-text`, one without any content
///   `#unknown`, so the reader knows that it exists.
/// - Attributes, if applicable: `xinglin.verification-status` of a condition or allergy that
///   is not confirmed, `xinglin.clinical-status` of an allergy that is not active,
///   `xinglin.text` of an allergy (what its concept says in words, for many are recorded without
///   a code) and `xinglin.category` (FHIR's, separated by blanks), `xinglin.comparator` of a
///   quantity that is a bound, `xinglin.self-reported` (true) of what the
///   patient or a relative reported, whatever category it claims, `xinglin.as-sent` (the quantity as
///   it was sent) of one that was converted, `xinglin.refused` (a code) of one that could not be,
///   `xinglin.supply-ends` of a medication whose dispensed or prescribed supply ends at a known time.
/// - A medication is active from its signature until its supply ends, whatever its request says
///   of what is still to be done.
/// - What the host knows to [measure](xinglin_domain::measure) has its canonical unit, and the code
///   of that unit first; a value that is not understood or not plausible is `Absent`.
/// - What is no amount (a code, a text, a range, parts instead of a value) of something the host knows to
///   measure is refused, too.
/// - A value that cannot be given exactly is `Absent`, and so is a text that is not a
///   result, or contains the patient's name, contact, address or number. The text of an allergy
///   that does is left out.
pub fn build(patient: &Value, resources: &[Value], pseudonym: String, taken_at: Instant) -> Snapshot {
    let Sections { conditions, allergies, medications, observations } = Sections::of(patient, resources, taken_at);
    let mut omissions = Vec::new();
    Snapshot {
        taken_at,
        subject: Subject {
            pseudonym,
            age_months: instant(patient, "birthDate")
                .filter(|born| *born <= taken_at)
                .and_then(|born| taken_at.months_since(born)),
            sex: match text(patient, "gender") {
                Some("female") => Sex::Female,
                Some("male") => Sex::Male,
                Some("other") => Sex::Other,
                _ => Sex::Unknown,
            },
        },
        conditions: newest(conditions, MOST_CONDITIONS, Section::Conditions, &mut omissions),
        allergies: newest(allergies, MOST_ALLERGIES, Section::Allergies, &mut omissions),
        medications: newest(
            in_use_first(medications, MOST_MEDICATIONS),
            MOST_MEDICATIONS,
            Section::Medications,
            &mut omissions,
        ),
        observations: newest_of_each(observations, &mut omissions),
        omissions,
        attributes: Vec::new(),
    }
}

/// The entries of one patient that plugins may receive, by section, newest first.
#[derive(Debug)]
pub struct Entries {
    /// Diagnoses and problems.
    pub conditions: Vec<Condition>,
    /// Allergies and intolerances.
    pub allergies: Vec<Allergy>,
    /// Medications.
    pub medications: Vec<Medication>,
    /// Measurements and answers.
    pub observations: Vec<Observation>,
}

/// As [`build`], without limits, of resources that are already selected.
pub fn entries(patient: &Value, resources: &[Value], now: Instant) -> Entries {
    let Sections { conditions, allergies, medications, observations } = Sections::of(patient, resources, now);
    let all = usize::MAX;
    Entries {
        conditions: newest(conditions, all, Section::Conditions, &mut Vec::new()),
        allergies: newest(allergies, all, Section::Allergies, &mut Vec::new()),
        medications: newest(medications, all, Section::Medications, &mut Vec::new()),
        observations: newest(observations, all, Section::Observations, &mut Vec::new()),
    }
}

type Dated<T> = Vec<(Option<Instant>, T)>;

/// The entries, unsorted.
struct Sections {
    conditions: Dated<Condition>,
    allergies: Dated<Allergy>,
    medications: Dated<Medication>,
    observations: Dated<Observation>,
}

impl Sections {
    fn of(patient: &Value, resources: &[Value], now: Instant) -> Self {
        let mut conditions = Dated::new();
        let mut allergies = Dated::new();
        let mut medications = Dated::new();
        let mut observations = Dated::new();
        let library = Library::of(resources);
        let mut supplies = Supplies::of(resources);
        let identity = Identity::of(patient);
        for resource in resources {
            match text(resource, "resourceType") {
                Some("Condition") => conditions.extend(condition(resource)),
                Some("AllergyIntolerance") => allergies.extend(allergy(resource, &identity)),
                Some("MedicationRequest") => medications.extend(requested(resource, &library, &mut supplies, now)),
                Some("MedicationStatement") => medications.extend(stated(resource, &library, now)),
                Some("Observation") => {
                    let observed = observation(resource, &identity);
                    observations.extend(observed.map(|(at, observed)| (at, observed.observation)));
                }
                _ => {}
            }
        }
        // What was dispensed on a request that is not here.
        let dispensed = supplies.0.into_values().flatten();
        medications.extend(dispensed.map(|supply| supply.medication(&library, now)));
        Self { conditions, allergies, medications, observations }
    }
}

fn newest<T>(mut all: Dated<T>, most: usize, section: Section, omissions: &mut Vec<Omission>) -> Vec<T> {
    all.sort_by_key(|(at, _)| Reverse(*at));
    if all.len() > most {
        omissions.push(Omission { section, reason: OmissionReason::Truncated });
        all.truncate(most);
    }
    all.into_iter().map(|(_, item)| item).collect()
}

/// Medications without the oldest that are not in use, as far as there are more than fit: those are
/// no omission.
fn in_use_first(mut all: Dated<Medication>, most: usize) -> Dated<Medication> {
    use MedicationStatus::{Completed, Stopped};
    let mut room = most.saturating_sub(all.iter().filter(|(_, m)| !matches!(m.status, Completed | Stopped)).count());
    all.sort_by_key(|(at, _)| Reverse(*at));
    all.retain(|(_, medication)| {
        if !matches!(medication.status, Completed | Stopped) {
            return true;
        }
        let fits = room > 0;
        room = room.saturating_sub(1);
        fits
    });
    all
}

fn newest_of_each(mut all: Dated<Observation>, omissions: &mut Vec<Omission>) -> Vec<Observation> {
    all.sort_by_key(|(at, _)| Reverse(*at));
    let found = all.len();
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    all.retain(|(_, observation)| {
        let concept = observation.code.first().map(|c| (c.system.clone(), c.code.clone())).unwrap_or_default();
        let count = counts.entry(concept).or_default();
        *count += 1;
        *count <= MOST_OF_ONE_CONCEPT
    });
    all.truncate(MOST_OBSERVATIONS);
    if all.len() < found {
        omissions.push(Omission { section: Section::Observations, reason: OmissionReason::Truncated });
    }
    all.into_iter().map(|(_, item)| item).collect()
}

/// The codes of a concept, or a data-absent-reason. Never empty.
fn concept(value: Option<&Value>) -> Vec<Coding> {
    let found = value.map(codings).unwrap_or_default();
    if !found.is_empty() {
        return found;
    }
    let says_something = value.is_some_and(|v| text(v, "text").is_some() || !items(v, "coding").is_empty());
    vec![Coding::new(DATA_ABSENT, if says_something { "as-text" } else { "unknown" })]
}

/// The code of a status that is a CodeableConcept with a required binding.
fn status<'a>(resource: &'a Value, name: &str) -> Option<&'a str> {
    items(resource.get(name)?, "coding").iter().find_map(|coding| text(coding, "code"))
}

fn note(attributes: &mut Vec<Attribute>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        attributes.push(Attribute { key: key.to_owned(), value: AttributeValue::Text(value.to_owned()) });
    }
}

/// Whether it is valid; with attributes if it is not confirmed.
fn verified(resource: &Value) -> Option<Vec<Attribute>> {
    let mut attributes = Vec::new();
    match status(resource, "verificationStatus") {
        Some("entered-in-error" | "refuted") => return None,
        Some("confirmed") => {}
        other => note(&mut attributes, "xinglin.verification-status", other),
    }
    Some(attributes)
}

fn condition(resource: &Value) -> Option<(Option<Instant>, Condition)> {
    let attributes = verified(resource)?;
    let onset = instant(resource, "onsetDateTime").or_else(|| instant(resource, "onsetPeriod"));
    let status = match status(resource, "clinicalStatus") {
        Some("active") => ConditionStatus::Active,
        Some("recurrence") => ConditionStatus::Recurrence,
        Some("relapse") => ConditionStatus::Relapse,
        Some("inactive") => ConditionStatus::Inactive,
        Some("remission") => ConditionStatus::Remission,
        Some("resolved") => ConditionStatus::Resolved,
        _ => ConditionStatus::Unknown,
    };
    let condition = Condition { code: concept(resource.get("code")), status, onset, attributes };
    Some((onset.or_else(|| instant(resource, "recordedDate")), condition))
}

fn allergy(resource: &Value, identity: &Identity) -> Option<(Option<Instant>, Allergy)> {
    let mut attributes = verified(resource)?;
    note(&mut attributes, "xinglin.clinical-status", status(resource, "clinicalStatus").filter(|s| *s != "active"));
    let of_reactions = items(resource, "reaction").iter().filter_map(|r| r.get("substance"));
    let named = resource.get("code").into_iter().chain(of_reactions).find_map(words);
    note(&mut attributes, "xinglin.text", named.filter(|text| text.len() <= LONGEST_TEXT && !identity.is_in(text)));
    let categories: Vec<&str> = items(resource, "category").iter().filter_map(Value::as_str).collect();
    note(&mut attributes, "xinglin.category", Some(categories.join(" ")).filter(|c| !c.is_empty()).as_deref());
    let recorded = instant(resource, "recordedDate");
    let criticality = match text(resource, "criticality") {
        Some("low") => Criticality::Low,
        Some("high") => Criticality::High,
        _ => Criticality::UnableToAssess,
    };
    // The substance may be given with the reaction only.
    let substance = match resource.get("code") {
        None => {
            let of_reactions: Vec<Coding> =
                items(resource, "reaction").iter().filter_map(|r| r.get("substance")).flat_map(codings).collect();
            if of_reactions.is_empty() { concept(None) } else { of_reactions }
        }
        code => concept(code),
    };
    Some((
        recorded.or_else(|| instant(resource, "onsetDateTime")),
        Allergy { substance, criticality, recorded, attributes },
    ))
}

/// A concept in words: its text, otherwise the display text of a coding that is no code.
fn words(concept: &Value) -> Option<&str> {
    let uncoded = |coding: &&Value| text(coding, "system").is_none() || text(coding, "code").is_none();
    let mut displays = items(concept, "coding").iter().filter(uncoded).filter_map(|coding| text(coding, "display"));
    text(concept, "text").or_else(|| displays.next())
}

/// Medications that other resources refer to, by `Type/id`.
struct Library<'a>(HashMap<&'a str, &'a Value>);

impl<'a> Library<'a> {
    fn of(resources: &'a [Value]) -> Self {
        let medications = resources.iter().filter(|r| text(r, "resourceType") == Some("Medication"));
        Self(medications.filter_map(|r| Some((text(r, "id")?, r))).collect())
    }

    fn find(&self, reference: &str, contained: &'a [Value]) -> Option<&'a Value> {
        match reference.strip_prefix('#') {
            Some(local) => contained.iter().find(|r| text(r, "id") == Some(local)),
            None => self.0.get(crate::read::id_of(reference, "Medication")?).copied(),
        }
    }

    /// Product and ingredients.
    fn medicine(&self, resource: &'a Value) -> (Vec<Coding>, Vec<Coding>) {
        if let Some(product) = resource.get("medicationCodeableConcept") {
            return (concept(Some(product)), Vec::new());
        }
        let contained = items(resource, "contained");
        let referred = |holder: &'a Value, name: &str| self.find(text(holder.get(name)?, "reference")?, contained);
        let Some(medication) = referred(resource, "medicationReference") else {
            return (concept(None), Vec::new());
        };
        let mut seen = HashSet::new();
        let ingredients = items(medication, "ingredient")
            .iter()
            .filter_map(|i| i.get("itemCodeableConcept").or_else(|| referred(i, "itemReference")?.get("code")))
            .flat_map(codings)
            .filter(|coding| seen.insert((coding.system.clone(), coding.code.clone())))
            .collect();
        (concept(medication.get("code")), ingredients)
    }
}

/// Product and ingredients of a request, if the product has a code; `resources` are possible
/// targets of references.
pub(crate) fn medicine(request: &Value, resources: &[Value]) -> Option<(Vec<Coding>, Vec<Coding>)> {
    let library = Library::of(resources);
    let (product, ingredients) = library.medicine(request);
    product.iter().any(|coding| coding.system != DATA_ABSENT).then_some((product, ingredients))
}

/// What was dispensed and not taken back, by the id of its request; under no id without one.
struct Supplies<'a>(BTreeMap<Option<&'a str>, Vec<Supply<'a>>>);

/// One dispensing.
struct Supply<'a> {
    resource: &'a Value,
    at: Option<Instant>,
    ends: Option<Instant>,
}

impl<'a> Supplies<'a> {
    fn of(resources: &'a [Value]) -> Self {
        let mut supplies: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for resource in resources.iter().filter(|r| text(r, "resourceType") == Some("MedicationDispense")) {
            if !matches!(text(resource, "status"), Some("in-progress" | "on-hold" | "completed" | "unknown")) {
                continue;
            }
            let mut requests = items(resource, "authorizingPrescription").iter();
            let request = requests.find_map(|r| crate::read::id_of(text(r, "reference")?, "MedicationRequest"));
            let at = instant(resource, "whenHandedOver").or_else(|| instant(resource, "whenPrepared"));
            let days =
                resource.get("daysSupply").and_then(days).or_else(|| days(treatment(resource)?.get("boundsDuration")?));
            let ends = at.zip(days).map(|(at, days)| at.plus_days(days));
            supplies.entry(request).or_default().push(Supply { resource, at, ends });
        }
        Self(supplies)
    }
}

impl Supply<'_> {
    fn medication(&self, library: &Library<'_>, now: Instant) -> (Option<Instant>, Medication) {
        let status = match self.ends {
            Some(ends) if ends > now => MedicationStatus::Active,
            Some(_) => MedicationStatus::Completed,
            None => MedicationStatus::Unknown,
        };
        let (code, ingredients) = library.medicine(self.resource);
        let mut attributes = Vec::new();
        supply_ends(&mut attributes, self.ends);
        (self.at, Medication { code, ingredients, status, started: self.at, ended: self.ends, attributes })
    }
}

fn supply_ends(attributes: &mut Vec<Attribute>, ends: Option<Instant>) {
    attributes.extend(
        ends.map(|ends| Attribute { key: "xinglin.supply-ends".to_owned(), value: AttributeValue::Instant(ends) }),
    );
}

/// When and how long it is taken: `dosageInstruction.timing.repeat`.
fn treatment(resource: &Value) -> Option<&Value> {
    items(resource, "dosageInstruction").iter().find_map(|dosage| dosage.get("timing")?.get("repeat"))
}

fn requested<'a>(
    resource: &'a Value,
    library: &Library<'a>,
    supplies: &mut Supplies<'a>,
    now: Instant,
) -> Option<(Option<Instant>, Medication)> {
    if matches!(text(resource, "intent"), Some("proposal" | "option"))
        || resource.get("doNotPerform") == Some(&Value::Bool(true))
    {
        return None;
    }
    let bounds = treatment(resource);
    let period = bounds.and_then(|b| b.get("boundsPeriod"));
    let authored = instant(resource, "authoredOn");
    let started = period.and_then(|p| instant(p, "start")).or(authored);
    let treated = bounds.and_then(|b| b.get("boundsDuration")).and_then(days);
    let ended = period.and_then(|p| instant(p, "end")).or_else(|| Some(started?.plus_days(treated?)));
    let intended = resource.get("dispenseRequest").and_then(|d| d.get("expectedSupplyDuration")).and_then(days);
    let status = text(resource, "status")?;
    if matches!(status, "draft" | "cancelled" | "entered-in-error") {
        // Never in force. What was dispensed on it all the same counts by itself.
        return None;
    }
    let dispensed = supplies.0.remove(&text(resource, "id")).unwrap_or_default();
    // What was dispensed counts, not what was meant to be.
    let ends = match dispensed.iter().filter_map(|supply| supply.ends).max() {
        None => authored.zip(intended).map(|(authored, days)| authored.plus_days(days)),
        last => last,
    };
    // Of some of it nobody said for how long it lasts.
    let open = dispensed.iter().any(|supply| supply.ends.is_none());
    let status = match status {
        "active" => MedicationStatus::Active,
        "on-hold" if is_awaiting_review(resource) => MedicationStatus::Active,
        "on-hold" => MedicationStatus::OnHold,
        "completed" if ends.or(ended).is_some_and(|ends| ends > now) => MedicationStatus::Active,
        "completed" if open => MedicationStatus::Unknown,
        "completed" => MedicationStatus::Completed,
        "stopped" => MedicationStatus::Stopped,
        "unknown" => MedicationStatus::Unknown,
        _ => return None,
    };
    let (code, ingredients) = library.medicine(resource);
    let mut attributes = Vec::new();
    if status == MedicationStatus::Active {
        supply_ends(&mut attributes, ends);
    }
    Some((started, Medication { code, ingredients, status, started, ended, attributes }))
}

/// A duration in days, rounded up: days, weeks, months of 31 days or years; by its code, otherwise
/// by its unit.
pub(crate) fn days(duration: &Value) -> Option<i64> {
    let value: Decimal = duration.get("value")?.to_string().parse().ok()?;
    let each = match text(duration, "code").or_else(|| text(duration, "unit"))? {
        "d" | "day" | "days" | "天" | "日" => 1,
        "wk" | "week" | "weeks" | "周" => 7,
        "mo" | "month" | "months" | "月" => 31,
        "a" | "year" | "years" | "年" => 366,
        _ => return None,
    };
    value.times(Decimal::whole(each)).ok()?.ceil_over(Decimal::whole(1))
}

fn stated(resource: &Value, library: &Library<'_>, now: Instant) -> Option<(Option<Instant>, Medication)> {
    let ended = resource.get("effectivePeriod").and_then(|period| instant(period, "end"));
    let status = match text(resource, "status")? {
        "active" => MedicationStatus::Active,
        "on-hold" => MedicationStatus::OnHold,
        "completed" if ended.is_some_and(|ended| ended > now) => MedicationStatus::Active,
        "completed" => MedicationStatus::Completed,
        "stopped" => MedicationStatus::Stopped,
        "unknown" | "intended" => MedicationStatus::Unknown,
        // not-taken, entered-in-error.
        _ => return None,
    };
    let started = instant(resource, "effectiveDateTime").or_else(|| instant(resource, "effectivePeriod"));
    let (code, ingredients) = library.medicine(resource);
    Some((
        started.or_else(|| instant(resource, "dateAsserted")),
        Medication { code, ingredients, status, started, ended, attributes: Vec::new() },
    ))
}

/// Texts that identify the patient.
struct Identity(Vec<String>);

impl Identity {
    fn of(patient: &Value) -> Self {
        let mut words = Vec::new();
        for (element, parts) in [
            ("name", ["text", "family", "given"].as_slice()),
            ("telecom", &["value"]),
            ("address", &["text", "line", "city", "district", "postalCode"]),
            ("identifier", &["value"]),
        ] {
            for part in items(patient, element).iter().flat_map(|item| parts.iter().filter_map(|name| item.get(*name)))
            {
                match part {
                    Value::Array(several) => words.extend(several.iter().filter_map(Value::as_str)),
                    one => words.extend(one.as_str()),
                }
            }
        }
        // Single characters, as 王, occur in too many words.
        Self(words.into_iter().filter(|word| word.chars().nth(1).is_some()).map(str::to_lowercase).collect())
    }

    fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0.iter().any(|word| text.contains(word.as_str()))
    }
}

/// Which texts of an observation may be given.
#[derive(Clone, Copy)]
struct Texts<'a> {
    are_results: bool,
    identity: &'a Identity,
}

impl Texts<'_> {
    fn allow(self, text: &str) -> bool {
        self.are_results && text.len() <= LONGEST_TEXT && !self.identity.is_in(text)
    }
}

/// Whether an observation is valid.
pub fn stands(observation: &Value) -> bool {
    matches!(text(observation, "status"), Some("final" | "amended" | "corrected"))
}

/// The moment since which an observation, or a response to a questionnaire, could be known: the last that its effective
/// time may mean, or when it was issued, if that is later. None if it says neither.
pub fn known_since(observation: &Value) -> Option<Instant> {
    let effective = EFFECTIVE.iter().chain(&["authored"]).find_map(|name| {
        let end = observation.get(name).and_then(|period| instant(period, "end"));
        let at = end.or_else(|| batch_end(observation)).or_else(|| instant(observation, name))?;
        // A date is its whole day.
        let is_day = text(observation, name).is_some_and(|text| text.len() == "0000-00-00".len());
        Some(if is_day { at.plus_days(1).plus_seconds(-1) } else { at })
    });
    effective.max(instant(observation, "issued"))
}

/// When the last value of a [batch](crate::series) is from.
fn batch_end(observation: &Value) -> Option<Instant> {
    let data = observation.get("valueSampledData")?;
    let start = EFFECTIVE.iter().find_map(|name| instant(observation, name))?;
    let last = i64::try_from(text(data, "data")?.split_ascii_whitespace().count()).ok()?.checked_sub(1)?;
    Some(Instant::from_micros(start.micros().checked_add(period_micros(data)?.checked_mul(last)?)?))
}

/// From one value of a batch to the next, in microseconds; FHIR's are milliseconds. `None` if it is not positive.
pub(crate) fn period_micros(data: &Value) -> Option<i64> {
    let micros = exact(data.get("period")?)?.times(Decimal::whole(1000)).ok()?.over(Decimal::whole(1), 0).ok()?;
    Some(micros.unscaled()).filter(|period| *period > 0)
}

pub(crate) const EFFECTIVE: [&str; 3] = ["effectiveDateTime", "effectiveInstant", "effectivePeriod"];

/// The comparator of a quantity that is a bound.
const COMPARATOR: &str = "xinglin.comparator";

/// The quantity as it was sent, of one that was converted.
const AS_SENT: &str = "xinglin.as-sent";

/// An observation for plugins, with what of it they do not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What they get.
    pub observation: Observation,
    /// What they do not get, and a person must look at.
    pub refused: Vec<Refused>,
}

/// Where an observation comes from: reported by the patient, of a device, of a laboratory; else of staff.
pub fn provenance(observation: &Value) -> Provenance {
    let laboratory = items(observation, "category")
        .iter()
        .flat_map(|category| items(category, "coding"))
        .any(|coding| text(coding, "code") == Some("laboratory"));
    match () {
        () if is_self_reported(observation) => Provenance::SelfReported,
        () if observation.get("device").is_some() => Provenance::Device,
        () if laboratory => Provenance::Laboratory,
        () => Provenance::Clinician,
    }
}

/// A value that no rule gets.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why.
    pub fault: Fault,
    /// What was measured.
    pub what: &'static Measurand,
    /// The value as it was sent.
    pub sent: String,
}

impl Observed {
    /// Whether it says the same as another, in whatever unit: code, time, values, bounds, what of it is
    /// refused, and whether the patient reported it.
    pub fn says_same(&self, other: &Self) -> bool {
        let Self { observation: one, refused } = self;
        let Self { observation: two, refused: refused_of_other } = other;
        let same_code = one.code.iter().zip(&two.code).all(|(one, two)| one.same(two));
        let marks = |marked: &Observation| -> Vec<Attribute> {
            marked.attributes.iter().filter(|mark| mark.key != AS_SENT).cloned().collect()
        };
        same_code
            && (&one.value, &one.components, one.effective) == (&two.value, &two.components, two.effective)
            && marks(one) == marks(two)
            && refused == refused_of_other
    }
}

impl PartialEq for Refused {
    fn eq(&self, other: &Self) -> bool {
        (self.fault, self.what.coding(), &self.sent) == (other.fault, other.what.coding(), &other.sent)
    }
}

impl Eq for Refused {}

/// One valid observation of this patient; none if it is not valid.
pub fn observed(patient: &Value, resource: &Value) -> Option<Observed> {
    observation(resource, &Identity::of(patient)).map(|(_, observed)| observed)
}

fn observation(resource: &Value, identity: &Identity) -> Option<(Option<Instant>, Observed)> {
    if !stands(resource) {
        return None;
    }
    let mut categories =
        items(resource, "category").iter().flat_map(|c| items(c, "coding")).filter_map(|c| text(c, "code"));
    let code = concept(resource.get("code"));
    let is_naming = code.iter().any(|c| c.system == system::LOINC && NAMING.contains(&c.code.as_str()));
    let texts = Texts { are_results: !is_naming && categories.any(|code| RESULTS.contains(&code)), identity };
    let effective = EFFECTIVE.iter().find_map(|name| instant(resource, name));
    let mut attributes = Vec::new();
    for holder in std::iter::once(resource).chain(items(resource, "component")) {
        note(&mut attributes, COMPARATOR, holder.get("valueQuantity").and_then(|q| text(q, "comparator")));
    }
    if is_self_reported(resource) {
        let value = AttributeValue::Boolean(true);
        attributes.push(Attribute { key: "xinglin.self-reported".to_owned(), value });
    }
    let mut refused = Vec::new();
    let mut measured = |holder: &Value, code: Vec<Coding>| {
        let (code, value, told) = measure(holder, code, texts);
        match told {
            None => {}
            Some(Told::Converted(sent)) => {
                let value = AttributeValue::Quantity(sent);
                attributes.push(Attribute { key: AS_SENT.to_owned(), value });
            }
            Some(Told::Refused(one)) => {
                note(&mut attributes, "xinglin.refused", Some(one.fault.code().as_str()));
                refused.push(one);
            }
        }
        (code, value)
    };
    let (code, value) = measured(resource, code);
    let components = items(resource, "component")
        .iter()
        .map(|part| {
            let (code, value) = measured(part, concept(part.get("code")));
            Component { code, value }
        })
        .collect();
    let observation = Observation { code, value, components, effective, attributes };
    Some((effective, Observed { observation, refused }))
}

/// Reported by the patient or a relative, and nobody else.
fn is_self_reported(observation: &Value) -> bool {
    let performers = items(observation, "performer");
    let lay = |performer: &Value| {
        let kind = text(performer, "reference").and_then(crate::read::parts).map(|(kind, _)| kind);
        matches!(kind, Some("Patient" | "RelatedPerson"))
    };
    !performers.is_empty() && performers.iter().all(lay)
}

/// What is to be said of a value beside it.
enum Told {
    Converted(Quantity),
    Refused(Refused),
}

/// The codes and the value in the canonical unit.
fn measure(holder: &Value, code: Vec<Coding>, texts: Texts<'_>) -> (Vec<Coding>, ObservationValue, Option<Told>) {
    let value = value(holder, texts);
    let Some(what) = measure::measurand(&code) else {
        return (code, spelled(value), None);
    };
    let refuse = |fault, sent: String| Some(Told::Refused(Refused { fault, what, sent }));
    let (value, told) = match value {
        ObservationValue::Quantity(given) => match what.canonical(&given) {
            Ok(quantity) if quantity.unit == measure::unit(&given.unit) => (ObservationValue::Quantity(quantity), None),
            Ok(quantity) => (ObservationValue::Quantity(quantity), Some(Told::Converted(given))),
            Err(fault) => (ObservationValue::Absent, refuse(fault, format!("{} {}", given.value, given.unit))),
        },
        // A number without a unit.
        ObservationValue::Integer(number) => {
            (ObservationValue::Absent, refuse(Fault::UnitNotUnderstood, number.to_string()))
        }
        ObservationValue::Boolean(said) => {
            (ObservationValue::Absent, refuse(Fault::UnitNotUnderstood, said.to_string()))
        }
        // Neither is a number that nobody can compute with; the text itself may name somebody.
        ObservationValue::Text(_) | ObservationValue::Coded(_) => {
            (ObservationValue::Absent, refuse(Fault::UnitNotUnderstood, String::new()))
        }
        ObservationValue::Absent => {
            (ObservationValue::Absent, unread(holder).and_then(|fault| refuse(fault, String::new())))
        }
    };
    let canonical = what.coding();
    let mut codes = vec![canonical.clone()];
    // The display of the code as it was sent stays with it.
    match code.iter().position(|one| one.same(&canonical)) {
        Some(place) => {
            codes = code;
            codes.swap(0, place);
        }
        None => codes.extend(code),
    }
    (codes, value, told)
}

/// Why there is no value though something was sent: a number that is not exact, a value of a kind that
/// no rule reads (a range, a ratio), or parts instead of a value. None if nothing was, or a [batch](crate::series), whose
/// values are not in a snapshot.
fn unread(holder: &Value) -> Option<Fault> {
    let mut fields = holder.as_object().into_iter().flatten();
    let sent = fields.find_map(|(name, value)| Some((name.strip_prefix("value")?, value)));
    match sent {
        Some(("SampledData", _)) => None,
        Some(("Quantity", quantity)) if quantity.get("value").is_some() => Some(Fault::Implausible),
        Some(("Quantity", _)) | None => (!items(holder, "component").is_empty()).then_some(Fault::UnitNotUnderstood),
        Some(_) => Some(Fault::UnitNotUnderstood),
    }
}

/// A quantity with its unit in the spelling of UCUM.
fn spelled(value: ObservationValue) -> ObservationValue {
    match value {
        ObservationValue::Quantity(Quantity { value, unit }) => {
            ObservationValue::Quantity(Quantity { value, unit: measure::unit(&unit) })
        }
        other => other,
    }
}

/// The value of an observation or of a component.
fn value(holder: &Value, texts: Texts<'_>) -> ObservationValue {
    let Value::Object(fields) = holder else {
        return ObservationValue::Absent;
    };
    let found = fields.iter().find_map(|(name, value)| Some((name.strip_prefix("value")?, value)));
    match found {
        Some(("Quantity", value)) => quantity(value).map_or(ObservationValue::Absent, ObservationValue::Quantity),
        Some(("CodeableConcept", value)) => ObservationValue::Coded(concept(Some(value))),
        Some(("Boolean", Value::Bool(value))) => ObservationValue::Boolean(*value),
        Some(("Integer", Value::Number(value))) => {
            value.to_string().parse().map_or(ObservationValue::Absent, ObservationValue::Integer)
        }
        Some(("String", Value::String(value))) if texts.allow(value) => ObservationValue::Text(value.clone()),
        _ => ObservationValue::Absent,
    }
}

/// The exact number with its UCUM code, otherwise the unit as text. `None` if there is no number.
pub(crate) fn quantity(value: &Value) -> Option<Quantity> {
    let unit = text(value, "code").or_else(|| text(value, "unit")).unwrap_or_default();
    Some(Quantity { value: exact(value.get("value")?)?, unit: unit.to_owned() })
}

/// The exact number.
pub(crate) fn exact(value: &Value) -> Option<Decimal> {
    let Value::Number(number) = value else { return None };
    number.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use xinglin_domain::coding::Decimal;

    use super::*;
    use crate::testing;

    fn now() -> Instant {
        Instant::parse("2026-11-01T00:00:00Z").expect("instant")
    }

    fn snapshot(resources: &[Value]) -> Snapshot {
        build(&json!({"resourceType": "Patient"}), resources, "psn".into(), now())
    }

    fn lab(value: Value) -> Value {
        let mut observation = json!({
            "resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-01-01T00:00:00Z",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
            "code": {"coding": [{"system": system::LOINC, "code": "4548-4"}]},
        });
        if let (Value::Object(fields), Value::Object(more)) = (&mut observation, value) {
            fields.extend(more);
        }
        observation
    }

    /// A result in no unit that the host knows.
    fn other_lab(value: Value) -> Value {
        let mut observation = lab(json!({"code": {"coding": [{"system": system::LOINC, "code": "5196-1"}]}}));
        if let (Value::Object(fields), Value::Object(more)) = (&mut observation, value) {
            fields.extend(more);
        }
        observation
    }

    #[test]
    fn the_shipped_patient_is_a_diabetic_on_metformin() {
        let resources = testing::shipped_resources();
        let patient = resources.iter().find(|r| r["resourceType"] == "Patient").expect("patient");
        let snapshot = build(patient, &resources, "psn-1".into(), now());

        assert_eq!(snapshot.subject.sex, Sex::Female);
        assert_eq!(snapshot.subject.age_months, Some(589), "born 1977-09-11");
        let diabetes = Coding::new(system::SNOMED, "44054006");
        assert!(snapshot.conditions.iter().any(|c| c.status == ConditionStatus::Active && c.code[0].same(&diabetes)));
        assert!(
            snapshot.medications.iter().any(|m| m.status == MedicationStatus::Active && m.code[0].code == "860975")
        );
        let allergens: Vec<&str> = snapshot.allergies.iter().map(|a| a.substance[0].code.as_str()).collect();
        assert!(allergens.contains(&"7984"), "penicillin: {allergens:?}");
        // As recorded: glucose 2339-0 and creatinine 38483-4, both in mg/dL.
        for (loinc, unit) in
            [("4548-4", "%"), ("15074-8", "mmol/L"), ("59826-8", "umol/L"), ("33914-3", "mL/min/{1.73_m2}")]
        {
            let found = snapshot.observations.iter().find(|o| o.code[0].code == loinc).expect(loinc);
            assert!(
                matches!(&found.value, ObservationValue::Quantity(q) if q.unit == unit && q.value.is_positive()),
                "{found:?}"
            );
        }
        let dates: Vec<_> = snapshot.observations.iter().map(|o| o.effective).collect();
        assert!(dates.is_sorted_by(|a, b| a >= b), "newest first");
        assert_eq!(snapshot.omissions, []);
    }

    #[test]
    fn nothing_that_names_the_person_goes_in() {
        let resources = testing::shipped_resources();
        let patient = resources.iter().find(|r| r["resourceType"] == "Patient").expect("patient");
        let given = serde_json::to_string(&build(patient, &resources, "psn-1".into(), now())).expect("json");
        let mut secrets = Vec::new();
        for name in ["id", "name", "identifier", "telecom", "address", "birthDate"] {
            texts(&patient[name], &mut secrets);
        }
        secrets.retain(|s| s.len() > 5 && s != "official");
        assert!(secrets.len() > 8, "{secrets:?}");
        for secret in secrets {
            assert!(!given.contains(&secret), "{secret}");
        }
    }

    fn texts(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|v| texts(v, into)),
            Value::Object(fields) => fields.values().for_each(|v| texts(v, into)),
            _ => {}
        }
    }

    #[test]
    fn a_measurement_has_its_canonical_unit_and_code() {
        let coded = |loinc: &str| json!({"coding": [{"system": system::LOINC, "code": loinc, "display": "as sent"}]});
        let read = |loinc: &str, value: Value| {
            let sent = lab(json!({"code": coded(loinc), "valueQuantity": value}));
            observed(&json!({}), &sent).expect("valid")
        };
        let Observed { observation, refused } = read("2339-0", json!({"value": 301, "code": "mg/dL"}));
        let codes: Vec<_> = observation.code.iter().map(|one| (one.code.as_str(), one.display.is_some())).collect();
        assert_eq!(codes, [("15074-8", false), ("2339-0", true)]);
        let wanted = Quantity { value: "16.7053".parse().expect("decimal"), unit: "mmol/L".into() };
        assert_eq!(observation.value, ObservationValue::Quantity(wanted));
        let sent = Quantity { value: Decimal::whole(301), unit: "mg/dL".into() };
        let wanted = Attribute { key: "xinglin.as-sent".into(), value: AttributeValue::Quantity(sent) };
        assert_eq!((observation.attributes, refused), (vec![wanted], vec![]));

        let spelled = read("14743-9", json!({"value": 7.1, "unit": "mmol/l"})).observation;
        assert_eq!(spelled.attributes, [], "a spelling is no conversion");
        assert!(matches!(spelled.value, ObservationValue::Quantity(q) if q.unit == "mmol/L"));
        assert_eq!(spelled.code.len(), 1);

        for (value, fault) in [
            (json!({"value": 0, "code": "mmol/L"}), Fault::Implausible),
            (json!({"value": 1e99, "code": "mmol/L"}), Fault::Implausible),
            (json!({"value": 7.2, "code": "g/L"}), Fault::UnitNotUnderstood),
            (json!({"value": 7.2}), Fault::UnitNotUnderstood),
        ] {
            let Observed { observation, refused } = read("14743-9", value);
            assert_eq!(observation.value, ObservationValue::Absent);
            assert_eq!(refused.iter().map(|one| one.fault).collect::<Vec<_>>(), [fault]);
            let AttributeValue::Text(said) = &observation.attributes[0].value else { panic!("{observation:?}") };
            assert_eq!(said, fault.code().as_str());
        }
        let part = json!([{"code": {"text": "fasting"}, "valueBoolean": true}]);
        for (sent, said) in [
            (json!({"valueString": "7.2 mmol/L"}), ""),
            (json!({"valueInteger": 7}), "7"),
            (json!({"valueBoolean": true}), "true"),
            (json!({"valueCodeableConcept": {"coding": [{"system": system::SNOMED, "code": "75540009"}]}}), ""),
            (json!({"valueCodeableConcept": {"text": "Hi"}}), ""),
            (json!({"valueRange": {"low": {"value": 7}, "high": {"value": 9}}}), ""),
            (json!({"valueRatio": {"numerator": {"value": 7}}}), ""),
            (json!({"component": part}), ""),
            (json!({"dataAbsentReason": {"text": "see parts"}, "component": part}), ""),
        ] {
            let Observed { observation, refused } = observed(&json!({}), &lab(sent.clone())).expect("valid");
            assert_eq!(observation.value, ObservationValue::Absent, "{sent}");
            let [Refused { fault: Fault::UnitNotUnderstood, sent: shown, .. }] = &refused[..] else {
                panic!("{sent}: {refused:?}")
            };
            assert_eq!(shown, said, "{sent}");
        }
        for nothing in
            [json!({"dataAbsentReason": {"text": "溶血"}}), json!({"valueQuantity": {"unit": "%"}}), json!({})]
        {
            assert_eq!(observed(&json!({}), &lab(nothing)).expect("valid").refused, []);
        }
    }

    #[test]
    fn what_says_the_same_is_the_same_in_any_unit() {
        let read = |more: Value| {
            let mut glucose = lab(json!({"code": {"coding": [{"system": system::LOINC, "code": "14743-9"}]}}));
            glucose.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
            observed(&json!({}), &glucose).expect("valid")
        };
        let quantity = |value: &str, unit: &str| -> Value {
            json!({"valueQuantity": {"value": serde_json::from_str::<Value>(value).expect("a number"), "code": unit}})
        };
        let one = read(quantity("7.1", "mmol/L"));
        let mut panel = json!({"component": [{
            "code": {"coding": [{"system": system::LOINC, "code": "8480-6"}]},
            "valueQuantity": {"value": 250, "unit": "mmHg"},
        }]});
        let exact = read(panel.clone());
        panel["component"][0]["valueQuantity"]["comparator"] = json!(">");
        assert!(!exact.says_same(&read(panel)), "a bound of a part");
        let self_reported = json!({"performer": [{"reference": "Patient/pat-1"}]});
        for (other, same) in [
            (quantity("7.10", "mmol/l"), true),
            (quantity("7.2", "mmol/L"), false),
            (json!({"valueQuantity": {"value": 7.1, "code": "mmol/L", "comparator": "<"}}), false),
            (json!({"valueQuantity": {"value": 7.1, "code": "mmol/L", "comparator": ">"}}), false),
            (
                json!({"valueQuantity": {"value": 7.1, "code": "mmol/L"}, "performer": self_reported["performer"]}),
                false,
            ),
            (json!({"valueQuantity": {"value": 7.1, "code": "mmol/L"}, "note": [{"text": "again"}]}), true),
            (json!({"valueQuantity": {"value": 7.1, "code": "g/L"}}), false),
        ] {
            assert_eq!(one.says_same(&read(other.clone())), same, "{other}");
        }
        let converted = read(quantity("180.182", "mg/dL"));
        assert!(converted.says_same(&read(quantity("10", "mmol/L"))), "as sent in another unit");
    }

    #[test]
    fn the_sound_half_of_a_panel_is_given() {
        let part = |loinc: &str, value: i64| {
            json!({"code": {"coding": [{"system": system::LOINC, "code": loinc}]},
                   "valueQuantity": {"value": value, "unit": "mmHg"}})
        };
        let panel = lab(json!({"code": {"coding": [{"system": system::LOINC, "code": "85354-9"}]},
                               "component": [part("8480-6", 1200), part("8462-4", 112)]}));
        let Observed { observation, refused } = observed(&json!({}), &panel).expect("valid");
        assert_eq!(observation.components[0].value, ObservationValue::Absent);
        assert!(matches!(&observation.components[1].value, ObservationValue::Quantity(q) if q.unit == "mm[Hg]"));
        assert_eq!(refused.len(), 1);
    }

    #[test]
    fn what_a_patient_reports_is_marked_whatever_it_claims() {
        let marked = |performer: Value| {
            let reported = lab(json!({"performer": performer}));
            let given = observed(&json!({}), &reported).expect("valid").observation;
            given.attributes.iter().any(|attribute| attribute.key == "xinglin.self-reported")
        };
        assert!(marked(json!([{"reference": "Patient/pat-1"}])));
        assert!(marked(json!([{"reference": "Patient/pat-1"}, {"reference": "RelatedPerson/rel-1"}])));
        assert!(!marked(json!([{"reference": "Patient/pat-1"}, {"reference": "Practitioner/p"}])));
        assert!(!marked(json!([])));
    }

    #[test]
    fn a_result_is_known_since_it_was_issued() {
        let since = |more: Value| known_since(&more).map(|at| at.to_string());
        let drawn = "2026-01-01T00:00:00Z";
        assert_eq!(since(json!({"effectiveDateTime": drawn})).as_deref(), Some(drawn));
        let issued = "2026-01-03T00:00:00Z";
        assert_eq!(since(json!({"effectiveDateTime": drawn, "issued": issued})).as_deref(), Some(issued));
        assert_eq!(since(json!({"effectiveDateTime": "2026-01-01"})).as_deref(), Some("2026-01-01T15:59:59Z"));
        assert_eq!(since(json!({})), None);
    }

    #[test]
    fn numbers_are_exact() {
        let text = r#"{"valueQuantity":{"value":6.50,"unit":"percent","code":"%"}}"#;
        let given = snapshot(&[lab(serde_json::from_str(text).expect("json"))]);
        let ObservationValue::Quantity(quantity) = &given.observations[0].value else { panic!("{given:?}") };
        assert_eq!((quantity.value.unscaled(), quantity.value.scale(), quantity.unit.as_str()), (650, 2, "%"));
    }

    #[test]
    fn every_kind_of_value() {
        let coding = json!([{"system": system::SNOMED, "code": "260385009"}]);
        let cases = [
            (
                json!({"valueCodeableConcept": {"coding": coding}}),
                ObservationValue::Coded(vec![Coding::new(system::SNOMED, "260385009")]),
            ),
            (
                json!({"valueCodeableConcept": {"text": "阴性"}}),
                ObservationValue::Coded(vec![Coding::new(DATA_ABSENT, "as-text")]),
            ),
            (json!({"valueString": "阴性"}), ObservationValue::Text("阴性".into())),
            (json!({"valueString": "长".repeat(100)}), ObservationValue::Absent),
            (json!({"valueBoolean": true}), ObservationValue::Boolean(true)),
            (json!({"valueInteger": 21}), ObservationValue::Integer(21)),
            (json!({"valueQuantity": {"value": 1e99}}), ObservationValue::Absent),
            (
                json!({"valueQuantity": {"value": 3}}),
                ObservationValue::Quantity(Quantity { value: Decimal::whole(3), unit: String::new() }),
            ),
            (json!({"dataAbsentReason": {"text": "溶血"}}), ObservationValue::Absent),
        ];
        for (resource, wanted) in cases {
            assert_eq!(snapshot(&[other_lab(resource.clone())]).observations[0].value, wanted, "{resource}");
        }
    }

    #[test]
    fn a_text_is_given_if_it_is_a_result_and_names_nobody() {
        let patient =
            json!({"name": [{"family": "王", "given": ["小明"]}], "address": [{"line": ["Schimmel Crossroad 7"]}]});
        let given = |observation: Value| {
            let snapshot = build(&patient, &[other_lab(observation)], String::new(), now());
            !matches!(snapshot.observations[0].value, ObservationValue::Absent)
        };
        assert!(given(json!({"valueString": "阳性(+)"})));
        assert!(!given(json!({"valueString": "never tested", "category": [{"coding": [{"code": "survey"}]}]})));
        assert!(!given(json!({"valueString": "王小明的标本溶血"})));
        assert!(!given(json!({"valueString": "1, schimmel crossroad 7"})));
        assert!(!given(
            json!({"valueString": "862 O'Kon Avenue", "code": {"coding": [{"system": system::LOINC, "code": "56799-0"}]}})
        ));
    }

    #[test]
    fn a_bound_is_marked() {
        let given =
            snapshot(&[other_lab(json!({"valueQuantity": {"value": 20, "comparator": "<", "code": "{copies}/mL"}}))]);
        let wanted = Attribute { key: "xinglin.comparator".into(), value: AttributeValue::Text("<".into()) };
        assert_eq!(given.observations[0].attributes, [wanted]);
    }

    #[test]
    fn what_does_not_stand_is_left_out() {
        let verified = |code: &str| json!({"coding": [{"system": "urn:v", "code": code}]});
        let medicine = json!({"coding": [{"system": "urn:drug", "code": "1"}]});
        let resources = [
            json!({"resourceType": "Condition", "verificationStatus": verified("refuted"), "code": medicine}),
            json!({"resourceType": "Condition", "verificationStatus": verified("entered-in-error"), "code": medicine}),
            json!({"resourceType": "AllergyIntolerance", "verificationStatus": verified("refuted"), "code": medicine}),
            json!({"resourceType": "MedicationRequest", "status": "draft", "intent": "order", "medicationCodeableConcept": medicine}),
            json!({"resourceType": "MedicationRequest", "status": "active", "intent": "proposal", "medicationCodeableConcept": medicine}),
            json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "doNotPerform": true, "medicationCodeableConcept": medicine}),
            json!({"resourceType": "MedicationStatement", "status": "not-taken", "medicationCodeableConcept": medicine}),
            json!({"resourceType": "Observation", "status": "preliminary", "code": medicine}),
        ];
        let given = snapshot(&resources);
        assert!(given.conditions.is_empty() && given.allergies.is_empty());
        assert!(given.medications.is_empty() && given.observations.is_empty());
    }

    #[test]
    fn an_uncoded_allergy_is_seen_but_not_read() {
        let given = snapshot(&[json!({"resourceType": "AllergyIntolerance", "code": {"text": "青霉素"}})]);
        assert_eq!(given.allergies[0].substance, [Coding::new(DATA_ABSENT, "as-text")]);
        assert_eq!(given.allergies[0].criticality, Criticality::UnableToAssess);
    }

    #[test]
    fn an_allergy_carries_what_it_is_to_in_words() {
        let carried = |code: Value| {
            let resource =
                json!({"resourceType": "AllergyIntolerance", "category": ["medication", "food"], "code": code});
            let allergy = snapshot(&[resource]).allergies.remove(0);
            allergy.attributes.into_iter().map(|a| (a.key, a.value)).collect::<Vec<_>>()
        };
        let words = |value: &str| ("xinglin.text".to_owned(), AttributeValue::Text(value.to_owned()));
        let category = ("xinglin.category".to_owned(), AttributeValue::Text("medication food".to_owned()));
        assert_eq!(carried(json!({"text": "青霉素"})), [words("青霉素"), category.clone()]);
        assert_eq!(carried(json!({"coding": [{"display": "头孢"}]})), [words("头孢"), category.clone()]);
        let coded = json!({"coding": [{"system": "urn:drug", "code": "1"}]});
        assert_eq!(carried(coded), [category]);
        let named = json!({"resourceType": "Patient", "name": [{"text": "王小明"}]});
        let allergy = json!({"resourceType": "AllergyIntolerance", "code": {"text": "王小明青霉素"}});
        assert_eq!(build(&named, &[allergy], "psn".into(), now()).allergies[0].attributes, []);
        let of_reaction = json!({"resourceType": "AllergyIntolerance", "reaction": [{"substance": {"text": "磺胺"}}]});
        assert_eq!(snapshot(&[of_reaction]).allergies[0].attributes[0].key, "xinglin.text");
    }

    #[test]
    fn ingredients_come_from_the_medication() {
        let medication = |id: &str| {
            json!({"resourceType": "Medication", "id": id, "code": {"coding": [{"system": "urn:drug", "code": "1"}]},
                   "ingredient": [{"itemCodeableConcept": {"coding": [{"system": system::ATC, "code": "A10BA02"}]}}]})
        };
        let request = |reference: &str| {
            json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2026-01-01T00:00:00Z",
                   "medicationReference": {"reference": reference}, "contained": [medication("m")],
                   "dosageInstruction": [{"timing": {"repeat": {"boundsDuration": {"value": 4, "code": "wk"}}}}]})
        };
        for reference in ["#m", "Medication/lib"] {
            let given = snapshot(&[request(reference), medication("lib")]);
            let medicine = &given.medications[0];
            assert_eq!(medicine.ingredients, [Coding::new(system::ATC, "A10BA02")], "{reference}");
            assert_eq!(medicine.ended, Instant::parse("2026-01-29T00:00:00Z"));
        }
        assert_eq!(snapshot(&[request("#gone")]).medications[0].code, [Coding::new(DATA_ABSENT, "unknown")]);
    }

    #[test]
    fn the_newest_are_kept_and_the_cut_is_told() {
        let mut resources: Vec<Value> = (0..200)
            .map(|day| {
                let at = now().plus_days(-day).to_string();
                lab(json!({"effectiveDateTime": at, "code": {"coding": [{"system": system::LOINC, "code": "2339-0"}]}}))
            })
            .collect();
        resources.push(lab(json!({"effectiveDateTime": "2020-01-01"})));
        let given = snapshot(&resources);
        assert_eq!(given.observations.len(), MOST_OF_ONE_CONCEPT + 1);
        assert_eq!(given.observations[0].effective, Some(now()));
        assert_eq!(given.observations[MOST_OF_ONE_CONCEPT].code[0].code, "4548-4", "the old HbA1c has its place");
        assert_eq!(given.omissions, [Omission { section: Section::Observations, reason: OmissionReason::Truncated }]);
    }

    #[test]
    fn nobody_is_younger_than_born() {
        let age = |born: &str| build(&json!({"birthDate": born}), &[], String::new(), now()).subject.age_months;
        assert_eq!(age("2026-11-15"), None);
        assert_eq!(age("2026-10-15"), Some(0));
        assert_eq!(age("2016"), Some(130));
    }
}
