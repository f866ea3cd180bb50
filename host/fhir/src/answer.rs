//! Resources and bundles in responses.

use serde::Serialize;
use serde_json::{Value, json};
use xinglin_domain::time::Instant;
use xinglin_store::{Json, Resource};

/// A stored resource version.
#[derive(Debug, Clone)]
pub struct Written {
    /// The stored version; possibly a deletion.
    pub resource: Resource,
    /// Whether the resource is new.
    pub created: bool,
}

/// Result of an entry of a bundle.
#[derive(Debug, Clone)]
pub enum Done {
    /// Written, or deleted.
    Written(Written),
    /// A matching resource already existed.
    Existing(Resource),
    /// Nothing to delete.
    Nothing,
    /// The result of a read: a resource or a searchset.
    Read(Value),
}

/// Sets `meta.versionId` and `meta.lastUpdated`, which only the store knows. The rest of `meta`
/// is kept.
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

/// The response to a transaction: every entry succeeded.
pub fn transaction_response(done: Vec<Done>) -> Value {
    let entries: Vec<Value> = done.into_iter().map(done_entry).collect();
    bundle("transaction-response", entries)
}

/// A refused entry of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedEntry {
    /// The HTTP status of the entry.
    pub status: u16,
    /// The OperationOutcome.
    pub outcome: Value,
}

/// The response to a batch: each entry succeeded, or has an OperationOutcome.
pub fn batch_response(results: Vec<Result<Done, RefusedEntry>>) -> Value {
    let entries = results
        .into_iter()
        .map(|result| match result {
            Ok(done) => done_entry(done),
            Err(RefusedEntry { status, outcome }) => {
                json!({"response": {"status": status.to_string(), "outcome": outcome}})
            }
        })
        .collect();
    bundle("batch-response", entries)
}

fn done_entry(done: Done) -> Value {
    let (status, resource) = match done {
        Done::Nothing => return json!({"response": {"status": "204 No Content"}}),
        Done::Read(resource) => return json!({"resource": resource, "response": {"status": "200 OK"}}),
        Done::Existing(resource) => ("200 OK", resource),
        Done::Written(Written { resource, .. }) if resource.deleted => ("204 No Content", resource),
        Done::Written(Written { resource, created: true }) => ("201 Created", resource),
        Done::Written(Written { resource, created: false }) => ("200 OK", resource),
    };
    let Resource { kind, id, version, last_updated, .. } = resource;
    json!({"response": {
        "status": status,
        "location": format!("{kind}/{id}/_history/{version}"),
        "etag": format!("W/\"{version}\""),
        "lastModified": last_updated.to_string(),
    }})
}

/// A page of a search. Resources are passed through as stored.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Searchset {
    resource_type: &'static str,
    r#type: &'static str,
    /// Total number of matches, if counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// `self`, and `next` if there is another page.
    pub link: Vec<Link>,
    /// FHIR forbids empty arrays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry>,
}

/// A link of a bundle.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Link {
    pub relation: &'static str,
    pub url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    full_url: Option<String>,
    resource: Json,
    search: Mode,
}

#[derive(Debug, Serialize)]
struct Mode {
    mode: &'static str,
}

impl Searchset {
    /// An empty searchset with this `self` URL.
    pub fn of(here: String) -> Self {
        let link = vec![Link { relation: "self", url: here }];
        Self { resource_type: "Bundle", r#type: "searchset", total: None, link, entry: Vec::new() }
    }

    /// Adds a resource that matches (`match`) or is included (`include`).
    pub fn push(&mut self, base: &str, kind: &str, id: &str, resource: Json, mode: &'static str) {
        let full_url = Some(format!("{base}/{kind}/{id}"));
        self.entry.push(Entry { full_url, resource, search: Mode { mode } });
    }

    /// Adds an OperationOutcome on the search itself.
    pub fn remark(&mut self, outcome: Json) {
        self.entry.push(Entry { full_url: None, resource: outcome, search: Mode { mode: "outcome" } });
    }
}

/// Versions, newest first. A deletion has no resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Historyset {
    resource_type: &'static str,
    r#type: &'static str,
    /// Total number of versions, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    link: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Version>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    full_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Json>,
    request: Asked,
    response: Answered,
}

#[derive(Debug, Serialize)]
struct Asked {
    method: &'static str,
    url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    status: &'static str,
    etag: String,
    last_modified: String,
}

impl Historyset {
    /// A page of a longer list.
    pub fn of(base: &str, link: Vec<Link>, versions: Vec<Resource>) -> Self {
        let entry = versions.into_iter().map(|version| Version::of(base, version)).collect();
        Self { resource_type: "Bundle", r#type: "history", total: None, link, entry }
    }

    /// All versions of one resource.
    pub fn whole(base: &str, versions: Vec<Resource>) -> Self {
        Self { total: Some(versions.len()), ..Self::of(base, Vec::new(), versions) }
    }
}

impl Version {
    fn of(base: &str, Resource { kind, id, version, last_updated, deleted, body, .. }: Resource) -> Self {
        let full_url = format!("{base}/{kind}/{id}");
        let (method, url, status) = match version {
            _ if deleted => ("DELETE", format!("{kind}/{id}"), "204 No Content"),
            1 => ("POST", kind, "201 Created"),
            _ => ("PUT", format!("{kind}/{id}"), "200 OK"),
        };
        let etag = format!("W/\"{version}\"");
        Self {
            full_url,
            resource: Some(body).filter(|_| !deleted),
            request: Asked { method, url },
            response: Answered { status, etag, last_modified: last_updated.to_string() },
        }
    }
}

/// Reduces the resource to these elements and the required ones, or removes its narrative. Adds
/// the tag `SUBSETTED`.
pub fn subset(resource: &mut Value, elements: &[String], required: &[&str], without_text: bool) {
    let Value::Object(fields) = resource else { return };
    let before = fields.len();
    if without_text {
        fields.remove("text");
    }
    if !elements.is_empty() {
        let always = ["resourceType", "id", "meta"];
        fields.retain(|name, _| {
            let name = name.trim_start_matches('_');
            always.contains(&name)
                || required.iter().any(|required| name.starts_with(required))
                || elements.iter().any(|element| element == name)
        });
    }
    if fields.len() < before {
        let tag = json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"});
        let meta = fields.entry("meta").or_insert_with(|| json!({}));
        if let Value::Object(meta) = meta {
            match meta.entry("tag").or_insert_with(|| json!([])) {
                Value::Array(tags) => tags.push(tag),
                other => *other = json!([tag]),
            }
        }
    }
}

/// A bundle without entries has no `entry`: FHIR forbids empty arrays.
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
    use crate::{outcome, validate::validate};

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
        let written = Written { resource: stored(1, false), created: true };
        let error = validate(&json!({"resourceType": "Patient", "gender": "f"})).expect_err("invalid");
        let refused = RefusedEntry { status: 422, outcome: outcome::of_error(&error) };
        let answer = batch_response(vec![Ok(Done::Written(written)), Err(refused), Ok(Done::Nothing)]);
        assert_eq!(answer["entry"][1]["response"]["status"], "422");
        assert_eq!(answer["entry"][0]["response"]["location"], "Patient/p/_history/1");
        assert_eq!(answer["entry"][1]["response"]["outcome"]["issue"][0]["expression"][0], "Patient.gender");
        assert_eq!(validate(&answer), Ok(()));
        assert_eq!(validate(&transaction_response(Vec::new())), Ok(()));
    }

    fn stored(version: i64, deleted: bool) -> Resource {
        let body = json!({"resourceType": "Patient", "id": "p", "meta": {"versionId": version.to_string()}});
        Resource {
            kind: "Patient".into(),
            id: "p".into(),
            version,
            patient_id: None,
            effective_at: Instant::from_micros(0),
            last_updated: Instant::from_micros(0),
            deleted,
            body: serde_json::value::to_raw_value(&body).expect("json"),
        }
    }

    #[test]
    fn pages_and_histories() {
        let mut page = Searchset::of("https://h.example/fhir/Patient".to_owned());
        assert_eq!(validate(&json!(page)), Ok(()));
        page.push("https://h.example/fhir", "Patient", "p", stored(1, false).body, "match");
        let page = json!(page);
        assert_eq!(page["entry"][0]["fullUrl"], "https://h.example/fhir/Patient/p");
        assert_eq!(page["entry"][0]["resource"]["id"], "p");
        assert_eq!(validate(&page), Ok(()));
        let versions = [stored(3, true), stored(2, false), stored(1, false)];
        let history = json!(Historyset::whole("https://h.example/fhir", versions.into()));
        let methods: Vec<_> = (0..3).map(|n| history["entry"][n]["request"]["method"].as_str()).collect();
        assert_eq!(methods, [Some("DELETE"), Some("PUT"), Some("POST")]);
        assert_eq!(history["entry"][0].get("resource"), None);
        assert_eq!(validate(&history), Ok(()));
    }

    #[test]
    fn a_subset_says_so() {
        let whole =
            json!({"resourceType": "Patient", "id": "p", "active": true, "_active": {}, "name": [], "text": {}});
        let mut some = whole.clone();
        subset(&mut some, &["active".to_owned()], &[], false);
        assert_eq!(some["meta"]["tag"][0]["code"], "SUBSETTED");
        assert_eq!((some.get("active"), some.get("name")), (Some(&json!(true)), None));
        let mut all = whole.clone();
        subset(&mut all, &[], &[], false);
        assert_eq!(all, whole);
    }
}
