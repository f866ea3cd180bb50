//! Plans of transaction and batch bundles, before anything is stored.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use serde_json::Value;

use crate::{
    error::{At, FhirError, Findings, IssueKind},
    primitive, read, validate,
};

/// The plan of a bundle.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// All entries, or none.
    Transaction(Vec<Planned>),
    /// Each entry separately; indices are those of the bundle.
    Batch(Vec<Result<Planned, FhirError>>),
}

/// One planned action.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The action.
    pub action: Action,
    /// The resource type; empty for a read.
    pub resource_type: String,
    /// Generated for a create, given for an update or a deletion; for a conditional write
    /// generated in case nothing matches, or empty.
    pub id: String,
    /// Complete but for `meta.versionId` and `meta.lastUpdated`: the id is set, and links within
    /// the bundle are resolved to references. The rest is unchanged. Null if nothing is stored.
    pub resource: Value,
    /// References that should resolve within the bundle and do not; left unchanged.
    pub unresolved: Vec<Unresolved>,
}

/// An action. Conditions are searches, in the syntax of a URL query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `POST Type`: a new resource with the generated id.
    Create {
        /// `ifNoneExist`: create only if nothing matches.
        if_none_exist: Option<String>,
    },
    /// `PUT Type/id`: the next version, or the first.
    Update {
        /// `ifMatch`: the required current version.
        if_match: Option<u64>,
    },
    /// `PUT Type?…`: the next version of the match, or a new resource.
    UpdateBy {
        /// The condition.
        condition: String,
        /// The id in the resource.
        given: Option<String>,
        /// `ifMatch`: the required current version.
        if_match: Option<u64>,
    },
    /// `DELETE Type/id`.
    Delete {
        /// `ifMatch`: the required current version.
        if_match: Option<u64>,
    },
    /// `DELETE Type?…`: deletes the match, if any.
    DeleteBy {
        /// The condition.
        condition: String,
    },
    /// `GET …`: executed after all writes.
    Read {
        /// Relative URL.
        url: String,
    },
}

impl Action {
    /// Whether it is a read.
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Read { .. })
    }

    /// Whether it is a deletion.
    pub const fn is_delete(&self) -> bool {
        matches!(self, Self::Delete { .. } | Self::DeleteBy { .. })
    }
}

/// An unresolved reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Path in the bundle.
    pub path: String,
    /// The reference.
    pub reference: String,
}

/// Plans a bundle of type `transaction` or `batch`. `mint` generates the id of a new resource,
/// given its type.
///
/// Entries may create (POST), update (PUT), delete (DELETE) and read (GET); other methods are
/// refused as not supported. `Reference.reference` and URL elements that contain the `fullUrl` of
/// an entry are replaced by a reference to its resource; a conditional reference by identifier
/// (`Practitioner?identifier=system|value`) is, if exactly one entry has that identifier.
///
/// # Errors
/// If the bundle is malformed; for a transaction also if any entry is. In a batch, malformed
/// entries are errors within the plan.
pub fn plan(bundle: Value, mint: &mut dyn FnMut(&str) -> String) -> Result<Plan, FhirError> {
    let (is_transaction, entries) = envelope(bundle)?;
    let root = At::root("Bundle");
    let list = root.field("entry");

    let mut seen = Seen::default();
    let drafts: Vec<Result<Draft, FhirError>> = entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| {
            let draft = draft(entry, list.item(index), mint)?;
            seen.admit(&draft, list.item(index))?;
            Ok(draft)
        })
        .collect();

    if is_transaction {
        let mut findings = Findings::default();
        drafts.iter().filter_map(|draft| draft.as_ref().err()).for_each(|error| findings.extend(error));
        findings.or(())?;
    }

    let links = Links::between(drafts.iter().flatten());
    let linked = drafts
        .into_iter()
        .enumerate()
        .map(|(index, draft)| draft.map(|draft| draft.linked(&links, list.item(index).field("resource"))));
    if is_transaction {
        linked.collect::<Result<_, _>>().map(Plan::Transaction)
    } else {
        Ok(Plan::Batch(linked.collect()))
    }
}

/// The entries of the bundle, and whether it is a transaction.
fn envelope(mut bundle: Value) -> Result<(bool, Vec<Value>), FhirError> {
    let root = At::root("Bundle");
    let mut findings = Findings::default();
    if read::text(&bundle, "resourceType") != Some("Bundle") {
        findings.add(root.field("resourceType"), IssueKind::Structure, "must be Bundle");
        return findings.or((false, Vec::new()));
    }
    let is_transaction = match read::text(&bundle, "type") {
        Some("transaction") => true,
        Some("batch") => false,
        Some(
            "document" | "message" | "transaction-response" | "batch-response" | "history" | "searchset" | "collection",
        ) => {
            findings.add(root.field("type"), IssueKind::NotSupported, "only transaction and batch are taken");
            false
        }
        _ => {
            findings.add(root.field("type"), IssueKind::Required, "must be transaction or batch");
            false
        }
    };
    let entries = match bundle.get_mut("entry").map(Value::take) {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(other) => {
            let message = format!("must be an array, not {}", primitive::shape_of(&other));
            findings.add(root.field("entry"), IssueKind::Structure, message);
            Vec::new()
        }
    };
    findings.or((is_transaction, entries))
}

/// An entry that is valid by itself.
struct Draft {
    full_url: Option<String>,
    /// The client's id, which a create replaces.
    client_id: Option<String>,
    planned: Planned,
}

fn draft(mut entry: Value, at: At<'_>, mint: &mut dyn FnMut(&str) -> String) -> Result<Draft, FhirError> {
    let mut findings = Findings::default();
    let mut resource = entry.get_mut("resource").map(Value::take).unwrap_or_default();
    let request = Request::read(&entry, at.field("request"), &mut findings);

    let in_resource = at.field("resource");
    let wants_resource = matches!(request, Some(Request::Create { .. } | Request::Update { .. }));
    if resource.is_null() && wants_resource {
        findings.add(in_resource, IssueKind::Required, "there is nothing to write");
    } else if !resource.is_null() {
        validate::check(&resource, in_resource, &mut findings);
    }
    let full_url = match entry.get("fullUrl") {
        None => None,
        Some(Value::String(url)) if primitive::is_uri(url) => Some(url.clone()),
        Some(_) => {
            findings.add(at.field("fullUrl"), IssueKind::Value, "must be a URI");
            None
        }
    };

    let resource_type = read::text(&resource, "resourceType").unwrap_or_default().to_owned();
    let client_id = read::text(&resource, "id").map(str::to_owned);
    let at_request = at.field("request");
    let mut named = None;
    let (action, id) = match request {
        Some(Request::Create { url, if_none_exist }) => {
            if url != resource_type {
                findings.add(at_request.field("url"), IssueKind::Value, "must be the type of the resource");
            }
            (Action::Create { if_none_exist }, None)
        }
        Some(Request::Update { url, if_match }) => match url.split_once('?') {
            Some((kind, condition)) => {
                if kind != resource_type {
                    findings.add(at_request.field("url"), IssueKind::Value, "must begin with the type of the resource");
                }
                let (condition, given) = (condition.to_owned(), client_id.clone());
                (Action::UpdateBy { condition, given, if_match }, client_id.clone())
            }
            None => {
                let full = client_id.as_ref().map(|id| format!("{resource_type}/{id}"));
                if full != Some(url) {
                    let message = "must be the type and the id of the resource";
                    findings.add(at_request.field("url"), IssueKind::Value, message);
                }
                (Action::Update { if_match }, client_id.clone())
            }
        },
        Some(Request::Delete { url, if_match }) => {
            let (kind, id, action) = match url.split_once(['/', '?']) {
                Some((kind, condition)) if url.contains('?') => {
                    (kind, "", Action::DeleteBy { condition: condition.to_owned() })
                }
                Some((kind, id)) => (kind, id, Action::Delete { if_match }),
                None => ("", "", Action::Delete { if_match }),
            };
            let sound = primitive::is_type_name(kind) && (primitive::is_id(id) || url.contains('?'));
            if !sound {
                findings.add(at_request.field("url"), IssueKind::Value, "must be Type/id or Type?condition");
            }
            named = Some(kind.to_owned());
            (action, Some(id.to_owned()))
        }
        Some(Request::Read { url }) => {
            named = Some(String::new());
            (Action::Read { url }, Some(String::new()))
        }
        // The reason is in `findings`.
        None => (Action::Create { if_none_exist: None }, None),
    };
    if let Some(error) = findings.into_error() {
        return Err(error);
    }
    if let Some(resource_type) = named {
        let id = id.unwrap_or_default();
        let planned = Planned { action, resource_type, id, resource: Value::Null, unresolved: Vec::new() };
        return Ok(Draft { full_url: None, client_id: None, planned });
    }

    let id = id.unwrap_or_else(|| mint(&resource_type));
    if let Value::Object(fields) = &mut resource {
        fields.insert("id".to_owned(), Value::String(id.clone()));
    }
    Ok(Draft { full_url, client_id, planned: Planned { action, resource_type, id, resource, unresolved: Vec::new() } })
}

/// The supported forms of `Bundle.entry.request`.
enum Request {
    Create { url: String, if_none_exist: Option<String> },
    Update { url: String, if_match: Option<u64> },
    Delete { url: String, if_match: Option<u64> },
    Read { url: String },
}

impl Request {
    fn read(entry: &Value, at: At<'_>, findings: &mut Findings) -> Option<Self> {
        let Some(request) = entry.get("request").filter(|request| request.is_object()) else {
            findings.add(at, IssueKind::Required, "an entry must say what to do");
            return None;
        };
        for condition in ["ifNoneMatch", "ifModifiedSince"] {
            if request.get(condition).is_some() {
                findings.add(at.field(condition), IssueKind::NotSupported, "this condition is not taken");
            }
        }
        let method = read::text(request, "method").unwrap_or_default();
        let url = read::text(request, "url").unwrap_or_default().to_owned();
        let mut tagged = |name: &str| {
            let tag = request.get(name);
            let version = tag.and_then(Value::as_str).and_then(version_of);
            if tag.is_some() && version.is_none() {
                findings.add(at.field(name), IssueKind::Value, "must be W/\"version\"");
            }
            version
        };
        match method {
            "POST" => {
                let if_none_exist = read::text(request, "ifNoneExist").map(|condition| {
                    condition.rsplit_once('?').map_or(condition, |(_, condition)| condition).to_owned()
                });
                Some(Self::Create { url, if_none_exist })
            }
            "PUT" => Some(Self::Update { url, if_match: tagged("ifMatch") }),
            "DELETE" => Some(Self::Delete { url, if_match: tagged("ifMatch") }),
            "GET" => Some(Self::Read { url }),
            "HEAD" | "PATCH" => {
                findings.add(at.field("method"), IssueKind::NotSupported, "not taken in a bundle");
                None
            }
            _ => {
                findings.add(at.field("method"), IssueKind::CodeInvalid, "must be GET, POST, PUT or DELETE");
                None
            }
        }
    }
}

/// The version in a weak entity tag, `W/"3"`.
pub fn version_of(tag: &str) -> Option<u64> {
    tag.strip_prefix("W/\"")?.strip_suffix('"')?.parse().ok()
}

/// Values that must be unique in a bundle.
#[derive(Default)]
struct Seen {
    urls: HashSet<String>,
    ids: HashSet<(String, String)>,
}

impl Seen {
    fn admit(&mut self, draft: &Draft, at: At<'_>) -> Result<(), FhirError> {
        let mut findings = Findings::default();
        if let Some(url) = &draft.full_url
            && !self.urls.insert(url.clone())
        {
            findings.add(at.field("fullUrl"), IssueKind::Duplicate, "another entry has the same");
        }
        let planned = &draft.planned;
        let given = draft.client_id.as_ref().filter(|given| **given != planned.id);
        for id in given.into_iter().chain([&planned.id]).filter(|id| !id.is_empty()) {
            if !self.ids.insert((planned.resource_type.clone(), id.clone())) {
                findings.add(at.field("resource").field("id"), IssueKind::Duplicate, "another entry has the same");
            }
        }
        findings.or(())
    }
}

impl Draft {
    fn linked(self, links: &Links, at: At<'_>) -> Planned {
        let mut planned = self.planned;
        let base = self.full_url.as_deref().and_then(|url| base_of(url, &planned.resource_type));
        relink(&mut planned.resource, links, base, at, &mut planned.unresolved);
        planned
    }
}

/// The server in a `fullUrl` of the form `server/Type/id`.
fn base_of<'a>(url: &'a str, resource_type: &str) -> Option<&'a str> {
    url.rsplit_once('/')?.0.strip_suffix(resource_type)?.strip_suffix('/')
}

/// Replaces references that are keys of `moves` by their values: generated ids where a condition
/// matched an existing resource, and conditional references.
pub fn redirect(planned: &mut [Planned], moves: HashMap<String, String>) {
    if moves.is_empty() {
        return;
    }
    let links = Links { by_url: moves, by_identifier: HashMap::new() };
    for Planned { resource, unresolved, .. } in planned {
        unresolved.clear();
        relink(resource, &links, None, At::root("Resource"), unresolved);
    }
}

/// Resolutions of the links of a bundle.
struct Links {
    by_url: HashMap<String, String>,
    /// By type, system and value; `None` if several entries have the identifier.
    by_identifier: HashMap<(String, String, String), Option<String>>,
}

impl Links {
    fn between<'a>(drafts: impl Iterator<Item = &'a Draft>) -> Self {
        let mut links = Self { by_url: HashMap::new(), by_identifier: HashMap::new() };
        for draft in drafts {
            let planned = &draft.planned;
            let target = format!("{}/{}", planned.resource_type, planned.id);
            for identifier in read::items(&planned.resource, "identifier") {
                let part = |name| read::text(identifier, name).unwrap_or_default().to_owned();
                match links.by_identifier.entry((planned.resource_type.clone(), part("system"), part("value"))) {
                    Entry::Vacant(entry) => {
                        entry.insert(Some(target.clone()));
                    }
                    Entry::Occupied(mut entry) if entry.get().as_ref() != Some(&target) => {
                        entry.insert(None);
                    }
                    Entry::Occupied(_) => {}
                }
            }
            if let Some(url) = &draft.full_url {
                links.by_url.insert(url.clone(), target);
            }
        }
        links
    }

    /// Resolves a reference: by full URL, by a URL relative to that of its entry, or by
    /// identifier.
    fn resolve(&self, reference: &str, base: Option<&str>) -> Option<&str> {
        if let Some(target) = self.by_url.get(reference) {
            return Some(target);
        }
        if let Some((resource_type, query)) = reference.split_once('?') {
            let token = query.strip_prefix("identifier=").filter(|token| !token.contains('&'))?;
            let (system, value) = token.split_once('|').unwrap_or(("", token));
            return self
                .by_identifier
                .get(&(resource_type.to_owned(), system.to_owned(), value.to_owned()))?
                .as_deref();
        }
        self.by_url.get(&format!("{}/{reference}", base?)).map(String::as_str)
    }
}

fn relink(value: &mut Value, links: &Links, base: Option<&str>, at: At<'_>, unresolved: &mut Vec<Unresolved>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                relink(item, links, base, at.item(index), unresolved);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = at.field(name);
                match value {
                    Value::String(text) if name == "reference" => match links.resolve(text, base) {
                        Some(target) => *text = target.to_owned(),
                        None if text.starts_with("urn:") || text.contains('?') => {
                            unresolved.push(Unresolved { path: at.to_string(), reference: text.clone() });
                        }
                        None => {}
                    },
                    Value::String(text) if is_url(name) => {
                        if let Some(target) = links.by_url.get(text.as_str()) {
                            *text = target.clone();
                        }
                    }
                    _ => relink(value, links, base, at, unresolved),
                }
            }
        }
        _ => {}
    }
}

/// Whether an element of this name is a URL that may refer to an entry.
fn is_url(name: &str) -> bool {
    matches!(name, "url" | "uri" | "valueUrl" | "valueUri" | "valueCanonical")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    fn transaction(entries: Value) -> Result<Vec<Planned>, FhirError> {
        match plan(json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}), &mut testing::counter())?
        {
            Plan::Transaction(planned) => Ok(planned),
            Plan::Batch(_) => panic!("a transaction was asked for"),
        }
    }

    fn post(url: &str, resource: Value) -> Value {
        json!({"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}})
    }

    fn patient() -> Value {
        post("urn:uuid:p", json!({"resourceType": "Patient", "id": "p"}))
    }

    #[test]
    fn links_become_references_everywhere() {
        let planned = transaction(json!([
            patient(),
            post("urn:uuid:d", json!({"resourceType": "Practitioner", "identifier": [{"system": "urn:npi", "value": "1"}]})),
            post("urn:uuid:b", json!({"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="})),
            post("urn:uuid:x", json!({
                "resourceType": "DocumentReference", "status": "current",
                "subject": {"reference": "urn:uuid:p"},
                "author": [{"reference": "Practitioner?identifier=urn:npi|1"}, {"reference": "Practitioner?identifier=urn:npi|2"}],
                "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:p"}],
                "extension": [{"url": "http://example.org/e", "extension": [{"url": "x", "valueReference": {"reference": "urn:uuid:p"}}]}],
                "content": [{"attachment": {"url": "urn:uuid:b"}}],
                "custodian": {"reference": "urn:uuid:elsewhere"},
            })),
        ]))
        .expect("plan");
        let document = &planned[3];
        assert_eq!(document.resource["subject"]["reference"], "Patient/new-1");
        assert_eq!(document.resource["author"][0]["reference"], "Practitioner/new-2");
        assert_eq!(document.resource["extension"][0]["extension"][0]["valueReference"]["reference"], "Patient/new-1");
        assert_eq!(document.resource["content"][0]["attachment"]["url"], "Binary/new-3");
        assert_eq!(document.resource["identifier"][0]["value"], "urn:uuid:p", "an identifier is not a link");
        let left: Vec<_> = document.unresolved.iter().map(|u| (u.path.as_str(), u.reference.as_str())).collect();
        assert_eq!(
            left,
            [
                ("Bundle.entry[3].resource.author[1].reference", "Practitioner?identifier=urn:npi|2"),
                ("Bundle.entry[3].resource.custodian.reference", "urn:uuid:elsewhere"),
            ]
        );
    }

    #[test]
    fn relative_references_follow_the_full_url() {
        let planned = transaction(json!([
            post("https://his.example/fhir/Patient/7", json!({"resourceType": "Patient", "id": "7"})),
            post("https://his.example/fhir/Flag/1", json!({
                "resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": {"reference": "Patient/7"},
            })),
            post("urn:uuid:f", json!({
                "resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": {"reference": "Patient/7"},
            })),
        ]))
        .expect("plan");
        assert_eq!(planned[1].resource["subject"]["reference"], "Patient/new-1");
        assert_eq!(planned[2].resource["subject"]["reference"], "Patient/7", "that one is on this server");
    }

    #[test]
    fn nothing_is_dropped_or_rounded() {
        let text = r#"{"resourceType":"MolecularSequence","coordinateSystem":0,"quality":[
            {"type":"snp","precision":0.1000,"recall":1e-7,"fScore":123456789012345678901234567890}],"_type":{"id":"x"}}"#;
        let resource: Value = serde_json::from_str(text).expect("json");
        let mut planned = transaction(json!([post("urn:uuid:m", resource)])).expect("plan");
        let fields = planned[0].resource.as_object_mut().expect("object");
        assert_eq!(fields.remove("id"), Some(json!("new-1")));
        let quality = &fields["quality"][0];
        let digits = ["precision", "recall", "fScore"].map(|name| quality[name].to_string());
        assert_eq!(digits, ["0.1000", "1e-7", "123456789012345678901234567890"]);
        assert_eq!(fields["_type"], json!({ "id": "x" }));
        assert_eq!(fields.len(), 4);
    }

    #[test]
    fn updates_keep_their_id() {
        let put = |url: &str, if_match: &str| json!({"resource": {"resourceType": "Patient", "id": "p"}, "request": {"method": "PUT", "url": url, "ifMatch": if_match}});
        let planned = transaction(json!([put("Patient/p", "W/\"3\"")])).expect("plan");
        assert_eq!((planned[0].id.as_str(), &planned[0].action), ("p", &Action::Update { if_match: Some(3) }));
        assert!(transaction(json!([put("Patient/q", "W/\"3\"")])).is_err());
        assert!(transaction(json!([put("Patient/p", "3")])).is_err());
        let mut nameless = put("Patient/", "W/\"3\"");
        nameless["resource"] = json!({"resourceType": "Patient"});
        assert!(transaction(json!([nameless])).is_err());
    }

    #[test]
    fn refuses_a_malformed_bundle_with_the_path() {
        let refused = |bundle: Value| {
            let error = plan(bundle, &mut testing::counter()).expect_err("malformed");
            let issue = error.issues().next().expect("issue").clone();
            (issue.path, issue.kind)
        };
        let bundle = |entry: Value| json!({"resourceType": "Bundle", "type": "transaction", "entry": entry});
        let (born, observed) = (
            post("urn:uuid:p", json!({"resourceType": "Patient", "birthDate": "soon"})),
            post("urn:uuid:o", json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}})),
        );
        let with_request = |request: Value| {
            let mut entry = patient();
            entry["request"] = request;
            bundle(json!([entry]))
        };
        let cases = [
            (json!("x"), "Bundle.resourceType", IssueKind::Structure),
            (json!({"resourceType": "Bundle"}), "Bundle.type", IssueKind::Required),
            (json!({"resourceType": "Bundle", "type": "document"}), "Bundle.type", IssueKind::NotSupported),
            (bundle(json!({})), "Bundle.entry", IssueKind::Structure),
            (bundle(json!([1])), "Bundle.entry[0].request", IssueKind::Required),
            (bundle(json!([observed, born])), "Bundle.entry[1].resource.birthDate", IssueKind::Value),
            (bundle(json!([patient(), patient()])), "Bundle.entry[1].fullUrl", IssueKind::Duplicate),
            (
                with_request(json!({"method": "DELETE", "url": "Patient/p/1"})),
                "Bundle.entry[0].request.url",
                IssueKind::Value,
            ),
            (
                with_request(json!({"method": "PATCH", "url": "Patient/p"})),
                "Bundle.entry[0].request.method",
                IssueKind::NotSupported,
            ),
            (with_request(json!({"method": "post"})), "Bundle.entry[0].request.method", IssueKind::CodeInvalid),
            (
                with_request(json!({"method": "POST", "url": "Observation"})),
                "Bundle.entry[0].request.url",
                IssueKind::Value,
            ),
            (
                with_request(json!({"method": "POST", "url": "Patient", "ifNoneMatch": "*"})),
                "Bundle.entry[0].request.ifNoneMatch",
                IssueKind::NotSupported,
            ),
            (
                with_request(json!({"method": "PUT", "url": "Observation?identifier=1"})),
                "Bundle.entry[0].request.url",
                IssueKind::Value,
            ),
        ];
        for (bundle, path, kind) in cases {
            assert_eq!(refused(bundle.clone()), (path.to_owned(), kind), "{bundle}");
        }
    }

    #[test]
    fn conditions_deletions_and_reads_are_planned() {
        let observed = json!({
            "resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": "urn:uuid:p"}, "performer": [{"reference": "Practitioner?identifier=urn:npi|9"}],
        });
        let mut known = patient();
        known["request"]["ifNoneExist"] = json!("Patient?identifier=urn:x|1");
        let mut planned = transaction(json!([
            known,
            {"resource": observed, "request": {"method": "PUT", "url": "Observation?identifier=1"}},
            {"request": {"method": "DELETE", "url": "Flag/f", "ifMatch": "W/\"2\""}},
            {"request": {"method": "DELETE", "url": "Flag?identifier=1"}},
            {"request": {"method": "GET", "url": "Patient?name=x"}},
        ]))
        .expect("plan");
        let actions: Vec<_> = planned.iter().map(|planned| planned.action.clone()).collect();
        assert_eq!(
            actions,
            [
                Action::Create { if_none_exist: Some("identifier=urn:x|1".into()) },
                Action::UpdateBy { condition: "identifier=1".into(), given: None, if_match: None },
                Action::Delete { if_match: Some(2) },
                Action::DeleteBy { condition: "identifier=1".into() },
                Action::Read { url: "Patient?name=x".into() },
            ]
        );
        assert_eq!((planned[2].resource_type.as_str(), planned[2].id.as_str()), ("Flag", "f"));
        let moves = [("Patient/new-1", "Patient/old"), ("Practitioner?identifier=urn:npi|9", "Practitioner/9")];
        redirect(&mut planned, moves.map(|(from, to)| (from.to_owned(), to.to_owned())).into());
        assert_eq!(planned[1].resource["subject"]["reference"], "Patient/old");
        assert_eq!(planned[1].resource["performer"][0]["reference"], "Practitioner/9");
    }

    #[test]
    fn the_same_id_twice_is_refused() {
        let mut again = patient();
        again["fullUrl"] = json!("urn:uuid:other");
        let error = transaction(json!([patient(), again])).expect_err("duplicate");
        assert_eq!(error.issues().next().map(|i| i.path.as_str()), Some("Bundle.entry[1].resource.id"));
    }

    #[test]
    fn a_batch_fails_entry_by_entry() {
        let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [
            patient(),
            post("urn:uuid:q", json!({"resourceType": "Patient", "gender": "x"})),
        ]});
        let Ok(Plan::Batch(entries)) = plan(bundle, &mut testing::counter()) else { panic!("a batch was asked for") };
        assert!(entries[0].is_ok());
        let error = entries[1].as_ref().expect_err("faulty");
        assert_eq!(error.issues().next().map(|i| i.path.as_str()), Some("Bundle.entry[1].resource.gender"));
    }
}
