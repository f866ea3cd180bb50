//! The search parameters, as tables: the source of what can be searched, what is extracted, and
//! what the CapabilityStatement lists.
//!
//! A path consists of names separated by dots; lists are flattened. `telecom(phone)` selects the
//! items whose `system` is `phone`; `medicationReference#` selects the contained resource of the
//! reference.

/// Type of a search parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A code, an identifier, a boolean.
    Token,
    /// A text, or all texts of a name or address.
    String,
    /// An instant or a period.
    Date,
    /// A resource, or a canonical URL.
    Reference,
    /// A number with its unit.
    Quantity,
    /// A URI.
    Uri,
}

impl Type {
    /// The code in `http://hl7.org/fhir/search-param-type`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::String => "string",
            Self::Date => "date",
            Self::Reference => "reference",
            Self::Quantity => "quantity",
            Self::Uri => "uri",
        }
    }
}

/// A search parameter of a resource type.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name in the URL.
    pub name: &'static str,
    /// The type.
    pub kind: Type,
    /// Paths of its values in a resource.
    pub paths: &'static [&'static str],
    /// Types a reference may refer to; empty for any.
    pub targets: &'static [&'static str],
}

/// The parameters of a resource type, in addition to [`COMMON`].
pub struct Parameters {
    /// The resource type.
    pub of: &'static str,
    /// Its parameters.
    pub list: &'static [Parameter],
}

impl Parameter {
    /// The name under which its values are indexed: that of the first parameter with the same
    /// paths, so that `patient` and `subject` are one.
    pub fn kept_as(&'static self, resource_type: &str) -> &'static str {
        let twin = of(resource_type).iter().find(|other| other.kind == self.kind && other.paths == self.paths);
        twin.map_or(self.name, |twin| twin.name)
    }

    /// Whether it refers to the patient whose record contains the resource.
    pub fn is_owner(&self) -> bool {
        self.kind == Type::Reference && matches!(self.paths, ["subject" | "patient" | "beneficiary" | "for"])
    }
}

/// The parameters of a type in addition to [`COMMON`]; for a type without a table, those with
/// common names.
pub fn of(resource_type: &str) -> &'static [Parameter] {
    ALL.iter().find(|parameters| parameters.of == resource_type).map_or(USUAL, |parameters| parameters.list)
}

/// A parameter of a type by its name.
pub(crate) fn find(resource_type: &str, name: &str) -> Option<&'static Parameter> {
    COMMON.iter().chain(of(resource_type)).find(|parameter| parameter.name == name)
}

const fn token(name: &'static str, paths: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Type::Token, paths, targets: &[] }
}

const fn string(name: &'static str, paths: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Type::String, paths, targets: &[] }
}

const fn date(name: &'static str, paths: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Type::Date, paths, targets: &[] }
}

const fn quantity(name: &'static str, paths: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Type::Quantity, paths, targets: &[] }
}

const fn uri(name: &'static str, paths: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Type::Uri, paths, targets: &[] }
}

const fn to(name: &'static str, paths: &'static [&'static str], targets: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Type::Reference, paths, targets }
}

const IDENTIFIER: Parameter = token("identifier", &["identifier"]);

const STATUS: Parameter = token("status", &["status"]);

const CATEGORY: Parameter = token("category", &["category"]);

const CODE: Parameter = token("code", &["code"]);

const KIND: Parameter = token("type", &["type"]);

const INTENT: Parameter = token("intent", &["intent"]);

const PRIORITY: Parameter = token("priority", &["priority"]);

const CLINICAL: Parameter = token("clinical-status", &["clinicalStatus"]);

const VERIFICATION: Parameter = token("verification-status", &["verificationStatus"]);

const ACTIVE: Parameter = token("active", &["active"]);

const GENDER: Parameter = token("gender", &["gender"]);

const NAME: Parameter = string("name", &["name"]);

const FAMILY: Parameter = string("family", &["name.family"]);

const GIVEN: Parameter = string("given", &["name.given"]);

const TELECOM: Parameter = token("telecom", &["telecom"]);

const PHONE: Parameter = token("phone", &["telecom(phone)"]);

const EMAIL: Parameter = token("email", &["telecom(email)"]);

const ADDRESS: Parameter = string("address", &["address"]);

const CITY: Parameter = string("address-city", &["address.city"]);

const STATE: Parameter = string("address-state", &["address.state"]);

const POSTCODE: Parameter = string("address-postalcode", &["address.postalCode"]);

const COUNTRY: Parameter = string("address-country", &["address.country"]);

const BIRTHDATE: Parameter = date("birthdate", &["birthDate"]);

const PERIOD: Parameter = date("date", &["period"]);

const CREATED: Parameter = date("created", &["created"]);

const ANY: &[&str] = &[];

const PEOPLE: &[&str] = &["Patient", "Practitioner", "PractitionerRole", "Organization", "RelatedPerson"];

const SUBJECT: Parameter = to("subject", &["subject"], &["Patient", "Group", "Device", "Location"]);

/// The same reference, if it is to a patient.
const ITS_PATIENT: Parameter = to("patient", &["subject"], &["Patient"]);

const PATIENT: Parameter = to("patient", &["patient"], &["Patient"]);

const ENCOUNTER: Parameter = to("encounter", &["encounter"], &["Encounter"]);

const BASED_ON: Parameter = to("based-on", &["basedOn"], ANY);

const PART_OF: Parameter = to("part-of", &["partOf"], ANY);

const PERFORMER: Parameter = to("performer", &["performer"], PEOPLE);

const ACTOR: Parameter = to("performer", &["performer.actor"], PEOPLE);

const REQUESTER: Parameter = to("requester", &["requester"], PEOPLE);

const AUTHOR: Parameter = to("author", &["author"], PEOPLE);

const INSURER: Parameter = to("insurer", &["insurer"], &["Organization"]);

const PROVIDER: Parameter = to("provider", &["provider"], PEOPLE);

const ENTERER: Parameter = to("enterer", &["enterer"], PEOPLE);

const FACILITY: Parameter = to("facility", &["facility"], &["Location"]);

const ITEM_ENCOUNTER: Parameter = to("encounter", &["item.encounter"], &["Encounter"]);

const MEDICATION: Parameter = to("medication", &["medicationReference"], &["Medication"]);

const MEDICATION_CODE: Parameter = token("code", &["medicationCodeableConcept", "medicationReference#.code"]);

const URL: Parameter = uri("url", &["url"]);

const VERSION: Parameter = token("version", &["version"]);

const TITLE: Parameter = string("title", &["title"]);

const DATE: Parameter = date("date", &["date"]);

const PUBLISHER: Parameter = string("publisher", &["publisher"]);

const DESCRIPTION: Parameter = string("description", &["description"]);

/// Of resources published under a canonical URL.
const DEFINITION: &[Parameter] = &[IDENTIFIER, URL, VERSION, NAME, TITLE, STATUS, DATE, PUBLISHER, DESCRIPTION];

/// Parameters of every type, in addition to `_id` and `_lastUpdated`, which are columns.
pub(crate) const COMMON: &[Parameter] = &[
    token("_tag", &["meta.tag"]),
    token("_security", &["meta.security"]),
    uri("_profile", &["meta.profile"]),
    uri("_source", &["meta.source"]),
];

/// Of a type without a table.
const USUAL: &[Parameter] = &[
    IDENTIFIER,
    STATUS,
    CATEGORY,
    token("code", &["code", "medicationCodeableConcept", "medicationReference#.code"]),
    CLINICAL,
    SUBJECT,
    ENCOUNTER,
];

const fn of_type(of: &'static str, list: &'static [Parameter]) -> Parameters {
    Parameters { of, list }
}

/// All types with a table.
pub static ALL: &[Parameters] = &[
    of_type(
        "Patient",
        &[
            IDENTIFIER,
            ACTIVE,
            NAME,
            FAMILY,
            GIVEN,
            TELECOM,
            PHONE,
            EMAIL,
            ADDRESS,
            CITY,
            STATE,
            POSTCODE,
            COUNTRY,
            GENDER,
            BIRTHDATE,
            date("death-date", &["deceasedDateTime"]),
            token("language", &["communication.language"]),
            to("general-practitioner", &["generalPractitioner"], PEOPLE),
            to("organization", &["managingOrganization"], &["Organization"]),
            to("link", &["link.other"], &["Patient", "RelatedPerson"]),
        ],
    ),
    of_type(
        "RelatedPerson",
        &[
            IDENTIFIER,
            ACTIVE,
            PATIENT,
            NAME,
            TELECOM,
            PHONE,
            EMAIL,
            ADDRESS,
            CITY,
            GENDER,
            BIRTHDATE,
            token("relationship", &["relationship"]),
        ],
    ),
    of_type(
        "Practitioner",
        &[
            IDENTIFIER,
            ACTIVE,
            NAME,
            FAMILY,
            GIVEN,
            TELECOM,
            PHONE,
            EMAIL,
            ADDRESS,
            CITY,
            GENDER,
            token("communication", &["communication"]),
        ],
    ),
    of_type(
        "PractitionerRole",
        &[
            IDENTIFIER,
            ACTIVE,
            to("practitioner", &["practitioner"], &["Practitioner"]),
            to("organization", &["organization"], &["Organization"]),
            to("location", &["location"], &["Location"]),
            token("role", &["code"]),
            token("specialty", &["specialty"]),
            PERIOD,
        ],
    ),
    of_type(
        "Organization",
        &[
            IDENTIFIER,
            ACTIVE,
            string("name", &["name", "alias"]),
            KIND,
            ADDRESS,
            CITY,
            to("partof", &["partOf"], &["Organization"]),
        ],
    ),
    of_type(
        "Location",
        &[
            IDENTIFIER,
            STATUS,
            string("name", &["name", "alias"]),
            KIND,
            ADDRESS,
            CITY,
            to("organization", &["managingOrganization"], &["Organization"]),
            to("partof", &["partOf"], &["Location"]),
        ],
    ),
    of_type(
        "Encounter",
        &[
            IDENTIFIER,
            STATUS,
            token("class", &["class"]),
            KIND,
            SUBJECT,
            ITS_PATIENT,
            PERIOD,
            to("participant", &["participant.individual"], PEOPLE),
            to("practitioner", &["participant.individual"], &["Practitioner"]),
            to("service-provider", &["serviceProvider"], &["Organization"]),
            to("location", &["location.location"], &["Location"]),
            to("diagnosis", &["diagnosis.condition"], &["Condition", "Procedure"]),
            to("episode-of-care", &["episodeOfCare"], ANY),
            BASED_ON,
            PART_OF,
            token("reason-code", &["reasonCode"]),
        ],
    ),
    of_type(
        "Condition",
        &[
            IDENTIFIER,
            CLINICAL,
            VERIFICATION,
            CATEGORY,
            CODE,
            token("severity", &["severity"]),
            token("body-site", &["bodySite"]),
            token("evidence", &["evidence.code"]),
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            to("asserter", &["asserter"], PEOPLE),
            to("evidence-detail", &["evidence.detail"], ANY),
            date("onset-date", &["onsetDateTime", "onsetPeriod"]),
            date("abatement-date", &["abatementDateTime", "abatementPeriod"]),
            date("recorded-date", &["recordedDate"]),
        ],
    ),
    of_type(
        "AllergyIntolerance",
        &[
            IDENTIFIER,
            CLINICAL,
            VERIFICATION,
            KIND,
            CATEGORY,
            token("criticality", &["criticality"]),
            token("code", &["code", "reaction.substance"]),
            token("manifestation", &["reaction.manifestation"]),
            token("severity", &["reaction.severity"]),
            PATIENT,
            to("recorder", &["recorder"], PEOPLE),
            to("asserter", &["asserter"], PEOPLE),
            date("date", &["recordedDate"]),
            date("last-date", &["lastOccurrence"]),
            date("onset", &["reaction.onset"]),
        ],
    ),
    of_type(
        "Observation",
        &[
            IDENTIFIER,
            STATUS,
            CATEGORY,
            CODE,
            token("component-code", &["component.code"]),
            token("combo-code", &["code", "component.code"]),
            token("value-concept", &["valueCodeableConcept"]),
            token("data-absent-reason", &["dataAbsentReason"]),
            token("method", &["method"]),
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            PERFORMER,
            BASED_ON,
            PART_OF,
            to("derived-from", &["derivedFrom"], ANY),
            to("has-member", &["hasMember"], ANY),
            to("focus", &["focus"], ANY),
            to("specimen", &["specimen"], &["Specimen"]),
            to("device", &["device"], ANY),
            date("date", &["effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"]),
            date("value-date", &["valueDateTime", "valuePeriod"]),
            string("value-string", &["valueString"]),
            quantity("value-quantity", &["valueQuantity"]),
            quantity("component-value-quantity", &["component.valueQuantity"]),
            quantity("combo-value-quantity", &["valueQuantity", "component.valueQuantity"]),
        ],
    ),
    of_type(
        "DiagnosticReport",
        &[
            IDENTIFIER,
            STATUS,
            CATEGORY,
            CODE,
            token("conclusion", &["conclusionCode"]),
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            PERFORMER,
            BASED_ON,
            to("result", &["result"], &["Observation"]),
            to("results-interpreter", &["resultsInterpreter"], PEOPLE),
            date("date", &["effectiveDateTime", "effectivePeriod"]),
            date("issued", &["issued"]),
        ],
    ),
    of_type(
        "Procedure",
        &[
            IDENTIFIER,
            STATUS,
            CATEGORY,
            CODE,
            token("reason-code", &["reasonCode"]),
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            ACTOR,
            BASED_ON,
            PART_OF,
            to("location", &["location"], &["Location"]),
            to("reason-reference", &["reasonReference"], ANY),
            date("date", &["performedDateTime", "performedPeriod"]),
        ],
    ),
    of_type(
        "Immunization",
        &[
            IDENTIFIER,
            STATUS,
            token("vaccine-code", &["vaccineCode"]),
            PATIENT,
            ACTOR,
            to("location", &["location"], &["Location"]),
            date("date", &["occurrenceDateTime"]),
            string("lot-number", &["lotNumber"]),
        ],
    ),
    of_type(
        "Medication",
        &[
            IDENTIFIER,
            STATUS,
            CODE,
            token("form", &["form"]),
            token("ingredient-code", &["ingredient.itemCodeableConcept"]),
            token("lot-number", &["batch.lotNumber"]),
            to("ingredient", &["ingredient.itemReference"], ANY),
            to("manufacturer", &["manufacturer"], &["Organization"]),
            date("expiration-date", &["batch.expirationDate"]),
        ],
    ),
    of_type(
        "MedicationRequest",
        &[
            IDENTIFIER,
            STATUS,
            INTENT,
            CATEGORY,
            PRIORITY,
            MEDICATION_CODE,
            MEDICATION,
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            REQUESTER,
            to("intended-performer", &["performer"], PEOPLE),
            to("intended-dispenser", &["dispenseRequest.performer"], &["Organization"]),
            date("authoredon", &["authoredOn"]),
            date("date", &["dosageInstruction.timing"]),
            token("group-identifier", &["groupIdentifier"]),
        ],
    ),
    of_type(
        "MedicationStatement",
        &[
            IDENTIFIER,
            STATUS,
            CATEGORY,
            MEDICATION_CODE,
            MEDICATION,
            SUBJECT,
            ITS_PATIENT,
            PART_OF,
            to("context", &["context"], ANY),
            to("source", &["informationSource"], PEOPLE),
            date("effective", &["effectiveDateTime", "effectivePeriod"]),
        ],
    ),
    of_type(
        "MedicationDispense",
        &[
            IDENTIFIER,
            STATUS,
            KIND,
            MEDICATION_CODE,
            MEDICATION,
            SUBJECT,
            ITS_PATIENT,
            ACTOR,
            to("context", &["context"], ANY),
            to("receiver", &["receiver"], PEOPLE),
            to("destination", &["destination"], &["Location"]),
            to("prescription", &["authorizingPrescription"], &["MedicationRequest"]),
            date("whenhandedover", &["whenHandedOver"]),
            date("whenprepared", &["whenPrepared"]),
        ],
    ),
    of_type(
        "ServiceRequest",
        &[
            IDENTIFIER,
            STATUS,
            INTENT,
            CATEGORY,
            PRIORITY,
            CODE,
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            REQUESTER,
            PERFORMER,
            BASED_ON,
            date("authored", &["authoredOn"]),
            date("occurrence", &["occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"]),
        ],
    ),
    of_type(
        "CarePlan",
        &[
            IDENTIFIER,
            STATUS,
            INTENT,
            CATEGORY,
            token("activity-code", &["activity.detail.code"]),
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            BASED_ON,
            PART_OF,
            to("condition", &["addresses"], &["Condition"]),
            to("goal", &["goal"], &["Goal"]),
            to("care-team", &["careTeam"], ANY),
            to("activity-reference", &["activity.reference"], ANY),
            to("instantiates-canonical", &["instantiatesCanonical"], ANY),
            PERIOD,
        ],
    ),
    of_type(
        "CareTeam",
        &[
            IDENTIFIER,
            STATUS,
            CATEGORY,
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            to("participant", &["participant.member"], ANY),
            PERIOD,
        ],
    ),
    of_type(
        "Goal",
        &[
            IDENTIFIER,
            token("lifecycle-status", &["lifecycleStatus"]),
            token("achievement-status", &["achievementStatus"]),
            CATEGORY,
            SUBJECT,
            ITS_PATIENT,
            date("start-date", &["startDate"]),
            date("target-date", &["target.dueDate"]),
        ],
    ),
    of_type(
        "Task",
        &[
            IDENTIFIER,
            STATUS,
            INTENT,
            PRIORITY,
            CODE,
            token("business-status", &["businessStatus"]),
            token("performer", &["performerType"]),
            token("group-identifier", &["groupIdentifier"]),
            to("subject", &["for"], ANY),
            to("patient", &["for"], &["Patient"]),
            to("focus", &["focus"], ANY),
            to("owner", &["owner"], PEOPLE),
            REQUESTER,
            ENCOUNTER,
            BASED_ON,
            PART_OF,
            date("authored-on", &["authoredOn"]),
            date("modified", &["lastModified"]),
            date("period", &["executionPeriod"]),
        ],
    ),
    of_type("Flag", &[IDENTIFIER, STATUS, CATEGORY, CODE, SUBJECT, ITS_PATIENT, ENCOUNTER, AUTHOR, PERIOD]),
    of_type(
        "DetectedIssue",
        &[
            IDENTIFIER,
            STATUS,
            CODE,
            PATIENT,
            AUTHOR,
            to("implicated", &["implicated"], ANY),
            date("identified", &["identifiedDateTime", "identifiedPeriod"]),
        ],
    ),
    of_type(
        "DocumentReference",
        &[
            IDENTIFIER,
            STATUS,
            KIND,
            CATEGORY,
            token("contenttype", &["content.attachment.contentType"]),
            token("format", &["content.format"]),
            token("security-label", &["securityLabel"]),
            token("event", &["context.event"]),
            token("facility", &["context.facilityType"]),
            token("setting", &["context.practiceSetting"]),
            SUBJECT,
            ITS_PATIENT,
            AUTHOR,
            to("authenticator", &["authenticator"], PEOPLE),
            to("custodian", &["custodian"], &["Organization"]),
            to("encounter", &["context.encounter"], &["Encounter"]),
            to("related", &["context.related"], ANY),
            to("relatesto", &["relatesTo.target"], &["DocumentReference"]),
            DATE,
            date("period", &["context.period"]),
            DESCRIPTION,
            uri("location", &["content.attachment.url"]),
        ],
    ),
    of_type("Questionnaire", DEFINITION),
    of_type(
        "QuestionnaireResponse",
        &[
            IDENTIFIER,
            STATUS,
            to("questionnaire", &["questionnaire"], &["Questionnaire"]),
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            AUTHOR,
            BASED_ON,
            PART_OF,
            to("source", &["source"], PEOPLE),
            date("authored", &["authored"]),
        ],
    ),
    of_type("PlanDefinition", DEFINITION),
    of_type("ActivityDefinition", DEFINITION),
    of_type("CodeSystem", DEFINITION),
    of_type("ValueSet", DEFINITION),
    of_type(
        "Consent",
        &[
            IDENTIFIER,
            STATUS,
            CATEGORY,
            token("scope", &["scope"]),
            token("action", &["provision.action"]),
            token("purpose", &["provision.purpose"]),
            token("security-label", &["provision.securityLabel"]),
            PATIENT,
            to("actor", &["provision.actor.reference"], ANY),
            to("consentor", &["performer"], PEOPLE),
            to("data", &["provision.data.reference"], ANY),
            to("organization", &["organization"], &["Organization"]),
            date("date", &["dateTime"]),
            date("period", &["provision.period"]),
        ],
    ),
    of_type(
        "Communication",
        &[
            IDENTIFIER,
            STATUS,
            CATEGORY,
            token("medium", &["medium"]),
            SUBJECT,
            ITS_PATIENT,
            ENCOUNTER,
            BASED_ON,
            PART_OF,
            to("sender", &["sender"], PEOPLE),
            to("recipient", &["recipient"], PEOPLE),
            date("sent", &["sent"]),
            date("received", &["received"]),
        ],
    ),
    of_type(
        "Provenance",
        &[
            to("target", &["target"], ANY),
            to("patient", &["target"], &["Patient"]),
            to("agent", &["agent.who"], PEOPLE),
            to("entity", &["entity.what"], ANY),
            to("location", &["location"], &["Location"]),
            token("agent-type", &["agent.type"]),
            date("recorded", &["recorded"]),
            date("when", &["occurredDateTime", "occurredPeriod"]),
        ],
    ),
    of_type(
        "AuditEvent",
        &[
            KIND,
            token("subtype", &["subtype"]),
            token("action", &["action"]),
            token("outcome", &["outcome"]),
            to("agent", &["agent.who"], PEOPLE),
            to("entity", &["entity.what"], ANY),
            to("source", &["source.observer"], ANY),
            date("date", &["recorded"]),
        ],
    ),
    of_type(
        "Coverage",
        &[
            IDENTIFIER,
            STATUS,
            KIND,
            token("class-type", &["class.type"]),
            string("class-value", &["class.value"]),
            to("beneficiary", &["beneficiary"], &["Patient"]),
            to("patient", &["beneficiary"], &["Patient"]),
            to("payor", &["payor"], PEOPLE),
            to("subscriber", &["subscriber"], PEOPLE),
            to("policy-holder", &["policyHolder"], PEOPLE),
        ],
    ),
    of_type("CoverageEligibilityRequest", &[IDENTIFIER, STATUS, PATIENT, PROVIDER, ENTERER, FACILITY, CREATED]),
    of_type(
        "CoverageEligibilityResponse",
        &[
            IDENTIFIER,
            STATUS,
            token("outcome", &["outcome"]),
            PATIENT,
            INSURER,
            to("requestor", &["requestor"], PEOPLE),
            to("request", &["request"], &["CoverageEligibilityRequest"]),
            CREATED,
        ],
    ),
    of_type(
        "Claim",
        &[
            IDENTIFIER,
            STATUS,
            token("use", &["use"]),
            PRIORITY,
            PATIENT,
            PROVIDER,
            INSURER,
            ENTERER,
            FACILITY,
            ITEM_ENCOUNTER,
            to("payee", &["payee.party"], PEOPLE),
            to("care-team", &["careTeam.provider"], PEOPLE),
            CREATED,
        ],
    ),
    of_type(
        "ClaimResponse",
        &[
            IDENTIFIER,
            STATUS,
            token("use", &["use"]),
            token("outcome", &["outcome"]),
            PATIENT,
            INSURER,
            to("request", &["request"], &["Claim"]),
            to("requestor", &["requestor"], PEOPLE),
            string("disposition", &["disposition"]),
            CREATED,
            date("payment-date", &["payment.date"]),
        ],
    ),
    of_type(
        "ExplanationOfBenefit",
        &[
            IDENTIFIER,
            STATUS,
            PATIENT,
            PROVIDER,
            ENTERER,
            FACILITY,
            ITEM_ENCOUNTER,
            to("claim", &["claim"], &["Claim"]),
            to("coverage", &["insurance.coverage"], &["Coverage"]),
            to("care-team", &["careTeam.provider"], PEOPLE),
            string("disposition", &["disposition"]),
            CREATED,
        ],
    ),
    of_type(
        "Invoice",
        &[
            IDENTIFIER,
            STATUS,
            KIND,
            SUBJECT,
            ITS_PATIENT,
            to("issuer", &["issuer"], &["Organization"]),
            to("recipient", &["recipient"], PEOPLE),
            to("participant", &["participant.actor"], PEOPLE),
            to("account", &["account"], &["Account"]),
            date("date", &["date"]),
        ],
    ),
    of_type(
        "PaymentNotice",
        &[
            IDENTIFIER,
            STATUS,
            PROVIDER,
            to("request", &["request"], &["Claim"]),
            to("response", &["response"], &["ClaimResponse"]),
            token("payment-status", &["paymentStatus"]),
            CREATED,
        ],
    ),
    of_type(
        "PaymentReconciliation",
        &[
            IDENTIFIER,
            STATUS,
            token("outcome", &["outcome"]),
            to("payment-issuer", &["paymentIssuer"], &["Organization"]),
            to("requestor", &["requestor"], PEOPLE),
            to("request", &["request"], &["Task"]),
            string("disposition", &["disposition"]),
            CREATED,
        ],
    ),
    of_type(
        "Subscription",
        &[STATUS, KIND_OF_CHANNEL, string("criteria", &["criteria"]), uri("url", &["channel.endpoint"])],
    ),
    of_type("Basic", &[IDENTIFIER, CODE, SUBJECT, ITS_PATIENT, AUTHOR, CREATED]),
    of_type("Binary", &[]),
];

const KIND_OF_CHANNEL: Parameter = token("type", &["channel.type"]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart_and_twins_are_kept_once() {
        let types: BTreeSet<&str> = ALL.iter().map(|parameters| parameters.of).collect();
        assert_eq!(types.len(), ALL.len());
        for Parameters { of, list } in ALL {
            let names: BTreeSet<&str> = list.iter().chain(COMMON).map(|parameter| parameter.name).collect();
            assert_eq!(names.len(), list.len() + COMMON.len(), "{of}");
        }
        let kept = |of: &str, name: &str| find(of, name).map(|parameter| parameter.kept_as(of));
        assert_eq!(kept("Observation", "patient"), Some("subject"));
        assert_eq!(kept("Observation", "code"), Some("code"));
        assert_eq!(kept("Coverage", "patient"), Some("beneficiary"));
        assert_eq!(kept("Unheard", "code"), Some("code"));
        assert_eq!(kept("Observation", "colour"), None);
    }
}
