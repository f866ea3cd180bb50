//! Projections of the host's own acts to FHIR. The domain decides; projections are for readers of
//! the record through FHIR, including plugins.
//!
//! Ids are those of the domain, so an act has one resource however often it is written. A
//! prescription gives one request, and one dispense, for each of its lines: `rx-…-1`, `rx-…-2`, …

use serde_json::{Map, Number, Value, json};
use xinglin_domain::{
    coding::{Coding, Decimal, LocalizedText, Quantity},
    enrolment::alert::Escalation,
    id::{
        AccountId, AlertId, EncounterId, EnrolmentId, HoldId, ItemOrderId, PatientId, PrescriptionId, RelationId,
        TaskId,
    },
    item_order::ItemOrderState,
    money::Money,
    pathway::{AnswerValue, Role},
    payer::LineKind,
    relation::{Kind, Tie},
    review::{Line, Order, Severity},
    time::Instant,
};

use crate::read::{codings, items, text};

/// Preferred language of texts.
pub(crate) const LANGUAGE: &str = "zh-CN";

pub(crate) const UCUM: &str = "http://unitsofmeasure.org";

const PRESCRIPTIONS: &str = "urn:xinglin:prescription";

/// Why a signed request is on hold.
const REQUEST_REASONS: &str = "urn:xinglin:medication-request-status-reason";

/// Of a request that the patient is about to take: a pharmacist has not approved it yet.
const AWAITING_REVIEW: &str = "awaiting-review";

pub(crate) const PATHWAYS: &str = "urn:xinglin:pathway";

pub(crate) const ROLES: &str = "urn:xinglin:role";

const ESCALATED: &str = "urn:xinglin:escalated";

const AUTHOR: &str = "urn:xinglin:author";

const ACCOUNTS: &str = "urn:xinglin:account";

/// An online visit.
#[derive(Debug, Clone)]
pub struct Encounter<'a> {
    /// Id of the resource.
    pub id: EncounterId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// Id of the treating Practitioner; none while waiting.
    pub doctor: Option<&'a str>,
    /// The status.
    pub status: EncounterStatus,
    /// The reasons.
    pub reasons: &'a [Coding],
    /// When it was opened.
    pub started: Instant,
    /// When it ended.
    pub ended: Option<Instant>,
}

/// Status of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncounterStatus {
    /// Waiting for a doctor.
    Waiting,
    /// In progress.
    InProgress,
    /// Closed.
    Finished,
    /// Cancelled.
    Cancelled,
}

/// `Encounter`, of class virtual.
pub fn encounter(of: &Encounter<'_>) -> Value {
    let status = match of.status {
        EncounterStatus::Waiting => "arrived",
        EncounterStatus::InProgress => "in-progress",
        EncounterStatus::Finished => "finished",
        EncounterStatus::Cancelled => "cancelled",
    };
    Resource::new("Encounter", of.id)
        .with("status", status)
        .with("class", json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}))
        .with("subject", patient(of.patient))
        .list("participant", of.doctor.map(|doctor| json!({"individual": practitioner(doctor)})))
        .with("period", period(of.started, of.ended))
        .list("reasonCode", concepts(of.reasons))
        .done()
}

/// A person related to a patient.
#[derive(Debug, Clone, Copy)]
pub struct RelatedPerson<'a> {
    /// Id of the resource.
    pub id: RelationId,
    /// The patient.
    pub patient: PatientId,
    /// Kind of relation.
    pub kind: Kind,
    /// Family tie.
    pub tie: Tie,
    /// Their name.
    pub name: &'a str,
    /// Phone number.
    pub phone: Option<&'a str>,
    /// Start.
    pub from: Instant,
    /// End, exclusive.
    pub until: Option<Instant>,
    /// Whether it is not revoked.
    pub active: bool,
}

/// `RelatedPerson`, with the family tie, and whether the person is guardian or contact.
pub fn related_person(of: &RelatedPerson<'_>) -> Value {
    const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let concept = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
    let legal = match of.kind {
        Kind::Guardian => Some(concept(ROLE_CODE, "GUARD")),
        Kind::Family => None,
        Kind::EmergencyContact => Some(concept("http://terminology.hl7.org/CodeSystem/v2-0131", "C")),
    };
    let tie = of.tie.role_code().map(|code| concept(ROLE_CODE, code));
    Resource::new("RelatedPerson", of.id)
        .with("active", of.active)
        .with("patient", patient(&of.patient.to_string()))
        .list("relationship", legal.into_iter().chain(tie))
        .list("name", [json!({"use": "official", "text": of.name})])
        .list("telecom", of.phone.map(|phone| json!({"system": "phone", "value": phone})))
        .with("period", period(of.from, of.until))
        .done()
}

/// A prescription, for its requests.
#[derive(Debug, Clone)]
pub struct Prescription<'a> {
    /// Prefix of the ids of the resources, before the line number.
    pub id: PrescriptionId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// The visit it was written in.
    pub encounter: EncounterId,
    /// Id of the prescribing Practitioner.
    pub prescriber: &'a str,
    /// What is prescribed.
    pub order: &'a Order,
    /// The status.
    pub status: RequestStatus,
    /// When it was written.
    pub authored: Instant,
    /// End of validity, once it is signed.
    pub valid_until: Option<Instant>,
}

/// Status of a prescription for readers of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStatus {
    /// Not signed: `DRAFT`.
    Draft,
    /// Signed, and waiting for a pharmacist or for the doctor's answer to one: `PENDING_REVIEW`,
    /// `RETURNED`.
    OnHold,
    /// In force, not dispensed yet: `EFFECTIVE`, `RESERVED`.
    Active,
    /// Dispensed: `DISPENSED`, `SHIPPED`, `DELIVERED`, `CLOSED`. Until when it is taken is said by
    /// the MedicationDispense.
    Completed,
    /// Never dispensed: `REJECTED`, `EXPIRED`, `CANCELLED`.
    Cancelled,
    /// Dispensed and refunded: `REFUNDED`.
    Stopped,
}

impl RequestStatus {
    const fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::OnHold => "on-hold",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Stopped => "stopped",
        }
    }
}

/// A `MedicationRequest` for each line of a prescription, grouped by `groupIdentifier`. A line
/// with known ingredients contains its Medication.
pub fn medication_requests(of: &Prescription<'_>) -> Vec<Value> {
    of.order
        .lines
        .iter()
        .map(|line| {
            Resource::new("MedicationRequest", line_id(of.id, line))
                .with("status", of.status.code())
                .maybe("statusReason", (of.status == RequestStatus::OnHold).then(awaiting_review))
                .with("intent", "order")
                .medicine(line)
                .with("subject", patient(of.patient))
                .with("encounter", reference("Encounter", of.encounter))
                .with("authoredOn", of.authored.to_string())
                .with("requester", practitioner(of.prescriber))
                .list("reasonCode", concepts(&of.order.diagnoses))
                .with("groupIdentifier", json!({"system": PRESCRIPTIONS, "value": of.id.to_string()}))
                .with("dosageInstruction", json!([dosage(line)]))
                .maybe(
                    "dispenseRequest",
                    of.valid_until.map(|until| {
                        let supply = in_days(line.days);
                        json!({"validityPeriod": period(of.authored, Some(until)), "expectedSupplyDuration": supply})
                    }),
                )
                .done()
        })
        .collect()
}

fn awaiting_review() -> Value {
    json!({"coding": [{"system": REQUEST_REASONS, "code": AWAITING_REVIEW}]})
}

/// Whether a request of this host is signed, and waits for the pharmacist only.
pub(crate) fn is_awaiting_review(request: &Value) -> bool {
    let codings = request.get("statusReason").map(codings).unwrap_or_default();
    codings.iter().any(|coding| coding.system == REQUEST_REASONS && coding.code == AWAITING_REVIEW)
}

/// The dispensing of a prescription.
#[derive(Debug, Clone)]
pub struct Dispense<'a> {
    /// The prescription.
    pub prescription: PrescriptionId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// The dispensed lines, each with the number of days that it lasts.
    pub lines: &'a [(&'a Line, u16)],
    /// Ids of the Practitioners who prepared and checked.
    pub pharmacists: &'a [&'a str],
    /// When it was prepared.
    pub prepared: Instant,
    /// When the patient received it.
    pub handed_over: Option<Instant>,
    /// Whether it was returned.
    pub returned: bool,
}

/// A `MedicationDispense` for each dispensed line of a prescription.
pub fn medication_dispenses(of: &Dispense<'_>) -> Vec<Value> {
    let status = match (of.returned, of.handed_over) {
        (true, _) => "stopped",
        (false, Some(_)) => "completed",
        (false, None) => "in-progress",
    };
    of.lines
        .iter()
        .map(|&(line, days)| {
            let id = line_id(of.prescription, line);
            Resource::new("MedicationDispense", &id)
                .with("status", status)
                .medicine(line)
                .with("subject", patient(of.patient))
                .list("performer", of.pharmacists.iter().map(|who| json!({"actor": practitioner(who)})))
                .with("authorizingPrescription", json!([reference("MedicationRequest", &id)]))
                .with("daysSupply", in_days(days))
                .with("whenPrepared", of.prepared.to_string())
                .maybe("whenHandedOver", of.handed_over.map(|at| at.to_string()))
                .with("dosageInstruction", json!([dosage(line)]))
                .done()
        })
        .collect()
}

/// A patient's answer that is an observation.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// Id of the resource.
    pub id: &'a str,
    /// Id of the Patient.
    pub patient: &'a str,
    /// Code of the observation.
    pub code: &'a Coding,
    /// The value.
    pub value: &'a AnswerValue,
    /// The time.
    pub at: Instant,
    /// The account that wrote it.
    pub author: AccountId,
    /// Whether that is of the care team; otherwise it is what the patient, or who acts for them,
    /// reports.
    pub by_staff: bool,
}

/// `Observation`, final, of a survey. The performer is the patient, or the Practitioner who wrote it;
/// it is never a laboratory result.
pub fn observation(of: &Answer<'_>) -> Value {
    let (name, value) = match of.value {
        AnswerValue::Boolean(value) => ("valueBoolean", json!(value)),
        AnswerValue::Integer(value) => ("valueInteger", json!(value)),
        AnswerValue::Decimal(value) => ("valueQuantity", json!({"value": number(*value)})),
        // An Observation has no date: the day is a text of that form.
        AnswerValue::Date(value) => ("valueString", json!(value.to_string())),
        AnswerValue::Moment(value) => ("valueDateTime", json!(value.to_string())),
        AnswerValue::Text(value) => ("valueString", json!(value)),
        AnswerValue::Quantity(value) => ("valueQuantity", quantity(value)),
        AnswerValue::Choice(value) => ("valueCodeableConcept", concept(std::slice::from_ref(value))),
    };
    let author = of.author.to_string();
    let written_by = json!({"url": AUTHOR, "valueIdentifier": {"system": ACCOUNTS, "value": author}});
    Resource::new("Observation", of.id)
        .list("extension", [written_by])
        .with("status", "final")
        .with(
            "category",
            json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}]),
        )
        .with("code", concept(std::slice::from_ref(of.code)))
        .with("subject", patient(of.patient))
        .with("effectiveDateTime", of.at.to_string())
        .with("performer", json!([if of.by_staff { practitioner(&author) } else { patient(of.patient) }]))
        .with(name, value)
        .done()
}

/// A patient in a pathway.
#[derive(Debug, Clone)]
pub struct Enrolment<'a> {
    /// Id of the resource.
    pub id: EnrolmentId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// Code of the pathway.
    pub pathway: &'a str,
    /// Title of the pathway.
    pub title: &'a LocalizedText,
    /// Code of the stage.
    pub stage: &'a str,
    /// The status.
    pub status: EnrolmentStatus,
    /// Start.
    pub started: Instant,
    /// End.
    pub ended: Option<Instant>,
}

/// Status of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrolmentStatus {
    /// Active.
    Active,
    /// Completed.
    Completed,
    /// Ended by the patient or the hospital.
    Withdrawn,
}

/// `CarePlan`. Its stage is a category.
pub fn care_plan(of: &Enrolment<'_>) -> Value {
    let status = match of.status {
        EnrolmentStatus::Active => "active",
        EnrolmentStatus::Completed => "completed",
        EnrolmentStatus::Withdrawn => "revoked",
    };
    let stage = format!("{}.{}", of.pathway, of.stage);
    Resource::new("CarePlan", of.id)
        .with("identifier", json!([{"system": PATHWAYS, "value": of.pathway}]))
        .with("status", status)
        .with("intent", "plan")
        .with("category", json!([{"coding": [{"system": PATHWAYS, "code": stage}]}]))
        .words("title", of.title)
        .with("subject", patient(of.patient))
        .with("period", period(of.started, of.ended))
        .done()
}

/// Prefix of the ids of [laboratory requests](crate::request::lab_request).
pub const LAB_REQUEST: &str = "labrequest";

/// An order for an item that is no medicine.
#[derive(Debug, Clone)]
pub struct ItemOrder<'a> {
    /// Id of the resource.
    pub id: ItemOrderId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// The visit.
    pub encounter: EncounterId,
    /// Id of the ordering Practitioner.
    pub clinician: &'a str,
    /// Kind of item.
    pub kind: LineKind,
    /// The item.
    pub codings: &'a [Coding],
    /// Title for people.
    pub title: &'a str,
    /// How many.
    pub quantity: u32,
    /// What for.
    pub reason: Option<&'a str>,
    /// The state.
    pub state: ItemOrderState,
    /// When.
    pub authored: Instant,
    /// Until when it is billed.
    pub valid_until: Instant,
}

/// `DeviceRequest` for what is used, else `ServiceRequest`. An order does not change by the end of its
/// time: `occurrencePeriod` says it.
pub fn item_order(of: &ItemOrder<'_>) -> Value {
    let is_service = matches!(of.kind, LineKind::Service | LineKind::Other | LineKind::Medicine);
    let status = match of.state {
        ItemOrderState::Active | ItemOrderState::Expired => "active",
        ItemOrderState::Completed => "completed",
        ItemOrderState::Revoked => "revoked",
    };
    let mut item = concept(of.codings);
    item["text"] = of.title.into();
    let quantity = json!({"value": of.quantity});
    let order = Resource::new(if is_service { "ServiceRequest" } else { "DeviceRequest" }, of.id)
        .with("status", status)
        .with("intent", "order")
        .with("subject", patient(of.patient))
        .with("encounter", reference("Encounter", of.encounter))
        .with("authoredOn", of.authored.to_string())
        .with("requester", practitioner(of.clinician))
        .with("occurrencePeriod", period(of.authored, Some(of.valid_until)))
        .list("reasonCode", of.reason.map(|reason| json!({"text": reason})));
    if is_service {
        return order.with("code", item).with("quantityQuantity", quantity).done();
    }
    order
        .with("codeCodeableConcept", item)
        .with("parameter", json!([{"code": {"text": "quantity"}, "valueQuantity": quantity}]))
        .done()
}

/// Whether a laboratory request of this enrolment asks for one of these codes.
pub fn asks_for(request: &Value, enrolment: EnrolmentId, codes: &[Coding]) -> bool {
    let plan = format!("CarePlan/{enrolment}");
    let ours = items(request, "basedOn").iter().any(|plan_of| text(plan_of, "reference") == Some(plan.as_str()));
    ours && items(request, "orderDetail")
        .iter()
        .flat_map(crate::read::codings)
        .any(|wanted| codes.iter().any(|code| code.same(&wanted)))
}

/// A task of a pathway.
#[derive(Debug, Clone)]
pub struct Timer<'a> {
    /// Id of the resource.
    pub id: TaskId,
    /// The enrolment.
    pub enrolment: EnrolmentId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// The task, from the pathway.
    pub task: &'a xinglin_domain::pathway::Task,
    /// Code of the pathway.
    pub pathway: &'a str,
    /// The status.
    pub status: TimerStatus,
    /// When it was scheduled.
    pub authored: Instant,
    /// When it last changed.
    pub modified: Instant,
}

/// Status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerStatus {
    /// Not due yet.
    Scheduled,
    /// Due.
    Due,
    /// Done.
    Done,
    /// Cancelled.
    Cancelled,
    /// Not done within its window.
    Missed,
}

/// `Task`, for the patient, restricted to its window.
pub fn task(of: &Timer<'_>) -> Value {
    let status = match of.status {
        TimerStatus::Scheduled => "requested",
        TimerStatus::Due => "ready",
        TimerStatus::Done => "completed",
        TimerStatus::Cancelled => "cancelled",
        TimerStatus::Missed => "failed",
    };
    let until = of.task.due.plus_minutes(of.task.window_minutes.into());
    Resource::new("Task", of.id)
        .with("basedOn", json!([reference("CarePlan", of.enrolment)]))
        .with("status", status)
        .with("intent", "plan")
        .with("code", json!({"coding": [{"system": PATHWAYS, "code": format!("{}.{}", of.pathway, of.task.code)}]}))
        .words("description", &of.task.title)
        .with("for", patient(of.patient))
        .with("authoredOn", of.authored.to_string())
        .with("lastModified", of.modified.to_string())
        .with("performerType", json!([{"coding": [{"system": ROLES, "code": role(of.task.owner)}]}]))
        .with("restriction", json!({"period": period(of.task.due, Some(until))}))
        .done()
}

/// A hold on online prescribing.
#[derive(Debug, Clone)]
pub struct Hold<'a> {
    /// Id of the resource.
    pub id: HoldId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// Code of the pathway.
    pub pathway: &'a str,
    /// Code of the hold.
    pub code: &'a str,
    /// The reason.
    pub reason: &'a LocalizedText,
    /// Start.
    pub from: Instant,
    /// When it was released.
    pub until: Option<Instant>,
}

/// `Flag`, active until the hold is released.
pub fn flag(of: &Hold<'_>) -> Value {
    let code = json!({"coding": [{"system": PATHWAYS, "code": format!("{}.{}", of.pathway, of.code)}]});
    Resource::new("Flag", of.id)
        .with("status", if of.until.is_none() { "active" } else { "inactive" })
        .with(
            "category",
            json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/flag-category", "code": "drug"}]}]),
        )
        .with("code", spoken(code, of.reason))
        .with("subject", patient(of.patient))
        .with("period", period(of.from, of.until))
        .done()
}

/// An alert.
#[derive(Debug, Clone)]
pub struct Alert<'a> {
    /// Id of the resource.
    pub id: AlertId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// The alert, from the pathway.
    pub alert: &'a xinglin_domain::pathway::Alert,
    /// Code of the pathway.
    pub pathway: &'a str,
    /// When it was raised.
    pub raised: Instant,
    /// When it was acknowledged, and the id of the Practitioner who did.
    pub acknowledged: Option<(Instant, &'a str)>,
    /// Whom else it was told to, because nobody acknowledged it.
    pub escalated: &'a [Escalation],
}

/// `DetectedIssue`; the acknowledgement is a mitigation. Each escalation is an extension, with the
/// role and the time.
pub fn detected_issue(of: &Alert<'_>) -> Value {
    let severity = match of.alert.severity {
        Severity::Critical => "high",
        Severity::Warning => "moderate",
        Severity::Info => "low",
    };
    let acknowledged = of.acknowledged.map(
        |(at, who)| json!({"action": {"text": "acknowledged"}, "date": at.to_string(), "author": practitioner(who)}),
    );
    let escalated = of.escalated.iter().map(|Escalation { to, at }| {
        json!({"url": ESCALATED, "extension": [
            {"url": "to", "valueCoding": {"system": ROLES, "code": to.as_str()}},
            {"url": "at", "valueDateTime": at.to_string()},
        ]})
    });
    Resource::new("DetectedIssue", of.id)
        .list("extension", escalated)
        .with("status", "final")
        .with("code", json!({"coding": [{"system": PATHWAYS, "code": format!("{}.{}", of.pathway, of.alert.code)}]}))
        .with("severity", severity)
        .with("patient", patient(of.patient))
        .with("identifiedDateTime", of.raised.to_string())
        .words("detail", &of.alert.message)
        .maybe("reference", of.alert.citation.url.as_deref().filter(|url| crate::primitive::is_uri(url)))
        .list("mitigation", acknowledged)
        .done()
}

/// A resource under construction. Empty lists and missing values are omitted, as FHIR requires.
pub(crate) struct Resource(Map<String, Value>);

impl Resource {
    pub(crate) fn new(resource_type: &str, id: impl ToString) -> Self {
        Self(Map::new()).with("resourceType", resource_type).with("id", id.to_string())
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn maybe<V: Into<Value>>(self, name: &str, value: Option<V>) -> Self
    where
        Self: Sized,
    {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn list(self, name: &str, items: impl IntoIterator<Item = Value>) -> Self {
        let items: Vec<Value> = items.into_iter().collect();
        if items.is_empty() { self } else { self.with(name, items) }
    }

    pub(crate) fn words(self, name: &str, words: &LocalizedText) -> Self {
        let text = words.get(LANGUAGE);
        if text.trim().is_empty() { self } else { self.with(name, text) }
    }

    /// `medication[x]`: the product, with its ingredients if known.
    fn medicine(self, line: &Line) -> Self {
        if line.ingredients.is_empty() {
            return self.with("medicationCodeableConcept", concept(&line.code));
        }
        let ingredients: Vec<Value> =
            line.ingredients.iter().map(|i| json!({"itemCodeableConcept": concept(std::slice::from_ref(i))})).collect();
        let medication = json!({"resourceType": "Medication", "id": "medication", "code": concept(&line.code), "ingredient": ingredients});
        self.with("contained", json!([medication])).with("medicationReference", json!({"reference": "#medication"}))
    }

    pub(crate) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn line_id(prescription: PrescriptionId, line: &Line) -> String {
    format!("{prescription}-{}", line.number)
}

pub(crate) fn reference(resource_type: &str, id: impl ToString) -> Value {
    json!({"reference": format!("{resource_type}/{}", id.to_string())})
}

pub(crate) fn patient(id: &str) -> Value {
    reference("Patient", id)
}

pub(crate) fn practitioner(id: &str) -> Value {
    reference("Practitioner", id)
}

pub(crate) fn period(start: Instant, end: Option<Instant>) -> Value {
    match end {
        Some(end) => json!({"start": start.to_string(), "end": end.to_string()}),
        None => json!({"start": start.to_string()}),
    }
}

/// The date in China, where the service is provided.
pub(crate) fn day(at: Instant) -> String {
    const EAST: i64 = 8;
    at.plus_hours(EAST).to_string().chars().take("0000-00-00".len()).collect()
}

/// All codings of one concept.
pub(crate) fn concept(codings: &[Coding]) -> Value {
    let codings: Vec<Value> = codings.iter().map(coding).collect();
    if codings.is_empty() { json!({"text": "unknown"}) } else { json!({"coding": codings}) }
}

/// A concept for each coding.
pub(crate) fn concepts(codings: &[Coding]) -> impl Iterator<Item = Value> {
    codings.iter().map(|coding| concept(std::slice::from_ref(coding)))
}

pub(crate) fn coding(of: &Coding) -> Value {
    match &of.display {
        Some(display) if !display.trim().is_empty() => {
            json!({"system": of.system, "code": of.code, "display": display})
        }
        _ => json!({"system": of.system, "code": of.code}),
    }
}

/// A concept with a display text.
pub(crate) fn spoken(mut concept: Value, words: &LocalizedText) -> Value {
    let text = words.get(LANGUAGE);
    if !text.trim().is_empty() {
        concept["text"] = text.into();
    }
    concept
}

fn quantity(of: &Quantity) -> Value {
    if of.unit.is_empty() {
        return json!({"value": number(of.value)});
    }
    json!({"value": number(of.value), "unit": of.unit, "system": UCUM, "code": of.unit})
}

/// With all digits: 6.50 stays 6.50.
pub(crate) fn number(of: Decimal) -> Value {
    // A formatted decimal is a JSON number.
    of.to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

pub(crate) fn money(of: Money) -> Value {
    let value = of.to_string().parse::<Number>().map_or(Value::Null, Value::Number);
    json!({"value": value, "currency": Money::CURRENCY})
}

fn in_days(days: u16) -> Value {
    json!({"value": days, "unit": "d", "system": UCUM, "code": "d"})
}

fn dosage(line: &Line) -> Value {
    let mut repeat = json!({"boundsDuration": in_days(line.days)});
    // FHIR counts whole doses: two and a half a day are five in two days.
    if let Some((frequency, days)) = frequency(line.doses_per_day) {
        repeat["frequency"] = frequency.into();
        repeat["period"] = days.into();
        repeat["periodUnit"] = "d".into();
    }
    let mut dosage = json!({"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": quantity(&line.dose)}]});
    if let Some(route) = &line.route {
        dosage["route"] = concept(std::slice::from_ref(route));
    }
    dosage
}

/// Doses in a number of days, in lowest terms.
fn frequency(doses_per_day: Decimal) -> Option<(i32, i64)> {
    let doses = doses_per_day.unscaled();
    let days = 10_i64.checked_pow(doses_per_day.scale().into())?;
    let divisor = gcd(doses, days);
    let frequency = i32::try_from(doses.checked_div(divisor)?).ok().filter(|n| *n > 0)?;
    Some((frequency, days / divisor))
}

const fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

pub(crate) const fn role(of: Role) -> &'static str {
    match of {
        Role::Patient => "patient",
        Role::Doctor => "doctor",
        Role::Pharmacist => "pharmacist",
        Role::Nurse => "nurse",
        Role::HealthManager => "health-manager",
        Role::Dietitian => "dietitian",
        Role::Counsellor => "counsellor",
        Role::Psychotherapist => "psychotherapist",
        Role::Guardian => "guardian",
        Role::Assistant => "assistant",
        Role::PublicHealthDoctor => "public-health-doctor",
    }
}

#[cfg(test)]
mod tests {
    use xinglin_domain::{
        clinical::MedicationStatus,
        coding::{Attribute, AttributeValue, Citation, Translation, system},
    };

    use super::*;
    use crate::{index::index, snapshot, validate::validate};

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("instant")
    }

    fn words(text: &str) -> LocalizedText {
        LocalizedText(vec![Translation { language: "zh-CN".into(), text: text.into() }])
    }

    fn citation() -> Citation {
        Citation {
            title: "中国2型糖尿病防治指南".into(),
            section: None,
            year: 2024,
            url: Some("https://doi.org/10.3760".into()),
        }
    }

    fn order() -> Order {
        let line = |number, ingredients: Vec<Coding>| Line {
            number,
            code: vec![Coding::new("urn:drug", format!("drug-{number}"))],
            ingredients,
            dose: Quantity { value: "0.50".parse().expect("decimal"), unit: "g".into() },
            doses_per_day: "2.5".parse().expect("decimal"),
            days: 28,
            route: Some(Coding::new(system::SNOMED, "26643006")),
            attributes: Vec::new(),
        };
        Order {
            diagnoses: vec![Coding::new(system::ICD10, "E11.9")],
            lines: vec![line(1, vec![Coding::new(system::ATC, "A10BA02")]), line(2, Vec::new())],
            long_term: true,
            attributes: Vec::new(),
        }
    }

    #[test]
    fn a_dispensed_medicine_is_in_use_until_its_supply_ends() {
        let mut resources = requests(RequestStatus::Completed);
        let order = order();
        resources.extend(medication_dispenses(&Dispense {
            prescription: PrescriptionId::from_u128(7),
            patient: "pat-1",
            lines: &[(&order.lines[0], 30), (&order.lines[1], 10)],
            pharmacists: &[],
            prepared: at("2026-01-03T00:00:00Z"),
            handed_over: Some(at("2026-01-05T00:00:00Z")),
            returned: false,
        }));
        let status = |day: &str, resources: &[Value]| -> Vec<MedicationStatus> {
            let seen = snapshot::build(&json!({}), resources, String::new(), at(day)).medications;
            seen.iter().map(|medication| medication.status).collect()
        };
        use MedicationStatus::{Active, Completed, Stopped};
        assert_eq!(status("2026-01-06T00:00:00Z", &resources), [Active, Active]);
        assert_eq!(status("2026-01-15T00:00:00Z", &resources), [Active, Completed]);
        assert_eq!(status("2026-02-03T23:59:59Z", &resources), [Active, Completed]);
        assert_eq!(status("2026-02-04T00:00:00Z", &resources), [Completed, Completed]);
        let seen = snapshot::build(&json!({}), &resources, String::new(), at("2026-01-06T00:00:00Z")).medications;
        let ends = AttributeValue::Instant(at("2026-02-04T00:00:00Z"));
        assert_eq!(seen[0].attributes, [Attribute { key: "xinglin.supply-ends".into(), value: ends }]);
        // What was taken back is not taken.
        resources
            .iter_mut()
            .filter(|r| r["resourceType"] == "MedicationDispense")
            .for_each(|r| r["status"] = "stopped".into());
        resources
            .iter_mut()
            .filter(|r| r["resourceType"] == "MedicationRequest")
            .for_each(|r| r["status"] = "stopped".into());
        assert_eq!(status("2026-01-06T00:00:00Z", &resources), [Stopped, Stopped]);
    }

    #[test]
    fn an_imported_dispense_without_its_request_counts() {
        let dispense = |days: Option<u16>| {
            let mut dispense = json!({
                "resourceType": "MedicationDispense", "id": "d", "status": "completed",
                "medicationCodeableConcept": {"coding": [{"system": system::ATC, "code": "C01DA02"}]},
                "whenHandedOver": "2026-01-05T00:00:00Z",
            });
            if let Some(days) = days {
                dispense["daysSupply"] = in_days(days);
            }
            let seen = snapshot::build(&json!({}), &[dispense], String::new(), at("2026-01-20T00:00:00Z"));
            seen.medications[0].status
        };
        assert_eq!(dispense(Some(30)), MedicationStatus::Active);
        assert_eq!(dispense(Some(7)), MedicationStatus::Completed);
        assert_eq!(dispense(None), MedicationStatus::Unknown);
        // Also with its request, completed or never in force; and durations as others write them.
        let with = |request: &str, supply: Value| {
            let coded = json!({"coding": [{"system": system::ATC, "code": "C01DA02"}]});
            let request = json!({
                "resourceType": "MedicationRequest", "id": "r", "status": request, "intent": "order",
                "medicationCodeableConcept": coded, "authoredOn": "2026-01-05",
            });
            let dispense = json!({
                "resourceType": "MedicationDispense", "id": "d", "status": "completed",
                "medicationCodeableConcept": coded, "whenHandedOver": "2026-01-05T00:00:00Z",
                "authorizingPrescription": [{"reference": "MedicationRequest/r"}], "daysSupply": supply,
            });
            let seen = snapshot::build(&json!({}), &[request, dispense], String::new(), at("2026-01-20T00:00:00Z"));
            seen.medications.iter().map(|medication| medication.status).collect::<Vec<_>>()
        };
        assert_eq!(with("completed", json!({"value": 1, "unit": "bottle"})), [MedicationStatus::Unknown]);
        assert_eq!(with("cancelled", json!({"value": 30, "unit": "d"})), [MedicationStatus::Active]);
        assert_eq!(with("completed", json!({"value": 1, "unit": "month"})), [MedicationStatus::Active]);
        assert_eq!(with("completed", json!({"value": 14.5, "code": "d"})), [MedicationStatus::Completed]);
    }

    fn requests(status: RequestStatus) -> Vec<Value> {
        medication_requests(&Prescription {
            id: PrescriptionId::from_u128(7),
            patient: "pat-1",
            encounter: EncounterId::from_u128(5),
            prescriber: "doc-1",
            order: &order(),
            status,
            authored: at("2026-01-01T00:00:00Z"),
            valid_until: Some(at("2026-01-04T00:00:00Z")),
        })
    }

    #[test]
    fn a_prescription_is_seen_by_plugins_once_it_is_in_force() {
        let see = |status| {
            let resources = requests(status);
            resources.iter().for_each(|r| assert_eq!(validate(r), Ok(()), "{r}"));
            snapshot::build(&json!({}), &resources, String::new(), at("2026-02-01T00:00:00Z")).medications
        };
        assert_eq!(see(RequestStatus::Draft), []);
        assert_eq!(see(RequestStatus::Cancelled), []);
        // In use from the signature on, whoever else has still to look at it.
        assert_eq!(see(RequestStatus::OnHold)[0].status, MedicationStatus::Active);
        let seen = see(RequestStatus::Active);
        assert_eq!(seen[0].status, MedicationStatus::Active);
        assert_eq!(seen[0].code, [Coding::new("urn:drug", "drug-1")]);
        assert_eq!(seen[0].ingredients, [Coding::new(system::ATC, "A10BA02")]);
        assert_eq!(seen[1].ingredients, []);
        assert_eq!(seen[0].ended, Some(at("2026-01-29T00:00:00Z")));
    }

    #[test]
    fn doses_keep_their_digits_and_are_counted_whole() {
        let request = &requests(RequestStatus::Active)[0];
        let dosage = &request["dosageInstruction"][0];
        assert_eq!(dosage["doseAndRate"][0]["doseQuantity"]["value"].to_string(), "0.50");
        let repeat = &dosage["timing"]["repeat"];
        assert_eq!((&repeat["frequency"], &repeat["period"]), (&json!(5), &json!(2)));
        assert_eq!(frequency(Decimal::whole(0)), None);
        assert_eq!(frequency("0.25".parse().expect("decimal")), Some((1, 4)));
    }

    #[test]
    fn every_projection_is_valid_and_found_under_its_patient() {
        let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
        let order = order();
        let task = xinglin_domain::pathway::Task {
            code: "hba1c".into(),
            title: words("复查糖化血红蛋白"),
            owner: Role::HealthManager,
            due: late,
            window_minutes: 14 * 24 * 60,
            repeat: None,
        };
        let alert = xinglin_domain::pathway::Alert {
            code: "HYPO".into(),
            severity: Severity::Critical,
            message: words("低血糖"),
            owner: Role::Doctor,
            sla_minutes: 30,
            escalation: vec![],
            citation: citation(),
        };
        let answer = |value: &AnswerValue| {
            observation(&Answer {
                id: "obs-1",
                patient: "pat-1",
                code: &Coding::new(system::LOINC, "2339-0"),
                value,
                at: early,
                author: AccountId::from_u128(1),
                by_staff: false,
            })
        };

        let mut all = requests(RequestStatus::Active);
        all.extend(medication_dispenses(&Dispense {
            prescription: PrescriptionId::from_u128(7),
            patient: "pat-1",
            lines: &order.lines.iter().map(|line| (line, line.days)).collect::<Vec<_>>(),
            pharmacists: &["pha-1", "pha-2"],
            prepared: early,
            handed_over: None,
            returned: false,
        }));
        all.extend([
            encounter(&Encounter {
                id: EncounterId::from_u128(5),
                patient: "pat-1",
                doctor: None,
                status: EncounterStatus::Waiting,
                reasons: &[],
                started: early,
                ended: None,
            }),
            answer(&AnswerValue::Boolean(true)),
            answer(&AnswerValue::Integer(3)),
            answer(&AnswerValue::Text("尚可".into())),
            answer(&AnswerValue::Quantity(Quantity {
                value: "16.70".parse().expect("decimal"),
                unit: "mmol/L".into(),
            })),
            answer(&AnswerValue::Choice(Coding::new(system::SNOMED, "260385009"))),
            care_plan(&Enrolment {
                id: EnrolmentId::from_u128(1),
                patient: "pat-1",
                pathway: "diabetes",
                title: &words("糖尿病管理"),
                stage: "initial",
                status: EnrolmentStatus::Active,
                started: early,
                ended: None,
            }),
            crate::project::task(&Timer {
                id: TaskId::from_u128(1),
                enrolment: EnrolmentId::from_u128(1),
                patient: "pat-1",
                task: &task,
                pathway: "diabetes",
                status: TimerStatus::Due,
                authored: early,
                modified: late,
            }),
            flag(&Hold {
                id: HoldId::from_u128(1),
                patient: "pat-1",
                pathway: "diabetes",
                code: "ketoacidosis",
                reason: &words("酮症"),
                from: early,
                until: Some(late),
            }),
            detected_issue(&Alert {
                id: AlertId::from_u128(1),
                patient: "pat-1",
                alert: &alert,
                pathway: "diabetes",
                raised: early,
                acknowledged: Some((late, "doc-1")),
                escalated: &[Escalation { to: xinglin_domain::access::Role::Administrator, at: late }],
            }),
        ]);
        for resource in &all {
            assert_eq!(validate(resource), Ok(()), "{resource}");
            let found = index(resource);
            assert_eq!(found.patient.as_deref(), Some("pat-1"), "{resource}");
            assert!(found.date.is_some() || resource["resourceType"] == "Flag", "{resource}");
        }
    }
}
