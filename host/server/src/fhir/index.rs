//! Under what a stored resource can be found again.

use serde_json::Value;
use xinglin_domain::time::Instant;

use super::read;

/// What the store keeps beside the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Id of the patient it belongs to; a Patient belongs to itself.
    pub patient: Option<String>,
    /// When it was clinically true, else when it was written: for sorting.
    pub date: Option<Instant>,
    /// Codes to search by, each once.
    pub tokens: Vec<Token>,
}

/// A value of a token search parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token {
    /// `code`, `identifier`, `status`, `category` or `clinical-status`.
    pub param: &'static str,
    /// Canonical URI; empty if there is none, as for a bare `status`.
    pub system: String,
    /// The code, or the value of the identifier.
    pub code: String,
}

/// Where a resource names its patient.
const SUBJECTS: [&str; 4] = ["subject", "patient", "beneficiary", "for"];

/// Dates, the most telling first. Each may be a period.
const DATES: [&str; 24] = [
    "effectiveDateTime",
    "effectiveInstant",
    "effectivePeriod",
    "onsetDateTime",
    "onsetPeriod",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "occurrencePeriod",
    "authoredOn",
    "authored",
    "recordedDate",
    "whenHandedOver",
    "whenPrepared",
    "identifiedDateTime",
    "identifiedPeriod",
    "billablePeriod",
    "period",
    "started",
    "issued",
    "created",
    "date",
    "dateAsserted",
    "recorded",
];

/// Promotes what a search needs. Of a resource type that is not known, whatever
/// has a usual name is found too.
pub fn index(resource: &Value) -> Index {
    Index {
        patient: patient(resource).map(str::to_owned),
        date: DATES.iter().find_map(|name| read::instant(resource, name)),
        tokens: tokens(resource),
    }
}

fn patient(resource: &Value) -> Option<&str> {
    if read::text(resource, "resourceType") == Some("Patient") {
        return read::text(resource, "id");
    }
    SUBJECTS.iter().find_map(|name| read::id_of(read::text(resource.get(name)?, "reference")?, "Patient"))
}

fn tokens(resource: &Value) -> Vec<Token> {
    let mut tokens = Tokens(Vec::new());
    let name = if resource.get("code").is_some() { "code" } else { "medicationCodeableConcept" };
    tokens.concepts("code", resource.get(name));
    tokens.concepts("code", contained_medication(resource));
    tokens.concepts("category", resource.get("category"));
    tokens.concepts("clinical-status", resource.get("clinicalStatus"));
    for identifier in each(resource.get("identifier")) {
        tokens.add("identifier", read::text(identifier, "system"), read::text(identifier, "value"));
    }
    tokens.add("status", None, read::text(resource, "status"));
    tokens.0
}

/// The code of a medication that is contained and referred to.
fn contained_medication(resource: &Value) -> Option<&Value> {
    let local = read::text(resource.get("medicationReference")?, "reference")?.strip_prefix('#')?;
    read::items(resource, "contained").iter().find(|r| read::text(r, "id") == Some(local))?.get("code")
}

/// A list, or the one thing that stands in its place.
fn each(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

struct Tokens(Vec<Token>);

impl Tokens {
    /// Codes of CodeableConcepts, or plain codes.
    fn concepts(&mut self, param: &'static str, concepts: Option<&Value>) {
        for concept in each(concepts) {
            self.add(param, None, concept.as_str());
            for coding in read::items(concept, "coding") {
                self.add(param, read::text(coding, "system"), read::text(coding, "code"));
            }
        }
    }

    fn add(&mut self, param: &'static str, system: Option<&str>, code: Option<&str>) {
        let Some(code) = code else { return };
        let token = Token { param, system: system.unwrap_or_default().to_owned(), code: code.to_owned() };
        if !self.0.contains(&token) {
            self.0.push(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_patient_date_and_codes() {
        let found = index(&json!({
            "resourceType": "Observation", "status": "final",
            "subject": {"reference": "https://his.example/fhir/Patient/p-1/_history/2"},
            "effectivePeriod": {"start": "2026-01-02T00:00:00Z"}, "issued": "2026-03-01T00:00:00Z",
            "category": [{"coding": [{"system": "urn:c", "code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}, {"system": "http://loinc.org", "code": "4548-4"}]},
            "identifier": [{"system": "urn:lis", "value": "9"}],
        }));
        assert_eq!(found.patient.as_deref(), Some("p-1"));
        assert_eq!(found.date, Instant::parse("2026-01-02T00:00:00Z"));
        let tokens: Vec<_> = found.tokens.iter().map(|t| (t.param, t.system.as_str(), t.code.as_str())).collect();
        assert_eq!(
            tokens,
            [
                ("code", "http://loinc.org", "4548-4"),
                ("category", "urn:c", "laboratory"),
                ("identifier", "urn:lis", "9"),
                ("status", "", "final"),
            ]
        );
    }

    #[test]
    fn a_patient_belongs_to_itself_and_a_group_to_nobody() {
        assert_eq!(index(&json!({"resourceType": "Patient", "id": "p"})).patient.as_deref(), Some("p"));
        assert_eq!(
            index(&json!({"resourceType": "Task", "for": {"reference": "Patient/p"}})).patient.as_deref(),
            Some("p")
        );
        assert_eq!(index(&json!({"resourceType": "Flag", "subject": {"reference": "Group/g"}})).patient, None);
        assert_eq!(index(&json!("x")), Index::default());
    }

    #[test]
    fn a_contained_medication_gives_the_code() {
        let found = index(&json!({
            "resourceType": "MedicationRequest", "medicationReference": {"reference": "#m"},
            "contained": [{"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": "urn:drug", "code": "1"}]}}],
        }));
        assert_eq!(found.tokens, [Token { param: "code", system: "urn:drug".into(), code: "1".into() }]);
    }
}
