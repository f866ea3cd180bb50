//! Guardians and family: who may act for a patient, and when.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Clinic, Person, TestHospital, clinic, line, record, rules_on_both_engines};

rules_on_both_engines!(
    TestHospital:
    a_guardian_acts_within_the_period,
    revoking_a_guardianship_takes_effect_mid_visit,
    a_guardianship_ends_on_the_eighteenth_birthday,
    nobody_acts_for_another_guardians_ward,
    family_reads_what_consent_covers,
    an_adolescent_decides_on_access_to_compartments,
    an_invalid_relation_is_refused,
);

const DAY: i64 = 86_400;
const VISITS: &str = "/api/v1/encounters";

async fn clinic_with(hospital: &TestHospital, born: &str) -> Clinic {
    let patient = record::transaction(&[record::patient(born)]);
    Clinic::found_with(&hospital.operator, hospital.now(), &[], patient).await
}

/// The date in Shanghai this many days from now, this many years ago.
fn born(hospital: &TestHospital, years: i16, days: i64) -> String {
    let day = hospital.now().plus_hours(8).plus_days(days).minus_years(years).to_string();
    day[..10].to_owned()
}

async fn a_guardian_acts_within_the_period(hospital: TestHospital) {
    let clinic = clinic_with(&hospital, &born(&hospital, 5, 100)).await;
    let (mother, account) = clinic.person("mother").await;
    let patient = format!("/fhir/R4/Patient/{}", clinic.subject);
    let consents = format!("/api/v1/patients/{}/consents", clinic.subject);
    let closed = async |when: &str| {
        for path in [&patient, &format!("/fhir/R4/Observation?patient={}", clinic.subject), &consents] {
            assert_eq!(mother.ask(Method::GET, path, None).await.code(), "NOT_FOUND", "{when}: {path}");
        }
        assert_eq!(mother.get("/fhir/R4/Observation").await["total"], 0, "{when}");
        mother.refused(VISITS, clinic.request(), "ENC_IDENTITY").await;
    };
    closed("before she is registered").await;
    let (from, until) = (hospital.now().plus_days(1), hospital.now().plus_days(3));
    let period = json!({ "from": from.to_string(), "until": until.to_string() });
    let id = clinic.register(&clinic.subject, &account, period).await;
    closed("before the period").await;
    let me = mother.get("/api/v1/me").await;
    assert_eq!((&me["relations"][0]["id"], &me["relations"][0]["active"]), (&json!(id), &json!(false)));

    hospital.advance(DAY).await;
    assert_eq!(mother.get("/api/v1/me").await["relations"][0]["active"], true);
    assert_eq!(mother.get(&patient).await["id"], clinic.subject.as_str());
    assert!(mother.get("/fhir/R4/Observation").await["total"].as_i64() > Some(0));
    let export = json!({ "provision": "refuse", "scope": "record", "recipient": "export", "purposes": ["treatment"] });
    assert_eq!(mother.post(&consents, export).await["active"], true);
    let visit = mother.post(VISITS, clinic.request()).await;
    let visit = format!("{VISITS}/{}", visit["id"].as_str().expect("an id"));
    let mut decision = clinic.decision();
    decision["accompaniment"] = json!({ "guardian": "mother", "specialist": true });
    clinic.doctor.post(&format!("{visit}/accept"), decision).await;
    let said = mother.post(&format!("{visit}/messages"), json!({ "text": "他昨晚发烧" })).await;
    assert_eq!(said["role"], "patient");

    // In the record, for those who may read the patient.
    let shown = clinic.doctor.get(&format!("/fhir/R4/RelatedPerson?patient={}", clinic.subject)).await;
    let shown = &shown["entry"][0]["resource"];
    let codes: Vec<_> =
        shown["relationship"].as_array().expect("codes").iter().map(|one| &one["coding"][0]["code"]).collect();
    assert_eq!((codes, &shown["name"][0]["text"]), (vec![&json!("GUARD"), &json!("MTH")], &json!("王芳")));
    assert_eq!(shown["period"], json!({ "start": from.to_string(), "end": until.to_string() }));
    assert_eq!((&shown["id"], &shown["active"]), (&json!(id), &json!(true)));
    let listed = mother.get(&format!("/api/v1/patients/{}/relations", clinic.subject)).await;
    assert_eq!((&listed[0]["name"], &listed[0]["kind"]), (&json!("王芳"), &json!("guardian")));
    // Nobody else can write there.
    let forged = json!({
        "resourceType": "RelatedPerson", "id": id, "patient": { "reference": format!("Patient/{}", clinic.subject) },
    });
    let answer = clinic.administrator.ask(Method::PUT, &format!("/fhir/R4/RelatedPerson/{id}"), Some(forged)).await;
    answer.refused("a forged relation", "FHIR_INVALID");

    hospital.advance(2 * DAY).await;
    closed("after the period").await;
    mother.hidden(&format!("{visit}/messages"), "NOT_FOUND").await;
}

async fn revoking_a_guardianship_takes_effect_mid_visit(hospital: TestHospital) {
    let clinic = clinic_with(&hospital, &born(&hospital, 5, 100)).await;
    let (mother, id) = clinic.guardian("mother", json!({})).await;
    let visit = mother.post(VISITS, clinic.request()).await;
    let visit = visit["id"].as_str().expect("an id").to_owned();
    let mut decision = clinic.decision();
    decision["accompaniment"] = json!({ "guardian": "mother", "specialist": true });
    clinic.doctor.post(&format!("{VISITS}/{visit}/accept"), decision).await;
    let lines = [line("metformin-500mg-60", "500", "2", 7, 1)];
    let rx = clinic.draft(&visit, &lines).await;

    let revoke = format!("/api/v1/relations/{id}/revoke");
    // She may not revoke it, nor may the doctor, nor anybody of another hospital.
    mother.refused(&revoke, json!({}), "AUTH_FORBIDDEN").await;
    clinic.doctor.refused(&revoke, json!({}), "AUTH_FORBIDDEN").await;
    let other = hospital.clinic(&[]).await;
    other.administrator.refused(&revoke, json!({}), "NOT_FOUND").await;
    let revoked = clinic.administrator.post(&revoke, json!({})).await;
    assert_eq!((&revoked["active"], revoked["revoked"].is_string()), (&json!(false), true));
    clinic.administrator.refused(&revoke, json!({}), "RELATION_STATE").await;

    // With the same session, at the next request.
    mother.hidden(&format!("/fhir/R4/Patient/{}", clinic.subject), "NOT_FOUND").await;
    mother.refused(&format!("{VISITS}/{visit}/messages"), json!({ "text": "?" }), "NOT_FOUND").await;
    mother.refused(VISITS, clinic.request(), "ENC_IDENTITY").await;
    clinic.doctor.refused(&format!("{rx}/sign"), json!({ "valid_days": 3 }), "ENC_GUARDIAN_REQUIRED").await;
    clinic.doctor.refused("/api/v1/prescriptions", clinic::draft(&visit, &lines), "ENC_GUARDIAN_REQUIRED").await;
    let shown = clinic.doctor.get(&format!("/fhir/R4/RelatedPerson/{id}")).await;
    assert_eq!((&shown["active"], &shown["name"][0]["text"]), (&json!(false), &json!("王芳")));
    assert!(shown["period"]["end"].is_string(), "{shown}");
    let again = clinic.doctor.get(&format!("/fhir/R4/RelatedPerson/{id}/_history")).await;
    assert_eq!(again["total"], 2, "what was is still told");
}

async fn a_guardianship_ends_on_the_eighteenth_birthday(hospital: TestHospital) {
    let clinic = clinic_with(&hospital, &born(&hospital, 18, 3)).await;
    let (father, _) = clinic.guardian("father", json!({ "tie": "father" })).await;
    let patient = format!("/fhir/R4/Patient/{}", clinic.subject);
    father.get(&patient).await;
    let ends = father.get("/api/v1/me").await["relations"][0]["until"].clone();
    let birthday = xinglin_domain::time::Instant::parse(ends.as_str().expect("an end")).expect("a time");
    let left = (birthday.micros() - hospital.now().micros()) / 1_000_000;
    assert!((2 * DAY..=3 * DAY).contains(&left), "{ends}");
    hospital.advance(left - 60).await;
    father.get(&patient).await;
    hospital.advance(61).await;
    father.hidden(&patient, "NOT_FOUND").await;
    father.refused(VISITS, clinic.request(), "ENC_IDENTITY").await;
    assert_eq!(father.get("/api/v1/me").await["relations"][0]["active"], false);
    // A parent is not the guardian of an adult; a person appointed by a court is.
    let account = father.get("/api/v1/me").await["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/patients/{}/relations", clinic.subject);
    let parent = clinic.kinship(&clinic.subject, &account, json!({})).await;
    clinic.administrator.refused(&path, parent, "RELATION_INVALID").await;
    clinic.register(&clinic.subject, &account, json!({ "ground": "court" })).await;
    father.get(&patient).await;
}

async fn nobody_acts_for_another_guardians_ward(hospital: TestHospital) {
    let clinic = clinic_with(&hospital, &born(&hospital, 5, 100)).await;
    let (mother, _) = clinic.guardian("mother", json!({})).await;
    // Another child, with another mother.
    let other = clinic.import(&[record::patient(&born(&hospital, 4, 0))]).await.remove(0);
    let other = clinic::id(&other);
    let (stranger, account) = clinic.person("stranger").await;
    clinic.register(other, &account, json!({})).await;
    for (guardian, own, theirs) in [(&mother, clinic.subject.as_str(), other), (&stranger, other, &clinic.subject)] {
        guardian.get(&format!("/fhir/R4/Patient/{own}")).await;
        guardian.hidden(&format!("/fhir/R4/Patient/{theirs}"), "NOT_FOUND").await;
        guardian.hidden(&format!("/api/v1/patients/{theirs}/relations"), "NOT_FOUND").await;
        guardian.hidden(&format!("/api/v1/patients/{theirs}/accesses"), "NOT_FOUND").await;
        let invite = json!({ "kind": "family", "tie": "relative" });
        guardian.refused(&format!("/api/v1/patients/{theirs}/invitations"), invite, "NOT_FOUND").await;
    }
    stranger.refused(VISITS, clinic.request(), "ENC_IDENTITY").await;
    // A guardian has a guardian's rights, and not the ward's identity.
    assert_eq!(mother.get("/fhir/R4/Patient").await["total"], 2, "herself and the child");
}

async fn family_reads_what_consent_covers(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let hidden =
        clinic.import(&[record::result(&clinic.subject, hospital.now(), "20447-9", "40", "{copies}/mL")]).await;
    let (son, account) = clinic.person("son").await;
    let invitations = format!("/api/v1/patients/{}/invitations", clinic.subject);
    clinic.patient.refused(&invitations, json!({ "kind": "guardian", "tie": "child" }), "RELATION_INVALID").await;
    clinic.doctor.refused(&invitations, json!({ "kind": "family", "tie": "child" }), "AUTH_FORBIDDEN").await;
    let code = clinic.patient.post(&invitations, json!({ "kind": "family", "tie": "child" })).await["code"].clone();
    let join = json!({ "code": code, "name": "李小明", "phone": "13800000000" });
    let (unverified, _) = clinic.hire(Person::new("unverified", "patient")).await;
    unverified.refused("/api/v1/me/relations", join.clone(), "RELATION_INVALID").await;
    clinic.patient.refused("/api/v1/me/relations", join.clone(), "RELATION_INVALID").await;
    let joined = son.post("/api/v1/me/relations", join.clone()).await;
    assert_eq!((&joined["kind"], &joined["active"]), (&json!("family"), &json!(true)));
    let (late, _) = clinic.person("late").await;
    late.refused("/api/v1/me/relations", join, "NOT_FOUND").await;

    let search = format!("/fhir/R4/Observation?patient={}", clinic.subject);
    let patient = format!("/fhir/R4/Patient/{}", clinic.subject);
    son.hidden(&patient, "NOT_FOUND").await;
    son.hidden(&search, "AUTH_FORBIDDEN").await;
    let consents = format!("/api/v1/patients/{}/consents", clinic.subject);
    let open = json!({ "scope": "record", "recipient": { "account": account }, "purposes": ["family"] });
    let consent = clinic.patient.post(&consents, open.clone()).await;
    assert_eq!(son.get(&patient).await["id"], clinic.subject.as_str());
    let all = clinic.patient.get(&search).await["total"].as_i64().expect("a number");
    assert_eq!(son.get(&search).await["total"], all - 1, "but for the compartment");
    son.hidden(&format!("/fhir/R4/{}", hidden[0]), "NOT_FOUND").await;
    son.hidden(&format!("{search}&code=20447-9"), "ACCESS_COMPARTMENT").await;
    let whole = son.get(&format!("{patient}/$everything")).await;
    assert!(!whole.to_string().contains("20447-9") && whole.to_string().contains("4548-4"), "{whole}");
    // It permits reading only.
    son.refused(VISITS, clinic.request(), "ENC_IDENTITY").await;
    son.refused(&consents, open.clone(), "NOT_FOUND").await;
    son.hidden(&consents, "NOT_FOUND").await;
    son.hidden(&format!("/api/v1/patients/{}/messages", clinic.subject), "NOT_FOUND").await;
    let seen = clinic.patient.get(&format!("/api/v1/patients/{}/accesses?limit=200", clinic.subject)).await;
    assert!(seen.to_string().contains("\"who\":\"son\""), "{seen}");

    // Revoking the consent or the relation closes it at once.
    let id = consent["id"].as_str().expect("an id");
    clinic.patient.post(&format!("/api/v1/consents/{id}/revoke"), json!({})).await;
    son.hidden(&patient, "NOT_FOUND").await;
    clinic.patient.post(&consents, open).await;
    son.get(&patient).await;
    let id = joined["id"].as_str().expect("an id");
    late.refused(&format!("/api/v1/relations/{id}/revoke"), json!({}), "NOT_FOUND").await;
    clinic.patient.post(&format!("/api/v1/relations/{id}/revoke"), json!({})).await;
    son.hidden(&patient, "NOT_FOUND").await;
    assert_eq!(son.get("/api/v1/me").await["relations"], json!([]));
}

async fn an_adolescent_decides_on_access_to_compartments(hospital: TestHospital) {
    let clinic = clinic_with(&hospital, &born(&hospital, 15, 0)).await;
    let hidden =
        clinic.import(&[record::result(&clinic.subject, hospital.now(), "20447-9", "40", "{copies}/mL")]).await;
    let (mother, id) = clinic.guardian("mother", json!({})).await;
    let account = mother.get("/api/v1/me").await["id"].clone();
    let observations = |query: &str| format!("/fhir/R4/Observation?_count=500{query}");
    let named = observations(&format!("&patient={}", clinic.subject));
    let all = clinic.patient.get(&named).await["total"].as_i64().expect("a number");
    let closed = async || {
        mother.hidden(&format!("/fhir/R4/{}", hidden[0]), "NOT_FOUND").await;
        mother.hidden(&format!("{named}&code=20447-9"), "ACCESS_COMPARTMENT").await;
        for path in [named.clone(), observations(""), format!("/fhir/R4/Patient/{}/$everything", clinic.subject)] {
            let found = mother.get(&path).await;
            assert!(!found.to_string().contains("20447-9") && found.to_string().contains("4548-4"), "{path}: {found}");
        }
        assert_eq!(mother.get(&named).await["total"], all - 1);
        for history in ["_history?_count=1000", "Observation/_history?_count=1000"] {
            let told = mother.get(&format!("/fhir/R4/{history}")).await;
            assert!(!told.to_string().contains("20447-9") && told.to_string().contains("4548-4"), "{told}");
        }
    };
    closed().await;
    // She cannot open it to herself, or receive it; she may close it.
    let consents = format!("/api/v1/patients/{}/consents", clinic.subject);
    let open = json!({
        "scope": { "compartment": "hiv" }, "recipient": { "account": account }, "purposes": ["family"],
    });
    mother.refused(&consents, open.clone(), "AUTH_FORBIDDEN").await;
    let plugin = json!({
        "scope": { "compartment": "hiv" }, "recipient": { "plugin": "x" }, "purposes": ["treatment"],
    });
    clinic.patient.post(&consents, plugin.clone()).await;
    assert_eq!(mother.get(&consents).await, json!([]));
    let mut refuse = plugin;
    refuse["provision"] = json!("refuse");
    mother.post(&consents, refuse).await;
    closed().await;

    clinic.patient.post(&consents, open).await;
    assert_eq!(mother.get(&format!("/fhir/R4/{}", hidden[0])).await["resourceType"], "Observation");
    assert_eq!(mother.get(&named).await["total"], all);
    // A person whom she invited is family as long as she is the guardian.
    let (aunt, account) = clinic.person("aunt").await;
    let invitations = format!("/api/v1/patients/{}/invitations", clinic.subject);
    let code = mother.post(&invitations, json!({ "kind": "family", "tie": "relative" })).await["code"].clone();
    aunt.post("/api/v1/me/relations", json!({ "code": code, "name": "李红" })).await;
    let record = json!({ "scope": "record", "recipient": { "account": account }, "purposes": ["family"] });
    mother.post(&consents, record).await;
    let patient = format!("/fhir/R4/Patient/{}", clinic.subject);
    aunt.get(&patient).await;
    let late = mother.post(&invitations, json!({ "kind": "family", "tie": "relative" })).await["code"].clone();

    clinic.administrator.post(&format!("/api/v1/relations/{id}/revoke"), json!({})).await;
    mother.hidden(&format!("/fhir/R4/{}", hidden[0]), "NOT_FOUND").await;
    aunt.hidden(&patient, "NOT_FOUND").await;
    let (uncle, _) = clinic.person("uncle").await;
    uncle.refused("/api/v1/me/relations", json!({ "code": late, "name": "李刚" }), "NOT_FOUND").await;
}

async fn an_invalid_relation_is_refused(hospital: TestHospital) {
    let clinic = clinic_with(&hospital, &born(&hospital, 5, 100)).await;
    let path = format!("/api/v1/patients/{}/relations", clinic.subject);
    let (_, account) = clinic.person("mother").await;
    let sound = clinic.kinship(&clinic.subject, &account, json!({})).await;
    let refused = async |change: Value, code: &str| {
        let mut body = sound.clone();
        for (key, value) in change.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        clinic.administrator.refused(&path, body, code).await;
    };
    // Evidence must be of this patient.
    let other = clinic.import(&[record::patient("2020-01-01")]).await.remove(0);
    let others = clinic.kinship(clinic::id(&other), &account, json!({})).await;
    let (_, unverified) = clinic.hire(Person::new("unverified", "patient")).await;
    for change in [
        json!({ "evidence": null }),
        json!({ "evidence": others["evidence"] }),
        json!({ "evidence": "Binary/blob-x" }),
        json!({ "evidence": format!("Patient/{}", clinic.subject) }),
        json!({ "ground": null }),
        json!({ "kind": "family" }),
        json!({ "until": "2020-01-01" }),
        json!({ "account": unverified }),
        json!({ "account": clinic.pharmacist_id }),
    ] {
        refused(change, "RELATION_INVALID").await;
    }
    refused(json!({ "name": " " }), "BODY_INVALID").await;
    refused(json!({ "account": "acc-00000000000000000000000001" }), "NOT_FOUND").await;
    for client in [&clinic.doctor, &clinic.patient] {
        client.refused(&path, sound.clone(), "AUTH_FORBIDDEN").await;
    }
    let elsewhere = hospital.clinic(&[]).await;
    elsewhere.administrator.refused(&path, sound.clone(), "NOT_FOUND").await;
    // Accounts cannot be created with wards any more.
    let accounts = format!("/api/v1/tenants/{}/accounts", clinic.tenant);
    let two = json!({
        "login": "two", "password": crate::support::PASSWORD, "roles": ["patient"],
        "patients": [clinic.subject, clinic::id(&other)],
    });
    clinic.administrator.refused(&accounts, two, "BODY_INVALID").await;
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    nurse.post(&path, sound).await;
}
