//! The clinical record: nothing is lost at import, and access is restricted.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Clinic, DIABETES, MEDICAL_INSURANCE, Person, Process, TestHospital, clinic::id, on_both_engines, record,
};

on_both_engines!(
    TestHospital:
    a_record_is_stored_completely,
    unknown_elements_are_kept_with_every_digit,
    versions_are_kept,
    resources_of_the_host_cannot_be_forged,
    a_tenant_sees_nothing_of_another,
    a_patient_sees_nothing_of_another,
);

async fn a_record_is_stored_completely(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let sent = record::synthetic();
    let answer = clinic.administrator.post("/fhir/R4", sent.clone()).await;
    let locations = record::locations(&answer);
    let subject = locations.iter().find_map(|location| location.strip_prefix("Patient/")).expect("a patient");
    let (owner, _) = clinic.hire(Person::new("owner", "patient").acting_for(subject, 990)).await;
    compare(&clinic.administrator, &owner, &sent, &locations).await;
}

/// Everything that was sent is returned: the same except ids, links within the bundle and members
/// set by the server. Answers about mental health are readable by the patient, not by the
/// administrator.
async fn compare(client: &Client, owner: &Client, sent: &Value, locations: &[String]) {
    let entries = sent["entry"].as_array().expect("entries");
    assert_eq!(locations.len(), entries.len());
    // Each `fullUrl`, and the location it became.
    let links: Vec<(&str, &String)> =
        entries.iter().filter_map(|entry| entry["fullUrl"].as_str()).zip(locations).collect();
    assert_eq!(links.len(), entries.len());
    // One of each type, and every tenth of the rest.
    let mut seen = std::collections::BTreeSet::new();
    for (at, (entry, location)) in entries.iter().zip(locations).enumerate() {
        let resource = &entry["resource"];
        if !seen.insert(resource["resourceType"].to_string()) && at % 10 != 0 {
            continue;
        }
        let mut text = resource.to_string();
        for (url, became) in &links {
            if text.contains(url) {
                text = text.replace(url, became);
            }
        }
        let wanted: Value = serde_json::from_str(&text).expect("JSON");
        let path = format!("/fhir/R4/{location}");
        let answer = client.ask(Method::GET, &path, None).await;
        let found = if answer.status == 404 { owner.get(&path).await } else { answer.done(&path) };
        assert_eq!(found["id"], id(location));
        assert_eq!(found["meta"]["versionId"], "1");
        // Conditional references to persons of other hospitals become plain ones.
        let plain = |value: &Value| without(value, &["id", "meta", "reference"]);
        assert_eq!(plain(&found), plain(&wanted), "{location}");
    }
}

/// The document without these fields, at any depth.
fn without(document: &Value, names: &[&str]) -> Value {
    match document {
        Value::Array(items) => items.iter().map(|item| without(item, names)).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), without(value, names)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

async fn unknown_elements_are_kept_with_every_digit(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let unheard = format!(
        r#"{{"resourceType":"Basic","code":{{"text":"x"}},"subject":{{"reference":"Patient/{}"}},"extension":[
            {{"url":"urn:x:zeros","valueDecimal":1.500}},
            {{"url":"urn:x:large","valueDecimal":12345678901234567890.123456789}},
            {{"url":"urn:x:small","valueDecimal":-0.0000000000000000001}},
            {{"url":"urn:x:words","valueString":"杏林 \u2028 𝄞"}},
            {{"url":"urn:x:nested","extension":[{{"url":"a","valueDecimal":1.0}}]}}]}}"#,
        clinic.subject,
    );
    let created = clinic.administrator.post_text("/fhir/R4/Basic", "application/fhir+json", unheard).await;
    let created = created.done("/fhir/R4/Basic");
    let path = format!("/fhir/R4/Basic/{}", created["id"].as_str().expect("an id"));
    let read = clinic.doctor.ask(Method::GET, &path, None).await;
    for digits in ["1.500", "12345678901234567890.123456789", "-0.0000000000000000001", "𝄞"] {
        assert!(read.text.contains(digits), "{digits}: {}", read.text);
    }
    assert_eq!(read.body["extension"][4]["extension"][0]["valueDecimal"].to_string(), "1.0");
    // It is found by a search.
    let found = clinic.doctor.get(&format!("/fhir/R4/Basic?patient={}", clinic.subject)).await;
    assert_eq!((&found["total"], &found["entry"][0]["resource"]), (&json!(1), &read.body));
}

async fn versions_are_kept(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let path = format!("/fhir/R4/{}", clinic.evidence[1]);
    let first = clinic.doctor.get(&path).await;
    let mut second = first.clone();
    second["note"] = json!([{ "text": "Confirmed." }]);
    clinic.administrator.put(&path, second).await;
    let read = clinic.doctor.get(&path).await;
    assert_eq!((&read["meta"]["versionId"], &read["note"][0]["text"]), (&json!("2"), &json!("Confirmed.")));
    assert_eq!(clinic.doctor.get(&format!("{path}/_history/1")).await, first);
    let history = clinic.doctor.get(&format!("{path}/_history")).await;
    assert_eq!((&history["total"], &history["entry"][1]["resource"]), (&json!(2), &first));
    // Found by its code, in its newest version only.
    let by_code = format!("/fhir/R4/Condition?patient={}&code=http://hl7.org/fhir/sid/icd-10|E11.9", clinic.subject);
    assert_eq!(clinic.doctor.get(&by_code).await["total"], 1);

    let stale = record::transaction(&[]);
    let mut entry = json!({ "resource": first, "request": { "method": "PUT", "url": clinic.evidence[1] } });
    entry["request"]["ifMatch"] = json!("W/\"1\"");
    let mut bundle = stale;
    bundle["entry"] = json!([entry]);
    let answer = clinic.administrator.ask(Method::POST, "/fhir/R4", Some(bundle)).await;
    answer.refused("ifMatch", "PRECONDITION_FAILED");
    assert_eq!(clinic.doctor.get(&path).await, read);
}

async fn resources_of_the_host_cannot_be_forged(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let signed = clinic.signed().await;
    let request = clinic.found_in_record("MedicationRequest").await.remove(0);
    let path = format!("/fhir/R4/MedicationRequest/{}", request["id"].as_str().expect("an id"));
    let mut forged = request.clone();
    forged["status"] = json!("active");
    let answer = clinic.administrator.ask(Method::PUT, &path, Some(forged)).await;
    answer.refused(&path, "FHIR_INVALID");
    assert_eq!(clinic.doctor.get(&path).await, request);
    let invented = json!({
        "resourceType": "MedicationRequest", "id": format!("{}-9", id(&signed)), "status": "active", "intent": "order",
        "subject": { "reference": format!("Patient/{}", clinic.subject) },
        "medicationCodeableConcept": { "text": "Zolpidem" },
    });
    let path = format!("/fhir/R4/MedicationRequest/{}-9", id(&signed));
    clinic.administrator.ask(Method::PUT, &path, Some(invented)).await.refused(&path, "FHIR_INVALID");
    assert_eq!(clinic.found_in_record("MedicationRequest").await.len(), 1);
}

/// Every path of a clinic's data, after a visit with everything that belongs to it.
async fn paths(clinic: &Clinic) -> Vec<String> {
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    clinic.confirm(&quote).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let visits = clinic.found_in_record("Encounter").await;
    let visit = visits.iter().map(|visit| text(&visit["id"])).find(|id| id.starts_with("enc-")).expect("a visit");
    let mut paths = vec![
        format!("/api/v1/charges/{}", text(&quote["id"])),
        format!("/api/v1/enrolments/{}", text(&enrolled["id"])),
        format!("/api/v1/encounters/{visit}"),
        format!("/fhir/R4/Claim/{}", text(&quote["id"])),
        format!("/fhir/R4/MedicationRequest/{}-1", id(&prescription)),
        format!("/fhir/R4/Encounter/{visit}"),
        format!("/fhir/R4/Patient/{}", clinic.subject),
        format!("/fhir/R4/{}", clinic.evidence[0]),
        format!("/fhir/R4/{}/_history", clinic.evidence[1]),
        format!("/fhir/R4/{}/_history/1", clinic.evidence[1]),
        prescription,
    ];
    for list in ["coverages", "holds", "messages"] {
        paths.push(format!("/api/v1/patients/{}/{list}", clinic.subject));
    }
    paths
}

async fn a_tenant_sees_nothing_of_another(hospital: TestHospital) {
    let plugins = [&DIABETES, &MEDICAL_INSURANCE];
    let ours = hospital.clinic(&plugins).await;
    ours.insure().await;
    let theirs = hospital.clinic(&plugins).await;
    let paths = paths(&ours).await;
    for path in &paths {
        ours.doctor.get(path).await;
    }
    for (who, client) in [
        ("administrator", &theirs.administrator),
        ("doctor", &theirs.doctor),
        ("pharmacist", &theirs.pharmacist),
        ("patient", &theirs.patient),
    ] {
        for path in &paths {
            let answer = client.ask(Method::GET, path, None).await;
            // A list of a foreign patient is empty, or not found.
            let nothing = answer.body == json!([]) || (answer.status == 404 && answer.code() == "NOT_FOUND");
            assert!(nothing, "{who} {path}: {} {}", answer.status, answer.text);
            assert!(!answer.text.contains("E11"), "{who} {path}: {}", answer.text);
        }
    }
    for kind in ["Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "Claim", "CarePlan", "Task"] {
        let about = theirs.doctor.get(&format!("/fhir/R4/{kind}?patient={}", ours.subject)).await;
        assert_eq!(about["total"], 0, "{kind}");
        let all = theirs.doctor.ask(Method::GET, &format!("/fhir/R4/{kind}?_count=1000"), None).await;
        assert!(!all.text.contains(&ours.subject), "{kind}: {}", all.text);
    }
    let calls = ours.administrator.get("/api/v1/calls").await;
    let call = format!("/api/v1/calls/{}", calls[0]["id"].as_str().expect("a call"));
    ours.administrator.get(&call).await;
    theirs.administrator.hidden(&call, "NOT_FOUND").await;
    let all = theirs.administrator.ask(Method::GET, "/api/v1/calls?limit=500", None).await;
    assert!(!all.text.contains(&ours.subject) && !all.text.contains(id(&paths[0])), "{}", all.text);
    let about = format!("/api/v1/calls?about={}", ours.subject);
    assert_eq!(theirs.administrator.get(&about).await, json!([]));
    assert_eq!(theirs.balanced().await["debit_fen"], 0);

    // Nor can they act on it.
    let prescription = paths.iter().find(|path| path.starts_with("/api/v1/prescriptions")).expect("a prescription");
    theirs.pharmacist.refused(&format!("{prescription}/dispense"), theirs_handout(&theirs), "NOT_FOUND").await;
    theirs.patient.refused("/api/v1/charges", json!({ "prescription": id(prescription) }), "NOT_FOUND").await;
    theirs.pharmacist.refused(&format!("{}/reverse", paths[0]), json!(null), "NOT_FOUND").await;
    let enrol = json!({ "patient": ours.subject, "plugin": DIABETES.id });
    theirs.doctor.refused("/api/v1/enrolments", enrol, "NOT_FOUND").await;
    let formulary = format!("/api/v1/tenants/{}/formulary", ours.tenant);
    let emptied = theirs.administrator.ask(Method::PUT, &formulary, Some(json!({ "items": [] }))).await;
    emptied.refused(&formulary, "NOT_FOUND");
    assert_eq!(ours.doctor.get(prescription).await["status"], "RESERVED");
}

fn theirs_handout(clinic: &Clinic) -> Value {
    json!({ "prepared_by": clinic.assistant_id, "handouts": [] })
}

async fn a_patient_sees_nothing_of_another(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIABETES, &MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let paths = paths(&clinic).await;
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let (stranger, _) = clinic.hire(Person::new("stranger", "patient").acting_for(id(&other), 990)).await;
    for path in &paths {
        clinic.patient.get(path).await;
        stranger.hidden(path, "NOT_FOUND").await;
    }
    let search = stranger.get("/fhir/R4/Condition").await;
    assert_eq!(search["total"], 0);
    stranger.hidden(&format!("/fhir/R4/Condition?patient={}", clinic.subject), "NOT_FOUND").await;
    stranger.hidden(&format!("/fhir/R4/Patient?patient=Patient/{}", clinic.subject), "NOT_FOUND").await;
    assert_eq!(stranger.get("/fhir/R4/Patient").await["entry"][0]["resource"]["id"], id(&other));
    let named = format!("/fhir/R4/Condition?_id={}", id(&clinic.evidence[1]));
    assert_eq!(stranger.get(&named).await["total"], 0);

    // Nor can they act for the other.
    let prescription = paths.iter().find(|path| path.starts_with("/api/v1/prescriptions")).expect("a prescription");
    for path in [format!("{}/confirm", paths[0]), format!("{}/answers", paths[1])] {
        let body = match path.ends_with("confirm") {
            true => json!({ "cash_fen": 0, "risk_acknowledged": true }),
            false => json!({ "questionnaire": "follow-up", "answers": [] }),
        };
        stranger.refused(&path, body, "NOT_FOUND").await;
    }
    stranger.refused("/api/v1/charges", json!({ "prescription": id(prescription) }), "NOT_FOUND").await;
}

/// `xinglin import` beside a running server.
async fn a_file_is_imported_beside_a_running_server(process: Process) {
    let clinic = process.clinic(&[]).await;
    let imported = process.import("examples/patients/type-2-diabetes.json", &clinic.tenant).await;
    assert!(imported.contains("382 resources"), "{imported}");
    let patients = clinic.doctor.get("/fhir/R4/Patient?_count=10").await;
    let patients = patients["entry"].as_array().expect("patients");
    let patient = patients.iter().map(|entry| &entry["resource"]).find(|p| p["id"] != clinic.subject.as_str());
    let patient = patient.expect("the imported one");
    assert_eq!(patient["name"][0]["family"], "Corwin");
    let patient = patient["id"].as_str().expect("an id");
    let observations = format!("/fhir/R4/Observation?patient={patient}&_count=1&_total=accurate");
    // Ten of 240 are answers about mental health.
    assert_eq!(clinic.doctor.get(&observations).await["total"], 230);
}

mod imported {
    use super::{Process, a_file_is_imported_beside_a_running_server};
    use crate::support::on_both_engines;

    on_both_engines!(Process: a_file_is_imported_beside_a_running_server);
}
