//! `/fhir/R4` for FHIR clients: searches, pages, conditions, patches, bundles.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use xinglin_store::testing::tamper;

use crate::support::{Client, Clinic, Person, TestHospital, clinic::id, http, on_both_engines};

on_both_engines!(
    TestHospital:
    every_type_of_search_parameter_matches,
    unknown_parameters_are_ignored_or_refused,
    paging_is_stable_during_writes,
    a_page_link_is_bound_to_its_caller,
    conditional_requests_hold,
    concurrent_conditional_creates_create_once,
    a_deleted_resource_is_gone_and_its_history_kept,
    patches_form_bodies_and_headers,
    a_bundle_supports_every_interaction,
    everything_of_a_patient_and_of_a_visit,
    a_patient_reads_no_other_record,
    the_capability_statement_matches_behaviour,
    resources_of_an_earlier_release_are_indexed,
);

const LOINC: &str = "http://loinc.org";

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("a text")).unwrap_or_default()
    }

    fn code(&self) -> &str {
        self.body.pointer("/issue/0/details/coding/0/code").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A request to `/fhir/R4` with these headers.
async fn ask(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<String>) -> Reply {
    let url = match path.starts_with("http") {
        true => path.to_owned(),
        false => format!("{}/fhir/R4{path}", client.base()),
    };
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request =
        http().build().expect("a client").request(method, url).bearer_auth(client.token()).body(body.into());
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/fhir+json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("a whole answer");
    Reply { status, headers, body: serde_json::from_str(&text).unwrap_or_default() }
}

async fn read(client: &Client, path: &str) -> Value {
    let reply = ask(client, "GET", path, &[], "").await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.body
}

/// Ids of the matches of a search, in order.
fn found(bundle: &Value, mode: &str) -> Vec<String> {
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted = entries.iter().filter(|entry| entry["search"]["mode"] == mode);
    wanted.map(|entry| entry["resource"]["id"].as_str().unwrap_or_default().to_owned()).collect()
}

fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array()?;
    links.iter().find(|link| link["relation"] == relation)?["url"].as_str().map(str::to_owned)
}

/// All pages from this one.
async fn walk(client: &Client, first: &str) -> Vec<Value> {
    let mut pages = vec![read(client, first).await];
    while let Some(next) = pages.last().and_then(|page| link(page, "next")) {
        pages.push(read(client, &next).await);
        assert!(pages.len() < 100, "there is an end");
    }
    pages
}

fn person(family: &str, given: &str, born: &str, mrn: &str) -> Value {
    json!({
        "resourceType": "Patient", "birthDate": born, "gender": "female", "active": true,
        "name": [{ "family": family, "given": [given] }], "identifier": [{ "system": "urn:mrn", "value": mrn }],
        "telecom": [{ "system": "phone", "value": format!("138{mrn}") }],
    })
}

fn measured(patient: &str, on: &str, value: &str) -> Value {
    let value: Value = serde_json::from_str(value).expect("a number");
    json!({
        "resourceType": "Observation", "status": "final", "subject": { "reference": format!("Patient/{patient}") },
        "code": { "coding": [{ "system": LOINC, "code": "2339-0" }] }, "effectiveDateTime": on,
        "category": [{ "coding": [{ "system": "urn:category", "code": "laboratory" }] }],
        "valueQuantity": { "value": value, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL" },
    })
}

/// Two patients, with measurements of three days each.
struct Ward {
    clinic: Clinic,
    patients: Vec<String>,
    observations: Vec<String>,
}

async fn ward(hospital: &TestHospital) -> Ward {
    let clinic = hospital.clinic(&[]).await;
    let people = [person("Zhang", "San", "1980-05-01", "1001"), person("ZHAO", "Si", "1990-06-02", "1002")];
    let ids = |locations: Vec<String>| locations.iter().map(|location| id(location).to_owned()).collect::<Vec<_>>();
    let patients = ids(clinic.import(&people).await);
    let days = ["2026-01-01T08:00:00Z", "2026-01-02T08:00:00Z", "2026-01-03T08:00:00Z"];
    let values = ["100", "110.5", "120"];
    let all: Vec<Value> = patients
        .iter()
        .flat_map(|patient| days.iter().zip(values).map(|(day, value)| measured(patient, day, value)))
        .collect();
    let observations = ids(clinic.import(&all).await);
    Ward { clinic, patients, observations }
}

async fn every_type_of_search_parameter_matches(hospital: TestHospital) {
    let Ward { clinic, patients, observations } = ward(&hospital).await;
    let (zhang, zhao) = (patients[0].as_str(), patients[1].as_str());
    let practitioner = json!({ "resourceType": "Practitioner", "name": [{ "family": "Wang" }] });
    let practitioner = id(&clinic.import(&[practitioner]).await[0]).to_owned();
    let flag = json!({
        "resourceType": "Flag", "status": "active", "code": { "text": "x" },
        "subject": { "reference": format!("Patient/{zhao}") }, "author": { "reference": format!("Practitioner/{practitioner}") },
        "meta": { "tag": [{ "system": "urn:tag", "code": "blue" }] },
    });
    let flag = id(&clinic.import(&[flag]).await[0]).to_owned();
    let (first, second) = (&observations[..3], &observations[3..]);
    let of = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    let one = |id: &str| BTreeSet::from([id.to_owned()]);
    let none = BTreeSet::new;
    let both = || of(&patients);
    let cases: Vec<(String, BTreeSet<String>)> = vec![
        ("Patient?family=zhang".into(), one(zhang)),
        ("Patient?name=zha&_id=".to_owned() + zhang, one(zhang)),
        ("Patient?name=ZHA".into(), both()),
        ("Patient?name=ang".into(), none()),
        ("Patient?name:contains=hA".into(), both()),
        ("Patient?name:exact=ZHAO".into(), one(zhao)),
        ("Patient?name:exact=Zhao".into(), none()),
        ("Patient?name=zhang,zhao".into(), both()),
        ("Patient?family=zhang&given=san".into(), one(zhang)),
        ("Patient?family=zhang&given=si".into(), none()),
        ("Patient?identifier=urn:mrn|1002".into(), one(zhao)),
        ("Patient?identifier=1002".into(), one(zhao)),
        ("Patient?identifier=|1002".into(), none()),
        ("Patient?identifier=urn:mrn|".into(), both()),
        ("Patient?identifier=urn:mrn|1001,urn:mrn|1002".into(), both()),
        ("Patient?phone=1381001".into(), one(zhang)),
        ("Patient?email=1381001".into(), none()),
        ("Patient?birthdate=1980".into(), one(zhang)),
        ("Patient?birthdate=1980-05-01".into(), one(zhang)),
        ("Patient?birthdate=1980-05-02".into(), none()),
        ("Patient?identifier=urn:mrn|&birthdate=gt1985".into(), one(zhao)),
        ("Patient?identifier=urn:mrn|&birthdate=le1980-05-01".into(), one(zhang)),
        ("Patient?identifier=urn:mrn|&birthdate=ne1980".into(), one(zhao)),
        ("Patient?identifier:missing=false".into(), both()),
        ("Patient?identifier:missing=true".into(), one(&clinic.subject)),
        ("Patient?birthdate:missing=true".into(), none()),
        ("Patient?identifier:not=urn:mrn|1001&name=zha".into(), one(zhao)),
        ("Patient?gender=male".into(), none()),
        ("Patient?active=true&name=zha".into(), both()),
        (format!("Patient?_id={zhang},{zhao},nobody"), both()),
        (format!("Observation?patient={zhang}&code=2339-0"), of(first)),
        (format!("Observation?subject=Patient/{zhang}&code={LOINC}|2339-0"), of(first)),
        (format!("Observation?subject:Patient={zhao}"), of(second)),
        (format!("Observation?patient={zhang}&date=2026-01-02"), one(&first[1])),
        (format!("Observation?patient={zhang}&date=ge2026-01-02"), of(&first[1..])),
        (format!("Observation?patient={zhang}&date=gt2026-01-01&date=lt2026-01-03"), one(&first[1])),
        (format!("Observation?patient={zhang}&value-quantity=110.5"), one(&first[1])),
        (format!("Observation?patient={zhang}&value-quantity=110"), none()),
        (format!("Observation?patient={zhang}&value-quantity=gt110.4||mg/dL"), of(&first[1..])),
        (format!("Observation?patient={zhang}&value-quantity=lt110.5|http://unitsofmeasure.org|mg/dL"), one(&first[0])),
        (format!("Observation?patient={zhang}&value-quantity=ge100||g"), none()),
        ("Observation?code=2339-0&value-quantity=ge120".into(), [&first[2], &second[2]].into_iter().cloned().collect()),
        ("Observation?code=2339-0&status=final,amended".into(), of(&observations)),
        ("Observation?category=urn:category|laboratory&status=final&code=2339-0".into(), of(&observations)),
        ("Observation?subject:Patient.name=zhang".into(), of(first)),
        ("Observation?patient.identifier=urn:mrn|1002".into(), of(second)),
        ("Observation?patient.identifier=urn:mrn|1002&date=2026-01-03".into(), one(&second[2])),
        ("Patient?_has:Observation:patient:value-quantity=gt115".into(), both()),
        ("Patient?_has:Observation:patient:code=2339-0&name=zhao".into(), one(zhao)),
        ("Patient?_has:Flag:patient:author.name=wang".into(), one(zhao)),
        ("Flag?author:Practitioner.family=wang".into(), one(&flag)),
        (format!("Flag?author=Practitioner/{practitioner}&_tag=blue"), one(&flag)),
        ("Flag?_tag=urn:tag|red".into(), none()),
        ("Flag?_lastUpdated=gt2020".into(), one(&flag)),
        ("Flag?_lastUpdated=lt2020".into(), none()),
    ];
    for (query, wanted) in cases {
        let bundle = read(&clinic.doctor, &format!("/{query}&_count=500")).await;
        assert_eq!(found(&bundle, "match").into_iter().collect::<BTreeSet<_>>(), wanted, "{query}");
        assert_eq!(bundle["total"], wanted.len(), "{query}");
        let counted = read(&clinic.doctor, &format!("/{query}&_summary=count")).await;
        assert_eq!((&counted["total"], counted.get("entry")), (&json!(wanted.len()), None), "{query}");
    }

    // Sort orders.
    for (sort, wanted) in [
        ("date", [0, 1, 2]),
        ("-date", [2, 1, 0]),
        ("-value-quantity", [2, 1, 0]),
        ("status,-date", [2, 1, 0]),
        ("-status,date", [0, 1, 2]),
    ] {
        let path = format!("/Observation?patient={zhang}&_sort={sort}&_count=2");
        let pages = walk(&clinic.doctor, &path).await;
        let all: Vec<String> = pages.iter().flat_map(|page| found(page, "match")).collect();
        assert_eq!(all, wanted.map(|place| first[place].clone()), "{sort}");
    }

    // Includes.
    let included = read(&clinic.doctor, "/Flag?_tag=blue&_include=Flag:author&_include=Flag:subject:Patient").await;
    assert_eq!((found(&included, "match"), &included["total"]), (vec![flag.clone()], &json!(1)));
    assert_eq!(
        found(&included, "include").into_iter().collect::<BTreeSet<_>>(),
        of(&[practitioner.clone(), zhao.into()])
    );
    let all = read(&clinic.doctor, "/Flag?_tag=blue&_include=Flag:*").await;
    assert_eq!(found(&all, "include").len(), 2);
    let reverse = read(&clinic.doctor, &format!("/Patient?_id={zhang}&_revinclude=Observation:patient")).await;
    assert_eq!(found(&reverse, "include").into_iter().collect::<BTreeSet<_>>(), of(first));
    assert_eq!(reverse["entry"][0]["fullUrl"], format!("{}/fhir/R4/Patient/{zhang}", clinic.doctor.base()));

    // Elements.
    let little = read(&clinic.doctor, &format!("/Patient?_id={zhang}&_elements=name")).await;
    let resource = &little["entry"][0]["resource"];
    assert_eq!((&resource["name"][0]["family"], resource.get("gender")), (&json!("Zhang"), None));
    assert_eq!(resource["meta"]["tag"][0]["code"], "SUBSETTED");
    let uncounted = read(&clinic.doctor, "/Patient?_total=none").await;
    assert_eq!(uncounted.get("total"), None);
    // The total is given if all matches fit on the page; else if it is requested.
    let all = read(&clinic.doctor, "/Patient").await["total"].clone();
    assert!(all.as_u64() > Some(1), "{all}");
    for (asked, told) in [("", None), ("&_total=estimate", Some(&all)), ("&_total=accurate", Some(&all))] {
        let page = read(&clinic.doctor, &format!("/Patient?_count=1{asked}")).await;
        assert_eq!(page.get("total"), told, "{asked}");
    }
}

async fn unknown_parameters_are_ignored_or_refused(hospital: TestHospital) {
    let Ward { clinic, .. } = ward(&hospital).await;
    let lenient = read(&clinic.doctor, "/Patient?name=zhang&colour=red&_format=json").await;
    assert_eq!(lenient["total"], 1);
    assert_eq!(link(&lenient, "self"), Some(format!("{}/fhir/R4/Patient?name=zhang", clinic.doctor.base())));
    let strict =
        ask(&clinic.doctor, "GET", "/Patient?name=zhang&colour=red", &[("prefer", "handling=strict")], "").await;
    assert_eq!((strict.status.as_u16(), strict.code()), (400, "BODY_INVALID"));
    assert_eq!(strict.body["issue"][0]["expression"][0], "http.colour");
    for query in ["name:text=x", "gender:in=x", "birthdate=soon", "_sort=colour", "_include=Patient:colour", "_count=x"]
    {
        let refused = ask(&clinic.doctor, "GET", &format!("/Patient?{query}"), &[], "").await;
        assert_eq!(refused.status, 400, "{query}");
        let name = query.split('=').next().expect("a name");
        assert_eq!(refused.body["issue"][0]["expression"][0], format!("http.{name}"), "{}", refused.body);
    }
}

async fn paging_is_stable_during_writes(hospital: TestHospital) {
    let Ward { clinic, patients, .. } = ward(&hospital).await;
    let patient = patients[0].as_str();
    let more: Vec<Value> =
        (1..=23).map(|day| measured(patient, &format!("2025-03-{day:02}T08:00:00Z"), &day.to_string())).collect();
    let kept: BTreeSet<String> = clinic.import(&more).await.iter().map(|location| id(location).to_owned()).collect();
    for order in ["", "&_sort=date", "&_sort=-_lastUpdated,value-quantity", "&_sort=_id"] {
        let mut page = read(&clinic.doctor, &format!("/Observation?patient={patient}&date=2025&_count=4{order}")).await;
        let (mut all, mut day) = (Vec::new(), 0);
        loop {
            all.extend(found(&page, "match"));
            let Some(next) = link(&page, "next") else { break };
            // Before the rows already read, after them, and between them.
            day += 1;
            if day > 5 {
                page = read(&clinic.doctor, &next).await;
                continue;
            }
            let written = [format!("2025-01-{day:02}"), format!("2025-12-{day:02}"), format!("2025-03-{day:02}")];
            let added: Vec<Value> =
                written.iter().map(|day| measured(patient, &format!("{day}T23:00:00Z"), "5")).collect();
            clinic.import(&added).await;
            assert!(!next.contains(patient), "it is opaque: {next}");
            page = read(&clinic.doctor, &next).await;
        }
        let distinct: BTreeSet<String> = all.iter().cloned().collect();
        assert_eq!(distinct.len(), all.len(), "nothing comes twice: {order}");
        assert!(distinct.is_superset(&kept), "nothing that was there is passed over: {order}");
    }
}

async fn a_page_link_is_bound_to_its_caller(hospital: TestHospital) {
    let Ward { clinic, patients, .. } = ward(&hospital).await;
    let theirs = hospital.clinic(&[]).await;
    let search = read(&clinic.doctor, "/Observation?code=2339-0&_count=1").await;
    let everything = read(&clinic.doctor, &format!("/Patient/{}/$everything?_count=1", patients[0])).await;
    for (page, elsewhere) in [(search, "Patient"), (everything, "Observation")] {
        let next = link(&page, "next").expect("a next page");
        assert_eq!(ask(&clinic.doctor, "GET", &next, &[], "").await.status, 200);
        // Other accounts of this hospital, and accounts of the other one.
        for other in [&clinic.pharmacist, &clinic.patient, &theirs.doctor, &theirs.administrator, &theirs.patient] {
            let refused = ask(other, "GET", &next, &[], "").await;
            assert!(refused.status.is_client_error(), "{next}: {}", refused.body);
            assert!(!refused.body.to_string().contains("2339-0"));
        }
        let (path, ticket) = next.split_once("_page=").expect("a ticket");
        let bent = |at: usize| {
            let mut bytes = ticket.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).expect("letters")
        };
        for at in [0, 10, 30, ticket.len() / 2, ticket.len() - 2] {
            let refused = ask(&clinic.doctor, "GET", &format!("{path}_page={}", bent(at)), &[], "").await;
            assert_eq!((refused.status.as_u16(), refused.code()), (400, "BODY_INVALID"), "{at}");
        }
        let refused = ask(&clinic.doctor, "GET", &format!("/{elsewhere}?_page={ticket}"), &[], "").await;
        assert_eq!(refused.status, 400, "a page of another list");
    }
}

async fn conditional_requests_hold(hospital: TestHospital) {
    let Ward { clinic, patients, .. } = ward(&hospital).await;
    let administrator = &clinic.administrator;
    let known = person("Zhang", "San", "1980-05-01", "1001").to_string();
    let create = async |condition: &str, body: &str| {
        ask(administrator, "POST", "/Patient", &[("if-none-exist", condition)], body).await
    };
    let there = create("identifier=urn:mrn|1001", &known).await;
    assert_eq!((there.status.as_u16(), &there.body["id"]), (200, &json!(patients[0])));
    let new = create("identifier=urn:mrn|1003", &person("Qian", "Wu", "1970", "1003").to_string()).await;
    assert_eq!(new.status, 201);
    assert_eq!(
        new.header("location"),
        format!("{}/fhir/R4/Patient/{}/_history/1", administrator.base(), new.body["id"].as_str().expect("an id"))
    );
    assert_eq!(create("name=zha", &known).await.code(), "PRECONDITION_FAILED");
    assert_eq!(create("name=zha", &known).await.status, 412);
    assert_eq!(create("colour=red", &known).await.status, 400);
    assert_eq!(create("_count=1", &known).await.status, 412, "it says nothing");

    let mut changed = person("Zhang", "San", "1980-05-02", "1001");
    let update = async |query: &str, body: &Value| {
        ask(administrator, "PUT", &format!("/Patient?{query}"), &[], body.to_string()).await
    };
    let updated = update("identifier=urn:mrn|1001", &changed).await;
    assert_eq!((updated.status.as_u16(), updated.header("etag")), (200, "W/\"2\""));
    assert_eq!((&updated.body["id"], &updated.body["birthDate"]), (&json!(patients[0]), &json!("1980-05-02")));
    assert_eq!(update("name=zha", &changed).await.status, 412);
    let created = update("identifier=urn:mrn|1004", &person("Sun", "Liu", "1960", "1004")).await;
    assert_eq!(created.status, 201);
    changed["id"] = json!(patients[1]);
    assert_eq!(update("identifier=urn:mrn|1001", &changed).await.status, 422, "another id");

    // One of two writers that read the same version.
    let path = format!("/Patient/{}", patients[0]);
    let mut current = read(administrator, &path).await;
    current["gender"] = json!("unknown");
    let over = async |tag: &str| ask(administrator, "PUT", &path, &[("if-match", tag)], current.to_string()).await;
    let stale = over("W/\"1\"").await;
    assert_eq!((stale.status.as_u16(), stale.code()), (412, "PRECONDITION_FAILED"));
    assert_eq!(over("W/\"2\"").await.header("etag"), "W/\"3\"");
    assert_eq!(over("W/\"2\"").await.status, 412);
    assert_eq!(over("three").await.status, 400);
    // None of this is allowed to readers.
    for client in [&clinic.doctor, &clinic.patient] {
        for (method, path) in
            [("PUT", "/Patient?identifier=1"), ("DELETE", "/Patient?identifier=1"), ("DELETE", path.as_str())]
        {
            assert_eq!(ask(client, method, path, &[], known.as_str()).await.status, 403, "{method} {path}");
        }
    }
}

async fn concurrent_conditional_creates_create_once(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let client = clinic.administrator.clone();
            tokio::spawn(async move {
                let body = person("Li", "Lei", "1999", "2001").to_string();
                ask(&client, "POST", "/Patient", &[("if-none-exist", "identifier=urn:mrn|2001")], body).await
            })
        })
        .collect();
    let (mut created, mut ids) = (0, BTreeSet::new());
    for reply in tries {
        let reply = reply.await.expect("an answer");
        created += usize::from(reply.status == 201);
        ids.insert(reply.body["id"].to_string());
    }
    assert_eq!((created, ids.len()), (1, 1), "{ids:?}");
}

async fn a_deleted_resource_is_gone_and_its_history_kept(hospital: TestHospital) {
    let Ward { clinic, patients, observations } = ward(&hospital).await;
    let administrator = &clinic.administrator;
    let path = format!("/Observation/{}", observations[0]);
    assert_eq!(ask(administrator, "DELETE", &path, &[("if-match", "W/\"9\"")], "").await.status, 412);
    assert_eq!(ask(administrator, "DELETE", &path, &[], "").await.status, 204);
    assert_eq!(ask(administrator, "DELETE", &path, &[], "").await.status, 204, "gone already");
    assert_eq!(ask(administrator, "DELETE", "/Observation/never-was", &[], "").await.status, 204);
    let gone = ask(&clinic.doctor, "GET", &path, &[], "").await;
    assert_eq!(
        (gone.status.as_u16(), gone.code(), &gone.body["issue"][0]["code"]),
        (410, "DELETED", &json!("deleted"))
    );
    assert_eq!(ask(&clinic.doctor, "GET", &format!("{path}/_history/2"), &[], "").await.status, 410);
    assert_eq!(ask(&clinic.doctor, "GET", &format!("{path}/_history/1"), &[], "").await.status, 200);
    // A caller without access does not learn that it existed.
    assert_eq!(ask(&clinic.patient, "GET", &path, &[], "").await.status, 404);
    let history = read(&clinic.doctor, &format!("{path}/_history")).await;
    assert_eq!((&history["total"], &history["entry"][0]["request"]["method"]), (&json!(2), &json!("DELETE")));
    let left = read(&clinic.doctor, &format!("/Observation?patient={}", patients[0])).await;
    assert_eq!(left["total"], 2);
    let again = ask(administrator, "PUT", &path, &[], {
        let mut back = measured(&patients[0], "2026-01-01", "7");
        back["id"] = json!(observations[0]);
        back.to_string()
    });
    assert_eq!(again.await.header("etag"), "W/\"3\"");
    assert_eq!(read(&clinic.doctor, &format!("/Observation?patient={}", patients[0])).await["total"], 3);

    let by = async |query: &str| ask(administrator, "DELETE", &format!("/Observation?{query}"), &[], "").await;
    assert_eq!(by(&format!("patient={}", patients[0])).await.status, 412, "there are several");
    assert_eq!(by("").await.status, 412);
    assert_eq!(by("colour=red").await.status, 400);
    assert_eq!(by(&format!("patient={}&date=2026-01-02", patients[0])).await.status, 204);
    assert_eq!(by(&format!("patient={}&date=2026-01-02", patients[0])).await.status, 204, "nothing is left of it");
    assert_eq!(read(&clinic.doctor, &format!("/Observation?patient={}", patients[0])).await["total"], 2);

    // A Patient with a record cannot be deleted; one without can.
    let kept = ask(administrator, "DELETE", &format!("/Patient/{}", patients[0]), &[], "").await;
    assert_eq!((kept.status.as_u16(), kept.code()), (409, "RETENTION_HOLD"));
    let bare = id(&clinic.import(&[person("Zhou", "Qi", "2000", "1009")]).await[0]).to_owned();
    assert_eq!(ask(administrator, "DELETE", &format!("/Patient/{bare}"), &[], "").await.status, 204);
    // Resources of the hospital's own acts cannot be deleted.
    let visit = clinic.visit().await;
    assert_eq!(ask(administrator, "DELETE", &format!("/Encounter/{visit}"), &[], "").await.code(), "FHIR_INVALID");
}

async fn patches_form_bodies_and_headers(hospital: TestHospital) {
    let Ward { clinic, patients, .. } = ward(&hospital).await;
    let administrator = &clinic.administrator;
    let path = format!("/Patient/{}", patients[0]);
    let json_patch = ("content-type", "application/json-patch+json");
    let patch = async |headers: &[(&str, &str)], patch: Value| {
        ask(administrator, "PATCH", &path, headers, patch.to_string()).await
    };
    let gender = json!([{ "op": "test", "path": "/gender", "value": "female" }, { "op": "replace", "path": "/gender", "value": "male" }]);
    assert_eq!(patch(&[json_patch, ("if-match", "W/\"7\"")], gender.clone()).await.status, 412);
    let patched = patch(&[json_patch, ("if-match", "W/\"1\"")], gender.clone()).await;
    assert_eq!(
        (patched.status.as_u16(), &patched.body["gender"], patched.header("etag")),
        (200, &json!("male"), "W/\"2\"")
    );
    assert_eq!(patch(&[json_patch], gender.clone()).await.status, 422, "the test does not hold any more");
    assert_eq!(patch(&[json_patch], json!([{ "op": "replace", "path": "/gender", "value": "m" }])).await.status, 422);
    assert_eq!(patch(&[json_patch], json!([{ "op": "replace", "path": "/id", "value": "x" }])).await.status, 422);
    assert_eq!(patch(&[json_patch], json!([{ "op": "colour" }])).await.status, 400);
    assert_eq!(patch(&[], gender.clone()).await.status, 415);
    assert_eq!(ask(&clinic.doctor, "PATCH", &path, &[json_patch], gender.to_string()).await.status, 403);
    assert_eq!(read(&clinic.doctor, "/Patient?gender=male").await["total"], 1);

    let form = ("content-type", "application/x-www-form-urlencoded");
    let posted = ask(&clinic.doctor, "POST", "/Patient/_search?_count=1", &[form], "name=zha&_sort=family").await;
    assert_eq!((posted.status.as_u16(), found(&posted.body, "match")), (200, vec![patients[0].clone()]));
    let next = link(&posted.body, "next").expect("a next page");
    assert_eq!(found(&read(&clinic.doctor, &next).await, "match"), [patients[1].clone()]);

    let head = ask(&clinic.doctor, "HEAD", &path, &[], "").await;
    assert_eq!((head.status.as_u16(), head.header("etag")), (200, "W/\"2\""));
    assert!(head.header("last-modified").ends_with(" GMT"), "{:?}", head.headers);
    assert_eq!(ask(&clinic.doctor, "GET", &path, &[("if-none-match", "W/\"2\"")], "").await.status, 304);
    for (asked, status) in [
        ("?_format=json", 200),
        ("?_format=application/fhir%2Bjson", 200),
        ("?_format=application/fhir+json", 200),
        ("?_format=xml", 406),
    ] {
        assert_eq!(ask(&clinic.doctor, "GET", &format!("{path}{asked}"), &[], "").await.status, status, "{asked}");
    }
    let xml = [("accept", "application/fhir+xml")];
    assert_eq!(ask(&clinic.doctor, "GET", &path, &xml, "").await.status, 406);
    let either = [("accept", "application/fhir+xml, application/fhir+json;q=0.9")];
    assert_eq!(ask(&clinic.doctor, "GET", &path, &either, "").await.status, 200);

    let body = person("Wu", "Ba", "1950", "1010").to_string();
    let minimal = ask(administrator, "POST", "/Patient", &[("prefer", "return=minimal")], body.as_str()).await;
    assert_eq!((minimal.status.as_u16(), minimal.body), (201, Value::Null));
    let outcome = ask(administrator, "POST", "/Patient", &[("prefer", "return=OperationOutcome")], body.as_str()).await;
    assert_eq!(outcome.body["resourceType"], "OperationOutcome");

    let validate =
        async |body: Value| ask(&clinic.doctor, "POST", "/Patient/$validate", &[], body.to_string()).await.body;
    let sound = validate(person("Wu", "Ba", "1950", "1010")).await;
    assert_eq!(sound["issue"][0]["severity"], "information");
    let wrapped = json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": { "resourceType": "Patient", "gender": "x" } }] });
    assert_eq!(validate(wrapped).await["issue"][0]["expression"][0], "Patient.gender");
    assert_eq!(validate(json!({ "resourceType": "Basic" })).await["issue"][0]["severity"], "error");
}

async fn a_bundle_supports_every_interaction(hospital: TestHospital) {
    let Ward { clinic, patients, observations } = ward(&hospital).await;
    let mut known = json!({
        "fullUrl": "urn:uuid:p", "resource": person("Zhang", "San", "1980", "1001"),
        "request": { "method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:mrn|1001" },
    });
    let mut about = measured("x", "2026-02-01", "90");
    about["subject"]["reference"] = json!("urn:uuid:p");
    let mut conditional = measured("x", "2026-02-02", "91");
    conditional["subject"]["reference"] = json!("Patient?identifier=urn:mrn|1002");
    conditional["identifier"] = json!([{ "system": "urn:lab", "value": "7" }]);
    let bundle = |kind: &str, known: &Value| {
        json!({ "resourceType": "Bundle", "type": kind, "entry": [
            known,
            { "resource": about, "request": { "method": "POST", "url": "Observation" } },
            { "resource": conditional, "request": { "method": "PUT", "url": "Observation?identifier=urn:lab|7" } },
            { "request": { "method": "DELETE", "url": format!("Observation/{}", observations[0]) } },
            { "request": { "method": "DELETE", "url": "Observation?identifier=urn:lab|none" } },
            { "request": { "method": "GET", "url": "Observation?date=2026-02" } },
            { "request": { "method": "GET", "url": format!("Patient/{}", patients[1]) } },
        ] })
    };
    let answer = clinic.administrator.post("/fhir/R4", bundle("transaction", &known)).await;
    let statuses: Vec<&str> = answer["entry"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|e| e["response"]["status"].as_str().expect("a status"))
        .collect();
    assert_eq!(
        statuses,
        ["200 OK", "201 Created", "201 Created", "204 No Content", "204 No Content", "200 OK", "200 OK"]
    );
    // The batch reads what it wrote, and the links point to existing resources.
    assert_eq!(answer["entry"][5]["resource"]["total"], 2);
    assert_eq!(answer["entry"][6]["resource"]["id"], patients[1]);
    let subject = async |day: &str| {
        let bundle = read(&clinic.doctor, &format!("/Observation?date={day}")).await;
        bundle["entry"][0]["resource"]["subject"]["reference"].as_str().expect("a reference").to_owned()
    };
    assert_eq!(subject("2026-02-01").await, format!("Patient/{}", patients[0]));
    assert_eq!(subject("2026-02-02").await, format!("Patient/{}", patients[1]));

    // A condition with several matches fails a transaction, but only its own entry of a batch.
    known["request"]["ifNoneExist"] = json!("name=zha");
    let before = hospital.footprint(&clinic.tenant).await;
    let refused = clinic.administrator.ask(Method::POST, "/fhir/R4", Some(bundle("transaction", &known))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (412, "PRECONDITION_FAILED"));
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
    let batch = clinic.administrator.post("/fhir/R4", bundle("batch", &known)).await;
    assert_eq!(batch["entry"][0]["response"]["status"], "412");
    assert_eq!(batch["entry"][2]["response"]["status"], "200 OK");

    // Readers may read in a batch.
    let reads = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
        { "request": { "method": "GET", "url": format!("/Patient/{}", clinic.subject) } },
        { "request": { "method": "GET", "url": format!("Patient/{}", patients[0]) } },
        { "request": { "method": "GET", "url": "Observation?code=2339-0" } },
        { "request": { "method": "DELETE", "url": format!("Observation/{}", observations[1]) } },
    ] });
    let answer = clinic.patient.post("/fhir/R4", reads).await;
    let status = |place: usize| answer["entry"][place]["response"]["status"].as_str().expect("a status").to_owned();
    assert_eq!([status(0), status(1), status(2), status(3)], ["200 OK", "404", "200 OK", "403"]);
    assert_eq!(answer["entry"][2]["resource"]["total"], 0);
}

async fn everything_of_a_patient_and_of_a_visit(hospital: TestHospital) {
    let Ward { clinic, patients, observations } = ward(&hospital).await;
    let practitioner = id(&clinic.import(&[json!({ "resourceType": "Practitioner" })]).await[0]).to_owned();
    let mut by = measured(&patients[0], "2026-03-01", "1");
    by["performer"] = json!([{ "reference": format!("Practitioner/{practitioner}") }, { "reference": format!("Patient/{}", patients[1]) }]);
    let by = id(&clinic.import(&[by]).await[0]).to_owned();
    let path = format!("/Patient/{}/$everything", patients[0]);
    let mut wanted: BTreeSet<String> = observations[..3].iter().cloned().collect();
    wanted.extend([patients[0].clone(), by]);
    for path in [path.clone(), format!("{path}?_count=2")] {
        let pages = walk(&clinic.doctor, &path).await;
        let all: Vec<String> = pages.iter().flat_map(|page| found(page, "match")).collect();
        assert_eq!(all.len(), wanted.len(), "{path}");
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), wanted, "{path}");
        let along: BTreeSet<String> = pages.iter().flat_map(|page| found(page, "include")).collect();
        assert_eq!(along, BTreeSet::from([practitioner.clone()]), "the people, but no other patient's record");
    }
    let some = read(&clinic.doctor, &format!("{path}?_type=Patient,Flag")).await;
    assert_eq!(found(&some, "match"), [patients[0].clone()]);
    assert!(found(&read(&clinic.doctor, &format!("{path}?_since=2999-01-01")).await, "match").is_empty());
    // The patient's own record only.
    let own = read(&clinic.patient, &format!("/Patient/{}/$everything", clinic.subject)).await;
    assert!(found(&own, "match").len() >= 4);
    assert_eq!(ask(&clinic.patient, "GET", &path, &[], "").await.status, 404);

    let visit = clinic.evidence[0].clone();
    let of_visit = read(&clinic.doctor, &format!("/{visit}/$everything")).await;
    assert_eq!(found(&of_visit, "match"), [id(&visit).to_owned()]);
    let along: BTreeSet<String> = found(&of_visit, "include").into_iter().collect();
    assert!(along.contains(id(&clinic.evidence[1])) && along.contains(&clinic.subject), "{along:?}");
    assert_eq!(ask(&clinic.doctor, "GET", &format!("/{}/$everything", clinic.evidence[1]), &[], "").await.status, 404);
}

async fn a_patient_reads_no_other_record(hospital: TestHospital) {
    let Ward { clinic, patients, .. } = ward(&hospital).await;
    let (zhang, _) = clinic.hire(Person::new("zhang", "patient").acting_for(&patients[0], 990)).await;
    let (both, _) = clinic.hire(Person::new("both", "patient").acting_for(&patients[1], 990)).await;
    // A reference from one's own record to another's gives no access.
    let mut mentions = measured(&patients[0], "2026-03-01", "1");
    mentions["performer"] = json!([{ "reference": format!("Patient/{}", patients[1]) }]);
    clinic.import(&[mentions]).await;
    let ids = |bundle: &Value| [found(bundle, "match"), found(bundle, "include")].concat();
    let all = read(&zhang, "/Observation?_include=Observation:*&_count=500").await;
    assert_eq!((&all["total"], ids(&all).contains(&patients[1])), (&json!(4), false));
    assert!(ids(&all).contains(&patients[0]));
    for (query, total) in [
        ("Patient", 1),
        ("Patient?name=zha", 1),
        ("Patient?name=zhao", 0),
        ("Patient?_has:Observation:performer:date=2026-03-01", 0),
        ("Patient?_has:Observation:patient:value-quantity=gt115", 1),
        ("Observation?performer:Patient.name=zhao", 0),
        ("Observation?patient.name=zhao", 0),
        ("Observation?patient.name=zha&value-quantity=ge120", 1),
        ("Observation?patient:Patient.name:missing=false&_summary=count", 4),
    ] {
        assert_eq!(read(&zhang, &format!("/{query}")).await["total"], total, "{query}");
    }
    let reverse = read(&both, "/Patient?_revinclude=Observation:performer&_revinclude=Observation:subject").await;
    assert_eq!(ids(&reverse).len(), 4, "the one who mentions them is in another record: {reverse}");
    for query in [
        format!("Observation?patient={}", patients[1]),
        format!("Observation?subject=Patient/{}", patients[1]),
        format!("Patient?patient={}", patients[1]),
    ] {
        assert_eq!(ask(&zhang, "GET", &format!("/{query}"), &[], "").await.status, 404, "{query}");
    }
    // The next pages are restricted, too.
    let pages = walk(&zhang, "/Observation?_count=1&_include=Observation:performer").await;
    assert_eq!(pages.iter().flat_map(ids).filter(|id| *id == patients[1]).count(), 0);
    assert_eq!(pages.len(), 4);
}

/// Each search parameter and each include of the CapabilityStatement is accepted with
/// `handling=strict`.
async fn the_capability_statement_matches_behaviour(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let statement = read(&clinic.doctor, "/metadata").await;
    assert_eq!(statement["implementation"]["url"], format!("{}/fhir/R4", clinic.doctor.base()));
    let strict = [("prefer", "handling=strict")];
    let heeded = async |query: String| {
        let reply = ask(&clinic.doctor, "GET", &query, &strict, "").await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    };
    for resource in statement["rest"][0]["resource"].as_array().expect("resources") {
        let kind = resource["type"].as_str().expect("a type");
        let mut query = String::new();
        for parameter in resource["searchParam"].as_array().expect("parameters") {
            let name = parameter["name"].as_str().expect("a name");
            let value = match parameter["type"].as_str() {
                Some("date") => "ge2020-01",
                Some("quantity") => "lt5.4||mg",
                Some("reference") => "Patient/x",
                _ => "x",
            };
            query.push_str(&format!("&{name}={value}"));
            if !["_id", "_lastUpdated", "patient"].contains(&name) {
                query.push_str(&format!("&{name}:missing=false"));
            }
        }
        heeded(format!("/{kind}?_count=1{query}")).await;
        for (field, parameter) in [("searchInclude", "_include"), ("searchRevInclude", "_revinclude")] {
            let list = resource[field].as_array().cloned().unwrap_or_default();
            let all: String =
                list.iter().take(90).map(|one| format!("&{parameter}={}", one.as_str().expect("a text"))).collect();
            heeded(format!("/{kind}?_count=1{all}")).await;
        }
    }
}

/// Rows of an earlier release are found once this one has started.
async fn resources_of_an_earlier_release_are_indexed(hospital: TestHospital) {
    let Ward { clinic, observations, .. } = ward(&hospital).await;
    let url = hospital.hospital.config().database_url();
    let forget = "DELETE FROM resource_string; DELETE FROM resource_range; DELETE FROM resource_token; \
                  DELETE FROM meta WHERE key = 'search-index'";
    tamper(&url, forget).await.expect("forgotten");
    assert_eq!(read(&clinic.doctor, "/Patient?name=zha").await["total"], 0);
    let reopened = hospital.reopened(|_| {}).await;
    drop(reopened);
    assert_eq!(read(&clinic.doctor, "/Patient?name=zha").await["total"], 2);
    assert_eq!(read(&clinic.doctor, "/Observation?code=2339-0&value-quantity=gt1").await["total"], observations.len());
}
