//! A pathway of 1.1: questionnaires with logic, and requests that are followed to their end. Points 1 and 2 of the
//! pathways issue.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Clinic, HYPERTENSION, Person, TestHospital, eventually, line, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    answers_fit_the_questions_that_are_asked,
    what_is_asked_for_is_followed_to_its_end,
    who_does_not_answer_is_asked_again_and_then_called,
    an_emergency_stops_the_visit_and_what_follows_from_it,
);

const DAY: i64 = 86_400;
const REQUESTS: &str = "/api/v1/requests";

/// A patient with hypertension in the pathway; the path of the enrolment.
async fn enrolled(clinic: &Clinic, hospital: &TestHospital) -> String {
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "I10")]).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": HYPERTENSION.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"))
}

fn pressure(value: i64) -> Value {
    json!({ "quantity": { "value": value.to_string(), "unit": "mm[Hg]" } })
}

fn choice(code: &str) -> Value {
    json!({ "choice": { "system": "urn:xinglin:hypertension", "code": code } })
}

/// The pressure, with symptoms, and medicines taken.
fn diary(systolic: i64, diastolic: i64, symptoms: &[&str]) -> Value {
    let answer = |link: &str, value: Value| json!({ "link_id": link, "value": value });
    let mut answers = vec![
        answer("systolic", pressure(systolic)),
        answer("diastolic", pressure(diastolic)),
        answer("unwell", json!({ "boolean": !symptoms.is_empty() })),
        answer("forgets", choice("sometimes")),
        answer("stops", choice("never")),
    ];
    if !symptoms.is_empty() {
        let values: Vec<Value> = symptoms.iter().map(|code| choice(code)).collect();
        answers.push(json!({ "link_id": "symptoms", "values": values }));
    }
    json!({ "questionnaire": "blood-pressure", "answers": answers })
}

/// Replaces an answer, or leaves it out.
fn changed(mut diary: Value, link: &str, answer: Option<Value>) -> Value {
    let answers = diary["answers"].as_array_mut().expect("answers");
    answers.retain(|one| one["link_id"] != link);
    answers.extend(answer);
    diary
}

async fn requests(client: &Client, enrolment: &str) -> Vec<(String, String)> {
    let list = client.get(&format!("{enrolment}/requests")).await;
    let of = |one: &Value, key: &str| one[key].as_str().expect("text").to_owned();
    list.as_array().expect("requests").iter().map(|one| (of(one, "code"), of(one, "state"))).collect()
}

async fn request(client: &Client, enrolment: &str, code: &str) -> String {
    let list = client.get(&format!("{enrolment}/requests")).await;
    let found = list.as_array().expect("requests").iter().find(|one| one["code"] == code && one["state"] == "open");
    format!("{REQUESTS}/{}", found.expect("it is open")["id"].as_str().expect("an id"))
}

fn state(code: &str, state: &str) -> (String, String) {
    (code.to_owned(), state.to_owned())
}

async fn answers_fit_the_questions_that_are_asked(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let forms = clinic.patient.get(&format!("{enrolment}/questionnaires")).await;
    let items = forms[0]["item"].as_array().expect("items");
    let symptoms = items.iter().find(|item| item["linkId"] == "symptoms").expect("the item");
    assert_eq!((&symptoms["enableWhen"][0]["question"], &symptoms["repeats"]), (&json!("unwell"), &json!(true)));

    let well = || diary(128, 78, &[]);
    let answer = |link: &str, value: Value| Some(json!({ "link_id": link, "value": value }));
    let at = |link: &str, at: String| Some(json!({ "link_id": link, "value": { "boolean": false }, "at": at }));
    let path = format!("{enrolment}/answers");
    for (wrong, code) in [
        (changed(well(), "systolic", None), "BODY_INVALID"),
        (changed(well(), "systolic", answer("systolic", pressure(301))), "MEASUREMENT_IMPLAUSIBLE"),
        (changed(well(), "systolic", answer("systolic", pressure(49))), "BODY_INVALID"),
        (changed(well(), "systolic", answer("systolic", json!({ "integer": 128 }))), "BODY_INVALID"),
        (changed(well(), "symptoms", answer("symptoms", choice("chest"))), "BODY_INVALID"),
        (changed(diary(128, 78, &["chest"]), "symptoms", None), "BODY_INVALID"),
        (changed(well(), "forgets", answer("forgets", choice("seldom"))), "BODY_INVALID"),
        (
            changed(
                well(),
                "forgets",
                Some(json!({ "link_id": "forgets", "values": [choice("never"), choice("often")] })),
            ),
            "BODY_INVALID",
        ),
        (changed(well(), "why", answer("why", json!({ "text": "<script>" }))), "BODY_INVALID"),
        (changed(well(), "unwell", at("unwell", "2125-01-01T00:00:00Z".into())), "BODY_INVALID"),
        (changed(well(), "unwell", at("unwell", hospital.now().plus_days(-3653).to_string())), "BODY_INVALID"),
        (changed(well(), "unwell", at("unwell", "yesterday".into())), "BODY_INVALID"),
        (json!({ "questionnaire": "blood-pressure", "answers": "none" }), "BODY_INVALID"),
    ] {
        clinic.patient.refused(&path, wrong, code).await;
    }
    assert_eq!(clinic.found_in_record("Observation").await.len(), 2, "nothing was stored");

    let before = hospital.now().plus_hours(-3);
    let often = changed(diary(128, 78, &[]), "forgets", answer("forgets", choice("often")));
    let often = changed(often, "why", answer("why", json!({ "text": "出差" })));
    let often = changed(
        often,
        "systolic",
        Some(json!({ "link_id": "systolic", "value": pressure(128), "at": before.to_string() })),
    );
    clinic.patient.post(&path, often).await;
    let observations = clinic.found_in_record("Observation").await;
    let of =
        |code: &str| observations.iter().find(|one| one["code"]["coding"][0]["code"] == code).expect("it is recorded");
    assert_eq!(of("adherence")["valueInteger"], 2);
    assert_eq!(of("8480-6")["effectiveDateTime"], before.to_string());
    assert_eq!(requests(&clinic.doctor, &enrolment).await, [state("blood-pressure", "fulfilled")]);
}

async fn what_is_asked_for_is_followed_to_its_end(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let answers = format!("{enrolment}/answers");
    for _ in 0..2 {
        clinic.patient.post(&answers, diary(150, 80, &[])).await;
    }
    assert_eq!(
        requests(&clinic.doctor, &enrolment).await,
        [state("uncontrolled", "open"), state("blood-pressure", "fulfilled")]
    );
    let referral = request(&clinic.doctor, &enrolment, "uncontrolled").await;
    let mine = clinic.patient.get(REQUESTS).await;
    assert_eq!(mine[0]["kind"], "referral", "{mine}");
    // Who has nothing to do with it sees nothing, and nobody ends it without a word.
    let (stranger, _) = clinic.person("stranger").await;
    assert_eq!(stranger.get(REQUESTS).await, json!([]));
    stranger.refused(&format!("{referral}/fulfil"), json!({ "note": "x" }), "NOT_FOUND").await;
    clinic.patient.refused(&format!("{referral}/fulfil"), json!({ "note": "x" }), "AUTH_FORBIDDEN").await;
    clinic.doctor.refused(&format!("{referral}/fulfil"), json!({ "note": " " }), "PATHWAY_REASON_REQUIRED").await;
    clinic.doctor.refused(&format!("{referral}/opinions"), json!({ "seat": 0, "text": "x" }), "PATHWAY_STATE").await;
    let attended =
        clinic.doctor.post(&format!("{referral}/fulfil"), json!({ "note": "市一医院：调整为三联用药" })).await;
    assert_eq!(attended["state"], "fulfilled");
    clinic.doctor.refused(&format!("{referral}/decline"), json!({ "reason": "x" }), "PATHWAY_STATE").await;

    // Too high after it: a team, each with an opinion, a plan that all sign.
    clinic.patient.post(&answers, diary(150, 80, &[])).await;
    let team = request(&clinic.doctor, &enrolment, "resistant").await;
    let (other, _) = clinic.hire(Person::new("nephrologist", "doctor").licensed(&json!({}))).await;
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    let opinion = |seat: usize| json!({ "seat": seat, "text": "意见" });
    let opinions = format!("{team}/opinions");
    nurse.refused(&opinions, opinion(0), "AUTH_FORBIDDEN").await;
    clinic.doctor.refused(&opinions, opinion(2), "AUTH_FORBIDDEN").await;
    clinic.doctor.refused(&opinions, opinion(9), "PATHWAY_STATE").await;
    clinic.doctor.post(&opinions, opinion(0)).await;
    clinic.doctor.refused(&opinions, opinion(1), "PATHWAY_STATE").await;
    other.refused(&opinions, opinion(0), "PATHWAY_STATE").await;
    other.post(&opinions, opinion(1)).await;
    let plan = json!({ "text": "加用螺内酯，两周复查血钾", "outcome": [{ "system": "urn:xinglin:hypertension", "code": "add" }] });
    clinic.doctor.refused(&format!("{team}/plan"), plan.clone(), "PATHWAY_STATE").await;
    let given = clinic.pharmacist.post(&opinions, opinion(2)).await;
    assert_eq!(
        (&given["mdt"], given["detail"]["asked"]["team"]["opinions"].as_array().map(Vec::len)),
        (&json!(true), Some(3))
    );
    clinic.doctor.refused(&format!("{team}/signatures"), json!({ "seat": 0 }), "PATHWAY_STATE").await;
    clinic.doctor.post(&format!("{team}/plan"), plan).await;
    for (who, seat) in [(&clinic.doctor, 0), (&other, 1)] {
        let signed = who.post(&format!("{team}/signatures"), json!({ "seat": seat })).await;
        assert_eq!(signed["state"], "open");
    }
    clinic.doctor.refused(&format!("{team}/signatures"), json!({ "seat": 0 }), "PATHWAY_STATE").await;
    let decided = clinic.pharmacist.post(&format!("{team}/signatures"), json!({ "seat": 2 })).await;
    assert_eq!(
        (&decided["state"], &decided["detail"]["ended"]["fulfilled"]["outcome"][0]["code"]),
        (&json!("fulfilled"), &json!("add"))
    );
    let alerts = clinic.doctor.get("/api/v1/alerts").await;
    assert!(alerts.to_string().contains("NOTE_PROPOSED"), "{alerts}");

    // A task that the patient does not want: the next of its repetitions comes all the same.
    let view = clinic.doctor.get(&enrolment).await;
    let timers = |view: &Value| -> Vec<(String, String)> {
        let of = |one: &Value, key: &str| one[key].as_str().expect("text").to_owned();
        let all = view["timers"].as_array().expect("timers").iter();
        all.filter(|one| one["code"] == "diary").map(|one| (of(one, "id"), of(one, "state"))).collect()
    };
    let task = timers(&view).remove(0).0;
    clinic
        .patient
        .refused(&format!("/api/v1/tasks/{task}/decline"), json!({ "reason": "" }), "PATHWAY_REASON_REQUIRED")
        .await;
    let view = clinic.patient.post(&format!("/api/v1/tasks/{task}/decline"), json!({ "reason": "出差" })).await;
    assert_eq!(timers(&view).iter().filter(|(_, state)| state == "open").count(), 1, "{view}");
    assert!(timers(&view).contains(&(task, "cancelled".to_owned())), "{view}");
}

async fn who_does_not_answer_is_asked_again_and_then_called(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let asked = async || {
        let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
        messages.as_array().expect("messages").iter().filter(|one| one["kind"] == "questionnaire").count()
    };
    assert_eq!(asked().await, 1);
    hospital.advance(DAY * 3 / 2 - 60).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(asked().await, 1, "half of its time is not over");
    hospital.advance(120).await;
    eventually("it is asked once more", async || asked().await == 2).await;
    hospital.advance(DAY * 3 / 2 - 180).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(requests(&clinic.doctor, &enrolment).await, [state("blood-pressure", "open")]);
    hospital.advance(120).await;
    let unanswered = async || {
        let alerts = clinic.doctor.get("/api/v1/alerts").await;
        alerts.as_array().expect("alerts").iter().any(|one| one["code"] == "QUESTION_UNANSWERED")
    };
    eventually("the team is told", unanswered).await;
    let all = requests(&clinic.doctor, &enrolment).await;
    assert!(all.contains(&state("blood-pressure", "lapsed")), "{all:?}");
    assert!(asked().await >= 2);

    // Laboratory tests: fulfilled when there is a result of each.
    hospital.advance(DAY * 362).await;
    eventually("the yearly tests are wanted", async || {
        requests(&clinic.doctor, &enrolment).await.contains(&state("yearly-tests", "open"))
    })
    .await;
    let result = |code: &str, value: &str, unit: &str| {
        let mut result = record::result(&clinic.subject, hospital.now(), code, value, unit);
        result["effectiveDateTime"] = hospital.now().to_string().into();
        result
    };
    for (code, value, unit) in [("2823-3", "4.4", "mmol/L"), ("2160-0", "80", "umol/L")] {
        clinic.import(&[result(code, value, unit)]).await;
    }
    hospital.advance(6).await;
    hospital.hospital.do_due_work().await;
    assert!(requests(&clinic.doctor, &enrolment).await.contains(&state("yearly-tests", "open")));
    clinic.import(&[result("98979-8", "88", "mL/min/{1.73_m2}")]).await;
    eventually("all results are there", async || {
        hospital.hospital.do_due_work().await;
        requests(&clinic.doctor, &enrolment).await.contains(&state("yearly-tests", "fulfilled"))
    })
    .await;

    // Leaving takes back what is open.
    clinic.patient.post(&format!("{enrolment}/leave"), json!({ "reason": "搬家", "how": "transferred" })).await;
    let all = requests(&clinic.doctor, &enrolment).await;
    assert!(all.iter().all(|(_, state)| state != "open"), "{all:?}");
}

async fn an_emergency_stops_the_visit_and_what_follows_from_it(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let visit = format!("/api/v1/encounters/{}", visit["id"].as_str().expect("an id"));
    clinic.doctor.post(&format!("{visit}/accept"), clinic.decision()).await;
    let answered = clinic.patient.post(&format!("{enrolment}/answers"), diary(190, 118, &["chest", "vision"])).await;
    assert_eq!(answered["stage"], "titration", "{answered}");
    let view = clinic.doctor.get(&visit).await;
    assert_eq!(view["status"], "STOPPED", "{view}");
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let draft = crate::support::clinic::draft(visit.rsplit('/').next().expect("an id"), &lines);
    let refused = clinic.doctor.ask(Method::POST, "/api/v1/prescriptions", Some(draft)).await;
    assert!(refused.status.is_client_error(), "{}", refused.text);
    let holds = clinic.doctor.get(&format!("/api/v1/patients/{}/holds", clinic.subject)).await;
    assert_eq!(
        (&holds[0]["active"], holds[0]["detail"]["hold"]["stops"].as_array().map(Vec::len)),
        (&json!(true), Some(4)),
        "{holds}"
    );
    let emergency = request(&clinic.doctor, &enrolment, "emergency").await;
    assert!(emergency.contains("req-"));
}
