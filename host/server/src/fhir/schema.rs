//! The parts of FHIR 4.0.1 that the hospital itself reads or writes, as tables.
//! An element that is not listed is kept and not looked into; a resource type
//! that is not listed is kept as it is.

/// The elements of a type that are checked.
pub(super) struct Shape(pub(super) &'static [Element]);

/// One element.
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) form: Form,
}

/// How often an element may occur, and as what.
pub(super) enum Form {
    One(Kind),
    Many(Kind),
    /// `name[x]`: at most one of these, each under its own name.
    Choice(&'static [(&'static str, Kind)]),
}

/// What an element holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    String,
    Id,
    Uri,
    Date,
    DateTime,
    Instant,
    Time,
    /// Any code.
    Code,
    /// A code of a required binding: one of these, between spaces.
    OneOf(&'static str),
    /// A CodeableConcept with a required binding: of this system, one of these.
    Bound(&'static str, &'static str),
    Object(&'static Shape),
    Resource,
}

use Kind::*;

const fn one(name: &'static str, kind: Kind) -> Element {
    Element { name, required: false, form: Form::One(kind) }
}

const fn must(name: &'static str, kind: Kind) -> Element {
    Element { name, required: true, form: Form::One(kind) }
}

const fn many(name: &'static str, kind: Kind) -> Element {
    Element { name, required: false, form: Form::Many(kind) }
}

const fn some(name: &'static str, kind: Kind) -> Element {
    Element { name, required: true, form: Form::Many(kind) }
}

const fn choice(name: &'static str, types: &'static [(&'static str, Kind)]) -> Element {
    Element { name, required: false, form: Form::Choice(types) }
}

const fn must_choice(name: &'static str, types: &'static [(&'static str, Kind)]) -> Element {
    Element { name, required: true, form: Form::Choice(types) }
}

/// The table of a resource type, if there is one.
pub(super) fn of(resource_type: &str) -> Option<&'static Shape> {
    RESOURCES.iter().find(|resource| resource.name == resource_type).map(|resource| &resource.shape)
}

/// The elements that a resource of this type must have.
pub(crate) fn required(resource_type: &str) -> Vec<&'static str> {
    of(resource_type).map(|shape| shape.0.iter().filter(|e| e.required).map(|e| e.name).collect()).unwrap_or_default()
}

/// A resource type with a table.
pub(super) struct ResourceType {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

const fn resource(name: &'static str, elements: &'static [Element]) -> ResourceType {
    ResourceType { name, shape: Shape(elements) }
}

// Data types.

static PERIOD: Shape = Shape(&[one("start", DateTime), one("end", DateTime)]);
static CODING: Shape = Shape(&[
    one("system", Uri),
    one("version", String),
    one("code", Code),
    one("display", String),
    one("userSelected", Boolean),
]);
pub(super) static CONCEPT: Shape = Shape(&[many("coding", Object(&CODING)), one("text", String)]);
static REFERENCE: Shape = Shape(&[
    one("reference", String),
    one("type", Uri),
    one("identifier", Object(&IDENTIFIER)),
    one("display", String),
]);
static IDENTIFIER: Shape = Shape(&[
    one("use", OneOf("usual official temp secondary old")),
    one("type", Object(&CONCEPT)),
    one("system", Uri),
    one("value", String),
    one("period", Object(&PERIOD)),
    one("assigner", Object(&REFERENCE)),
]);
static QUANTITY: Shape = Shape(&[
    one("value", Decimal),
    one("comparator", OneOf("< <= >= >")),
    one("unit", String),
    one("system", Uri),
    one("code", Code),
]);
static RANGE: Shape = Shape(&[one("low", Object(&QUANTITY)), one("high", Object(&QUANTITY))]);
static RATIO: Shape = Shape(&[one("numerator", Object(&QUANTITY)), one("denominator", Object(&QUANTITY))]);
static MONEY: Shape = Shape(&[one("value", Decimal), one("currency", Code)]);
static META: Shape = Shape(&[
    one("versionId", Id),
    one("lastUpdated", Instant),
    one("source", Uri),
    many("profile", Uri),
    many("security", Object(&CODING)),
    many("tag", Object(&CODING)),
]);
static NARRATIVE: Shape = Shape(&[must("status", OneOf("generated extensions additional empty")), must("div", String)]);
static HUMAN_NAME: Shape = Shape(&[
    one("use", OneOf("usual official temp nickname anonymous old maiden")),
    one("text", String),
    one("family", String),
    many("given", String),
    many("prefix", String),
    many("suffix", String),
    one("period", Object(&PERIOD)),
]);
static CONTACT_POINT: Shape = Shape(&[
    one("system", OneOf("phone fax email pager url sms other")),
    one("value", String),
    one("use", OneOf("home work temp old mobile")),
    one("rank", PositiveInt),
    one("period", Object(&PERIOD)),
]);
static ADDRESS: Shape = Shape(&[
    one("use", OneOf("home work temp old billing")),
    one("type", OneOf("postal physical both")),
    one("text", String),
    many("line", String),
    one("city", String),
    one("district", String),
    one("state", String),
    one("postalCode", String),
    one("country", String),
    one("period", Object(&PERIOD)),
]);
static ATTACHMENT: Shape = Shape(&[
    one("contentType", Code),
    one("language", Code),
    one("data", String),
    one("url", Uri),
    one("size", UnsignedInt),
    one("hash", String),
    one("title", String),
    one("creation", DateTime),
]);
static ANNOTATION: Shape = Shape(&[
    choice("author", &[("Reference", Object(&REFERENCE)), ("String", String)]),
    one("time", DateTime),
    must("text", String),
]);
static REPEAT: Shape = Shape(&[
    choice("bounds", &[("Duration", Object(&QUANTITY)), ("Range", Object(&RANGE)), ("Period", Object(&PERIOD))]),
    one("count", PositiveInt),
    one("frequency", PositiveInt),
    one("period", Decimal),
    one("periodUnit", OneOf("s min h d wk mo a")),
]);
static TIMING: Shape = Shape(&[many("event", DateTime), one("repeat", Object(&REPEAT)), one("code", Object(&CONCEPT))]);
static DOSE_AND_RATE: Shape = Shape(&[
    one("type", Object(&CONCEPT)),
    choice("dose", &[("Range", Object(&RANGE)), ("Quantity", Object(&QUANTITY))]),
    choice("rate", &[("Ratio", Object(&RATIO)), ("Range", Object(&RANGE)), ("Quantity", Object(&QUANTITY))]),
]);
static DOSAGE: Shape = Shape(&[
    one("sequence", Integer),
    one("text", String),
    one("timing", Object(&TIMING)),
    choice("asNeeded", &[("Boolean", Boolean), ("CodeableConcept", Object(&CONCEPT))]),
    one("route", Object(&CONCEPT)),
    many("doseAndRate", Object(&DOSE_AND_RATE)),
]);

/// What every resource may carry.
pub(super) static RESOURCE: Shape = Shape(&[
    one("id", Id),
    one("meta", Object(&META)),
    one("implicitRules", Uri),
    one("language", Code),
    one("text", Object(&NARRATIVE)),
    many("contained", Resource),
]);

// Value sets and choices that recur.

const CONDITION_CLINICAL: Kind = Bound(
    "http://terminology.hl7.org/CodeSystem/condition-clinical",
    "active recurrence relapse inactive remission resolved",
);
const CONDITION_VERIFICATION: Kind = Bound(
    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "unconfirmed provisional differential confirmed refuted entered-in-error",
);
const ALLERGY_CLINICAL: Kind =
    Bound("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active inactive resolved");
const ALLERGY_VERIFICATION: Kind = Bound(
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
    "unconfirmed confirmed refuted entered-in-error",
);
const GENDER: Kind = OneOf("male female other unknown");
const PRIORITY: Kind = OneOf("routine urgent asap stat");
const EVENT_STATUS: Kind = OneOf("preparation in-progress not-done on-hold stopped completed entered-in-error unknown");
const OBSERVATION_STATUS: Kind =
    OneOf("registered preliminary final amended corrected cancelled entered-in-error unknown");
const FINANCIAL_STATUS: Kind = OneOf("active cancelled draft entered-in-error");
const CLAIM_USE: Kind = OneOf("claim preauthorization predetermination");
const PLAN_STATUS: Kind = OneOf("draft active on-hold revoked completed entered-in-error unknown");
const REQUEST_INTENT: &str =
    "proposal plan directive order original-order reflex-order filler-order instance-order option";

const WHEN: &[(&str, Kind)] = &[
    ("DateTime", DateTime),
    ("Age", Object(&QUANTITY)),
    ("Period", Object(&PERIOD)),
    ("Range", Object(&RANGE)),
    ("String", String),
];
const MEDICATION: &[(&str, Kind)] = &[("CodeableConcept", Object(&CONCEPT)), ("Reference", Object(&REFERENCE))];
const VALUE: &[(&str, Kind)] = &[
    ("Quantity", Object(&QUANTITY)),
    ("CodeableConcept", Object(&CONCEPT)),
    ("String", String),
    ("Boolean", Boolean),
    ("Integer", Integer),
    ("Range", Object(&RANGE)),
    ("Ratio", Object(&RATIO)),
    ("SampledData", Object(&ANY)),
    ("Time", Time),
    ("DateTime", DateTime),
    ("Period", Object(&PERIOD)),
];
/// An object whose inside is not looked at.
static ANY: Shape = Shape(&[]);

// Parts of resources.

static CONTACT_LINK: Shape =
    Shape(&[must("other", Object(&REFERENCE)), must("type", OneOf("replaced-by replaces refer seealso"))]);
static COMMUNICATION: Shape = Shape(&[must("language", Object(&CONCEPT)), one("preferred", Boolean)]);
static QUALIFICATION: Shape =
    Shape(&[many("identifier", Object(&IDENTIFIER)), must("code", Object(&CONCEPT)), one("period", Object(&PERIOD))]);
static REACTION: Shape = Shape(&[
    one("substance", Object(&CONCEPT)),
    some("manifestation", Object(&CONCEPT)),
    one("onset", DateTime),
    one("severity", OneOf("mild moderate severe")),
]);
static COMPONENT: Shape = Shape(&[
    must("code", Object(&CONCEPT)),
    choice("value", VALUE),
    one("dataAbsentReason", Object(&CONCEPT)),
    many("interpretation", Object(&CONCEPT)),
]);
static DISPENSE_REQUEST: Shape = Shape(&[
    one("validityPeriod", Object(&PERIOD)),
    one("numberOfRepeatsAllowed", UnsignedInt),
    one("quantity", Object(&QUANTITY)),
    one("expectedSupplyDuration", Object(&QUANTITY)),
]);
static INGREDIENT: Shape =
    Shape(&[must_choice("item", MEDICATION), one("isActive", Boolean), one("strength", Object(&RATIO))]);
static PARTICIPANT: Shape =
    Shape(&[many("type", Object(&CONCEPT)), one("period", Object(&PERIOD)), one("individual", Object(&REFERENCE))]);
static COVERAGE_CLASS: Shape = Shape(&[must("type", Object(&CONCEPT)), must("value", String), one("name", String)]);
static DOCUMENT_CONTENT: Shape = Shape(&[must("attachment", Object(&ATTACHMENT)), one("format", Object(&CODING))]);
static CLAIM_INSURANCE: Shape =
    Shape(&[must("sequence", PositiveInt), must("focal", Boolean), must("coverage", Object(&REFERENCE))]);
static CLAIM_ITEM: Shape = Shape(&[
    must("sequence", PositiveInt),
    must("productOrService", Object(&CONCEPT)),
    one("quantity", Object(&QUANTITY)),
    one("unitPrice", Object(&MONEY)),
    one("net", Object(&MONEY)),
]);
static ADJUDICATION: Shape = Shape(&[
    must("category", Object(&CONCEPT)),
    one("reason", Object(&CONCEPT)),
    one("amount", Object(&MONEY)),
    one("value", Decimal),
]);
static RESPONSE_ITEM: Shape = Shape(&[must("itemSequence", PositiveInt), some("adjudication", Object(&ADJUDICATION))]);
static RESPONSE_TOTAL: Shape = Shape(&[must("category", Object(&CONCEPT)), must("amount", Object(&MONEY))]);
static CARE_PLAN_ACTIVITY: Shape =
    Shape(&[many("outcomeCodeableConcept", Object(&CONCEPT)), one("reference", Object(&REFERENCE))]);
static TASK_RESTRICTION: Shape = Shape(&[one("repetitions", PositiveInt), one("period", Object(&PERIOD))]);
static MITIGATION: Shape =
    Shape(&[must("action", Object(&CONCEPT)), one("date", DateTime), one("author", Object(&REFERENCE))]);

/// The resource types that are checked, most used first.
pub(super) static RESOURCES: &[ResourceType] = &[
    resource(
        "Observation",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", OBSERVATION_STATUS),
            many("category", Object(&CONCEPT)),
            must("code", Object(&CONCEPT)),
            one("subject", Object(&REFERENCE)),
            one("encounter", Object(&REFERENCE)),
            choice(
                "effective",
                &[
                    ("DateTime", DateTime),
                    ("Period", Object(&PERIOD)),
                    ("Timing", Object(&TIMING)),
                    ("Instant", Instant),
                ],
            ),
            one("issued", Instant),
            many("performer", Object(&REFERENCE)),
            choice("value", VALUE),
            one("dataAbsentReason", Object(&CONCEPT)),
            many("interpretation", Object(&CONCEPT)),
            many("note", Object(&ANNOTATION)),
            many("component", Object(&COMPONENT)),
        ],
    ),
    resource(
        "Condition",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("clinicalStatus", CONDITION_CLINICAL),
            one("verificationStatus", CONDITION_VERIFICATION),
            many("category", Object(&CONCEPT)),
            one("severity", Object(&CONCEPT)),
            one("code", Object(&CONCEPT)),
            must("subject", Object(&REFERENCE)),
            one("encounter", Object(&REFERENCE)),
            choice("onset", WHEN),
            choice("abatement", WHEN),
            one("recordedDate", DateTime),
            many("note", Object(&ANNOTATION)),
        ],
    ),
    resource(
        "MedicationRequest",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", OneOf("active on-hold cancelled completed entered-in-error stopped draft unknown")),
            must("intent", OneOf("proposal plan order original-order reflex-order filler-order instance-order option")),
            many("category", Object(&CONCEPT)),
            one("priority", PRIORITY),
            one("doNotPerform", Boolean),
            choice("reported", &[("Boolean", Boolean), ("Reference", Object(&REFERENCE))]),
            must_choice("medication", MEDICATION),
            must("subject", Object(&REFERENCE)),
            one("encounter", Object(&REFERENCE)),
            one("authoredOn", DateTime),
            one("requester", Object(&REFERENCE)),
            many("reasonCode", Object(&CONCEPT)),
            one("groupIdentifier", Object(&IDENTIFIER)),
            many("dosageInstruction", Object(&DOSAGE)),
            one("dispenseRequest", Object(&DISPENSE_REQUEST)),
        ],
    ),
    resource(
        "Patient",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("active", Boolean),
            many("name", Object(&HUMAN_NAME)),
            many("telecom", Object(&CONTACT_POINT)),
            one("gender", GENDER),
            one("birthDate", Date),
            choice("deceased", &[("Boolean", Boolean), ("DateTime", DateTime)]),
            many("address", Object(&ADDRESS)),
            one("maritalStatus", Object(&CONCEPT)),
            choice("multipleBirth", &[("Boolean", Boolean), ("Integer", Integer)]),
            many("photo", Object(&ATTACHMENT)),
            many("communication", Object(&COMMUNICATION)),
            many("generalPractitioner", Object(&REFERENCE)),
            one("managingOrganization", Object(&REFERENCE)),
            many("link", Object(&CONTACT_LINK)),
        ],
    ),
    resource(
        "AllergyIntolerance",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("clinicalStatus", ALLERGY_CLINICAL),
            one("verificationStatus", ALLERGY_VERIFICATION),
            one("type", OneOf("allergy intolerance")),
            many("category", OneOf("food medication environment biologic")),
            one("criticality", OneOf("low high unable-to-assess")),
            one("code", Object(&CONCEPT)),
            must("patient", Object(&REFERENCE)),
            choice("onset", WHEN),
            one("recordedDate", DateTime),
            one("lastOccurrence", DateTime),
            many("note", Object(&ANNOTATION)),
            many("reaction", Object(&REACTION)),
        ],
    ),
    resource(
        "MedicationStatement",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", OneOf("active completed entered-in-error intended stopped on-hold unknown not-taken")),
            one("category", Object(&CONCEPT)),
            must_choice("medication", MEDICATION),
            must("subject", Object(&REFERENCE)),
            choice("effective", &[("DateTime", DateTime), ("Period", Object(&PERIOD))]),
            one("dateAsserted", DateTime),
            many("dosage", Object(&DOSAGE)),
        ],
    ),
    resource(
        "MedicationDispense",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must(
                "status",
                OneOf("preparation in-progress cancelled on-hold completed entered-in-error stopped declined unknown"),
            ),
            must_choice("medication", MEDICATION),
            one("subject", Object(&REFERENCE)),
            many("authorizingPrescription", Object(&REFERENCE)),
            one("quantity", Object(&QUANTITY)),
            one("whenPrepared", DateTime),
            one("whenHandedOver", DateTime),
            many("dosageInstruction", Object(&DOSAGE)),
        ],
    ),
    resource(
        "Medication",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("code", Object(&CONCEPT)),
            one("status", OneOf("active inactive entered-in-error")),
            one("form", Object(&CONCEPT)),
            one("amount", Object(&RATIO)),
            many("ingredient", Object(&INGREDIENT)),
        ],
    ),
    resource(
        "Encounter",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must(
                "status",
                OneOf("planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"),
            ),
            must("class", Object(&CODING)),
            many("type", Object(&CONCEPT)),
            one("subject", Object(&REFERENCE)),
            many("participant", Object(&PARTICIPANT)),
            one("period", Object(&PERIOD)),
            many("reasonCode", Object(&CONCEPT)),
            one("serviceProvider", Object(&REFERENCE)),
        ],
    ),
    resource(
        "Procedure",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", EVENT_STATUS),
            one("category", Object(&CONCEPT)),
            one("code", Object(&CONCEPT)),
            must("subject", Object(&REFERENCE)),
            one("encounter", Object(&REFERENCE)),
            choice("performed", WHEN),
        ],
    ),
    resource(
        "DiagnosticReport",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must(
                "status",
                OneOf(
                    "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown",
                ),
            ),
            many("category", Object(&CONCEPT)),
            must("code", Object(&CONCEPT)),
            one("subject", Object(&REFERENCE)),
            choice("effective", &[("DateTime", DateTime), ("Period", Object(&PERIOD))]),
            one("issued", Instant),
            many("result", Object(&REFERENCE)),
            many("presentedForm", Object(&ATTACHMENT)),
        ],
    ),
    resource(
        "Immunization",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", OneOf("completed entered-in-error not-done")),
            must("vaccineCode", Object(&CONCEPT)),
            must("patient", Object(&REFERENCE)),
            must_choice("occurrence", &[("DateTime", DateTime), ("String", String)]),
        ],
    ),
    resource(
        "ServiceRequest",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", PLAN_STATUS),
            must("intent", OneOf(REQUEST_INTENT)),
            one("priority", PRIORITY),
            one("doNotPerform", Boolean),
            one("code", Object(&CONCEPT)),
            must("subject", Object(&REFERENCE)),
            choice("occurrence", &[("DateTime", DateTime), ("Period", Object(&PERIOD)), ("Timing", Object(&TIMING))]),
            one("authoredOn", DateTime),
        ],
    ),
    resource(
        "CarePlan",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", PLAN_STATUS),
            must("intent", OneOf("proposal plan order option")),
            many("category", Object(&CONCEPT)),
            one("title", String),
            must("subject", Object(&REFERENCE)),
            one("period", Object(&PERIOD)),
            one("created", DateTime),
            many("activity", Object(&CARE_PLAN_ACTIVITY)),
        ],
    ),
    resource(
        "Task",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must(
                "status",
                OneOf(
                    "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed entered-in-error",
                ),
            ),
            must(
                "intent",
                OneOf("unknown proposal plan order original-order reflex-order filler-order instance-order option"),
            ),
            one("priority", PRIORITY),
            one("code", Object(&CONCEPT)),
            one("description", String),
            one("focus", Object(&REFERENCE)),
            one("for", Object(&REFERENCE)),
            one("executionPeriod", Object(&PERIOD)),
            one("authoredOn", DateTime),
            one("lastModified", DateTime),
            one("owner", Object(&REFERENCE)),
            one("restriction", Object(&TASK_RESTRICTION)),
        ],
    ),
    resource(
        "Flag",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", OneOf("active inactive entered-in-error")),
            many("category", Object(&CONCEPT)),
            must("code", Object(&CONCEPT)),
            must("subject", Object(&REFERENCE)),
            one("period", Object(&PERIOD)),
        ],
    ),
    resource(
        "DetectedIssue",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", OBSERVATION_STATUS),
            one("code", Object(&CONCEPT)),
            one("severity", OneOf("high moderate low")),
            one("patient", Object(&REFERENCE)),
            choice("identified", &[("DateTime", DateTime), ("Period", Object(&PERIOD))]),
            one("detail", String),
            one("reference", Uri),
            many("mitigation", Object(&MITIGATION)),
        ],
    ),
    resource(
        "DocumentReference",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", OneOf("current superseded entered-in-error")),
            one("docStatus", OneOf("preliminary final amended entered-in-error")),
            one("type", Object(&CONCEPT)),
            many("category", Object(&CONCEPT)),
            one("subject", Object(&REFERENCE)),
            one("date", Instant),
            some("content", Object(&DOCUMENT_CONTENT)),
        ],
    ),
    resource(
        "QuestionnaireResponse",
        &[
            one("identifier", Object(&IDENTIFIER)),
            one("questionnaire", Uri),
            must("status", OneOf("in-progress completed amended entered-in-error stopped")),
            one("subject", Object(&REFERENCE)),
            one("authored", DateTime),
        ],
    ),
    resource(
        "Coverage",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", FINANCIAL_STATUS),
            one("type", Object(&CONCEPT)),
            one("subscriberId", String),
            must("beneficiary", Object(&REFERENCE)),
            one("relationship", Object(&CONCEPT)),
            one("period", Object(&PERIOD)),
            some("payor", Object(&REFERENCE)),
            many("class", Object(&COVERAGE_CLASS)),
            one("order", PositiveInt),
        ],
    ),
    resource(
        "Claim",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", FINANCIAL_STATUS),
            must("type", Object(&CONCEPT)),
            must("use", CLAIM_USE),
            must("patient", Object(&REFERENCE)),
            one("billablePeriod", Object(&PERIOD)),
            must("created", DateTime),
            must("provider", Object(&REFERENCE)),
            must("priority", Object(&CONCEPT)),
            some("insurance", Object(&CLAIM_INSURANCE)),
            many("item", Object(&CLAIM_ITEM)),
            one("total", Object(&MONEY)),
        ],
    ),
    resource(
        "ClaimResponse",
        &[
            many("identifier", Object(&IDENTIFIER)),
            must("status", FINANCIAL_STATUS),
            must("type", Object(&CONCEPT)),
            must("use", CLAIM_USE),
            must("patient", Object(&REFERENCE)),
            must("created", DateTime),
            must("insurer", Object(&REFERENCE)),
            one("request", Object(&REFERENCE)),
            must("outcome", OneOf("queued complete error partial")),
            many("item", Object(&RESPONSE_ITEM)),
            many("total", Object(&RESPONSE_TOTAL)),
        ],
    ),
    resource(
        "Practitioner",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("active", Boolean),
            many("name", Object(&HUMAN_NAME)),
            many("telecom", Object(&CONTACT_POINT)),
            many("address", Object(&ADDRESS)),
            one("gender", GENDER),
            one("birthDate", Date),
            many("qualification", Object(&QUALIFICATION)),
            many("communication", Object(&CONCEPT)),
        ],
    ),
    resource(
        "PractitionerRole",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("active", Boolean),
            one("period", Object(&PERIOD)),
            one("practitioner", Object(&REFERENCE)),
            one("organization", Object(&REFERENCE)),
            many("code", Object(&CONCEPT)),
            many("specialty", Object(&CONCEPT)),
        ],
    ),
    resource(
        "Organization",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("active", Boolean),
            many("type", Object(&CONCEPT)),
            one("name", String),
            many("telecom", Object(&CONTACT_POINT)),
            many("address", Object(&ADDRESS)),
        ],
    ),
    resource(
        "Location",
        &[
            many("identifier", Object(&IDENTIFIER)),
            one("status", OneOf("active suspended inactive")),
            one("name", String),
            many("telecom", Object(&CONTACT_POINT)),
            one("address", Object(&ADDRESS)),
        ],
    ),
];
