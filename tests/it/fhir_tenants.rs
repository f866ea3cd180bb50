//! Isolation of tenants at `/fhir/R4`: no request of one hospital returns or changes a byte of
//! another's records.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestHospital, clinic::id, on_both_engines, record};

on_both_engines!(TestHospital: no_request_reaches_another_tenant);

/// A generator with a fixed seed (xorshift64*), so that failures are reproducible.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn one_of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    fn some<'a>(&mut self, items: &'a [String]) -> &'a str {
        &items[self.below(items.len())]
    }
}

/// A random text in every resource of one hospital.
const MARKER: &str = "q7-5f1c8e02-93ab-4d1e-b6c4-71d80a2e44f9";

/// A record with every kind of reference that a search follows. Both hospitals have one, which
/// differ in the marker only.
fn chart(marker: &str) -> Value {
    let note = json!([{ "text": marker }]);
    let tag = json!({ "tag": [{ "system": "urn:tag", "code": "planted", "display": marker }] });
    let coded = json!({ "coding": [{ "system": "http://loinc.org", "code": "4548-4", "display": marker }] });
    let patient = json!({ "reference": "urn:uuid:p" });
    let resources = json!([
        ["urn:uuid:o", { "resourceType": "Organization", "name": "Clinic", "alias": [marker], "meta": tag }],
        ["urn:uuid:d", { "resourceType": "Practitioner", "name": [{ "family": "Wang", "text": marker }], "meta": tag }],
        ["urn:uuid:p", {
            "resourceType": "Patient", "name": [{ "family": "Zhang", "given": [marker] }], "birthDate": "1980-05-01",
            "identifier": [{ "system": "urn:mrn", "value": "1001" }], "meta": tag,
            "generalPractitioner": [{ "reference": "urn:uuid:d" }], "managingOrganization": { "reference": "urn:uuid:o" },
        }],
        ["urn:uuid:e", {
            "resourceType": "Encounter", "status": "finished", "subject": patient, "meta": tag,
            "class": { "system": "urn:class", "code": "AMB", "display": marker }, "period": { "start": "2026-01-01" },
            "participant": [{ "individual": { "reference": "urn:uuid:d" } }],
        }],
        ["urn:uuid:c", {
            "resourceType": "Condition", "subject": patient, "encounter": { "reference": "urn:uuid:e" }, "code": coded,
            "note": note, "meta": tag,
        }],
        ["urn:uuid:1", {
            "resourceType": "Observation", "status": "final", "code": coded, "subject": patient, "note": note, "meta": tag,
            "encounter": { "reference": "urn:uuid:e" }, "performer": [{ "reference": "urn:uuid:d" }],
            "effectiveDateTime": "2026-01-01T08:00:00Z", "valueQuantity": { "value": 7.4, "unit": "%" },
        }],
        ["urn:uuid:2", {
            "resourceType": "Observation", "status": "final", "code": coded, "subject": patient, "note": note, "meta": tag,
            "effectiveDateTime": "2026-02-01T08:00:00Z", "valueQuantity": { "value": 7.9, "unit": "%" },
            "derivedFrom": [{ "reference": "urn:uuid:1" }],
        }],
    ]);
    let entries: Vec<Value> = resources
        .as_array()
        .expect("a list")
        .iter()
        .map(|pair| {
            let kind = &pair[1]["resourceType"];
            json!({ "fullUrl": pair[0], "resource": pair[1], "request": { "method": "POST", "url": kind } })
        })
        .collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

async fn no_request_reaches_another_tenant(hospital: TestHospital) {
    let ours = hospital.clinic(&[]).await;
    let theirs = hospital.clinic(&[]).await;
    let planted = record::locations(&ours.administrator.post("/fhir/R4", chart(MARKER)).await);
    let own = record::locations(&theirs.administrator.post("/fhir/R4", chart("theirs")).await);
    // Resources of the one hospital refer to the other.
    let mut mentions = record::result(id(&planted[2]), hospital.now(), "4548-4", "7", "%");
    mentions["performer"] = json!([{ "reference": planted[1] }, { "reference": planted[2] }]);
    mentions["encounter"] = json!({ "reference": planted[3] });
    mentions["derivedFrom"] = json!([{ "reference": planted[5] }]);
    let mentions = theirs.import(&[mentions]).await;
    let before = whole(&ours.administrator, &planted).await;
    assert_eq!(before.iter().filter(|body| body.contains(MARKER)).count(), planted.len());

    // Links to next pages, issued to the other hospital.
    let mut links = Vec::new();
    for list in ["Observation?_count=1", "Patient?_count=1&_revinclude=Observation:patient"] {
        links.push(next(&ours.doctor.get(&format!("/fhir/R4/{list}")).await));
    }
    links.push(next(&ours.doctor.get(&format!("/fhir/R4/{}/$everything?_count=2", planted[2])).await));

    for list in ["_history?_count=2", "Observation/_history?_count=1"] {
        links.push(next(&ours.doctor.get(&format!("/fhir/R4/{list}")).await));
    }

    let callers = [
        ("administrator", &theirs.administrator),
        ("doctor", &theirs.doctor),
        ("pharmacist", &theirs.pharmacist),
        ("patient", &theirs.patient),
    ];
    let known: Vec<String> = planted.iter().chain(&own).chain(&mentions).cloned().collect();
    let mut dice = Dice(20_261_122);
    let (mut answered, mut found) = (0, 0);
    for round in 0..600 {
        let (who, client) = callers[dice.below(callers.len())];
        let (method, path, body) = request(&mut dice, &planted, &known, &links);
        let asked = format!("round {round}: {who} {method} {path} {body:?}");
        let answer = client.ask(method, &path, body).await;
        assert!(!answer.status.is_server_error(), "{asked}: {}", answer.text);
        assert!(!answer.text.contains(MARKER), "{asked}: {}", answer.text);
        answered += usize::from(answer.status.is_success());
        found += usize::from(answer.text.contains("theirs"));
        // Next pages stay within their own hospital.
        if let Some(url) =
            answer.body["link"].as_array().and_then(|links| links.iter().find(|link| link["relation"] == "next"))
        {
            let next = local(url["url"].as_str().expect("a URL"));
            let answer = client.ask(Method::GET, &next, None).await;
            assert!(answer.status.is_success() && !answer.text.contains(MARKER), "{asked}, {next}: {}", answer.text);
        }
        // Nor the number of our resources.
        if path.contains("only=ours") {
            assert!(nothing(&answer), "{asked}: {}", answer.text);
        }
    }
    assert!(answered > 200 && found > 50, "the requests are good ones: {answered}, {found}");
    assert_eq!(whole(&ours.administrator, &planted).await, before, "nothing happened to ours");
}

/// All versions of resources.
async fn whole(client: &Client, locations: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for location in locations {
        all.push(client.ask(Method::GET, &format!("/fhir/R4/{location}/_history"), None).await.text);
    }
    all
}

fn next(bundle: &Value) -> String {
    let links = bundle["link"].as_array().expect("links");
    let next = links.iter().find(|link| link["relation"] == "next").expect("a next page");
    local(next["url"].as_str().expect("a URL"))
}

/// A URL of the server without its address.
fn local(url: &str) -> String {
    url.split_once("/fhir/R4").map(|(_, path)| format!("/fhir/R4{path}")).expect("a URL of the server")
}

fn nothing(answer: &Answer) -> bool {
    answer.status.is_client_error() || answer.body["total"] == 0
}

/// A random request about resources of both hospitals.
fn request(dice: &mut Dice, planted: &[String], known: &[String], links: &[String]) -> (Method, String, Option<Value>) {
    let get = |path: String| (Method::GET, format!("/fhir/R4/{path}"), None);
    match dice.below(14) {
        0 => get(dice.some(known).to_owned()),
        1 => get(format!("{}/_history{}", dice.some(known), dice.one_of(&["", "/1", "/2"]))),
        2 => get(format!("{}/$everything?_count={}", dice.some(known), 1 + dice.below(5))),
        3 => (Method::GET, dice.some(links).to_owned(), None),
        4 => {
            // A ticket of one list, used with another.
            let ticket = dice.some(links).split_once("_page=").map(|(_, ticket)| ticket.to_owned()).unwrap_or_default();
            let list = dice.one_of(&["Observation", "Patient", "Condition"]);
            get(format!("{list}?_page={ticket}&{}", search(dice, known)))
        }
        5 => {
            // By an id of ours, which does not exist in their hospital.
            let (kind, id) = dice.some(&planted[2..5]).split_once('/').expect("a type and an id");
            get(format!("{kind}?_id={id}&only=ours&{}", search(dice, planted)))
        }
        6 => {
            let ours = id(&planted[2]);
            let reference = dice.one_of(&["patient.identifier=urn:mrn|1001&patient", "subject:Patient._id"]);
            get(format!("Condition?{reference}={ours}&only=ours"))
        }
        7 => {
            let reads: Vec<Value> = (0..4)
                .map(|_| match dice.below(2) {
                    0 => json!({ "request": { "method": "GET", "url": dice.some(known) } }),
                    _ => {
                        let list = dice.one_of(&["Observation", "Patient"]);
                        json!({ "request": { "method": "GET", "url": format!("{list}?{}", search(dice, known)) } })
                    }
                })
                .collect();
            let kind = dice.one_of(&["batch", "transaction"]);
            let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": reads });
            (Method::POST, "/fhir/R4".to_owned(), Some(bundle))
        }
        8 => {
            // An update with an id of ours creates a resource of their own.
            let observation = dice.some(&planted[5..]).to_owned();
            let mut body = record::result("x", xinglin_domain::time::Instant::from_micros(0), "4548-4", "1", "%");
            body["id"] = json!(id(&observation));
            (Method::PUT, format!("/fhir/R4/{observation}"), Some(body))
        }
        9 => (Method::DELETE, format!("/fhir/R4/{}", dice.some(&planted[5..])), None),
        10 => {
            let condition = format!("Practitioner?_id={}", id(&planted[1]));
            let mut body = record::result("x", xinglin_domain::time::Instant::from_micros(0), "4548-4", "2", "%");
            body["performer"] = json!([{ "reference": condition }, { "reference": "Patient?name=zhang" }]);
            let if_none_exist = format!("subject:Patient.name=zhang&_id={}", id(dice.some(&planted[5..])));
            let request = json!({ "method": "POST", "url": "Observation", "ifNoneExist": if_none_exist });
            let entry = json!([{ "resource": body, "request": request }]);
            (
                Method::POST,
                "/fhir/R4".to_owned(),
                Some(json!({ "resourceType": "Bundle", "type": "batch", "entry": entry })),
            )
        }
        11 => {
            let kind = dice.one_of(&["", "Patient/", "Observation/", "Encounter/"]);
            let asked = dice.one_of(&["", "?_count=3", "?_since=2020-01-01", "?_since=2020-01-01&_count=1000"]);
            get(format!("{kind}_history{asked}"))
        }
        _ => {
            let kind =
                dice.one_of(&["Patient", "Observation", "Condition", "Encounter", "Practitioner", "Organization"]);
            get(format!("{kind}?{}", search(dice, known)))
        }
    }
}

/// Some parameters of a search, most of them valid.
fn search(dice: &mut Dice, known: &[String]) -> String {
    const PARAMETERS: [&str; 30] = [
        "_tag=planted",
        "_count=1",
        "_count=100",
        "_sort=-_lastUpdated",
        "_sort=_id",
        "_total=accurate",
        "_summary=count",
        "_elements=meta",
        "_lastUpdated=gt2020",
        "name=zhang",
        "name:contains=a",
        "identifier=urn:mrn|1001",
        "birthdate=1980",
        "code=4548-4",
        "status=final",
        "date=ge2025",
        "value-quantity=gt7",
        "patient.name=zhang",
        "subject:Patient.identifier=1001",
        "performer:Practitioner.name=wang",
        "_has:Observation:patient:code=4548-4",
        "_has:Condition:encounter:code=4548-4",
        "_include=Observation:*",
        "_include=Observation:performer",
        "_include=Patient:general-practitioner",
        "_include=Encounter:*",
        "_revinclude=Observation:patient",
        "_revinclude=Observation:encounter",
        "_revinclude=Condition:subject",
        "identifier:missing=true",
    ];
    let mut query = Vec::new();
    for _ in 0..=dice.below(3) {
        query.push((*dice.one_of(&PARAMETERS.each_ref())).to_owned());
    }
    match dice.below(4) {
        0 => query.push(format!("_id={}", id(dice.some(known)))),
        1 => query.push(format!("patient={}", id(dice.some(known)))),
        2 => query.push(format!("performer={}", dice.some(known))),
        _ => {}
    }
    query.join("&")
}
