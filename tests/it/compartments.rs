//! Restricted compartments: access, and what requests without access disclose.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{coding::Coding, compartment::Compartment, time::Instant};
use xinglin_runtime::{Limits, Package, attach};

use crate::support::{
    Client, Clinic, DIABETES, HIV, MEDICAL_INSURANCE, MENTAL_HEALTH, Person, TestHospital,
    clinic::{id, medicine},
    guest::Guest,
    line, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    nobody_reads_a_compartment_without_consent,
    a_patient_grants_and_withdraws_consent,
    an_insurer_reads_what_consent_covers,
    other_plugins_see_nothing_of_a_compartment,
    resources_a_pathway_writes_are_in_its_compartment,
    the_restricted_pathways_begin_and_hear_of_danger,
    a_bill_does_not_disclose_a_compartment_to_the_payer,
    resources_of_an_earlier_release_are_labelled,
);

const VIRAL_LOAD: &str = "20447-9";

/// Restricted entries of a patient: by code, by label, by words, by the medicine referred to.
async fn restricted(clinic: &Clinic, now: Instant) -> Vec<String> {
    let subject = &clinic.subject;
    let mut labelled = record::result(subject, now, "4548-4", "66.6", "%");
    labelled["meta"] =
        json!({ "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV" }] });
    let medication = clinic
        .import(&[json!({
            "resourceType": "Medication",
            "code": { "coding": [{ "system": "http://www.whocc.no/atc", "code": "J05AR20" }] },
        })])
        .await
        .remove(0);
    let condition = json!({
        "resourceType": "Condition", "subject": { "reference": format!("Patient/{subject}") },
        "code": { "text": "HIV infection, stage 2" },
    });
    let request = json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": { "reference": format!("Patient/{subject}") }, "medicationReference": { "reference": medication },
    });
    let resources = [record::result(subject, now, VIRAL_LOAD, "40", "{copies}/mL"), labelled, condition, request];
    clinic.import(&resources).await
}

async fn consent(clinic: &Clinic, scope: Value, recipient: Value, purpose: &str) -> String {
    let ask = json!({ "scope": scope, "recipient": recipient, "purposes": [purpose] });
    let given = clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), ask).await;
    assert_eq!(given["active"], true);
    given["id"].as_str().expect("an id").to_owned()
}

fn hiv() -> Value {
    json!({ "compartment": "hiv" })
}

/// An answer without the id that was requested.
async fn said(client: &Client, path: &str, id: &str) -> String {
    let answer = client.ask(Method::GET, path, None).await;
    format!("{} {}", answer.status, answer.text.replace(id, "…"))
}

async fn nobody_reads_a_compartment_without_consent(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = clinic.doctor.get(&format!("/fhir/R4/Observation?patient={}", clinic.subject)).await["total"].clone();
    let hidden = restricted(&clinic, hospital.now()).await;
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    // A newer version without restricted content does not open the older ones.
    let washed = format!("/fhir/R4/{}", hidden[1]);
    let plain = record::result(&clinic.subject, hospital.now(), "4548-4", "66.6", "%");
    let mut plain = plain;
    plain["id"] = json!(id(&hidden[1]));
    clinic.administrator.put(&washed, plain).await;

    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    for (who, client) in [
        ("doctor", &clinic.doctor),
        ("pharmacist", &clinic.pharmacist),
        ("nurse", &nurse),
        ("administrator", &clinic.administrator),
    ] {
        for resource in &hidden {
            let (kind, one) = resource.split_once('/').expect("Type/id");
            for tail in ["", "/_history", "/_history/1"] {
                let path = format!("/fhir/R4/{resource}{tail}");
                let nothing = format!("/fhir/R4/{kind}/0{tail}");
                let (found, none) = (said(client, &path, one).await, said(client, &nothing, "0").await);
                assert!(found.starts_with("404"), "{who} {path}: {found}");
                if tail.is_empty() {
                    assert_eq!(found, none.replace("`Observation/0`", "`Observation/…`"), "{who} {path}");
                }
            }
            let named = client.get(&format!("/fhir/R4/{kind}?_id={one}")).await;
            assert_eq!(named["total"], 0, "{who} {named}");
        }
        let mine = format!("/fhir/R4/Observation?patient={}", clinic.subject);
        let pages = ["&_total=accurate&_count=1", "&_total=estimate&_count=1"].map(|page| format!("{mine}{page}"));
        for path in pages.into_iter().chain([mine.clone(), "/fhir/R4/Observation?_count=1000".to_owned()]) {
            let found = client.ask(Method::GET, &path, None).await;
            assert_eq!(found.body["total"], before, "{who} {path}: nor is it counted");
            assert!(!found.text.contains(VIRAL_LOAD) && !found.text.contains("66.6"), "{who} {}", found.text);
        }
        // The request is refused, whether or not there are such data.
        for patient in [clinic.subject.as_str(), id(&other), "pat-00000000000000000000000000"] {
            for code in [VIRAL_LOAD, "http://loinc.org|20447-9", "4548-4,20447-9", "http://loinc.org|24467-3"] {
                let path = format!("/fhir/R4/Observation?patient={patient}&code={code}");
                client.hidden(&path, "ACCESS_COMPARTMENT").await;
            }
        }
        client.hidden(&format!("/fhir/R4/Observation?code={VIRAL_LOAD}"), "ACCESS_COMPARTMENT").await;
        // A number that begins like an ICD-10 code is not one.
        let number = client.get("/fhir/R4/Observation?patient.identifier=urn:x|b221fed0-fca4-4f1f").await;
        assert_eq!(number["total"], 0);
        // Indirect queries, some of them unsupported.
        for query in [
            "Patient?_has:Observation:patient:code=20447-9",
            "Patient?_has:Condition:patient:code=http://hl7.org/fhir/sid/icd-10|B20",
            "Observation?code:not=4548-4",
            "Observation?code:text=HIV",
            "Observation?_summary=count&_security=HIV",
            "Condition?_content=HIV",
            "Observation?value-quantity=40",
            "MedicationRequest?medication.code=J05AR20",
            "Patient?_revinclude=Observation:patient",
        ] {
            let answer = client.ask(Method::GET, &format!("/fhir/R4/{query}"), None).await;
            let matched = answer.body["entry"].as_array().map_or(0, Vec::len);
            let nothing = answer.status.is_client_error() || answer.body["total"] == 0 || matched == 0;
            let uncovered =
                ["66.6", "HIV infection", "J05AR20\"", "copies"].iter().any(|word| answer.text.contains(word));
            assert!(
                !uncovered && (nothing || !query.contains("_has")),
                "{who} {query}: {} {}",
                answer.status,
                answer.text
            );
        }
        client.hidden(&format!("/api/v1/patients/{}/consents", clinic.subject), "AUTH_FORBIDDEN").await;
    }
    // References into the compartment are cut off, for every patient alike.
    let everything = format!("/fhir/R4/Patient/{}/$everything", clinic.subject);
    let shows = async |client: &Client| {
        let whole = client.ask(Method::GET, &everything, None).await;
        assert_eq!(whole.status, 200, "{}", whole.text);
        whole.text.contains("HIV infection") || whole.text.contains("66.6")
    };
    assert!(!shows(&clinic.doctor).await && shows(&clinic.patient).await);
    let batch = |entries: Value| json!({ "resourceType": "Bundle", "type": "batch", "entry": entries });
    let gets: Vec<Value> = hidden.iter().map(|one| json!({ "request": { "method": "GET", "url": one } })).collect();
    let answer = clinic.administrator.post("/fhir/R4", batch(json!(gets))).await;
    for entry in answer["entry"].as_array().expect("entries") {
        assert!(entry["response"]["status"].as_str().is_some_and(|status| status.starts_with("404")), "{entry}");
    }
    for patient in [clinic.subject.as_str(), id(&other)] {
        let condition = format!("code={VIRAL_LOAD}&patient={patient}");
        let resource = record::result(&clinic.subject, hospital.now(), "4548-4", "6.10", "%");
        let request = json!({ "method": "POST", "url": "Observation", "ifNoneExist": condition });
        let answer =
            clinic.administrator.post("/fhir/R4", batch(json!([{ "resource": resource, "request": request }])));
        let entry = answer.await["entry"][0].clone();
        assert!(entry.to_string().contains("ACCESS_COMPARTMENT"), "{entry}");
    }
    for resource in &hidden {
        clinic.patient.get(&format!("/fhir/R4/{resource}")).await;
    }
    let mine = clinic.patient.get(&format!("/fhir/R4/Observation?code={VIRAL_LOAD}")).await;
    assert_eq!(mine["total"], 1);
}

async fn a_patient_grants_and_withdraws_consent(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let hidden = restricted(&clinic, hospital.now()).await;
    let path = format!("/fhir/R4/{}", hidden[0]);
    let by_code = format!("/fhir/R4/Observation?patient={}&code={VIRAL_LOAD}", clinic.subject);
    let consents = format!("/api/v1/patients/{}/consents", clinic.subject);

    // Not for everything, for another purpose, or for another role.
    consent(&clinic, json!("record"), json!({ "role": "doctor" }), "treatment").await;
    consent(&clinic, hiv(), json!({ "role": "doctor" }), "research").await;
    consent(&clinic, hiv(), json!({ "role": "nurse" }), "treatment").await;
    consent(&clinic, json!({ "compartment": "mental-health" }), json!({ "role": "doctor" }), "treatment").await;
    clinic.doctor.hidden(&path, "NOT_FOUND").await;
    // Only the patient can consent.
    let ask = json!({ "scope": hiv(), "recipient": { "role": "doctor" }, "purposes": ["treatment"] });
    for client in [&clinic.doctor, &clinic.administrator, &clinic.operator] {
        client.refused(&consents, ask.clone(), "AUTH_FORBIDDEN").await;
    }
    let mut bad = ask.clone();
    bad["purposes"] = json!([]);
    clinic.patient.refused(&consents, bad, "CONSENT_INVALID").await;

    let given = consent(&clinic, hiv(), json!({ "role": "doctor" }), "treatment").await;
    assert_eq!(clinic.doctor.get(&path).await["code"]["coding"][0]["code"], VIRAL_LOAD);
    assert_eq!(clinic.doctor.get(&by_code).await["total"], 1);
    for tail in ["_history", "_history/1"] {
        clinic.doctor.get(&format!("{path}/{tail}")).await;
    }
    clinic.pharmacist.hidden(&path, "NOT_FOUND").await;
    clinic.administrator.hidden(&by_code, "ACCESS_COMPARTMENT").await;
    let across = clinic.doctor.get("/fhir/R4/Observation?_count=1000").await;
    assert!(!across.to_string().contains(VIRAL_LOAD), "nothing restricted is found across patients");

    let revoke = format!("/api/v1/consents/{given}/revoke");
    clinic.doctor.refused(&revoke, json!(null), "AUTH_FORBIDDEN").await;
    let revoked = clinic.patient.post(&revoke, json!(null)).await;
    assert_eq!((&revoked["active"], revoked["revoked"].is_string()), (&json!(false), true));
    clinic.doctor.hidden(&path, "NOT_FOUND").await;
    clinic.doctor.hidden(&by_code, "ACCESS_COMPARTMENT").await;
    clinic.patient.refused(&revoke, json!(null), "CONSENT_STATE").await;
    assert_eq!(clinic.patient.get(&consents).await.as_array().map(Vec::len), Some(5));

    // It also expires.
    let until = hospital.now().plus_minutes(60).to_string();
    let mut ask = ask;
    ask["until"] = json!(until);
    clinic.patient.post(&consents, ask).await;
    clinic.doctor.get(&path).await;
    hospital.advance(3700).await;
    clinic.doctor.hidden(&path, "NOT_FOUND").await;
}

async fn an_insurer_reads_what_consent_covers(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let hidden = restricted(&clinic, hospital.now()).await;
    let (insurer, account) = clinic.hire(Person::new("insurer", "insurer")).await;
    let by_code = format!("/fhir/R4/Observation?patient={}&code={VIRAL_LOAD}", clinic.subject);
    let ordinary = format!("/fhir/R4/Condition?patient={}&code=E11.9", clinic.subject);
    insurer.hidden(&by_code, "ACCESS_COMPARTMENT").await;
    insurer.hidden(&ordinary, "AUTH_FORBIDDEN").await;
    insurer.hidden("/fhir/R4/Condition", "AUTH_FORBIDDEN").await;
    insurer.hidden(&format!("/fhir/R4/{}", hidden[0]), "NOT_FOUND").await;
    insurer.hidden(&format!("/fhir/R4/{}", clinic.evidence[1]), "NOT_FOUND").await;

    consent(&clinic, json!("record"), json!({ "role": "insurer" }), "treatment").await;
    insurer.hidden(&ordinary, "AUTH_FORBIDDEN").await;
    consent(&clinic, json!("record"), json!({ "role": "insurer" }), "payment").await;
    assert_eq!(insurer.get(&ordinary).await["total"], 1);
    insurer.get(&format!("/fhir/R4/{}", clinic.evidence[1])).await;
    insurer.hidden(&by_code, "ACCESS_COMPARTMENT").await;
    insurer.hidden(&format!("/fhir/R4/{}", hidden[0]), "NOT_FOUND").await;
    consent(&clinic, hiv(), json!({ "account": account }), "payment").await;
    assert_eq!(insurer.get(&by_code).await["total"], 1);
    insurer.get(&format!("/fhir/R4/{}", hidden[0])).await;
}

/// A checker that requests data beyond its grant.
const CURIOUS: Guest = Guest::healthy().manifest(
    r#"
    [limits]
    deadline-ms = 5000
    [data-needs]
    conditions = true
    medications = true
    [[data-needs.observations]]
    system = "http://loinc.org"
    code = "20447-9"
    [[data-needs.observations]]
    system = "http://loinc.org"
    code = "4548-4"
    "#,
);

async fn other_plugins_see_nothing_of_a_compartment(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    restricted(&clinic, hospital.now()).await;
    CURIOUS.enable(&hospital.operator, &clinic.tenant).await;
    let (regulator, _) = clinic.hire(Person::new("regulator", "regulator")).await;
    let newest = format!("/api/v1/calls?plugin={}", CURIOUS.id);
    clinic.signed().await;
    let calls = regulator.get(&newest).await;
    // Medicines are seen for safety; the second call shows what rests on them.
    let mut medicines = 0;
    for call in calls.as_array().expect("calls") {
        let shown = call["tape"]["input"].to_string();
        assert!(shown.contains("E11.9") && shown.contains("4548-4"), "{shown}");
        for word in [VIRAL_LOAD, "66.6", "as-text"] {
            assert!(!shown.contains(word), "{word}: {shown}");
        }
        assert_eq!(shown.matches("\"compartment\"").count(), 2, "{shown}");
        medicines += shown.matches("J05AR20").count();
    }
    assert_eq!((calls.as_array().map(Vec::len), medicines), (Some(2), 1), "{calls}");
    assert_eq!(clinic.administrator.get(&newest).await, json!([]));

    consent(&clinic, hiv(), json!({ "plugin": CURIOUS.id }), "treatment").await;
    clinic.signed().await;
    let calls = regulator.get(&newest).await;
    let shown = |call: &Value| call["tape"]["input"].to_string();
    let whole = calls.as_array().expect("calls").iter().find(|call| shown(call).contains("J05AR20")).expect("a call");
    let shown = shown(whole);
    assert!(shown.contains(VIRAL_LOAD) && !shown.contains("\"compartment\""), "{shown}");
    // The data that a plugin received are on its tape, which is as restricted.
    let call = format!("/api/v1/calls/{}", calls[0]["id"].as_str().expect("an id"));
    clinic.administrator.hidden(&call, "NOT_FOUND").await;
    clinic.administrator.refused(&format!("{call}/replay"), json!(null), "NOT_FOUND").await;
    assert_eq!(clinic.administrator.get(&newest).await, json!([]));

    let refuse = json!({
        "provision": "refuse", "scope": "record", "recipient": { "plugin": CURIOUS.id }, "purposes": ["treatment"],
    });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), refuse).await;
    clinic.signed().await;
    let shown = regulator.get(&newest).await[0]["tape"]["input"]["snapshot"].to_string();
    assert!(!shown.contains("E11.9") && shown.contains("\"consent\""), "{shown}");
}

/// The diabetes pathway, declared as restricted.
fn discreet() -> Vec<u8> {
    let package = Package::read(DIABETES.bytes()).expect("a good package");
    let mut manifest = package.manifest().clone();
    manifest.id = "test.discreet".to_owned();
    manifest.compartment = Some(Compartment::Hiv);
    manifest.limits.deadline_ms = Limits::MAXIMUM.deadline_ms;
    manifest.data_needs.observations.push(Coding::new("http://loinc.org", VIRAL_LOAD));
    attach(package.bytes(), &manifest).expect("a package")
}

/// The shipped ones, on the host, with a patient of whom each sees a part only: who enrols has a task, and a
/// suicidal answer is an alert at once.
async fn the_restricted_pathways_begin_and_hear_of_danger(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HIV, &MENTAL_HEALTH]).await;
    let condition = |code| record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), code);
    clinic.import(&[condition("F32.1"), condition("B24")]).await;
    for (plugin, compartment) in [(&HIV, "hiv"), (&MENTAL_HEALTH, "mental-health")] {
        let enrol = json!({ "patient": clinic.subject, "plugin": plugin.id });
        clinic.doctor.refused("/api/v1/enrolments", enrol.clone(), "ACCESS_COMPARTMENT").await;
        consent(&clinic, json!({ "compartment": compartment }), json!({ "role": "doctor" }), "treatment").await;
        let refuse = json!({
            "provision": "refuse", "scope": { "compartment": compartment }, "recipient": { "plugin": plugin.id },
            "purposes": ["treatment"],
        });
        let consents = format!("/api/v1/patients/{}/consents", clinic.subject);
        let refused = clinic.patient.post(&consents, refuse).await;
        clinic.doctor.refused("/api/v1/enrolments", enrol.clone(), "ACCESS_COMPARTMENT").await;
        let revoke = format!("/api/v1/consents/{}/revoke", refused["id"].as_str().expect("an id"));
        clinic.patient.post(&revoke, json!(null)).await;
        let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
        let enrolment = format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"));
        let view = clinic.doctor.get(&enrolment).await;
        assert!(view["stage"].as_str().is_some_and(|stage| !stage.is_empty()), "{view}");
        if compartment == "hiv" {
            continue;
        }
        let answers: Vec<Value> = (1..=5)
            .map(|item| json!({ "link_id": format!("asq-{item}"), "value": { "boolean": ([1, 5].contains(&item)) } }))
            .collect();
        let asq = json!({ "questionnaire": "asq", "answers": answers });
        clinic.patient.post(&format!("{enrolment}/answers"), asq).await;
        let alerts = clinic.doctor.get("/api/v1/alerts").await;
        let alert = alerts.as_array().expect("alerts").iter().find(|one| one["code"] == "SUICIDE_RISK");
        assert_eq!(alert.map(|alert| &alert["detail"]["alert"]["severity"]), Some(&json!("critical")), "{alerts}");
    }
}

async fn resources_a_pathway_writes_are_in_its_compartment(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    hospital.operator.upload(discreet()).await.done("/api/v1/plugins");
    let plugin = format!("/api/v1/tenants/{}/plugins/test.discreet", clinic.tenant);
    for grant in [json!({}), json!({ "compartment": "mental-health" })] {
        hospital.operator.ask(Method::PUT, &plugin, Some(grant)).await.refused(&plugin, "PLUGIN_CAPABILITY");
    }
    hospital.operator.put(&plugin, json!({ "compartment": "hiv" })).await;
    hospital.operator.post(&format!("{plugin}/enable"), json!(null)).await;

    let enrol = json!({ "patient": clinic.subject, "plugin": "test.discreet" });
    clinic.doctor.refused("/api/v1/enrolments", enrol.clone(), "ACCESS_COMPARTMENT").await;
    let given = consent(&clinic, hiv(), json!({ "role": "doctor" }), "treatment").await;
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol.clone()).await;
    let enrolment = format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"));
    clinic.patient.post(&format!("/api/v1/consents/{given}/revoke"), json!(null)).await;

    // The person who enrolled the patient has access, and no other staff.
    let (colleague, _) = clinic.hire(Person::new("colleague", "doctor").licensed(&json!({}))).await;
    clinic.doctor.get(&enrolment).await;
    colleague.hidden(&enrolment, "NOT_FOUND").await;
    colleague.refused("/api/v1/enrolments", enrol.clone(), "ACCESS_COMPARTMENT").await;
    clinic.doctor.refused("/api/v1/enrolments", enrol, "ALREADY_EXISTS").await;
    let answers = json!({ "questionnaire": "follow-up", "answers": [
        { "link_id": "glucose", "value": { "quantity": { "value": "17.2", "unit": "mmol/L" } } },
        { "link_id": "hba1c", "value": { "quantity": { "value": "8.10", "unit": "%" } } },
        { "link_id": "needed-help", "value": { "boolean": false } },
    ] });
    clinic.patient.post(&format!("{enrolment}/answers"), answers).await;

    let count = async |client: &Client, kind: &str| {
        let found = client.get(&format!("/fhir/R4/{kind}?patient={}&_count=1000", clinic.subject)).await;
        found["total"].as_i64().expect("a total")
    };
    for kind in ["CarePlan", "Task", "DetectedIssue", "Flag"] {
        assert!(count(&clinic.doctor, kind).await > 0, "{kind}");
        assert!(count(&clinic.patient, kind).await > 0, "{kind}");
        for client in [&colleague, &clinic.pharmacist, &clinic.administrator] {
            assert_eq!(count(client, kind).await, 0, "{kind}");
        }
    }
    assert_eq!(count(&clinic.doctor, "Observation").await - count(&colleague, "Observation").await, 2);

    // The alert is visible to all; its details only with access.
    let alerts = clinic.doctor.get("/api/v1/alerts?state=open").await;
    assert!(alerts.to_string().contains("GLUCOSE"), "{alerts}");
    let neutral = colleague.get("/api/v1/alerts?state=open").await;
    assert_eq!(neutral.as_array().map(Vec::len), alerts.as_array().map(Vec::len));
    let holds = format!("/api/v1/patients/{}/holds", clinic.subject);
    let held = colleague.get(&holds).await;
    assert_eq!(held[0]["active"], true);
    for text in [neutral.to_string(), held.to_string()] {
        assert!(!text.to_lowercase().contains("glucose") && text.contains("RESTRICTED"), "{text}");
    }
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let visit = visit["id"].as_str().expect("an id").to_owned();
    colleague.post(&format!("/api/v1/encounters/{visit}/accept"), clinic.decision()).await;
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let draft = colleague.post("/api/v1/prescriptions", crate::support::clinic::draft(&visit, &lines)).await;
    let sign = format!("/api/v1/prescriptions/{}/sign", draft["id"].as_str().expect("an id"));
    let stopped = colleague.refused(&sign, json!({ "valid_days": 3 }), "ENC_RED_FLAG").await;
    assert!(!stopped.to_string().to_lowercase().contains("glucose"), "{stopped}");
    let critical = alerts.as_array().into_iter().flatten().find(|one| one["detail"]["alert"]["severity"] == "critical");
    let critical = critical.and_then(|one| one["id"].as_str()).expect("a critical alert");
    let taken = colleague.post(&format!("/api/v1/alerts/{critical}/acknowledge"), json!(null)).await;
    assert_eq!((&taken["code"], &taken["state"]), (&json!("RESTRICTED"), &json!("acknowledged")));
    let messages = format!("/api/v1/patients/{}/messages", clinic.subject);
    assert!(!clinic.patient.get(&messages).await.as_array().expect("messages").is_empty());
    assert_eq!(colleague.get(&messages).await, json!([]));
    // Tapes are hidden, too.
    for path in [format!("/api/v1/calls?about={}", clinic.subject), "/api/v1/calls?plugin=test.discreet".to_owned()] {
        assert_eq!(clinic.administrator.get(&path).await, json!([]));
    }
}

async fn a_bill_does_not_disclose_a_compartment_to_the_payer(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let formulary = format!("/api/v1/tenants/{}/formulary", clinic.tenant);
    let mut items: Value =
        serde_json::from_slice(&crate::support::repository("examples/formulary/clinic.json")).expect("JSON");
    let mut item = medicine("dolutegravir", 9000);
    item["codings"] = json!([{ "system": "http://www.whocc.no/atc", "code": "J05AJ03" }]);
    item["ingredients"] = item["codings"].clone();
    items["items"].as_array_mut().expect("items").push(item);
    // A payer knows what a code of the insurance says, and what a pharmacist says of the hospital's own.
    let named = |name: &str| json!([{ "system": "urn:own", "code": name, "display": "舍曲林" }]);
    for (code, coding) in [("insured", "XN06ABS001A001010100001"), ("own", "s-50")] {
        let mut item = medicine(code, 9000);
        item["codings"] = json!([{ "system": "urn:own", "code": coding }]);
        item["ingredients"] = named("s");
        items["items"].as_array_mut().expect("items").push(item);
    }
    hospital.operator.put(&formulary, items).await;
    let class = json!({
        "item": "own", "basis": "leaflet",
        "codings": [{ "system": "http://www.whocc.no/atc", "code": "N06AB06" }], "ingredients": named("s"),
    });
    clinic.pharmacist.post("/api/v1/formulary/classify", class).await;
    for code in ["insured", "own"] {
        let path = clinic.draft(&clinic.visit().await, &[line(code, "10", "1", 7, 1)]).await;
        clinic.sign(&path).await;
        clinic.approve(&path).await;
        let order = json!({ "prescription": id(&path) });
        let refused = clinic.patient.refused("/api/v1/charges", order, "ACCESS_COMPARTMENT").await;
        assert_eq!(refused["compartment"], "mental-health", "{code}");
        // So that the next one is no duplicate of it.
        clinic.doctor.post(&format!("{path}/withdraw"), json!(null)).await;
    }

    let path = clinic.draft(&clinic.visit().await, &[line("dolutegravir", "1", "1", 7, 1)]).await;
    clinic.sign(&path).await;
    clinic.approve(&path).await;
    // The prescriber and the dispensing pharmacist have access; others do not.
    clinic.doctor.get(&path).await;
    clinic.pharmacist.get(&path).await;
    let (colleague, _) = clinic.hire(Person::new("colleague", "doctor").licensed(&json!({}))).await;
    colleague.hidden(&path, "NOT_FOUND").await;
    assert_eq!(colleague.get(&format!("/fhir/R4/MedicationRequest?patient={}", clinic.subject)).await["total"], 0);

    let order = json!({ "prescription": id(&path) });
    let refused = clinic.patient.refused("/api/v1/charges", order.clone(), "ACCESS_COMPARTMENT").await;
    assert_eq!(refused["compartment"], "hiv");
    let payer = json!({ "plugin": MEDICAL_INSURANCE.id });
    let given = consent(&clinic, hiv(), payer.clone(), "payment").await;
    let quote = clinic.patient.post("/api/v1/charges", order.clone()).await;
    assert_eq!(quote["calls"][0]["plugin"], MEDICAL_INSURANCE.id);
    colleague.hidden(&format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id")), "NOT_FOUND").await;
    // Revoked before the confirmation: nothing more is sent.
    clinic.patient.post(&format!("/api/v1/consents/{given}/revoke"), json!(null)).await;
    let confirm = crate::support::clinic::confirm_path(&quote);
    let confirmation = crate::support::clinic::confirmation(&quote);
    clinic.patient.refused(&confirm, confirmation, "ACCESS_COMPARTMENT").await;

    // Or the patient chooses to pay alone.
    let refuse = json!({ "provision": "refuse", "scope": hiv(), "recipient": payer, "purposes": ["payment"] });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), refuse).await;
    let quote = clinic.patient.post("/api/v1/charges", order).await;
    assert_eq!(quote["calls"], json!([]), "{quote}");
    clinic.confirm(&quote).await;
    clinic.balanced().await;
}

async fn resources_of_an_earlier_release_are_labelled(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let hidden = restricted(&clinic, hospital.now()).await;
    // State of a release without compartments.
    let tenant = clinic.tenant.parse().expect("a tenant");
    let store = hospital.hospital.store();
    let unlabelled = xinglin_store::ResourceWrite {
        kind: "Observation".to_owned(),
        id: "old".to_owned(),
        version: 1,
        patient_id: Some(clinic.subject.clone()),
        effective_at: hospital.now(),
        last_updated: hospital.now(),
        deleted: false,
        body: serde_json::value::to_raw_value(&json!({
            "resourceType": "Observation", "id": "old",
            "code": { "coding": [{ "system": "http://loinc.org", "code": VIRAL_LOAD }] },
        }))
        .expect("JSON"),
        found_by: xinglin_store::FoundBy::default(),
    };
    let tx = store.tenant(tenant).begin().await.expect("a transaction");
    tx.put_resources(&[unlabelled]).await.expect("written");
    tx.commit().await.expect("committed");
    let tx = store.operator().begin().await.expect("a transaction");
    tx.put_meta("compartment-rules", &0_i64).await.expect("written");
    tx.commit().await.expect("committed");
    clinic.doctor.get("/fhir/R4/Observation/old").await;
    hospital.reopened(|_| {}).await;
    clinic.doctor.hidden("/fhir/R4/Observation/old", "NOT_FOUND").await;
    clinic.doctor.hidden(&format!("/fhir/R4/{}", hidden[0]), "NOT_FOUND").await;
    clinic.patient.get("/fhir/R4/Observation/old").await;
}
