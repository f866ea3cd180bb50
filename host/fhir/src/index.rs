//! The search index of a stored resource.

use serde_json::Value;
use xinglin_domain::time::Instant;
use xinglin_store::{FoundBy, Range, Text, Token};

use crate::{
    parameter::{self, Parameter, Type},
    read,
    value::{self, Span},
};

/// Index data that the store keeps with the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Id of the patient whose record contains it; for a Patient its own.
    pub patient: Option<String>,
    /// The clinically relevant time, otherwise the time of writing: for sorting.
    pub date: Option<Instant>,
    /// The values of search parameters.
    pub found_by: FoundBy,
}

/// Elements that refer to the patient.
const SUBJECTS: [&str; 4] = ["subject", "patient", "beneficiary", "for"];

/// Date elements, the most relevant first. Each may be a period.
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

/// Revision of the index. Increment it when the extraction changes; records are indexed again
/// when the hospital opens.
pub const REVISION: u32 = 3;

/// Extracts the index of a resource. For an unknown type, elements with common names are
/// extracted.
pub fn index(resource: &Value) -> Index {
    Index {
        patient: patient(resource).map(str::to_owned),
        date: DATES.iter().find_map(|name| read::instant(resource, name)),
        found_by: found_by(resource),
    }
}

/// Id of the patient whose record contains it.
pub fn patient(resource: &Value) -> Option<&str> {
    if read::text(resource, "resourceType") == Some("Patient") {
        return read::text(resource, "id");
    }
    SUBJECTS.iter().find_map(|name| read::id_of(read::text(resource.get(name)?, "reference")?, "Patient"))
}

fn found_by(resource: &Value) -> FoundBy {
    let kind = read::text(resource, "resourceType").unwrap_or_default();
    let mut found = FoundBy::default();
    for parameter in parameter::COMMON.iter().chain(parameter::of(kind)) {
        // Parameters with the same paths are stored once.
        if parameter.kept_as(kind) != parameter.name {
            continue;
        }
        for path in parameter.paths {
            for item in at(resource, path) {
                note(&mut found, parameter, item);
            }
        }
    }
    found
}

/// The values at a path of [`parameter`].
pub fn at<'a>(resource: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut here = vec![resource];
    for step in path.split('.') {
        let (name, system) = match step.strip_suffix(')').and_then(|step| step.split_once('(')) {
            Some((name, system)) => (name, Some(system)),
            None => (step, None),
        };
        here = match name.strip_suffix('#') {
            Some(name) => here.into_iter().filter_map(|value| contained(resource, value.get(name)?)).collect(),
            None => here.into_iter().flat_map(|value| each(value.get(name))).collect(),
        };
        here.retain(|value| system.is_none_or(|system| read::text(value, "system") == Some(system)));
    }
    here
}

/// The contained resource of a reference.
fn contained<'a>(resource: &'a Value, reference: &Value) -> Option<&'a Value> {
    let local = read::text(reference, "reference")?.strip_prefix('#')?;
    read::items(resource, "contained").iter().find(|r| read::text(r, "id") == Some(local))
}

/// A list, or a single value as a list.
fn each(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

fn note(found: &mut FoundBy, Parameter { name, kind, .. }: &Parameter, item: &Value) {
    match kind {
        Type::Token => tokens(found, name, item),
        Type::Uri => token(found, name, None, item.as_str()),
        Type::String => texts(found, name, item),
        Type::Reference => {
            for reference in references(item) {
                token(found, name, None, Some(&reference));
            }
            if let Some(identifier) = item.get("identifier") {
                tokens(found, &format!("{name}:identifier"), identifier);
            }
        }
        Type::Date => {
            for Span { low, high } in spans(item) {
                range(
                    found,
                    Range { param: (*name).to_owned(), low, high, system: String::new(), code: String::new() },
                );
            }
        }
        Type::Quantity => quantity(found, name, item),
    }
}

/// Codes of a concept, an identifier, a contact point, or a primitive value.
fn tokens(found: &mut FoundBy, name: &str, item: &Value) {
    match item {
        Value::String(code) => token(found, name, None, Some(code)),
        Value::Bool(flag) => token(found, name, None, Some(if *flag { "true" } else { "false" })),
        _ => {
            for coding in read::items(item, "coding") {
                token(found, name, read::text(coding, "system"), read::text(coding, "code"));
            }
            // The `system` of a contact point is stored as the token's system.
            const CONTACTS: [&str; 7] = ["phone", "fax", "email", "pager", "url", "sms", "other"];
            let system = read::text(item, "system").filter(|system| !CONTACTS.contains(system));
            token(found, name, system, read::text(item, "code").or_else(|| read::text(item, "value")));
        }
    }
}

/// Longer values are not indexed: they are no codes, and PostgreSQL cannot index them.
const LONGEST_TOKEN: usize = 1000;

fn token(found: &mut FoundBy, param: &str, system: Option<&str>, code: Option<&str>) {
    let (Some(code), system) = (code, system.unwrap_or_default()) else { return };
    if code.is_empty() || code.len() + system.len() > LONGEST_TOKEN {
        return;
    }
    let token = Token { param: param.to_owned(), system: system.to_owned(), code: code.to_owned() };
    if !found.tokens.contains(&token) {
        found.tokens.push(token);
    }
}

/// Indexed prefix of a text, in characters.
const LONGEST_TEXT: usize = 200;

/// A text, or the parts of a name or address.
fn texts(found: &mut FoundBy, param: &str, item: &Value) {
    const PARTS: [&str; 11] =
        ["text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country"];
    let parts = PARTS.into_iter().flat_map(|part| each(item.get(part)));
    for text in item.as_str().into_iter().chain(parts.filter_map(Value::as_str)) {
        let exact: String = text.trim().chars().take(LONGEST_TEXT).collect();
        let text = Text { param: param.to_owned(), folded: value::fold(&exact), exact };
        if !text.exact.is_empty() && !found.texts.contains(&text) {
            found.texts.push(text);
        }
    }
}

/// The target of a Reference, as `Type/id` if it is on this server; a canonical URL with and
/// without its version.
pub fn references(item: &Value) -> Vec<String> {
    if let Some(canonical) = item.as_str() {
        let plain = canonical.split('|').next().unwrap_or_default();
        let both = [Some(canonical), (plain != canonical).then_some(plain)];
        return both.into_iter().flatten().map(str::to_owned).collect();
    }
    let current = |reference: &str| reference.split("/_history/").next().unwrap_or_default().to_owned();
    read::text(item, "reference").filter(|text| !text.starts_with('#')).map(current).into_iter().collect()
}

/// An instant, a period, or each event of a timing.
fn spans(item: &Value) -> Vec<Span> {
    if let Some(text) = item.as_str() {
        return Span::of(text).into_iter().collect();
    }
    let events = read::items(item, "event").iter().filter_map(|event| Span::of(event.as_str()?));
    let bounds = item.get("repeat").and_then(|repeat| repeat.get("boundsPeriod"));
    let periods = bounds.into_iter().chain([item]).filter_map(|period| {
        let [start, end] = ["start", "end"].map(|name| read::text(period, name).and_then(Span::of));
        (start.is_some() || end.is_some()).then(|| Span {
            low: start.map_or(Span::EVER.low, |start| start.low),
            high: end.map_or(Span::EVER.high, |end| end.high),
        })
    });
    events.chain(periods).collect()
}

fn quantity(found: &mut FoundBy, param: &str, item: &Value) {
    let Some(Value::Number(number)) = item.get("value") else { return };
    let Some(measure) = value::Measure::of(&number.to_string()) else { return };
    let (system, code, unit) = (read::text(item, "system"), read::text(item, "code"), read::text(item, "unit"));
    let mut units = vec![(system.unwrap_or_default(), code.or(unit).unwrap_or_default())];
    // A unit may also be searched by its display text.
    units.extend(unit.filter(|unit| code.is_some_and(|code| code != *unit)).map(|unit| ("", unit)));
    for (system, code) in units {
        let (system, code) = (system.to_owned(), code.to_owned());
        range(found, Range { param: param.to_owned(), low: measure.value, high: measure.value, system, code });
    }
}

fn range(found: &mut FoundBy, range: Range) {
    if range.code.len() + range.system.len() <= LONGEST_TOKEN && !found.ranges.contains(&range) {
        found.ranges.push(range);
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
        let tokens: Vec<_> =
            found.found_by.tokens.iter().map(|t| (t.param.as_str(), t.system.as_str(), t.code.as_str())).collect();
        assert_eq!(
            tokens,
            [
                ("identifier", "urn:lis", "9"),
                ("status", "", "final"),
                ("category", "urn:c", "laboratory"),
                ("code", "http://loinc.org", "4548-4"),
                ("combo-code", "http://loinc.org", "4548-4"),
                ("subject", "", "https://his.example/fhir/Patient/p-1"),
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
        assert_eq!(
            found.found_by.tokens,
            [Token { param: "code".into(), system: "urn:drug".into(), code: "1".into() }]
        );
    }

    #[test]
    fn names_contacts_dates_and_measures() {
        let found = index(&json!({
            "resourceType": "Patient", "id": "p", "birthDate": "1977",
            "name": [{"family": "LI", "given": ["Ming", "Ming"]}, {"text": "李明"}],
            "telecom": [{"system": "phone", "value": "138"}, {"system": "email", "value": "a@b"}],
        }))
        .found_by;
        let texts: Vec<_> = found.texts.iter().map(|t| (t.param.as_str(), t.folded.as_str())).collect();
        assert_eq!(texts, [("name", "li"), ("name", "ming"), ("name", "李明"), ("family", "li"), ("given", "ming")]);
        let tokens: Vec<_> = found.tokens.iter().map(|t| (t.param.as_str(), t.code.as_str())).collect();
        assert_eq!(tokens, [("telecom", "138"), ("telecom", "a@b"), ("phone", "138"), ("email", "a@b")]);
        assert_eq!(found.ranges.len(), 1);

        let found = index(&json!({
            "resourceType": "Observation", "effectivePeriod": {"start": "2026-01-01"},
            "valueQuantity": {"value": 7.40, "unit": "percent", "code": "%", "system": "urn:u"},
            "subject": {"identifier": {"system": "urn:mrn", "value": "1"}},
        }))
        .found_by;
        let ranges: Vec<_> = found.ranges.iter().map(|r| (r.param.as_str(), r.low, r.code.as_str())).collect();
        assert_eq!(ranges[0].0, "date");
        assert_eq!(found.ranges[0].high, Span::EVER.high);
        assert_eq!(
            ranges[1..],
            [
                ("value-quantity", 7_400_000, "%"),
                ("value-quantity", 7_400_000, "percent"),
                ("combo-value-quantity", 7_400_000, "%"),
                ("combo-value-quantity", 7_400_000, "percent"),
            ]
        );
        assert_eq!(found.tokens[0].param, "subject:identifier");
    }
}
