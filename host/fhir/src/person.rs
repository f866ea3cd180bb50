//! Identity fields of a Patient, for servers that need them.

use serde_json::{Map, Value};
use xinglin_domain::{id_number::IdNumber, identity::IdentityField, patient::NotTreatable};

use crate::{
    error::{At, Findings, IssueKind},
    read::{code_in, id_of, items, text},
};

/// Identifier types, HL7 table 0203.
const TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";

/// OID of resident identity numbers, WS/T 500 (shared documents of health records).
const RESIDENT_ID: &str = "urn:oid:2.16.156.10011.1.3";

/// One field of a patient, if present. A value with a control character counts as absent.
pub fn field(patient: &Value, field: IdentityField) -> Option<String> {
    let value = match field {
        IdentityField::Name => name(patient),
        IdentityField::IdNumber => identifier(patient, &["NNCHN", "NI"], Some(RESIDENT_ID)),
        IdentityField::Phone => phone(patient),
        IdentityField::BirthDate => text(patient, "birthDate").filter(|date| date.len() == 10).map(str::to_owned),
        IdentityField::InsuranceNumber => identifier(patient, &["HC", "MB", "SN"], None),
    }?;
    let value = value.trim();
    (!value.is_empty() && !value.contains(char::is_control)).then(|| value.to_owned())
}

/// Checks that something may still be done for a patient: that they live, and that the record is in
/// use and is the current one of the person.
///
/// # Errors
/// Why not; a death is said before anything else.
pub fn treatable(patient: &Value) -> Result<(), NotTreatable> {
    let died = patient.get("deceasedDateTime").is_some() || patient.get("deceasedBoolean") == Some(&Value::Bool(true));
    let replaced = items(patient, "link").iter().any(|link| text(link, "type") == Some("replaced-by"));
    if died {
        Err(NotTreatable::Deceased)
    } else if replaced {
        Err(NotTreatable::Replaced)
    } else if patient.get("active") == Some(&Value::Bool(false)) {
        Err(NotTreatable::Inactive)
    } else {
        Ok(())
    }
}

/// The ids of patients that a patient names with a type of link: `replaced-by`, `replaces`.
pub fn linked<'a>(patient: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a str> {
    let links = items(patient, "link").iter().filter(move |link| text(link, "type") == Some(kind));
    links.filter_map(|link| id_of(text(link.get("other")?, "reference")?, "Patient"))
}

/// The tag of the language that a patient prefers, or the only one that they speak.
pub fn language(patient: &Value) -> Option<String> {
    let spoken = items(patient, "communication");
    let preferred = spoken.iter().find(|one| one.get("preferred") == Some(&Value::Bool(true)));
    let only = (spoken.len() == 1).then(|| &spoken[0]);
    let tag = text(items(preferred.or(only)?.get("language")?, "coding").first()?, "code")?;
    Some(tag.to_owned())
}

/// Whether two versions of a patient have the same name, number and birth date, which are
/// verified.
pub fn is_same(one: &Value, other: &Value) -> bool {
    let said = |what| field(one, what) == field(other, what);
    said(IdentityField::Name) && said(IdentityField::IdNumber) && one["birthDate"] == other["birthDate"]
}

/// Checks that identity numbers are well-formed, and consistent with the birth date of the
/// resource. Messages do not contain the number.
pub(crate) fn check(resource: &Map<String, Value>, at: At<'_>, findings: &mut Findings) {
    let born = resource.get("birthDate").and_then(Value::as_str).filter(|date| date.len() == 10);
    let identifiers = resource.get("identifier").and_then(Value::as_array);
    for (index, identifier) in identifiers.into_iter().flatten().enumerate() {
        let Some(value) = text(identifier, "value").filter(|_| text(identifier, "system") == Some(RESIDENT_ID)) else {
            continue;
        };
        let (list, value) = (at.field("identifier"), value.parse::<IdNumber>());
        match value {
            Err(error) => findings.add(list.item(index).field("value"), IssueKind::Value, error.to_string()),
            Ok(number) if born.is_some_and(|born| born != number.birth_date()) => {
                findings.add(at.field("birthDate"), IssueKind::Value, "not the day of birth in the identity number");
            }
            Ok(_) => {}
        }
    }
}

/// The official name, otherwise another name in use.
fn name(patient: &Value) -> Option<String> {
    let borne = || items(patient, "name").iter().filter(|name| text(name, "use") != Some("old"));
    let name = borne().find(|name| text(name, "use") == Some("official")).or_else(|| borne().next())?;
    if let Some(text) = text(name, "text") {
        return Some(text.to_owned());
    }
    let given: Vec<&str> = items(name, "given").iter().filter_map(Value::as_str).collect();
    let family = text(name, "family").unwrap_or_default();
    // Chinese names are written without spaces, family name first.
    match family.is_ascii() && given.iter().all(|name| name.is_ascii()) {
        true => Some(format!("{} {family}", given.join(" "))),
        false => Some([family, &given.concat()].concat()),
    }
}

fn phone(patient: &Value) -> Option<String> {
    let phones = || {
        let telecom = items(patient, "telecom").iter();
        telecom.filter(|t| text(t, "system") == Some("phone") && text(t, "use") != Some("old"))
    };
    let mobile = phones().find(|phone| text(phone, "use") == Some("mobile"));
    mobile.or_else(|| phones().next()).and_then(|phone| text(phone, "value")).map(str::to_owned)
}

fn identifier(patient: &Value, types: &[&str], system: Option<&str>) -> Option<String> {
    let valid = || items(patient, "identifier").iter().filter(|identifier| text(identifier, "use") != Some("old"));
    let by_system = valid().find(|identifier| system.is_some() && text(identifier, "system") == system);
    let is_typed = |identifier: &&Value| {
        let code = identifier.get("type").and_then(|kind| code_in(kind, TYPES));
        code.is_some_and(|code| types.contains(&code))
    };
    by_system.or_else(|| valid().find(is_typed)).and_then(|found| text(found, "value")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validate::validate;

    fn read(patient: &Value) -> [Option<String>; 5] {
        IdentityField::ALL.map(|one| field(patient, one))
    }

    #[test]
    fn the_dead_and_records_not_in_use_are_not_treated() {
        use NotTreatable::{Deceased, Inactive, Replaced};
        let said = |patient: Value| treatable(&patient).err();
        assert_eq!(said(serde_json::json!({})), None);
        assert_eq!(said(serde_json::json!({"active": true, "deceasedBoolean": false})), None);
        assert_eq!(said(serde_json::json!({"deceasedBoolean": true})), Some(Deceased));
        assert_eq!(said(serde_json::json!({"active": false, "deceasedDateTime": "2026"})), Some(Deceased));
        assert_eq!(said(serde_json::json!({"active": false})), Some(Inactive));
        let link = |kind| serde_json::json!({"link": [{"other": {"reference": "Patient/b"}, "type": kind}]});
        assert_eq!(said(link("replaced-by")), Some(Replaced));
        assert_eq!(said(link("replaces")), None);
        assert_eq!(said(link("seealso")), None);
        assert_eq!(linked(&link("replaces"), "replaces").collect::<Vec<_>>(), ["b"]);
        assert_eq!(linked(&link("seealso"), "replaced-by").count(), 0);
    }

    #[test]
    fn each_field_is_found() {
        let typed = |code: &str| json!({ "coding": [{ "system": TYPES, "code": code }] });
        let patient = json!({
            "name": [
                { "use": "old", "text": "旧名" },
                { "family": "王", "given": ["小", "明"] },
                { "use": "official", "family": "李", "given": ["明"] },
            ],
            "identifier": [
                { "type": typed("MR"), "value": "1" },
                { "type": typed("HC"), "value": "YB-77" },
                { "system": RESIDENT_ID, "value": " 11010519491231002X " },
            ],
            "telecom": [
                { "system": "email", "value": "x@example.com" },
                { "system": "phone", "use": "home", "value": "010-1" },
                { "system": "phone", "use": "mobile", "value": "13800138000" },
            ],
            "birthDate": "1949-12-31",
        });
        let found = ["李明", "11010519491231002X", "13800138000", "1949-12-31", "YB-77"];
        assert_eq!(read(&patient), found.map(|value| Some(value.to_owned())));
        let western = json!({ "name": [{ "family": "Corwin", "given": ["Svetlana", "M."] }] });
        assert_eq!(field(&western, IdentityField::Name).as_deref(), Some("Svetlana M. Corwin"));
    }

    #[test]
    fn an_identity_number_is_checked_and_not_repeated() {
        let told = |number: &str, born: &str| {
            let identifier = json!([{ "system": "urn:x", "value": "7" }, { "system": RESIDENT_ID, "value": number }]);
            let patient = json!({ "resourceType": "Patient", "identifier": identifier, "birthDate": born });
            validate(&patient).map_err(|error| error.to_string())
        };
        assert_eq!(told("11010519491231002X", "1949-12-31"), Ok(()));
        assert_eq!(told("11010519491231002x", "1949"), Ok(()), "a year says no day");
        let wrong = told("110105194912310021", "1949-12-31").expect_err("a wrong check character");
        assert!(wrong.contains("Patient.identifier[1].value") && !wrong.contains("1101051949"), "{wrong}");
        let other = told("11010519491231002X", "1949-12-30").expect_err("another day");
        assert!(other.contains("Patient.birthDate") && !other.contains("1101051949"), "{other}");
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        assert_eq!(read(&json!({})), [const { None }; 5]);
        let bent = json!({
            "name": [{ "text": "a\r\nX-Evil: 1" }], "birthDate": "1949", "telecom": [{ "system": "phone" }],
            "identifier": [{ "value": "7" }, { "system": RESIDENT_ID, "value": "  " }],
        });
        assert_eq!(read(&bent), [const { None }; 5]);
    }
}
