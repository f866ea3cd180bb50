//! The examples of the FHIR specification: they are accepted and returned unchanged; invalid values
//! are refused with their path.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Map, Value, json};
use xinglin_domain::compartment::Compartments;
use xinglin_fhir::validate::validate;

use crate::support::{TestHospital, built, rules_on_both_engines};

rules_on_both_engines!(TestHospital: examples_are_returned_unchanged);

/// Examples that violate the specification.
const UNSOUND: [(&str, &str); 22] = [
    ("Bundle-v2-valuesets", "concept[74].code: must be a code"),
    ("CodeSystem-dicom-dcim", "of a mebibyte at most"),
    ("CodeSystem-v2-0550", "concept[74].code: must be a code"),
    ("DeviceMetric-example", "refers to DeviceDefinition, may refer to Device"),
    ("DeviceUseStatement-example", "refers to Procedure, may refer to"),
    ("ImplementationGuide-fhir", "name is required"),
    ("MedicationRequest-medrx0301", "refers to Practitioner, may refer to Organization"),
    ("Observation-clinical-gender", "refers to Encounter, may refer to"),
    ("Questionnaire-qs1", "linkId is required"),
    ("SearchParameter-codesystem-extensions-CodeSystem-author", "base is required"),
    ("SearchParameter-codesystem-extensions-CodeSystem-effective", "base is required"),
    ("SearchParameter-codesystem-extensions-CodeSystem-end", "base is required"),
    ("SearchParameter-codesystem-extensions-CodeSystem-keyword", "base is required"),
    ("SearchParameter-codesystem-extensions-CodeSystem-workflow", "base is required"),
    ("SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject", "must be an id"),
    ("SearchParameter-valueset-extensions-ValueSet-author", "base is required"),
    ("SearchParameter-valueset-extensions-ValueSet-effective", "base is required"),
    ("SearchParameter-valueset-extensions-ValueSet-end", "base is required"),
    ("SearchParameter-valueset-extensions-ValueSet-keyword", "base is required"),
    ("SearchParameter-valueset-extensions-ValueSet-workflow", "base is required"),
    ("ValueSet-c80-doc-typecodes", "of a mebibyte at most"),
    ("ig-r4", "name is required"),
];

/// Definitions of the specification, of which there are thousands.
const DEFINITIONS: [&str; 5] = ["CodeSystem", "ConceptMap", "SearchParameter", "StructureDefinition", "ValueSet"];

fn kind(example: &Value) -> &str {
    example["resourceType"].as_str().unwrap_or_default()
}

fn examples() -> impl Iterator<Item = (String, Value)> {
    let package = built("node/node_modules/hl7.fhir.r4.examples/package.json", "cargo xtask setup");
    let files = std::fs::read_dir(package.parent().expect("a folder")).expect("a folder");
    let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")).filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let value: Value = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        value.get("resourceType").is_some().then_some((name, value))
    })
}

/// All examples but the listed ones are valid.
#[test]
fn examples_are_valid() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, example) in examples() {
        count += 1;
        let unsound = UNSOUND.iter().find(|(known, _)| *known == name).map(|(_, why)| *why);
        match (validate(&example), unsound) {
            (Ok(()), None) => {}
            (Err(error), Some(why)) if error.issues().any(|issue| issue.to_string().contains(why)) => {}
            (found, _) => wrong.push(format!("{name}: {found:?}")),
        }
    }
    assert!(count > 5_000, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every nth value of a resource, with its path.
fn leaves<'a>(value: &'a mut Value, path: String, into: &mut Vec<(String, &'a mut Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut().filter(|(name, _)| *name != "resourceType") {
                leaves(value, format!("{path}.{name}"), into);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                leaves(item, format!("{path}[{index}]"), into);
            }
        }
        Value::Null => {}
        leaf => into.push((path, leaf)),
    }
}

/// For every changed value of an example, the refusal gives its path.
#[test]
fn an_invalid_value_is_refused_with_its_path() {
    let mut bent = 0;
    for (name, example) in examples() {
        let is_sound = !UNSOUND.iter().any(|(unsound, _)| *unsound == name);
        if DEFINITIONS.contains(&kind(&example)) || !is_sound || example.to_string().len() > 50_000 {
            continue;
        }
        let mut strange = example.clone();
        strange["notAnElement"] = json!(true);
        refused_at(&name, &strange, &format!("{}.notAnElement", kind(&example)));
        let count = {
            let mut found = Vec::new();
            leaves(&mut strange, String::new(), &mut found);
            found.len()
        };
        for place in (0..count).step_by(count / 6 + 1) {
            let mut copy = example.clone();
            let path = {
                let (mut found, root) = (Vec::new(), kind(&example).to_owned());
                leaves(&mut copy, root, &mut found);
                if place >= found.len() {
                    continue;
                }
                let (path, leaf) = found.swap_remove(place);
                *leaf = json!({ "unheardOf": [1] });
                path
            };
            refused_at(&name, &copy, &path);
            bent += 1;
        }
    }
    assert!(bent > 3_000, "{bent}");
}

fn refused_at(name: &str, resource: &Value, path: &str) {
    let error = validate(resource).expect_err(name);
    assert!(error.issues().any(|issue| issue.path.starts_with(path)), "{name}: {path} is bent: {error}");
}

/// A number with all digits: PostgreSQL expands exponents.
fn spelt_out(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(_, value)| spelt_out(value)),
        Value::Array(items) => items.iter_mut().for_each(spelt_out),
        Value::Number(number) => {
            let text = number.to_string().to_ascii_lowercase();
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let places: i64 = exponent.parse().expect("an exponent");
            let places = places - i64::try_from(fraction.len()).expect("few");
            let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
            let zeros = "0".repeat(usize::try_from(places).unwrap_or(0));
            let sign = if whole.starts_with('-') { "-" } else { "" };
            *value = format!("{sign}{}{zeros} by 10^{}", digits.trim_start_matches('0'), places.min(0)).into();
        }
        _ => {}
    }
}

/// The content without what the server adds.
fn content(resource: &Value) -> Value {
    let mut content = resource.clone();
    spelt_out(&mut content);
    if let Some(fields) = content.as_object_mut() {
        fields.remove("id");
        let mut meta = fields.remove("meta").and_then(|meta| meta.as_object().cloned()).unwrap_or_else(Map::new);
        meta.retain(|name, _| name != "versionId" && name != "lastUpdated");
        fields.insert("meta".to_owned(), meta.into());
    }
    content
}

async fn examples_are_returned_unchanged(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let administrator = &clinic.administrator;
    let all: Vec<(String, Value)> = examples()
        .filter(|(name, example)| {
            // Definitions are excluded, as there are thousands. Attachments are stored separately,
            // and the server sets the status of a subscription.
            !DEFINITIONS.contains(&kind(example))
                && !["Binary", "Subscription"].contains(&kind(example))
                && !UNSOUND.iter().any(|(unsound, _)| unsound == name)
                && example.to_string().len() < 500_000
        })
        .collect();
    assert!(all.len() > 750, "{}", all.len());
    for some in all.chunks(100) {
        let create = |(_, example): &(String, Value)| json!({ "resource": example, "request": { "method": "POST", "url": kind(example) } });
        let batch =
            json!({ "resourceType": "Bundle", "type": "batch", "entry": some.iter().map(create).collect::<Vec<_>>() });
        let made = administrator.post("/fhir/R4", batch).await;
        let made = made["entry"].as_array().expect("entries");
        let mut kept = Vec::new();
        for ((name, example), made) in some.iter().zip(made) {
            let location = made["response"]["location"].as_str();
            let location = location.unwrap_or_else(|| panic!("{name} was not taken: {made}"));
            let path = location.split("/_history").next().unwrap_or_default();
            // An importer may not read restricted resources.
            if Compartments::of(example).is_empty() {
                kept.push((name, example, path.to_owned()));
            }
        }
        let read = |(_, _, path): &(&String, &Value, String)| json!({ "request": { "method": "GET", "url": path } });
        let batch =
            json!({ "resourceType": "Bundle", "type": "batch", "entry": kept.iter().map(read).collect::<Vec<_>>() });
        let found = administrator.post("/fhir/R4", batch).await;
        for ((name, example, path), found) in kept.iter().zip(found["entry"].as_array().expect("entries")) {
            assert_eq!(content(&found["resource"]), content(example), "{name} at {path}");
        }
    }
    // Over HTTP, an invalid value is refused with its path.
    let (_, mut bent) = all.into_iter().find(|(name, _)| name == "Patient-example").expect("the patient");
    bent["contact"][0]["name"]["family"] = json!(7);
    let refused = administrator.ask(Method::POST, "/fhir/R4/Patient", Some(bent)).await;
    assert_eq!(refused.body["issue"][0]["expression"], json!(["Patient.contact[0].name.family"]), "{}", refused.body);
}
