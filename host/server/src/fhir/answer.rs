//! Resources and bundles on their way out.

use serde_json::{Value, json};
use xinglin_domain::time::Instant;

/// A resource version that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its type.
    pub resource_type: String,
    /// Its id.
    pub id: String,
    /// Which version it is, from 1.
    pub version: u64,
    /// When it was stored.
    pub at: Instant,
    /// Whether it is the first.
    pub created: bool,
}

/// Sets what only the store knows: `meta.versionId` and `meta.lastUpdated`. The
/// rest of `meta` is kept.
pub fn stamp(resource: &mut Value, version: u64, at: Instant) {
    let Value::Object(fields) = resource else {
        return;
    };
    let meta = fields.entry("meta").or_insert_with(|| json!({}));
    if let Value::Object(meta) = meta {
        meta.insert("versionId".to_owned(), version.to_string().into());
        meta.insert("lastUpdated".to_owned(), at.to_string().into());
    }
}

/// The answer to a transaction: every entry was stored.
pub fn transaction_response(written: &[Written]) -> Value {
    let entries: Vec<Value> = written.iter().map(written_entry).collect();
    bundle("transaction-response", entries)
}

/// An entry of a batch that was not stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedEntry {
    /// The HTTP status that it would have had on its own.
    pub status: u16,
    /// The OperationOutcome that says why.
    pub outcome: Value,
}

/// The answer to a batch: each entry was stored, or says why not.
pub fn batch_response(results: &[Result<Written, RefusedEntry>]) -> Value {
    let entries = results
        .iter()
        .map(|result| match result {
            Ok(written) => written_entry(written),
            Err(RefusedEntry { status, outcome }) => {
                json!({"response": {"status": status.to_string(), "outcome": outcome}})
            }
        })
        .collect();
    bundle("batch-response", entries)
}

fn written_entry(written: &Written) -> Value {
    let Written { resource_type, id, version, at, created } = written;
    json!({"response": {
        "status": if *created { "201 Created" } else { "200 OK" },
        "location": format!("{resource_type}/{id}/_history/{version}"),
        "etag": format!("W/\"{version}\""),
        "lastModified": at.to_string(),
    }})
}

/// A page of a search at `base`. `here` is the URL that was asked, `next` that of
/// the next page; `total` is left out if it was not counted.
pub fn searchset(base: &str, resources: Vec<Value>, total: Option<u64>, here: &str, next: Option<&str>) -> Value {
    let entries = resources.into_iter().map(|r| with_url(base, r, "search", json!({"mode": "match"}))).collect();
    let mut set = bundle("searchset", entries);
    if let Some(total) = total {
        set["total"] = total.into();
    }
    let mut links = vec![json!({"relation": "self", "url": here})];
    links.extend(next.map(|url| json!({"relation": "next", "url": url})));
    set["link"] = links.into();
    set
}

/// The versions of one resource, newest first, each stamped.
pub fn history(base: &str, versions: Vec<Value>) -> Value {
    let total = versions.len();
    let entries = versions
        .into_iter()
        .map(|version| {
            let request = if version["meta"]["versionId"] == "1" {
                json!({"method": "POST", "url": version["resourceType"]})
            } else {
                json!({"method": "PUT", "url": format!("{}/{}", plain(&version["resourceType"]), plain(&version["id"]))})
            };
            with_url(base, version, "request", request)
        })
        .collect();
    let mut set = bundle("history", entries);
    set["total"] = total.into();
    set
}

fn with_url(base: &str, resource: Value, name: &str, value: Value) -> Value {
    let url = format!("{base}/{}/{}", plain(&resource["resourceType"]), plain(&resource["id"]));
    json!({"fullUrl": url, "resource": resource, name: value})
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// FHIR has no empty arrays: a bundle without entries has no `entry`.
fn bundle(kind: &str, entries: Vec<Value>) -> Value {
    let mut bundle = json!({"resourceType": "Bundle", "type": kind});
    if !entries.is_empty() {
        bundle["entry"] = entries.into();
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::{outcome, validate::validate};

    #[test]
    fn a_stamp_leaves_the_rest_of_meta() {
        let mut resource = json!({"resourceType": "Patient", "meta": {"profile": ["urn:p"]}});
        stamp(&mut resource, 2, Instant::from_micros(1_500_000));
        assert_eq!(
            resource["meta"],
            json!({"profile": ["urn:p"], "versionId": "2", "lastUpdated": "1970-01-01T00:00:01.5Z"})
        );
        assert_eq!(validate(&resource), Ok(()));
    }

    #[test]
    fn responses_say_what_was_stored_and_what_was_not() {
        let written = Written {
            resource_type: "Patient".into(),
            id: "p".into(),
            version: 1,
            at: Instant::from_micros(0),
            created: true,
        };
        let error = validate(&json!({"resourceType": "Patient", "gender": "f"})).expect_err("invalid");
        let refused = RefusedEntry { status: 422, outcome: outcome::of_error(&error) };
        let answer = batch_response(&[Ok(written), Err(refused)]);
        assert_eq!(answer["entry"][1]["response"]["status"], "422");
        assert_eq!(answer["entry"][0]["response"]["location"], "Patient/p/_history/1");
        assert_eq!(answer["entry"][1]["response"]["outcome"]["issue"][0]["expression"][0], "Patient.gender");
        assert_eq!(validate(&answer), Ok(()));
        assert_eq!(validate(&transaction_response(&[])), Ok(()));
    }

    #[test]
    fn pages_and_histories() {
        let resource = json!({"resourceType": "Patient", "id": "p", "meta": {"versionId": "2"}});
        let page = searchset(
            "https://h.example/fhir",
            vec![resource.clone()],
            Some(1),
            "https://h.example/fhir/Patient",
            None,
        );
        assert_eq!(page["entry"][0]["fullUrl"], "https://h.example/fhir/Patient/p");
        assert_eq!(validate(&page), Ok(()));
        let history = history("https://h.example/fhir", vec![resource]);
        assert_eq!(history["entry"][0]["request"], json!({"method": "PUT", "url": "Patient/p"}));
    }
}
