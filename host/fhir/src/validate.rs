//! Validates a resource against FHIR 4.0.1: JSON rules (no nulls or empty texts), elements of its
//! type with their cardinalities, types and formats, codes of required bindings, and reference
//! targets. Profiles, bindings that are not required and invariants across elements are not
//! checked.
//!
//! FHIR forbids empty objects and arrays, but common generators write `"meta": {}`: these count
//! as absent.

use serde_json::{Map, Value};

use crate::{
    error::{At, FhirError, Findings, IssueKind},
    person, primitive,
    read::{items, parts, text},
    schema::{self, Element, Form, Kind, Shape, ValueSet},
};

/// Validates a resource. Paths begin with its type: `Patient.birthDate`.
///
/// # Errors
/// All issues, in document order.
pub fn validate(resource: &Value) -> Result<(), FhirError> {
    let name = resource.get("resourceType").and_then(Value::as_str).filter(|name| primitive::is_type_name(name));
    let mut findings = Findings::default();
    check(resource, At::root(name.unwrap_or("Resource")), &mut findings);
    findings.or(())
}

/// Validates a resource that must be of this type.
///
/// # Errors
/// As [`validate`].
pub fn validate_as(kind: &str, resource: &Value) -> Result<(), FhirError> {
    let mut findings = Findings::default();
    if resource.get("resourceType").and_then(Value::as_str).is_some_and(|name| name != kind) {
        findings.add(At::root("Resource").field("resourceType"), IssueKind::Value, format!("must be {kind}"));
    }
    if let Err(error) = validate(resource) {
        findings.extend(&error);
    }
    findings.or(())
}

/// Validates a resource at a location in a document.
pub(crate) fn check(resource: &Value, at: At<'_>, findings: &mut Findings) {
    let Value::Object(fields) = resource else {
        return findings.add(
            at,
            IssueKind::Structure,
            format!("a resource must be an object, not {}", primitive::shape_of(resource)),
        );
    };
    json(resource, at, findings);
    check_fields(fields, at, findings);
}

fn check_fields(fields: &Map<String, Value>, at: At<'_>, findings: &mut Findings) {
    let named = at.field("resourceType");
    match fields.get("resourceType") {
        None => findings.add(named, IssueKind::Required, "a resource must name its type"),
        Some(name) => match name.as_str().and_then(schema::of) {
            Some(shape) => {
                elements(fields, shape, at, findings);
                person::check(fields, at, findings);
            }
            None => findings.add(named, IssueKind::Value, "not the name of a resource type"),
        },
    }
}

/// Checks FHIR's rules for any JSON.
fn json(value: &Value, at: At<'_>, findings: &mut Findings) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = at.field(name);
                match value {
                    Value::Null => findings.add(at, IssueKind::Structure, "leave the element out instead of null"),
                    Value::Array(items) => {
                        // `null` stands for an absent primitive or extension at that index.
                        let paired = name.starts_with('_') || fields.contains_key(&format!("_{name}"));
                        array(items, paired, at, findings);
                    }
                    _ => json(value, at, findings),
                }
            }
        }
        Value::Array(items) => array(items, false, at, findings),
        Value::String(text) if text.is_empty() => {
            findings.add(at, IssueKind::Value, "leave the element out instead of an empty text")
        }
        _ => {}
    }
}

fn array(items: &[Value], may_hold_null: bool, at: At<'_>, findings: &mut Findings) {
    for (index, item) in items.iter().enumerate() {
        match item {
            Value::Null if may_hold_null => {}
            Value::Null => findings.add(at.item(index), IssueKind::Structure, "null has no meaning here"),
            _ => json(item, at.item(index), findings),
        }
    }
}

fn elements(fields: &Map<String, Value>, shape: &Shape, at: At<'_>, findings: &mut Findings) {
    for element in &shape.elements {
        let found = match &element.form {
            Form::One(kind) => {
                present(fields, element.name).map(|value| of_kind(value, *kind, at.field(element.name), findings))
            }
            Form::Many(kind) => {
                present(fields, element.name).map(|value| list(value, *kind, at.field(element.name), findings))
            }
            Form::Choice(types) => one_of_types(fields, element, types, at, findings),
        };
        // A primitive may be absent if it has an extension with the reason.
        if found.is_none() && element.required && !fields.contains_key(&format!("_{}", element.name)) {
            let suffix = if matches!(element.form, Form::Choice(_)) { "[x]" } else { "" };
            findings.add(at.field(element.name), IssueKind::Required, format!("{}{suffix} is required", element.name));
        }
    }
    for (name, value) in fields.iter().filter(|(name, _)| *name != "resourceType") {
        let (plain, beside) = name.strip_prefix('_').map_or((name.as_str(), false), |plain| (plain, true));
        match named(shape, plain) {
            None => findings.add(at.field(name), IssueKind::Structure, "there is no such element here"),
            Some(kind) if beside => match (kind.is_primitive(), value) {
                (false, _) => findings.add(at.field(name), IssueKind::Structure, "only a primitive has this beside it"),
                (true, Value::Array(_)) => list(value, schema::element(), at.field(name), findings),
                (true, _) => of_kind(value, schema::element(), at.field(name), findings),
            },
            Some(_) => {}
        }
    }
}

/// The type of an element, if the shape has it. A choice of another type is reported elsewhere.
fn named(shape: &Shape, name: &str) -> Option<Kind> {
    shape.elements.iter().find_map(|element| match &element.form {
        Form::One(kind) | Form::Many(kind) => (element.name == name).then_some(*kind),
        Form::Choice(types) => {
            let suffix =
                name.strip_prefix(element.name).filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))?;
            let (_, kind) = types.iter().find(|(of, _)| of == suffix).or_else(|| types.first())?;
            Some(*kind)
        }
    })
}

fn present<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    })
}

fn list(value: &Value, kind: Kind, at: At<'_>, findings: &mut Findings) {
    let Value::Array(items) = value else {
        return findings.add(at, IssueKind::Structure, format!("must be an array, not {}", primitive::shape_of(value)));
    };
    for (index, item) in items.iter().enumerate() {
        if !item.is_null() {
            of_kind(item, kind, at.item(index), findings);
        }
    }
}

/// `name[x]`: the one that is present, if any.
fn one_of_types(
    fields: &Map<String, Value>,
    element: &Element,
    types: &[(String, Kind)],
    at: At<'_>,
    findings: &mut Findings,
) -> Option<()> {
    let mut found = None;
    for (name, value) in fields {
        let Some(suffix) = name.strip_prefix(element.name).filter(|s| s.starts_with(|c: char| c.is_ascii_uppercase()))
        else {
            continue;
        };
        let at = at.field(name);
        if found.replace(()).is_some() {
            findings.add(at, IssueKind::Structure, format!("{}[x] may have one value only", element.name));
        }
        match types.iter().find(|(name, _)| name == suffix) {
            Some((_, kind)) => of_kind(value, *kind, at, findings),
            None => findings.add(at, IssueKind::Structure, format!("{}[x] cannot have this type", element.name)),
        }
    }
    found
}

fn of_kind(value: &Value, kind: Kind, at: At<'_>, findings: &mut Findings) {
    let problem = match (kind, value) {
        // Already reported by the check of the JSON.
        (_, Value::Null) => None,
        (Kind::Boolean, Value::Bool(_)) | (Kind::Decimal, Value::Number(_)) => None,
        (Kind::Integer, Value::Number(n)) => integer(primitive::is_integer(n, i32::MIN), "a whole number of 32 bits"),
        (Kind::UnsignedInt, Value::Number(n)) => integer(primitive::is_integer(n, 0), "a whole number from 0"),
        (Kind::PositiveInt, Value::Number(n)) => integer(primitive::is_integer(n, 1), "a whole number from 1"),
        (Kind::Boolean, _) => wrong_shape("a boolean", value),
        (Kind::Decimal | Kind::Integer | Kind::UnsignedInt | Kind::PositiveInt, _) => wrong_shape("a number", value),
        (Kind::Object(number), Value::Object(fields)) => {
            return elements(fields, schema::shape(number), at, findings);
        }
        (Kind::Concept(_) | Kind::Coding(_) | Kind::Reference(_), Value::Object(fields)) => {
            elements(fields, schema::plain(kind), at, findings);
            return match kind {
                Kind::Concept(codes) => bound(items(value, "coding"), codes, at, findings),
                Kind::Coding(codes) => bound(std::slice::from_ref(value), codes, at, findings),
                _ => refers(value, kind, at, findings),
            };
        }
        (Kind::Resource, Value::Object(fields)) => return check_fields(fields, at, findings),
        (Kind::Object(_) | Kind::Concept(_) | Kind::Coding(_) | Kind::Reference(_) | Kind::Resource, _) => {
            wrong_shape("an object", value)
        }
        (_, Value::String(text)) => text_of_kind(text, kind),
        (_, _) => wrong_shape("a string", value),
    };
    if let Some((kind, message)) = problem {
        findings.add(at, kind, message);
    }
}

type Problem = Option<(IssueKind, String)>;

fn wrong_shape(wanted: &str, value: &Value) -> Problem {
    Some((IssueKind::Structure, format!("must be {wanted}, not {}", primitive::shape_of(value))))
}

fn integer(fits: bool, wanted: &str) -> Problem {
    (!fits).then(|| (IssueKind::Value, format!("must be {wanted}")))
}

fn text_of_kind(text: &str, kind: Kind) -> Problem {
    let (fits, wanted) = match kind {
        // An empty text is already reported.
        _ if text.is_empty() => return None,
        Kind::Code(Some(codes)) if !codes.has_code(text) => {
            return Some((IssueKind::CodeInvalid, format!("must be one of {}", codes.told())));
        }
        Kind::Code(_) => (primitive::is_code(text), "a code"),
        Kind::Id => (primitive::is_id(text), "an id: 1 to 64 letters, digits, - or ."),
        Kind::Uri => (primitive::is_uri(text), "a URI"),
        Kind::Date => (primitive::is_date(text), "a date: YYYY, YYYY-MM or YYYY-MM-DD"),
        Kind::DateTime => (primitive::is_date_time(text), "a date, or YYYY-MM-DDThh:mm:ss with an offset"),
        Kind::Instant => (primitive::is_instant(text), "YYYY-MM-DDThh:mm:ss with an offset"),
        Kind::Time => (primitive::is_time(text), "a time: hh:mm:ss"),
        _ => {
            (primitive::is_string(text), "a text that is not blank, of a mebibyte at most, without control characters")
        }
    };
    (!fits).then(|| (IssueKind::Value, format!("must be {wanted}")))
}

fn bound(codings: &[Value], codes: ValueSet, at: At<'_>, findings: &mut Findings) {
    let said: Vec<(&str, &str)> =
        codings.iter().filter_map(|coding| Some((text(coding, "system")?, text(coding, "code")?))).collect();
    if said.iter().any(|(system, code)| codes.has(system, code)) {
        return;
    }
    // A coding without code may have an extension with the reason.
    let excused = |coding: &Value| coding.get("extension").is_some() || coding.get("_code").is_some();
    if said.is_empty() && !codings.is_empty() && codings.iter().all(excused) {
        return;
    }
    let known = said.iter().any(|(system, _)| codes.has_system(system));
    let message = match known {
        true => format!("must be one of {}", codes.told()),
        false => format!("must have a code of {}", codes.systems()),
    };
    findings.add(at, IssueKind::CodeInvalid, message);
}

/// A literal reference must contain its target type.
fn refers(reference: &Value, kind: Kind, at: At<'_>, findings: &mut Findings) {
    let (Kind::Reference(Some(targets)), Some(literal)) = (kind, text(reference, "reference")) else { return };
    if literal.starts_with(['#', '?']) || literal.starts_with("urn:") {
        return;
    }
    let kind = match literal.split_once('?') {
        Some((kind, _)) => kind,
        None => parts(literal.split('#').next().unwrap_or_default()).map_or("", |(kind, _)| kind),
    };
    if schema::of(kind).is_some() && !targets.split(',').any(|target| target == kind) {
        let message = format!("refers to {kind}, may refer to {}", targets.replace(',', ", "));
        findings.add(at.field("reference"), IssueKind::Value, message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(resource: &Value) -> Vec<(String, IssueKind)> {
        match validate(resource) {
            Ok(()) => Vec::new(),
            Err(error) => error.issues().map(|i| (i.path.clone(), i.kind)).collect(),
        }
    }

    #[test]
    fn takes_a_sound_resource() {
        assert_eq!(
            paths(&json!({
                "resourceType": "Patient", "id": "p-1", "birthDate": "1977-10", "gender": "female",
                "extension": [{"url": "http://example.org/e", "valueDecimal": 1.50}],
                "name": [{"given": [null, "明"], "_given": [{"extension": [{"url": "http://example.org/x", "valueCode": "asked"}]}, null]}],
            })),
            []
        );
        assert_eq!(paths(&json!({"resourceType": "MolecularSequence", "coordinateSystem": 0})), []);
        assert_eq!(paths(&json!({"resourceType": "Patient", "meta": {}, "name": []})), []);
        // A required primitive may be absent with a reason.
        assert_eq!(
            paths(&json!({
                "resourceType": "Observation", "code": {"text": "x"},
                "_status": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]},
            })),
            []
        );
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        use IssueKind::{CodeInvalid, Required, Structure, Value as Format};
        let cases = [
            (json!([]), "Resource", Structure),
            (json!({"id": "x"}), "Resource.resourceType", Required),
            (json!({"resourceType": "patient"}), "Resource.resourceType", Format),
            (json!({"resourceType": "Patient", "id": "a b"}), "Patient.id", Format),
            (json!({"resourceType": "Patient", "id": 12.5}), "Patient.id", Structure),
            (json!({"resourceType": "Patient", "birthDate": "1977-02-30"}), "Patient.birthDate", Format),
            (json!({"resourceType": "Patient", "gender": "f"}), "Patient.gender", CodeInvalid),
            (json!({"resourceType": "Patient", "name": {"text": "x"}}), "Patient.name", Structure),
            (json!({"resourceType": "Patient", "name": [{"given": ["a", 1]}]}), "Patient.name[0].given[1]", Structure),
            (json!({"resourceType": "Observation", "status": "final", "code": {}}), "Observation.code", Required),
            (
                json!({"resourceType": "Coverage", "status": "active", "beneficiary": {"reference": "Patient/1"}, "payor": []}),
                "Coverage.payor",
                Required,
            ),
            (json!({"resourceType": "Patient", "active": null}), "Patient.active", Structure),
            (
                json!({"resourceType": "Patient", "extension": [{"valueCode": "x"}]}),
                "Patient.extension[0].url",
                Required,
            ),
            (
                json!({"resourceType": "Patient", "deceasedBoolean": true, "deceasedDateTime": "2020"}),
                "Patient.deceasedDateTime",
                Structure,
            ),
            (json!({"resourceType": "Patient", "deceasedString": "yes"}), "Patient.deceasedString", Structure),
            (json!({"resourceType": "Patient", "multipleBirthInteger": 1.5}), "Patient.multipleBirthInteger", Format),
            (
                json!({"resourceType": "Patient", "contained": [{"resourceType": "Coverage", "status": "open"}]}),
                "Patient.contained[0].status",
                CodeInvalid,
            ),
            (
                json!({"resourceType": "Basic", "code": {"text": "x"}, "meta": {"lastUpdated": "2020-01-01"}}),
                "Basic.meta.lastUpdated",
                Format,
            ),
            (json!({"resourceType": "Anything"}), "Anything.resourceType", Format),
            (json!({"resourceType": "Patient", "name": [{"text": ""}]}), "Patient.name[0].text", Format),
            (json!({"resourceType": "Patient", "birthdate": "1977"}), "Patient.birthdate", Structure),
            (json!({"resourceType": "Patient", "_birthdate": {}}), "Patient._birthdate", Structure),
            (json!({"resourceType": "Patient", "_name": {}}), "Patient._name", Structure),
            (json!({"resourceType": "Patient", "_gender": {"unheardOf": 1}}), "Patient._gender.unheardOf", Structure),
            (
                json!({"resourceType": "Condition", "subject": {"reference": "http://there/fhir/Practitioner/1"}}),
                "Condition.subject.reference",
                Format,
            ),
            (
                json!({"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}, "partOf": {"reference": "Patient?name=x"}}),
                "Encounter.partOf.reference",
                Format,
            ),
            (json!({"resourceType": "Observation", "code": {"text": "x"}}), "Observation.status", Required),
            (
                json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": "Patient/1"}}),
                "MedicationRequest.medication",
                Required,
            ),
            (
                json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": {"value": "6.5"}}),
                "Observation.valueQuantity.value",
                Structure,
            ),
            (
                json!({"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "clinicalStatus": {"text": "active"}}),
                "Condition.clinicalStatus",
                CodeInvalid,
            ),
        ];
        for (resource, path, kind) in cases {
            let found = paths(&resource);
            assert!(found.contains(&(path.to_owned(), kind)), "{resource}: {found:?}");
        }
    }

    #[test]
    fn stops_counting_somewhere() {
        let resource = json!({"resourceType": "Patient", "name": vec![json!({"family": 1}); 5000]});
        let error = validate(&resource).expect_err("invalid");
        assert_eq!(error.issues().count(), 100);
    }
}
