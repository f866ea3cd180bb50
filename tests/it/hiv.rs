//! The HIV pathway on the host: what it holds, what it stops, what it follows to its end, and who was enrolled under its first
//! version.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Clinic, HIV, Person, Plugin, TestHospital, clinic::draft, eventually, frozen, line, medicine, record,
    rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    an_overdue_test_holds_medicines_of_prevention_and_no_others,
    an_exposure_stops_the_visit_and_is_followed_until_the_patient_is_seen,
    several_disciplines_decide_about_a_failure,
    the_ninth_item_keeps_the_visit_open,
    who_was_enrolled_under_the_first_version_stays_enrolled,
);

const HOUR: i64 = 3_600;
const ATC: &str = "http://www.whocc.no/atc";

/// The patient in the pathway; the path of the enrolment.
async fn enrolled(clinic: &Clinic) -> String {
    let ask = json!({
        "scope": { "compartment": "hiv" }, "recipient": { "role": "doctor" }, "purposes": ["treatment"],
    });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), ask).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": HIV.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"))
}

fn answer(link: &str, value: Value) -> Value {
    json!({ "link_id": link, "value": value })
}

fn yes(link: &str, value: bool) -> Value {
    answer(link, json!({ "boolean": value }))
}

/// All first questions: no, and these.
fn intake(plan: &str, contact: Option<&str>) -> Value {
    let mut answers: Vec<Value> = ["unprotected", "needles", "partner", "infection", "repeated", "unwell"]
        .into_iter()
        .map(|link| yes(link, false))
        .collect();
    answers.push(yes("contact", contact.is_some()));
    answers
        .extend(contact.map(|hours| answer("contact-hours", json!({ "quantity": { "value": hours, "unit": "h" } }))));
    answers.push(answer("plan", json!({ "choice": { "system": "urn:xinglin:follow-up:plan", "code": plan } })));
    json!({ "questionnaire": "intake", "answers": answers })
}

/// The codes of the active holds.
async fn holds(clinic: &Clinic) -> Vec<String> {
    let holds = clinic.doctor.get(&format!("/api/v1/patients/{}/holds", clinic.subject)).await;
    let active = holds.as_array().expect("holds").iter().filter(|hold| hold["active"] == true);
    active.map(|hold| hold["code"].as_str().expect("a code").to_owned()).collect()
}

async fn has_alert(clinic: &Clinic, code: &str) -> bool {
    let alerts = clinic.doctor.get("/api/v1/alerts").await;
    alerts.as_array().expect("alerts").iter().any(|alert| alert["code"] == code)
}

/// The open request of a code.
async fn request(client: &Client, enrolment: &str, code: &str) -> Option<String> {
    let list = client.get(&format!("{enrolment}/requests")).await;
    let found = list.as_array().expect("requests").iter().find(|one| one["code"] == code && one["state"] == "open");
    found.map(|one| format!("/api/v1/requests/{}", one["id"].as_str().expect("an id")))
}

/// Prevention on the formulary.
async fn sells_prevention(clinic: &Clinic) {
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    let mut item = medicine("prevention", 100);
    for list in ["codings", "ingredients"] {
        item[list].as_array_mut().expect("codings").push(json!({ "system": ATC, "code": "J05AR03" }));
    }
    formulary["items"].as_array_mut().expect("items").push(item);
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), formulary).await;
}

/// The answer to the signature of a week of prevention.
async fn signs_prevention(clinic: &Clinic) -> String {
    let visit = clinic.visit().await;
    let draft = draft(&visit, &[line("prevention", "1", "1", 7, 1)]);
    let drafted = clinic.doctor.post("/api/v1/prescriptions", draft).await;
    let path = format!("/api/v1/prescriptions/{}/sign", drafted["id"].as_str().expect("an id"));
    let signed = clinic.doctor.ask(Method::POST, &path, Some(json!({ "valid_days": 3 }))).await;
    if signed.status.is_success() { "signed".to_owned() } else { signed.code().to_owned() }
}

/// Of today, from the laboratory.
fn negative_test(clinic: &Clinic, hospital: &TestHospital) -> Value {
    let mut result = record::result(&clinic.subject, hospital.now(), "56888-1", "1", "1");
    let whole = result.as_object_mut().expect("an object");
    whole.remove("valueQuantity");
    whole.insert(
        "valueCodeableConcept".to_owned(),
        json!({ "coding": [{ "system": "http://snomed.info/sct", "code": "260385009" }] }),
    );
    whole.insert("effectiveDateTime".to_owned(), hospital.now().to_string().into());
    result
}

async fn an_overdue_test_holds_medicines_of_prevention_and_no_others(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HIV]).await;
    sells_prevention(&clinic).await;
    assert_eq!(signs_prevention(&clinic).await, "signed");
    let enrolment = enrolled(&clinic).await;
    clinic.patient.post(&format!("{enrolment}/answers"), intake("daily", None)).await;
    assert_eq!(holds(&clinic).await, ["renewal-test"]);
    assert!(has_alert(&clinic, "PREP_TEST_OVERDUE").await);
    assert_eq!(signs_prevention(&clinic).await, "ENC_RED_FLAG");
    // What else the patient takes is signed, approved and paid as ever.
    let metformin = clinic.approved().await;
    let quote = clinic.quote(&metformin).await;
    clinic.confirm(&quote).await;
    let handout = clinic.handout(&metformin).await;
    clinic.pharmacist.post(&format!("{metformin}/dispense"), handout).await;

    clinic.import(&[negative_test(&clinic, &hospital)]).await;
    eventually("the test lifts the hold", async || {
        hospital.hospital.do_due_work().await;
        holds(&clinic).await.is_empty()
    })
    .await;
    assert_eq!(signs_prevention(&clinic).await, "signed");
}

async fn an_exposure_stops_the_visit_and_is_followed_until_the_patient_is_seen(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HIV]).await;
    let enrolment = enrolled(&clinic).await;
    let visit = clinic.visit().await;
    clinic.patient.post(&format!("{enrolment}/answers"), intake("none", Some("2"))).await;
    let view = clinic.doctor.get(&format!("/api/v1/encounters/{visit}")).await;
    assert_eq!(view["status"], "STOPPED", "{view}");
    assert_eq!(holds(&clinic).await, ["urgent-visit"]);
    for code in ["urgent-visit", "baseline-tests"] {
        assert!(request(&clinic.doctor, &enrolment, code).await.is_some(), "{code}");
    }
    // What the patient is told and shown names nothing.
    let told = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await.to_string()
        + &clinic.patient.get(&format!("/api/v1/encounters/{visit}")).await.to_string();
    for word in ["HIV", "艾滋", "PEP", "暴露", "exposure"] {
        assert!(!told.contains(word), "`{word}` in {told}");
    }

    hospital.advance(21 * HOUR).await;
    hospital.hospital.do_due_work().await;
    assert!(!has_alert(&clinic, "PEP_VISIT_LAPSED").await, "it has 22 hours");
    hospital.advance(HOUR + 60).await;
    eventually("nobody has seen the patient", async || {
        hospital.hospital.do_due_work().await;
        has_alert(&clinic, "PEP_VISIT_LAPSED").await
    })
    .await;
    assert!(has_alert(&clinic, "REFERRAL_NOT_ATTENDED").await);
    let again = request(&clinic.doctor, &enrolment, "urgent-visit").await.expect("sent again");
    clinic.doctor.post(&format!("{again}/fulfil"), json!({ "note": "市一医院急诊:已开始" })).await;
    hospital.advance(72 * HOUR).await;
    hospital.hospital.do_due_work().await;
    assert!(!has_alert(&clinic, "PEP_WINDOW_EXPIRED").await, "the patient was seen");
}

/// A viral load of so many days ago.
fn load(clinic: &Clinic, hospital: &TestHospital, value: &str, days: i64) -> Value {
    let mut result = record::result(&clinic.subject, hospital.now(), "20447-9", value, "{copies}/mL");
    result["effectiveDateTime"] = hospital.now().plus_days(-days).to_string().into();
    result
}

async fn several_disciplines_decide_about_a_failure(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HIV]).await;
    let statement = json!({
        "resourceType": "MedicationStatement", "status": "active",
        "subject": { "reference": format!("Patient/{}", clinic.subject) },
        "medicationCodeableConcept": { "coding": [{ "system": ATC, "code": "J05AR20" }] },
        "effectivePeriod": { "start": hospital.now().plus_days(-400).to_string() },
    });
    let diagnosis = record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "B24");
    clinic.import(&[diagnosis, statement, load(&clinic, &hospital, "900", 28)]).await;
    let enrolment = enrolled(&clinic).await;
    clinic.import(&[load(&clinic, &hospital, "800", 0)]).await;
    eventually("two in a row are a failure", async || {
        hospital.hospital.do_due_work().await;
        has_alert(&clinic, "VIROLOGICAL_FAILURE").await
    })
    .await;
    let team = request(&clinic.doctor, &enrolment, "plan-team").await.expect("a team");
    assert!(request(&clinic.doctor, &enrolment, "plan-tests").await.is_some());
    let (other, _) = clinic.hire(Person::new("laboratory", "doctor").licensed(&json!({}))).await;
    let (therapist, _) = clinic.hire(Person::new("therapist", "psychotherapist").licensed(&json!({}))).await;
    // A seat opens the request, and nothing else: no consent for it is needed.
    let seats = [&clinic.doctor, &other, &clinic.pharmacist, &therapist];
    for (seat, who) in seats.iter().enumerate() {
        who.post(&format!("{team}/opinions"), json!({ "seat": seat, "text": "意见" })).await;
    }
    let outcome = json!([{ "system": "urn:xinglin:follow-up:conclusion", "code": "change" }]);
    clinic.doctor.post(&format!("{team}/plan"), json!({ "text": "更换方案", "outcome": outcome })).await;
    for (seat, who) in seats.iter().enumerate() {
        let signed = who.post(&format!("{team}/signatures"), json!({ "seat": seat, "plan": 1 })).await;
        assert_eq!(
            (&signed["mdt"], &signed["state"]),
            (&json!(true), &json!(if seat == 3 { "fulfilled" } else { "open" }))
        );
    }
    let view = clinic.doctor.get(&enrolment).await;
    assert!(view["timers"].as_array().expect("timers").iter().any(|timer| timer["code"] == "plan-change"), "{view}");
    assert!(has_alert(&clinic, "NOTE_PROPOSED").await);
}

async fn the_ninth_item_keeps_the_visit_open(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HIV]).await;
    let enrolment = enrolled(&clinic).await;
    let visit = clinic.visit().await;
    let plugin = format!("/api/v1/tenants/{}/plugins/{}/disable", clinic.tenant, HIV.id);
    clinic.operator.post(&plugin, json!(null)).await;
    let often = |code: &str| json!({ "choice": { "system": "http://loinc.org", "code": code } });
    let answers: Vec<Value> = (1..=9)
        .map(|item| answer(&format!("item-{item}"), often(if item == 9 { "LA6570-1" } else { "LA6568-5" })))
        .collect();
    let said = json!({ "questionnaire": "phq-9", "answers": answers });
    let answered = clinic.patient.post(&format!("{enrolment}/answers"), said).await;
    let lines: Vec<&str> = answered["safety"]["help"]["lines"]
        .as_array()
        .expect("lines of help")
        .iter()
        .filter_map(|line| line["number"].as_str())
        .collect();
    assert!(lines.contains(&"12356") && lines.contains(&"120"), "{answered}");
    clinic.doctor.refused(&format!("/api/v1/encounters/{visit}/close"), json!({}), "ENC_RED_FLAG_OPEN").await;
    let contacts = clinic.doctor.get("/api/v1/safety-contacts").await;
    assert!(!contacts.to_string().contains("HIV"), "who speaks with the patient need not know: {contacts}");
}

/// Somebody whom the first version follows, with an overdue test; the path of the enrolment.
pub(crate) async fn followed_by_the_first_version(clinic: &Clinic) -> String {
    sells_prevention(clinic).await;
    let enrolment = enrolled(clinic).await;
    // The first version asks all of its questions without conditions.
    clinic.patient.post(&format!("{enrolment}/answers"), intake("daily", None)).await;
    assert_eq!(holds(clinic).await, ["test-overdue"]);
    enrolment
}

/// This version follows from the next event on.
pub(crate) async fn taken_over(hospital: &TestHospital, clinic: &Clinic, next: &Plugin) {
    clinic.operator.upload(next.package()).await.done("/api/v1/plugins");
    let plugin = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, next.id);
    clinic.operator.put(&plugin, json!({ "version": "1.1.0", "compartment": "hiv" })).await;
    let promoted =
        clinic.operator.post(&format!("{plugin}/promote"), json!({ "version": "1.1.0", "without_gate": true })).await;
    assert_eq!(promoted["version"], "1.1.0");
    eventually("the next event is of the new version", async || {
        hospital.advance(HOUR).await;
        hospital.hospital.do_due_work().await;
        holds(clinic).await == ["renewal-test"]
    })
    .await;
}

async fn who_was_enrolled_under_the_first_version_stays_enrolled(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&frozen::HIV]).await;
    let enrolment = followed_by_the_first_version(&clinic).await;
    let before = clinic.doctor.get(&enrolment).await;
    let visit = clinic.visit().await;
    let metformin = clinic.draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    clinic.doctor.refused(&format!("{metformin}/sign"), json!({ "valid_days": 3 }), "ENC_RED_FLAG").await;

    taken_over(&hospital, &clinic, &HIV).await;
    let after = clinic.doctor.get(&enrolment).await;
    assert_eq!((&after["active"], &after["stage"]), (&json!(true), &before["stage"]), "{after}");
    assert!(!has_alert(&clinic, "PATHWAY_SILENT").await);
    clinic.sign(&metformin).await;
    assert_eq!(signs_prevention(&clinic).await, "ENC_RED_FLAG");
    // Its tasks go on, and what it had asked for is followed.
    let codes = |view: &Value| -> Vec<String> {
        let open = view["timers"].as_array().expect("timers").iter().filter(|timer| timer["state"] == "open");
        open.map(|timer| timer["code"].as_str().expect("a code").to_owned()).collect()
    };
    for code in ["mood-28", "worry-84", "regular-30"] {
        assert!(codes(&after).contains(&code.to_owned()), "{code}: {after}");
    }
    assert!(request(&clinic.doctor, &enrolment, "lab-screen").await.is_some());
    clinic.import(&[negative_test(&clinic, &hospital)]).await;
    eventually("the test lifts the hold", async || {
        hospital.hospital.do_due_work().await;
        holds(&clinic).await.is_empty()
    })
    .await;
}
