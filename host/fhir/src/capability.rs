//! The CapabilityStatement of this server.

use std::sync::LazyLock;

use serde_json::{Value, json};
use xinglin_domain::time::Instant;

use crate::parameter::{self, Parameter, Parameters, Type};

/// Operations of FHIR Bulk Data Access: system and patient level. Groups are not supported.
const BULK: [&str; 2] = [
    "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
    "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
];

/// The statement of a server at `base`, for `GET /metadata`.
pub fn statement(base: &str, software_version: &str, date: Instant) -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date.to_string(),
        "kind": "instance",
        "instantiates": ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"],
        "software": {"name": "Xinglin", "version": software_version},
        "implementation": {"description": "Xinglin internet hospital", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [{
            "mode": "server",
            "documentation": "Resources of other types are kept and served as they came, and found by the usual parameters. \
                Writing, but for reading in a batch, is for administrators. Ids of patients are drawn by the server. \
                Searches heed _sort, _count, _total, _elements and _summary (count, data), :missing on every parameter, \
                :exact and :contains on strings, :not on tokens, :identifier and :Type on references, \
                the prefixes eq, ne, lt, le, gt, ge, sa and eb, chains of up to three references, _has, \
                and _include and _revinclude without :iterate. Strings are compared without regard to case. \
                Histories of a type and of all heed _since and _count. Binary holds attachments: of JPEG, PNG, WebP, PDF, MP3, M4A, WAV and DICOM, each of one patient, \
                who is its securityContext. Subscriptions are rest-hooks to https; without a payload, where to look is told. \
                Of a transaction, conditions are resolved first and reads are made last.",
            "security": {"description": "Send the access token of a session as Authorization: Bearer."},
            "resource": *RESOURCES,
            "interaction": [{"code": "transaction"}, {"code": "batch"}, {"code": "history-system"}],
            "operation": [{"name": "export", "definition": BULK[0]}],
        }],
    })
}

/// The supported interactions of each type, independent of the base URL.
static RESOURCES: LazyLock<Vec<Value>> = LazyLock::new(|| parameter::ALL.iter().map(resource).collect());

fn resource(Parameters { of, list }: &Parameters) -> Value {
    const INTERACTIONS: [&str; 9] =
        ["read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"];
    let name = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let mut search = vec![name("_id", "token"), name("_lastUpdated", "date")];
    search.extend(parameter::COMMON.iter().chain(*list).map(|p| name(p.name, p.kind.code())));
    // `patient` is supported for every type.
    if !list.iter().any(|parameter| parameter.name == "patient") {
        search.push(name("patient", "reference"));
    }
    let is_reference = |parameter: &&Parameter| parameter.kind == Type::Reference;
    let includes: Vec<String> = list.iter().filter(is_reference).map(|p| format!("{of}:{}", p.name)).collect();
    let leads_here = |p: &Parameter| p.kind == Type::Reference && p.targets.contains(of);
    let reverse: Vec<String> = parameter::ALL
        .iter()
        .flat_map(|other| other.list.iter().filter(|p| leads_here(p)).map(|p| format!("{}:{}", other.of, p.name)))
        .collect();
    let mut operations = vec![json!({
        "name": "validate", "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    })];
    if *of == "Patient" {
        operations.push(json!({"name": "export", "definition": BULK[1]}));
    }
    if matches!(*of, "Patient" | "Encounter") {
        let definition = format!("http://hl7.org/fhir/OperationDefinition/{of}-everything");
        operations.push(json!({"name": "everything", "definition": definition}));
    }
    if matches!(*of, "Claim" | "CoverageEligibilityRequest") {
        let definition = format!("http://hl7.org/fhir/OperationDefinition/{of}-submit");
        operations.push(json!({"name": "submit", "definition": definition}));
    }
    if *of == "Binary" {
        // Attachments: immutable, and found through the resources that refer to them.
        return json!({
            "type": of,
            "interaction": [{"code": "create"}, {"code": "read"}, {"code": "search-type"}],
            "versioning": "no-version",
            "readHistory": false,
            "updateCreate": false,
            "searchParam": search,
        });
    }
    let mut stated = json!({
        "type": of,
        "interaction": INTERACTIONS.map(|code| json!({"code": code})),
        "versioning": "versioned",
        "readHistory": true,
        "updateCreate": *of != "Patient",
        "conditionalCreate": true,
        "conditionalRead": "not-match",
        "conditionalUpdate": true,
        "conditionalDelete": "single",
        "referencePolicy": ["literal", "logical", "local"],
        "searchParam": search,
        "operation": operations,
    });
    for (field, list) in [("searchInclude", includes), ("searchRevInclude", reverse)] {
        if !list.is_empty() {
            stated[field] = json!(list);
        }
    }
    stated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::validate;

    #[test]
    fn states_what_can_be_searched() {
        let statement = statement("https://h.example/fhir/R4", "0.1.0", Instant::from_micros(0));
        assert_eq!(validate(&statement), Ok(()));
        assert_eq!(statement["date"], "1970-01-01T00:00:00Z");
        let params = |name: &str| -> Vec<String> {
            let resources = statement["rest"][0]["resource"].as_array().expect("resources");
            let found = resources.iter().find(|r| r["type"] == name).expect("type");
            found["searchParam"].as_array().expect("params").iter().map(|p| p["name"].to_string()).collect()
        };
        for (kind, name) in
            [("Observation", "value-quantity"), ("Patient", "name"), ("Patient", "patient"), ("Task", "_tag")]
        {
            assert!(params(kind).contains(&format!("\"{name}\"")), "{kind} {name}");
        }
        assert!(!params("Encounter").contains(&"\"code\"".to_owned()));
        let patient = &statement["rest"][0]["resource"][0];
        assert!(patient["searchRevInclude"].as_array().expect("a list").contains(&json!("Observation:subject")));
    }
}
