//! A hundred simulated patients by Synthea, or a fifth of them in short runs: they are imported
//! unchanged, and searches find what was sent.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
};

use serde_json::{Value, json};
use xinglin_domain::compartment::Compartments;
use xinglin_store::ResourceQuery;

use crate::support::{Client, PASSWORD, TestHospital, at_full_length, built, on_both_engines};

on_both_engines!(TestHospital: a_synthetic_population_is_imported_and_found);

/// In short runs one of this many children is imported, and every adult, as there are few.
const ONE_OF: usize = 12;

/// The bundles of the simulator.
fn bundles() -> Vec<PathBuf> {
    let lives = built("population/made-of", "cargo xtask setup");
    let list = |folder: &str| {
        let files = std::fs::read_dir(lives.with_file_name(folder).join("fhir")).expect("a folder").flatten();
        let mut files: Vec<_> = files.map(|entry| entry.path()).collect();
        files.sort();
        files
    };
    let children = list("children").into_iter().step_by(if at_full_length() { 1 } else { ONE_OF });
    list("adults").into_iter().chain(children).collect()
}

/// A resource that was sent.
struct Sent {
    /// `Type/id` on the server.
    at: String,
    /// The bundle that it came in.
    bundle: usize,
    resource: Value,
}

impl Sent {
    fn kind(&self) -> &str {
        self.resource["resourceType"].as_str().expect("a type")
    }

    /// In a compartment that is closed to readers of the record.
    fn is_closed(&self) -> bool {
        !Compartments::of(&self.resource).is_empty()
    }

    fn text(&self, pointer: &str) -> &str {
        self.resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a list of codings at this pointer contains this one.
    fn coded(&self, pointer: &str, system: &str, code: &str) -> bool {
        let codings = self.resource.pointer(pointer).and_then(Value::as_array);
        codings.into_iter().flatten().any(|coding| coding["system"] == system && coding["code"] == code)
    }

    fn has_name(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let names = self.resource["name"].as_array().into_iter().flatten();
        names.into_iter().any(|n| n["family"].as_str().is_some_and(|family| family.to_lowercase().starts_with(&name)))
    }
}

struct Population {
    tenant: String,
    archive: Client,
    sent: Vec<Sent>,
    /// Index in `sent`, by bundle and `urn:uuid:`.
    places: HashMap<(usize, String), usize>,
}

impl Population {
    /// Into an otherwise empty hospital.
    async fn import(hospital: &TestHospital) -> Self {
        let operator = &hospital.operator;
        let tenant = operator.post("/api/v1/tenants", json!({ "kind": "hospital", "name": "Archive" })).await;
        let tenant = tenant["id"].as_str().expect("an id").to_owned();
        let account = json!({ "login": "archive", "password": PASSWORD, "roles": ["administrator"] });
        operator.post(&format!("/api/v1/tenants/{tenant}/accounts"), account).await;
        let archive = operator.sign_in(Some(&tenant), "archive").await;
        let mut population = Self { tenant, archive, sent: Vec::new(), places: HashMap::new() };
        for (number, file) in bundles().into_iter().enumerate() {
            population.bring_in(number, &std::fs::read_to_string(file).expect("a bundle")).await;
        }
        population
    }

    async fn bring_in(&mut self, number: usize, bundle: &str) {
        let answer = self.archive.post_text("/fhir/R4", "application/fhir+json", bundle.to_owned()).await;
        let answer = answer.done("a bundle of Synthea");
        let mut bundle: Value = serde_json::from_str(bundle).expect("JSON");
        let entries = bundle["entry"].as_array_mut().expect("entries");
        let answers = answer["entry"].as_array().expect("answers");
        assert_eq!(entries.len(), answers.len());
        for (entry, answer) in entries.iter_mut().zip(answers) {
            assert_eq!(answer["response"]["status"], "201 Created", "{answer}");
            let location = answer["response"]["location"].as_str().expect("a location");
            let at = location.split("/_history").next().unwrap_or(location).to_owned();
            let name = entry["fullUrl"].as_str().expect("a name").to_owned();
            self.places.insert((number, name), self.sent.len());
            self.sent.push(Sent { at, bundle: number, resource: entry["resource"].take() });
        }
    }

    /// Resources of a type that readers of the record may see.
    fn all(&self, kind: &str) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.kind() == kind && !sent.is_closed())
    }

    /// The target of a reference in a sent resource.
    fn follow(&self, sent: &Sent, pointer: &str) -> Option<&Sent> {
        self.named(sent.bundle, sent.text(pointer))
    }

    /// The resource with this name in a bundle.
    fn named(&self, bundle: usize, name: &str) -> Option<&Sent> {
        self.places.get(&(bundle, name.to_owned())).map(|place| &self.sent[*place])
    }

    /// Every page of a search: matches and includes.
    async fn search(&self, query: &str) -> [BTreeSet<String>; 2] {
        let mut found = [BTreeSet::new(), BTreeSet::new()];
        let mut next = Some(format!("/fhir/R4/{query}"));
        while let Some(page) = next {
            let page = self.archive.get(page.strip_prefix(self.archive.base()).unwrap_or(&page)).await;
            for entry in page["entry"].as_array().into_iter().flatten() {
                let resource = &entry["resource"];
                let at = [&resource["resourceType"], &resource["id"]].map(|part| part.as_str().expect("a text"));
                let new = found[usize::from(entry["search"]["mode"] == "include")].insert(at.join("/"));
                assert!(new || entry["search"]["mode"] == "include", "{query}: twice {at:?}");
            }
            let mut links = page["link"].as_array().into_iter().flatten();
            next = links.find(|link| link["relation"] == "next").and_then(|l| l["url"].as_str()).map(str::to_owned);
        }
        found
    }

    /// The search finds exactly these of its type, some but not all, and counts them.
    async fn finds(&self, query: &str, wanted: impl Fn(&Sent) -> bool) {
        let kind = query.split('?').next().unwrap_or(query);
        let expected: BTreeSet<String> = self.all(kind).filter(|s| wanted(s)).map(|s| s.at.clone()).collect();
        assert!(!expected.is_empty() && expected.len() < self.all(kind).count(), "{query} tells nothing apart");
        let [found, _] = self.search(&format!("{query}&_count=500")).await;
        assert_eq!(found.len(), expected.len(), "{query}");
        assert!(found == expected, "{query}: others were found");
        let counted = self.archive.get(&format!("/fhir/R4/{query}&_summary=count")).await;
        assert_eq!(counted["total"], expected.len(), "{query}");
    }

    /// The search includes these with its matches.
    async fn brings(&self, query: &str, expected: BTreeSet<String>) {
        assert!(!expected.is_empty(), "{query} brings nothing");
        let [found, with] = self.search(&format!("{query}&_count=500")).await;
        assert!(!found.is_empty(), "{query}");
        assert_eq!(with, expected, "{query}");
    }
}

async fn a_synthetic_population_is_imported_and_found(hospital: TestHospital) {
    let population = Population::import(&hospital).await;
    hospital.hospital.store().refresh_statistics().await.expect("counted");
    let mut counts = BTreeMap::<&str, usize>::new();
    for sent in &population.sent {
        *counts.entry(sent.kind()).or_default() += 1;
    }
    let lives = if at_full_length() { 100 } else { 12 };
    assert!(counts["Patient"] >= lives && counts.len() >= 20, "{counts:?}");
    let tenant = population.tenant.parse().expect("a tenant");
    for (kind, count) in &counts {
        let query = ResourceQuery { kind: (*kind).into(), ..ResourceQuery::default() };
        let stored = hospital.hospital.store().tenant(tenant).count_resources(&query).await.expect("a count");
        assert_eq!(usize::try_from(stored), Ok(*count), "{kind}");
        let counted = population.archive.get(&format!("/fhir/R4/{kind}?_summary=count")).await;
        assert_eq!(counted["total"], population.all(kind).count(), "{kind}");
    }
    let closed = population.sent.iter().filter(|sent| sent.is_closed()).count();
    assert!((1..population.sent.len() / 50).contains(&closed), "{closed} in restricted compartments");

    what_was_sent_comes_back(&population).await;
    codes_and_dates(&population).await;
    through_references(&population).await;
    what_comes_along(&population).await;
}

/// Every member is unchanged, except references, which now point to resources of the server.
async fn what_was_sent_comes_back(population: &Population) {
    let mut seen = BTreeSet::new();
    for sent in population.sent.iter().filter(|sent| !sent.is_closed() && seen.insert(sent.kind())) {
        let mut read = population.archive.get(&format!("/fhir/R4/{}", sent.at)).await;
        let mut expected = sent.resource.clone();
        let at = |name: &str| population.named(sent.bundle, name).map(|target| target.at.clone());
        resolve(&mut expected, &at);
        for document in [&mut read, &mut expected] {
            let document = document.as_object_mut().expect("a resource");
            document.remove("id");
            let profiles = document.remove("meta").and_then(|mut meta| meta.get_mut("profile").map(Value::take));
            document.extend(profiles.map(|profiles| ("profiles".to_owned(), profiles)));
        }
        assert_eq!(read, expected, "{}", sent.at);
    }
}

fn resolve(value: &mut Value, at: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                match inner.as_str().filter(|_| name == "reference").and_then(at) {
                    Some(known) => *inner = Value::String(known),
                    None => resolve(inner, at),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, at)),
        _ => {}
    }
}

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
/// Otitis media, which some children have had.
const OTITIS: &str = "65363002";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";

async fn codes_and_dates(p: &Population) {
    let weight = |s: &Sent| s.coded("/code/coding", LOINC, "29463-7");
    p.finds("Observation?code=http://loinc.org|29463-7", weight).await;
    p.finds("Observation?code=29463-7", weight).await;
    p.finds("Patient?gender=female", |s| s.text("/gender") == "female").await;
    p.finds("Patient?birthdate=lt2020-01-01", |s| s.text("/birthDate") < "2020-01-01").await;
    let family = p.all("Patient").next().expect("a patient").text("/name/0/family").to_owned();
    p.finds(&format!("Patient?family={family}"), |s| s.has_name(&family)).await;
    p.finds("Condition?clinical-status=resolved", |s| s.text("/clinicalStatus/coding/0/code") == "resolved").await;
    p.finds("Encounter?class=EMER", |s| s.text("/class/code") == "EMER").await;
    p.finds("Encounter?date=ge2025-01-01T00:00:00Z&date=lt2025-07-01T00:00:00Z", |s| {
        // A period without an end continues.
        let end = s.text("/period/end");
        (end.is_empty() || end >= "2025-01-01") && s.text("/period/start") < "2025-07-01"
    })
    .await;
    p.finds("Observation?date=ge2025-03-01T00:00:00Z&date=lt2025-03-15T00:00:00Z", |s| {
        ("2025-03-01".."2025-03-15").contains(&s.text("/effectiveDateTime"))
    })
    .await;
    p.finds("Immunization?vaccine-code=http://hl7.org/fhir/sid/cvx|10,http://hl7.org/fhir/sid/cvx|140", |s| {
        ["10", "140"].iter().any(|code| s.coded("/vaccineCode/coding", CVX, code))
    })
    .await;
    p.finds("Immunization?date=lt2010-01-01T00:00:00Z", |s| s.text("/occurrenceDateTime") < "2010-01-01").await;
    // A day is that of the hospital, in Shanghai.
    p.finds("Claim?created=ge2025-06-01", |s| s.text("/created") >= "2025-05-31T16").await;
}

async fn through_references(p: &Population) {
    let of_a_girl = |s: &Sent| p.follow(s, "/subject/reference").is_some_and(|of| of.text("/gender") == "female");
    p.finds("Observation?code=29463-7&subject:Patient.gender=female", |s| {
        s.coded("/code/coding", LOINC, "29463-7") && of_a_girl(s)
    })
    .await;
    p.finds("Condition?patient.birthdate=lt2010-01-01", |s| {
        p.follow(s, "/subject/reference").is_some_and(|of| of.text("/birthDate") < "2010-01-01")
    })
    .await;
    let patient = p.all("Patient").nth(7).expect("patients");
    let theirs = |s: &Sent, pointer: &str| p.follow(s, pointer).is_some_and(|of| of.at == patient.at);
    p.finds(&format!("Encounter?patient={}", patient.at), |s| theirs(s, "/subject/reference")).await;
    p.finds(&format!("ExplanationOfBenefit?patient={}", patient.at), |s| theirs(s, "/patient/reference")).await;
    let diagnosed: BTreeSet<&str> = p
        .all("Condition")
        .filter(|s| s.coded("/code/coding", SNOMED, OTITIS))
        .filter_map(|s| p.follow(s, "/subject/reference"))
        .map(|of| of.at.as_str())
        .collect();
    p.finds(&format!("Patient?_has:Condition:patient:code={OTITIS}"), |s| diagnosed.contains(s.at.as_str())).await;
    let medicated: BTreeSet<&str> =
        p.all("MedicationRequest").filter_map(|s| p.follow(s, "/encounter/reference")).map(|e| e.at.as_str()).collect();
    p.finds("Encounter?_has:MedicationRequest:encounter:intent=order", |s| medicated.contains(s.at.as_str())).await;
}

async fn what_comes_along(p: &Population) {
    let visited = p.all("MedicationRequest").filter_map(|s| p.follow(s, "/encounter/reference"));
    let visited = visited.filter(|visit| !visit.is_closed()).map(|visit| visit.at.clone()).collect();
    p.brings("MedicationRequest?intent=order&_include=MedicationRequest:encounter", visited).await;
    let patient = p.all("Patient").last().expect("a patient");
    let id = patient.at.rsplit('/').next().expect("an id");
    let shots =
        p.all("Immunization").filter(|s| p.follow(s, "/patient/reference").is_some_and(|of| of.at == patient.at));
    let shots = shots.map(|shot| shot.at.clone()).collect();
    p.brings(&format!("Patient?_id={id}&_revinclude=Immunization:patient"), shots).await;
    let results = |report: &Sent| {
        let results = report.resource["result"].as_array().into_iter().flatten();
        let targets = results.filter_map(|result| p.named(report.bundle, result["reference"].as_str()?));
        targets.filter(|target| !target.is_closed()).map(|target| target.at.clone()).collect::<Vec<_>>()
    };
    let theirs = |s: &&Sent| p.follow(s, "/subject/reference").is_some_and(|of| of.at == patient.at);
    let measured = p.all("DiagnosticReport").filter(theirs).flat_map(results).collect();
    let query = format!("DiagnosticReport?patient={id}&_include=DiagnosticReport:result");
    p.brings(&query, measured).await;
}
