//! CapabilityStatement: what this server does, and nothing more.

use serde_json::{Value, json};
use xinglin_domain::time::Instant;

use super::schema::{self, ResourceType};

/// The statement of a server at `base`, for `GET /metadata`.
pub fn statement(base: &str, software_version: &str, date: Instant) -> Value {
    let resources: Vec<Value> = schema::RESOURCES.iter().map(resource).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date.to_string(),
        "kind": "instance",
        "software": {"name": "Xinglin", "version": software_version},
        "implementation": {"description": "Xinglin internet hospital", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{
            "mode": "server",
            "documentation": "Resources of other types are kept and served as they came. \
                Searches take _count and return pages linked by next. \
                Bundles may create and update, without conditions.",
            "resource": resources,
            "interaction": [{"code": "transaction"}, {"code": "batch"}],
        }],
    })
}

fn resource(of: &ResourceType) -> Value {
    const INTERACTIONS: [&str; 6] = ["read", "vread", "history-instance", "search-type", "create", "update"];
    let mut search = vec![json!({"name": "_id", "type": "token"})];
    if of.of_patient && of.name != "Patient" {
        search.push(json!({"name": "patient", "type": "reference"}));
    }
    if of.coded {
        search.push(json!({"name": "code", "type": "token"}));
    }
    json!({
        "type": of.name,
        "interaction": INTERACTIONS.map(|code| json!({"code": code})),
        "versioning": "versioned",
        "readHistory": true,
        "conditionalCreate": false,
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "searchParam": search,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::validate::validate;

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
        assert_eq!(params("Observation"), ["\"_id\"", "\"patient\"", "\"code\""]);
        assert_eq!(params("Patient"), ["\"_id\""]);
        assert_eq!(params("Encounter"), ["\"_id\"", "\"patient\""]);
    }
}
