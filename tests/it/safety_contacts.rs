//! A patient in danger reaches a person, whatever becomes of the pathway: point 4 of the pathways issue.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{
    enrolment::Enrolment,
    id::{AccountId, AlertId, ContactId, EnrolmentId, PatientId},
    pathway::{AnswerKind, AnswerValue, Definition},
    safety::{Asked, Danger, Finding, Item, SafetyContact},
};
use xinglin_platform::document;

use crate::support::{
    Answer, Client, Clinic, DIABETES, HIV, MENTAL_HEALTH, Person, TestHospital, clinic, eventually, line, record,
    repository, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    an_acute_answer_locks_the_visit_until_a_person_has_spoken,
    a_switched_off_pathway_and_a_refused_answer_leave_nobody_alone,
    a_result_from_elsewhere_opens_a_contact_too,
    a_hospital_shows_its_own_lines_and_never_none,
    what_staff_hear_opens_a_contact,
    every_shipped_safety_item_is_known,
);

const CONTACTS: &str = "/api/v1/safety-contacts";

/// A patient with depression in the pathway; the path of the enrolment.
async fn enrolled(clinic: &Clinic, hospital: &TestHospital) -> String {
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "F32.1")]).await;
    let consent = json!({
        "scope": { "compartment": "mental-health" }, "recipient": { "role": "doctor" }, "purposes": ["treatment"],
    });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), consent).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": MENTAL_HEALTH.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"))
}

/// The PHQ-9 with this answer to its ninth item, and "not at all" to the others.
fn phq9(ninth: &str) -> Value {
    let answers: Vec<Value> = (1..=9)
        .map(|item| {
            let code = if item == 9 { ninth } else { "LA6568-5" };
            json!({ "link_id": format!("phq-{item}"),
                    "value": { "choice": { "system": "http://loinc.org", "code": code } } })
        })
        .collect();
    json!({ "questionnaire": "phq-9", "answers": answers })
}

async fn contacts(client: &Client) -> Vec<Value> {
    client.get(CONTACTS).await.as_array().expect("a list").clone()
}

/// The open alert of a contact; pathways have their own.
async fn alert(client: &Client) -> Option<Value> {
    let alerts = client.get("/api/v1/alerts").await;
    alerts.as_array().expect("alerts").iter().find(|one| one["detail"]["contact"].is_string()).cloned()
}

async fn numbers(clinic: &Clinic) -> Vec<String> {
    let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    let shown = messages.as_array().expect("messages").iter().find(|one| one["kind"] == "safety").cloned();
    let lines = shown.expect("a message")["detail"]["lines"].as_array().expect("lines").clone();
    lines.iter().map(|line| line["number"].as_str().expect("a number").to_owned()).collect()
}

async fn an_acute_answer_locks_the_visit_until_a_person_has_spoken(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MENTAL_HEALTH]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let visit = format!("/api/v1/encounters/{}", visit["id"].as_str().expect("an id"));
    clinic.doctor.post(&format!("{visit}/accept"), clinic.decision()).await;

    let none = clinic.patient.post(&format!("{enrolment}/answers"), phq9("LA6568-5")).await;
    assert!(none.get("safety").is_none() && contacts(&clinic.doctor).await.is_empty(), "{none}");

    // "Several days": a clinician assesses within four hours, and the visit goes on.
    let some = clinic.patient.post(&format!("{enrolment}/answers"), phq9("LA6569-3")).await;
    let contact = format!("{CONTACTS}/{}", some["safety"]["contact"].as_str().expect("a contact"));
    let view = clinic.doctor.get(&contact).await;
    assert_eq!((&view["danger"], &view["locks_visits"]), (&json!("assess"), &json!(false)), "{view}");
    let due = alert(&clinic.doctor).await.expect("an alert");
    assert_eq!(due["detail"]["alert"]["sla_minutes"], 239, "less than four hours, as the pathway says");

    // "Nearly every day": minutes. It is the same contact, and what is due earlier counts.
    let acute = clinic.patient.post(&format!("{enrolment}/answers"), phq9("LA6571-9")).await;
    assert_eq!(acute["safety"]["contact"], some["safety"]["contact"]);
    assert_eq!(acute["safety"]["help"]["lines"][0]["number"], "12356", "{acute}");
    assert_eq!(numbers(&clinic).await, ["12356", "120"]);
    let view = clinic.doctor.get(&contact).await;
    assert_eq!((&view["danger"], &view["locks_visits"]), (&json!("acute"), &json!(true)), "{view}");
    assert_eq!((&view["findings"], &view["repeats"]), (&json!(2), &json!([])), "counted from the end: {view}");
    let due = alert(&clinic.doctor).await.expect("an alert");
    let told = json!(["doctor", "nurse", "psychotherapist"]);
    assert_eq!((&due["detail"]["alert"]["sla_minutes"], &due["told"]), (&json!(5), &told), "at once: {due}");

    // Nothing is closed, prescribed or ordered; and a click on the alert is no contact.
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let draft = clinic::draft(visit.rsplit('/').next().expect("an id"), &lines);
    let closing = clinic.doctor.refused(&format!("{visit}/close"), json!({}), "ENC_RED_FLAG_OPEN").await;
    assert_eq!(closing["contact"], some["safety"]["contact"], "{closing}");
    let refused = clinic.doctor.refused("/api/v1/prescriptions", draft.clone(), "ENC_RED_FLAG_OPEN").await;
    let said = refused.to_string();
    assert!(!["contact", "danger", "speak", "危"].iter().any(|word| said.contains(word)), "others read it too: {said}");
    let asked = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let decline = format!("/api/v1/encounters/{}/decline", asked["id"].as_str().expect("an id"));
    let reason = json!({ "reason": "请线下就诊" });
    clinic.doctor.refused(&decline, reason.clone(), "ENC_RED_FLAG_OPEN").await;
    let acknowledge = format!("/api/v1/alerts/{}/acknowledge", due["id"].as_str().expect("an id"));
    clinic.doctor.refused(&acknowledge, json!(null), "PATHWAY_STATE").await;

    // Who may speak with the patient sees it; others see that there is something, and nobody else.
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    assert_eq!(contacts(&nurse).await.len(), 1);
    for other in [&clinic.pharmacist, &clinic.administrator, &clinic.patient] {
        other.hidden(CONTACTS, "AUTH_FORBIDDEN").await;
        let end = json!({ "outcome": "safe", "note": "x", "findings": 2 });
        other.refused(&format!("{contact}/end"), end, "AUTH_FORBIDDEN").await;
    }
    let masked = clinic.pharmacist.get("/api/v1/alerts").await;
    assert!(!masked.to_string().contains("SUICIDE"), "{masked}");
    let issues = format!("/fhir/R4/DetectedIssue?patient={}", clinic.subject);
    assert!(!clinic.pharmacist.get(&issues).await.to_string().contains("SUICIDE"));

    // It climbs after five minutes, to who can find somebody; an attempt gives five minutes, and two in a row no more.
    let told = async || {
        let alert = alert(&clinic.doctor).await.expect("it is open");
        alert["told"].as_array().map_or(0, Vec::len)
    };
    hospital.advance(5 * 60 + 1).await;
    eventually("it climbs", async || told().await == 4).await;
    let found = clinic.administrator.get("/api/v1/me/notifications").await;
    let found =
        found.as_array().expect("a list").iter().find(|one| one["about"]["id"] == due["id"]).expect("told").clone();
    let (seen, whole) = (&found["about"]["detail"], found.to_string());
    assert_eq!(seen["patient"], json!(clinic.subject), "{found}");
    assert!(whole.contains("find a doctor") && !whole.contains("SUICIDE") && !whole.contains("suicid"), "{found}");
    clinic.doctor.refused(&format!("{contact}/attempts"), json!({ "note": " " }), "PATHWAY_REASON_REQUIRED").await;
    let tried = json!({ "note": "电话无人接听，已联系其母亲" });
    for minutes in [4, 4] {
        nurse.post(&format!("{contact}/attempts"), tried.clone()).await;
        hospital.advance(minutes * 60).await;
        hospital.hospital.do_due_work().await;
        assert_eq!(told().await, 4);
    }
    nurse.post(&format!("{contact}/attempts"), tried).await;
    hospital.advance(90).await;
    eventually("it climbs again", async || told().await == 5).await;

    // What the patient says meanwhile is not swallowed by who has not read it.
    let ended = |findings: u32| json!({ "outcome": "handed_over", "note": "已由家人送至急诊", "findings": findings });
    clinic.patient.post(&format!("{enrolment}/answers"), phq9("LA6570-1")).await;
    let unread = nurse.refused(&format!("{contact}/end"), ended(2), "VERSION_CONFLICT").await;
    assert_eq!(unread["findings"], 3, "{unread}");
    let view = nurse.post(&format!("{contact}/end"), ended(3)).await;
    assert_eq!((&view["state"], &view["locks_visits"]), (&json!("ended"), &json!(false)), "{view}");
    assert_eq!(view["repeats"].as_array().map(Vec::len), Some(3), "{view}");
    clinic.doctor.post(&decline, reason).await;
    clinic.doctor.refused(&format!("{contact}/end"), ended(3), "PATHWAY_STATE").await;
    assert_eq!(alert(&clinic.doctor).await, None);
    clinic.doctor.post("/api/v1/prescriptions", draft).await;
    clinic.doctor.post(&format!("{visit}/close"), json!({})).await;

    // After a day, three, and a week somebody contacts the patient again; a clock that jumps asks once.
    for (hours, open) in [(22, 0), (2, 1), (0, 1)] {
        hospital.advance(hours * 3600).await;
        hospital.hospital.do_due_work().await;
        assert_eq!(contacts(&clinic.doctor).await.len(), open, "after {hours} more hours");
    }
    let again = contacts(&clinic.doctor).await.remove(0);
    assert_eq!((&again["code"], &again["locks_visits"]), (&json!("SUICIDE_RISK_RECONTACT"), &json!(false)), "{again}");
    let path = format!("{CONTACTS}/{}/end", again["id"].as_str().expect("an id"));
    clinic.doctor.post(&path, json!({ "outcome": "safe", "note": "情绪稳定", "findings": 1 })).await;
    hospital.advance(365 * 86_400).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(contacts(&clinic.doctor).await.len(), 1, "one for two that were due");
}

async fn a_switched_off_pathway_and_a_refused_answer_leave_nobody_alone(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MENTAL_HEALTH]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let plugin = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, MENTAL_HEALTH.id);
    hospital.operator.post(&format!("{plugin}/disable"), json!(null)).await;
    let now = json!({ "questionnaire": "asq", "answers": [{ "link_id": "asq-5", "value": { "boolean": true } }] });
    // Four questions were left out: refused, and yet somebody is called.
    let refused = clinic.patient.refused(&format!("{enrolment}/answers"), now.clone(), "BODY_INVALID").await;
    assert_eq!(refused["safety"]["help"]["lines"][1]["number"], "120", "{refused}");
    let first = contacts(&clinic.doctor).await.remove(0);
    assert_eq!((&first["danger"], &first["id"]), (&json!("acute"), &refused["safety"]["contact"]), "{first}");
    let end = format!("{CONTACTS}/{}/end", first["id"].as_str().expect("an id"));
    clinic.doctor.post(&end, json!({ "outcome": "mistaken", "note": "由他人误填", "findings": 1 })).await;

    // Whole, while the pathway cannot be called.
    let answers: Vec<Value> =
        (1..=5).map(|item| json!({ "link_id": format!("asq-{item}"), "value": { "boolean": item == 1 } })).collect();
    let whole = json!({ "questionnaire": "asq", "answers": answers });
    let taken = clinic.patient.post(&format!("{enrolment}/answers"), whole).await;
    let second = contacts(&clinic.doctor).await.remove(0);
    assert_eq!((&second["danger"], &second["id"]), (&json!("assess"), &taken["safety"]["contact"]), "{second}");
    // A mistake is not followed up.
    hospital.advance(200 * 3600).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(contacts(&clinic.doctor).await.len(), 1);

    // Left, and with a questionnaire that is not there.
    clinic.patient.post(&format!("{enrolment}/leave"), json!({ "reason": "不想继续" })).await;
    let unknown = json!({ "questionnaire": "horoscope", "answers": now["answers"] });
    for (body, code) in [(now, "PATHWAY_STATE"), (unknown, "PATHWAY_STATE")] {
        let refused = clinic.patient.refused(&format!("{enrolment}/answers"), body, code).await;
        assert_eq!(refused["safety"]["contact"], second["id"], "{refused}");
    }
    assert_eq!(clinic.doctor.get(CONTACTS).await[0]["danger"], "acute");

    // A death in the record ends it; who is heard afterwards is alive.
    let path = format!("/fhir/R4/Patient/{}", clinic.subject);
    let mut person = clinic.administrator.get(&path).await;
    person["deceasedBoolean"] = json!(true);
    clinic.administrator.put(&path, person).await;
    eventually("nobody is called", async || contacts(&clinic.doctor).await.is_empty()).await;
    assert_eq!(alert(&clinic.doctor).await, None);
    let ended = clinic.doctor.get(&format!("{CONTACTS}?ended=true&patient={}", clinic.subject)).await;
    assert_eq!(ended[0]["detail"]["ended"]["outcome"], "died", "{ended}");
    let report = json!({ "patient": clinic.subject, "danger": "acute", "note": "患者来电" });
    let opened = clinic.doctor.post(CONTACTS, report).await;
    let alive = contacts(&clinic.doctor).await.remove(0);
    assert_eq!((&alive["id"], &alive["detail"]["findings"][0]["against_death"]), (&opened["contact"], &json!(true)));
}

async fn a_result_from_elsewhere_opens_a_contact_too(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let mut panel = record::result(&clinic.subject, hospital.now().plus_days(35), "44249-1", "21", "{score}");
    panel["component"] = json!([
        { "code": { "coding": [{ "system": "http://loinc.org", "code": "44260-8" }] }, "valueInteger": 2 },
    ]);
    let mut history = panel.clone();
    history["effectiveDateTime"] = json!("2020-01-01");
    clinic.import(&[history]).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(contacts(&clinic.doctor).await, Vec::<Value>::new(), "history is no alarm");

    let (again, mut old, mut day) = (panel.clone(), panel.clone(), panel.clone());
    day["effectiveDateTime"] = json!(&hospital.now().to_string()[..10]);
    old["effectiveDateTime"] = json!(hospital.now().plus_days(-30).to_string());
    let written = clinic.import(&[panel.clone(), panel]).await.remove(0);
    eventually("a person is called", async || contacts(&clinic.doctor).await.len() == 1).await;
    let contact = contacts(&clinic.doctor).await.remove(0);
    assert_eq!((&contact["danger"], &contact["patient"]), (&json!("acute"), &json!(clinic.subject)), "{contact}");
    let found = contact["detail"]["found_in"].as_str().expect("where");
    assert!(found.starts_with("Observation/") && written.starts_with("Observation/"), "{found} {written}");
    hospital.hospital.do_due_work().await;
    assert_eq!(contacts(&clinic.doctor).await[0]["findings"], 1, "the same under two ids is one");

    // Whom to tell: the guardian, and whom the record names.
    let (_, mother) = clinic.person("mother").await;
    clinic.register(&clinic.subject, &mother, json!({ "kind": "emergency_contact", "ground": null })).await;
    let mut person = clinic.administrator.get(&format!("/fhir/R4/Patient/{}", clinic.subject)).await;
    person["contact"] =
        json!([{ "name": { "text": "李强" }, "telecom": [{ "system": "phone", "value": "13800000000" }] }]);
    clinic.administrator.put(&format!("/fhir/R4/Patient/{}", clinic.subject), person).await;
    let path = format!("{CONTACTS}/{}", contact["id"].as_str().expect("an id"));
    let kin = clinic.doctor.get(&path).await["kin"].to_string();
    assert!(kin.contains("王芳") && kin.contains("emergency_contact") && kin.contains("13800000000"), "{kin}");

    // A response to a questionnaire is read too; and what is said again after the end is not the same.
    let item = json!([{ "linkId": "asq-5", "answer": [{ "valueBoolean": true }] }]);
    let response = json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "item": item,
                           "subject": { "reference": format!("Patient/{}", clinic.subject) } });
    clinic.import(&[response]).await;
    let findings = async |count: u32| contacts(&clinic.doctor).await[0]["findings"] == count;
    eventually("the response is read", async || findings(2).await).await;
    // On one day one may answer twice.
    for count in [3, 4] {
        clinic.import(&[day.clone()]).await;
        eventually("the answer of that day is read", async || findings(count).await).await;
    }
    let mistaken = |findings: u32| json!({ "outcome": "mistaken", "note": "测试", "findings": findings });
    clinic.doctor.post(&format!("{path}/end"), mistaken(4)).await;
    clinic.import(&[again]).await;
    eventually("the patient is called again", async || contacts(&clinic.doctor).await.len() == 1).await;

    // What was said weeks ago is assessed; a record that was replaced is the present one's.
    let open = contacts(&clinic.doctor).await.remove(0)["id"].as_str().expect("an id").to_owned();
    clinic.doctor.post(&format!("{CONTACTS}/{open}/end"), mistaken(1)).await;
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let mut replaced = clinic.administrator.get(&format!("/fhir/R4/{other}")).await;
    replaced["link"] = json!([{ "type": "replaced-by",
                                "other": { "reference": format!("Patient/{}", clinic.subject) } }]);
    clinic.administrator.put(&format!("/fhir/R4/{other}"), replaced).await;
    old["subject"]["reference"] = json!(other);
    clinic.import(&[old.clone()]).await;
    eventually("somebody assesses it", async || contacts(&clinic.doctor).await.len() == 1).await;
    let assess = contacts(&clinic.doctor).await.remove(0);
    assert_eq!((&assess["danger"], &assess["patient"]), (&json!("assess"), &json!(clinic.subject)), "{assess}");

    // No pathway stands in the way: here one whose plugin is gone, so that nothing can be told to it.
    let stuck = clinic.import(&[record::patient("1991-01-01")]).await.remove(0);
    let patient = stuck.rsplit('/').next().expect("an id").parse().expect("a patient");
    let (id, plugin) = (EnrolmentId::from_u128(1), "xinglin.gone".to_owned());
    let (enrolled, enrolled_by) = (hospital.now(), AccountId::from_u128(1));
    let (pathway, stage, state, ended) = ("gone".to_owned(), "one".to_owned(), None, None);
    let parent = Some(plugin.clone());
    let enrolment = Enrolment { id, patient, plugin, pathway, enrolled_by, enrolled, stage, state, ended };
    let row = document::fresh(id, patient, parent, "active", &enrolment, enrolled).expect("a row");
    let tenant = clinic.tenant.parse().expect("a tenant");
    let tx = hospital.hospital.platform.store().tenant(tenant).begin().await.expect("a transaction");
    tx.insert_document(&row).await.expect("stored");
    tx.commit().await.expect("committed");
    old["subject"]["reference"] = json!(stuck);
    old["effectiveDateTime"] = json!(hospital.now().to_string());
    clinic.import(&[old]).await;
    let of_stuck = async || clinic.doctor.get(&format!("{CONTACTS}?patient={patient}")).await;
    eventually("a person is called", async || of_stuck().await[0]["danger"] == "acute").await;
    hospital.advance(150).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(of_stuck().await[0]["findings"], 1, "it is tried again, and read once");

    // Another tenant has no such contact.
    let other = hospital.clinic(&[]).await;
    other.doctor.hidden(&path, "NOT_FOUND").await;
    assert!(contacts(&other.doctor).await.is_empty());
}

async fn a_hospital_shows_its_own_lines_and_never_none(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MENTAL_HEALTH]).await;
    let path = format!("/api/v1/tenants/{}/safety-help", clinic.tenant);
    let ask = async |body: Value| -> Answer { clinic.administrator.ask(Method::PUT, &path, Some(body)).await };
    let text = json!([{ "language": "zh-CN", "text": "请立即联系我院值班电话。" }]);
    let own = json!({ "text": text, "lines": [{ "number": "021-12345678", "title": text }] });
    for (field, wrong) in
        [("lines", json!([])), ("text", json!([])), ("lines", json!([{ "number": "?", "title": text }]))]
    {
        let mut body = own.clone();
        body[field] = wrong;
        ask(body).await.refused(&path, "BODY_INVALID");
    }
    clinic.doctor.ask(Method::PUT, &path, Some(own.clone())).await.refused(&path, "AUTH_FORBIDDEN");
    assert_eq!(clinic.administrator.get(&path).await["lines"][0]["number"], "12356");
    assert_eq!(ask(own.clone()).await.done(&path), own);
    let enrolment = enrolled(&clinic, &hospital).await;
    clinic.patient.post(&format!("{enrolment}/answers"), phq9("LA6570-1")).await;
    assert_eq!(numbers(&clinic).await, ["021-12345678"]);
}

async fn what_staff_hear_opens_a_contact(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (counsellor, counsellor_id) = clinic.hire(Person::new("counsellor", "counsellor").licensed(&json!({}))).await;
    let report =
        |patient: &str, danger: &str, note: &str| json!({ "patient": patient, "danger": danger, "note": note });
    let heard = |danger: &str| report(&clinic.subject, danger, "患者在咨询中说不想活了");
    counsellor.refused(CONTACTS, report(&clinic.subject, "acute", " "), "PATHWAY_REASON_REQUIRED").await;
    clinic.patient.refused(CONTACTS, heard("acute"), "AUTH_FORBIDDEN").await;
    clinic.cashier.refused(CONTACTS, heard("acute"), "AUTH_FORBIDDEN").await;
    let other = hospital.clinic(&[]).await;
    other.doctor.refused(CONTACTS, heard("acute"), "NOT_FOUND").await;
    let opened = counsellor.post(CONTACTS, heard("assess")).await;
    assert_eq!(opened["help"]["lines"][0]["number"], "12356", "{opened}");
    counsellor.hidden(CONTACTS, "AUTH_FORBIDDEN").await;
    let contact = contacts(&clinic.doctor).await.remove(0);
    let by = &contact["detail"]["findings"][0]["heard"]["by"];
    assert_eq!((&contact["id"], &contact["danger"], by), (&opened["contact"], &json!("assess"), &json!(counsellor_id)));

    // A visit that is stopped for it says so too.
    let visit = clinic.visit().await;
    counsellor.post(&format!("/api/v1/encounters/{visit}/stop"), json!({ "code": "SUICIDAL_INTENT" })).await;
    let contact = contacts(&clinic.doctor).await.remove(0);
    assert_eq!((&contact["danger"], &contact["findings"]), (&json!("acute"), &json!(2)), "{contact}");

    // However many are open, the one that is due first is on the list, and first.
    let of_another = async |number: u128| {
        let ids = (ContactId::from_u128(number), AlertId::from_u128(number));
        let patient = PatientId::from_u128(number);
        let at = hospital.now().plus_minutes(1);
        let contact = SafetyContact::open(ids, patient, Finding::new(Danger::Assess, "x".into(), at));
        document::fresh(contact.id, patient, None, "open", &contact, at).expect("a row")
    };
    let tenant = clinic.tenant.parse().expect("a tenant");
    let tx = hospital.hospital.platform.store().tenant(tenant).begin().await.expect("a transaction");
    for number in 1..=500 {
        tx.insert_document(&of_another(number).await).await.expect("stored");
    }
    tx.commit().await.expect("committed");
    let all = contacts(&clinic.doctor).await;
    assert_eq!((all.len(), &all[0]["id"]), (500, &contact["id"]));
}

/// An item of a shipped questionnaire that speaks of death or self-harm is one that the host knows, whatever becomes of
/// its plugin.
async fn every_shipped_safety_item_is_known(hospital: TestHospital) {
    const SIGNS: [&str; 14] = [
        "死",
        "自杀",
        "自伤",
        "自残",
        "轻生",
        "伤害自己",
        "dead",
        "suicid",
        "hurting",
        "self-harm",
        "killing",
        "c-ssrs",
        "asq-",
        "cssrs",
    ];
    let speaks = |text: &str| SIGNS.iter().any(|sign| text.to_lowercase().contains(sign));
    let clinic = hospital.clinic(&[&MENTAL_HEALTH, &HIV, &DIABETES]).await;
    let tenant = clinic.tenant.parse().expect("a tenant");
    let mut known = 0;
    for install in hospital.hospital.platform.store().tenant(tenant).list_installs(None).await.expect("plugins") {
        let Some(definition) = install.definition else { continue };
        let definition: Definition = serde_json::from_value(definition).expect("a definition");
        for question in definition.questionnaires.iter().flat_map(|one| &one.items) {
            let words = question.text.0.iter().map(|one| one.text.as_str());
            if !words.chain([question.link_id.as_str()]).any(speaks) {
                continue;
            }
            let (text, records_as) = (Some(&question.text), question.records_as.as_ref());
            let asked = Asked { link_id: &question.link_id, text, records_as };
            let worst = match &question.kind {
                AnswerKind::Boolean => AnswerValue::Boolean(true),
                AnswerKind::Integer(_) => AnswerValue::Integer(3),
                AnswerKind::Text => AnswerValue::Text("是".into()),
                AnswerKind::Choice(choices) => AnswerValue::Choice(choices.last().expect("a choice").code.clone()),
                _ => panic!("{question:?}"),
            };
            assert!(asked.danger(&worst).is_some(), "{}: {question:?}", install.plugin_id);
            if let AnswerKind::Choice(choices) = &question.kind {
                assert_eq!(asked.danger(&AnswerValue::Choice(choices[0].code.clone())), None, "{question:?}");
                assert_eq!(asked.danger(&worst), Some(Danger::Acute), "{question:?}");
            }
            known += 1;
        }
    }
    assert_eq!(known, 8, "item 9 of the PHQ-9 in two pathways, the ASQ, the result of the C-SSRS");
    for file in ["asthma-copd", "ckd", "gout", "lipids", "post-discharge-30-days"] {
        let file = String::from_utf8(repository(&format!("examples/pathways/{file}.yaml"))).expect("a text");
        for line in file.lines().filter(|line| speaks(line)) {
            assert!(Item::worded(line).is_some(), "{line}");
        }
    }
}
