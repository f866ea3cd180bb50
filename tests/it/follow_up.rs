//! A pathway of 1.1: questionnaires with logic, and requests that are followed to their end. Points 1 and 2 of the
//! pathways issue.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{
    coding::{Citation, LocalizedText},
    compartment::Compartment,
    enrolment::{
        RequestRecord,
        request::{Asked, Decision},
    },
    id::{RequestId, TenantId},
    pathway::{Destination, Participant, Role, Tracked},
};
use xinglin_platform::document::fresh;
use xinglin_runtime::{Limits, Package, attach};
use xinglin_store::{Queue, Work};

use crate::support::{
    Client, Clinic, HYPERTENSION, Person, TestHospital, eventually, line, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    answers_fit_the_questions_that_are_asked,
    what_is_asked_for_is_followed_to_its_end,
    who_does_not_answer_is_asked_again_and_then_called,
    an_emergency_stops_the_visit_and_what_follows_from_it,
    a_nearer_deadline_holds_however_often_it_is_asked_again,
    what_is_turned_down_reaches_the_care_team,
    an_emergency_that_nobody_attends_is_critical,
    whose_seat_it_is_opens_a_restricted_request_and_nothing_else,
    the_first_that_is_due_is_first_and_pages_follow,
    staff_decide_nothing_about_themselves,
    a_question_to_staff_is_answered_by_whom_it_was_asked,
    two_who_act_at_once_lose_nothing,
    a_seat_is_taken_over_and_a_plan_is_signed_as_it_was_read,
    nothing_is_asked_about_the_dead,
    a_pathway_hears_that_it_is_here_again,
);

const DAY: i64 = 86_400;
const REQUESTS: &str = "/api/v1/requests";

/// A patient with hypertension in the pathway; the path of the enrolment.
pub async fn enrolled(clinic: &Clinic, hospital: &TestHospital) -> String {
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
pub fn diary(systolic: i64, diastolic: i64, symptoms: &[&str]) -> Value {
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

pub async fn requests(client: &Client, enrolment: &str) -> Vec<(String, String)> {
    let list = client.get(&format!("{enrolment}/requests")).await;
    let of = |one: &Value, key: &str| one[key].as_str().expect("text").to_owned();
    list.as_array().expect("requests").iter().map(|one| (of(one, "code"), of(one, "state"))).collect()
}

pub async fn request(client: &Client, enrolment: &str, code: &str) -> String {
    let list = client.get(&format!("{enrolment}/requests")).await;
    let found = list.as_array().expect("requests").iter().find(|one| one["code"] == code && one["state"] == "open");
    format!("{REQUESTS}/{}", found.expect("it is open")["id"].as_str().expect("an id"))
}

pub fn state(code: &str, state: &str) -> (String, String) {
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
    clinic.doctor.refused(&format!("{team}/signatures"), json!({ "seat": 0, "plan": 1 }), "PATHWAY_STATE").await;
    clinic.doctor.post(&format!("{team}/plan"), plan).await;
    for (who, seat) in [(&clinic.doctor, 0), (&other, 1)] {
        let signed = who.post(&format!("{team}/signatures"), json!({ "seat": seat, "plan": 1 })).await;
        assert_eq!(signed["state"], "open");
    }
    clinic.doctor.refused(&format!("{team}/signatures"), json!({ "seat": 0, "plan": 1 }), "PATHWAY_STATE").await;
    let decided = clinic.pharmacist.post(&format!("{team}/signatures"), json!({ "seat": 2, "plan": 1 })).await;
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
    let orders = clinic.found_in_record("ServiceRequest").await;
    assert_eq!((orders.len(), &orders[0]["status"]), (1, &json!("active")), "{orders:?}");
    clinic.import(&[result("98979-8", "88", "mL/min/{1.73_m2}")]).await;
    eventually("all results are there", async || {
        hospital.hospital.do_due_work().await;
        requests(&clinic.doctor, &enrolment).await.contains(&state("yearly-tests", "fulfilled"))
    })
    .await;

    let orders = clinic.found_in_record("ServiceRequest").await;
    assert_eq!((orders.len(), &orders[0]["status"]), (1, &json!("completed")), "{orders:?}");

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

/// Asks for something in the name of an enrolment's pathway, for so many hours; the path of the request.
pub async fn planted(
    (hospital, clinic): (&TestHospital, &Clinic),
    enrolment: &str,
    (number, hours): (u128, i64),
    asked: Asked,
) -> String {
    let tenant: TenantId = clinic.tenant.parse().expect("a tenant");
    let enrolment = enrolment.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an enrolment");
    let patient = clinic.subject.parse().expect("a patient");
    let code = match &asked {
        Asked::Question { questionnaire, .. } => questionnaire.clone(),
        _ => format!("planted-{number}"),
    };
    let (now, id) = (hospital.now(), RequestId::from_u128(number));
    let tracked = Tracked { code, by: now.plus_hours(hours) };
    let record = RequestRecord::open(id, (enrolment, patient), (asked, tracked, true), now);
    let mut row = fresh(id, patient, Some(enrolment.to_string()), "open", &record, now).expect("a row");
    row.exclusive_key = record.exclusive_key();
    let tx = hospital.hospital.store().tenant(tenant).begin().await.expect("a transaction");
    tx.insert_document(&row).await.expect("stored");
    let roles: Vec<&str> = record.given_to().into_iter().map(xinglin_domain::access::Role::as_str).collect();
    tx.give_request(id, &roles, record.by).await.expect("given");
    let due = record.look_at().expect("it is open");
    tx.put_work(&[Work::new(Queue::Request, id, enrolment, due)]).await.expect("work");
    tx.commit().await.expect("committed");
    format!("{REQUESTS}/{id}")
}

fn citation() -> Citation {
    Citation { title: "指南".into(), section: None, year: 2024, url: None }
}

pub fn team_of(roles: &[Role]) -> Asked {
    let seat = |role: &Role| Participant {
        role: *role,
        discipline: None,
        responsibility: LocalizedText::zh_en("一部分", "a part"),
    };
    Asked::Team(Decision {
        question: LocalizedText::zh_en("请共同制定方案", "decide together"),
        participants: roles.iter().map(seat).collect(),
        citation: citation(),
        opinions: Vec::new(),
        plan: None,
    })
}

pub fn question_to(respondent: Role) -> Asked {
    Asked::Question { questionnaire: "blood-pressure".to_owned(), respondent }
}

pub fn referral_to(destination: Destination) -> Asked {
    Asked::Referral { destination, reason: LocalizedText::zh_en("请就诊。", "See a doctor."), citation: citation() }
}

/// Severity, deadline and words of the open alerts with a code.
async fn alerts(clinic: &Clinic, code: &str) -> Vec<(String, String, String)> {
    let list = clinic.doctor.get("/api/v1/alerts?limit=500").await;
    let of = list.as_array().expect("alerts").iter().filter(|one| one["code"] == code);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    of.map(|one| {
        let alert = &one["detail"]["alert"];
        (text(&alert["severity"]), text(&one["deadline"]), alert["message"].to_string())
    })
    .collect()
}

async fn listed(client: &Client) -> Vec<String> {
    let list = client.get(REQUESTS).await;
    list.as_array().expect("requests").iter().map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
}

async fn a_nearer_deadline_holds_however_often_it_is_asked_again(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let severe = async |systolic: i64| {
        let part = |code: &str, value: i64| {
            json!({
                "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
                "valueQuantity": { "value": value, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org",
                                   "code": "mm[Hg]" },
            })
        };
        let measured = json!({
            "resourceType": "Observation", "status": "final",
            "subject": { "reference": format!("Patient/{}", clinic.subject) },
            "code": { "coding": [{ "system": "http://loinc.org", "code": "85354-9" }] },
            "effectiveDateTime": hospital.now().to_string(),
            "component": [part("8480-6", systolic), part("8462-4", 95)],
        });
        clinic.import(&[measured]).await;
        hospital.advance(6).await;
        hospital.hospital.do_due_work().await;
    };
    let open = async || {
        let list = clinic.doctor.get(&format!("{enrolment}/requests")).await;
        let list = list.as_array().expect("requests").clone();
        let of: Vec<Value> = list.into_iter().filter(|one| one["code"] == "blood-pressure").collect();
        assert_eq!(of.len(), 1, "{of:?}");
        of[0].clone()
    };
    // What the pathway says each time.
    let heard = async || {
        let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
        messages.as_array().expect("messages").iter().filter(|one| one["kind"] == "message").count()
    };
    // The diary has three days, the measurement again a day.
    let diary = open().await;
    severe(185).await;
    eventually("the deadline is nearer", async || open().await["by"] != diary["by"]).await;
    let nearer = open().await;
    assert_eq!(nearer["id"], diary["id"]);
    for hour in 1..=3_usize {
        hospital.advance(6 * 3600).await;
        severe(185 + i64::try_from(hour).expect("few")).await;
        eventually("it was heard", async || heard().await == 1 + hour).await;
        assert_eq!(open().await["by"], nearer["by"], "asked again after {hour} quarters of a day");
    }
    assert_eq!(alerts(&clinic, "QUESTION_UNANSWERED").await, []);
    hospital.advance(6 * 3600).await;
    eventually("nobody has answered for a day", async || !alerts(&clinic, "QUESTION_UNANSWERED").await.is_empty())
        .await;
    assert!(requests(&clinic.doctor, &enrolment).await.contains(&state("blood-pressure", "lapsed")));
}

async fn what_is_turned_down_reaches_the_care_team(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    for _ in 0..2 {
        clinic.patient.post(&format!("{enrolment}/answers"), diary(150, 80, &[])).await;
    }
    let referral = request(&clinic.doctor, &enrolment, "uncontrolled").await;
    clinic.patient.refused(&format!("{referral}/decline"), json!({ "reason": " " }), "PATHWAY_REASON_REQUIRED").await;
    clinic.patient.post(&format!("{referral}/decline"), json!({ "reason": "太远了" })).await;
    let told = alerts(&clinic, "REFERRAL_NOT_ATTENDED").await;
    let [(severity, _, words)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(severity, "warning");
    assert!(words.contains("太远了") && words.contains("患者") && words.contains("acc-"), "{words}");
    // The pathway goes on: too high again, it refers again.
    clinic.patient.post(&format!("{enrolment}/answers"), diary(150, 80, &[])).await;
    let again = request(&clinic.doctor, &enrolment, "uncontrolled").await;
    assert_ne!(again, referral);
    // A doctor decides on it: for information.
    clinic.doctor.post(&format!("{again}/decline"), json!({ "reason": "已住院" })).await;
    let told = alerts(&clinic, "REFERRAL_NOT_ATTENDED").await;
    let own = told.iter().find(|(_, _, words)| words.contains("已住院")).expect("it is told");
    assert_eq!(own.0, "info");
    // A team is its members', or a doctor's.
    let whole = (&hospital, &clinic);
    let team = planted(whole, &enrolment, (1, 48), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    nurse.refused(&format!("{team}/decline"), json!({ "reason": "x" }), "AUTH_FORBIDDEN").await;
    clinic.patient.refused(&format!("{team}/decline"), json!({ "reason": "x" }), "AUTH_FORBIDDEN").await;
    clinic.pharmacist.post(&format!("{team}/decline"), json!({ "reason": "资料不全" })).await;
    let told = alerts(&clinic, "TEAM_UNDECIDED").await;
    assert!(matches!(&told[..], [(severity, _, words)] if severity == "warning" && !words.contains("资料不全")));
    let why = clinic.doctor.get(&format!("{enrolment}/requests")).await.to_string();
    assert!(why.contains("资料不全"), "the request says why");
    let seen = clinic.patient.get(&format!("{enrolment}/requests")).await;
    assert!(!seen.to_string().contains("资料不全"), "the words of staff are not the patient's: {seen}");
}

async fn an_emergency_that_nobody_attends_is_critical(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let emergency = async || {
        clinic.patient.post(&format!("{enrolment}/answers"), diary(190, 118, &["chest"])).await;
        request(&clinic.doctor, &enrolment, "emergency").await
    };
    let first = emergency().await;
    clinic.patient.post(&format!("{first}/decline"), json!({ "reason": "不想去" })).await;
    let told = alerts(&clinic, "REFERRAL_NOT_ATTENDED").await;
    let [(severity, deadline, _)] = &told[..] else { panic!("{told:?}") };
    let within = xinglin_domain::time::Instant::parse(deadline).expect("a time");
    assert_eq!(severity, "critical");
    assert!(within <= hospital.now().plus_minutes(60), "{deadline}");
    emergency().await;
    hospital.advance(DAY + 60).await;
    eventually("it lapses", async || {
        hospital.hospital.do_due_work().await;
        alerts(&clinic, "REFERRAL_NOT_ATTENDED").await.len() == 2
    })
    .await;
    let told = alerts(&clinic, "REFERRAL_NOT_ATTENDED").await;
    assert!(told.iter().all(|(severity, ..)| severity == "critical"), "{told:?}");
}

/// The pathway of hypertension, declared as restricted.
pub fn discreet() -> Vec<u8> {
    let package = Package::read(HYPERTENSION.bytes()).expect("a good package");
    let mut manifest = package.manifest().clone();
    manifest.id = "test.discreet".to_owned();
    manifest.compartment = Some(Compartment::MentalHealth);
    manifest.limits.deadline_ms = Limits::MAXIMUM.deadline_ms;
    attach(package.bytes(), &manifest).expect("a package")
}

async fn whose_seat_it_is_opens_a_restricted_request_and_nothing_else(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let installed = clinic.operator.upload(discreet()).await;
    assert!(installed.status == 201 || installed.code() == "ALREADY_EXISTS", "{}", installed.text);
    let plugin = format!("/api/v1/tenants/{}/plugins/test.discreet", clinic.tenant);
    clinic.operator.put(&plugin, json!({ "compartment": "mental-health" })).await;
    clinic.operator.post(&format!("{plugin}/enable"), json!(null)).await;
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "I10")]).await;
    let (first, account) = clinic.hire(Person::new("psychiatrist", "doctor").licensed(&json!({}))).await;
    let consents = format!("/api/v1/patients/{}/consents", clinic.subject);
    let say = |provision: &str, recipient: Value| {
        json!({ "provision": provision, "scope": { "compartment": "mental-health" }, "recipient": recipient,
                "purposes": ["treatment"] })
    };
    clinic.patient.post(&consents, say("permit", json!({ "account": account }))).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": "test.discreet" });
    let enrolment = first.post("/api/v1/enrolments", enrol).await;
    let enrolment = format!("/api/v1/enrolments/{}", enrolment["id"].as_str().expect("an id"));
    // The diary of the pathway is the patient's; this is asked of staff in its place.
    clinic.patient.post(&format!("{enrolment}/answers"), diary(120, 70, &[])).await;
    let whole = (&hospital, &clinic);
    let roles = [Role::Doctor, Role::Pharmacist, Role::Dietitian];
    let team = planted(whole, &enrolment, (1, 48), team_of(&roles)).await;
    planted(whole, &enrolment, (2, 24), question_to(Role::Nurse)).await;
    let referral = planted(whole, &enrolment, (3, 12), referral_to(Destination::Offline(None))).await;

    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    let (dietitian, _) = clinic.hire(Person::new("dietitian", "dietitian").licensed(&json!({}))).await;
    let (assistant, _) = clinic.hire(Person::new("seat-assistant", "assistant").licensed(&json!({}))).await;
    let own = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(&first).await, own(&["planted-3", "planted-1"]), "who may read it sees to the referral");
    // A role alone lists that it is asked, and nothing of whom or what about; who opens it is seen by the patient.
    for (who, wanted) in [(&clinic.doctor, 1), (&clinic.pharmacist, 1), (&dietitian, 1), (&nurse, 1), (&assistant, 0)] {
        let list = who.get(REQUESTS).await;
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), wanted, "{list:?}");
        for one in list {
            let keys: Vec<&str> = one.as_object().expect("a request").keys().map(String::as_str).collect();
            assert_eq!(keys, ["id", "restricted", "kind", "state", "since", "by"], "{one}");
        }
        let hidden = who.ask(Method::GET, &enrolment, None).await;
        assert!(hidden.status.is_client_error(), "{}", hidden.text);
    }
    nurse.refused(&format!("{referral}/fulfil"), json!({ "note": "x" }), "NOT_FOUND").await;
    let opened = dietitian.get(&team).await;
    assert_eq!((&opened["kind"], &opened["patient"]), (&json!("team"), &json!(clinic.subject)), "{opened}");
    for who in [&nurse, &assistant] {
        let hidden = who.ask(Method::GET, &team, None).await;
        assert_eq!((hidden.status.as_u16(), hidden.code()), (404, "NOT_FOUND"), "{}", hidden.text);
    }
    // Who has a seat speaks for it, and it is an access to the record.
    for (seat, who) in [&clinic.doctor, &clinic.pharmacist, &dietitian].into_iter().enumerate() {
        let given = who.post(&format!("{team}/opinions"), json!({ "seat": seat, "text": "意见" })).await;
        assert_eq!(given["patient"], clinic.subject.as_str());
    }
    let accesses = clinic.patient.get(&format!("/api/v1/patients/{}/accesses?limit=500", clinic.subject)).await;
    for login in ["dietitian", "pharmacist", "nurse"] {
        let is = |one: &Value| one["who"].as_str().is_some_and(|who| who.starts_with(login));
        assert!(accesses.as_array().expect("a list").iter().any(is), "{login}: {accesses}");
    }
    // The nurse sees the form that she is asked, and of the enrolment nothing.
    let forms = nurse.get(&format!("{enrolment}/questionnaires")).await;
    assert_eq!(forms.as_array().map(Vec::len), Some(1), "{forms}");
    let path = format!("{enrolment}/questionnaires");
    assert!(clinic.pharmacist.ask(Method::GET, &path, None).await.status.is_client_error(), "a seat is no question");
    let answered = nurse.post(&format!("{enrolment}/answers"), diary(150, 80, &[])).await;
    assert_eq!((&answered["plugin"], &answered["effects"], &answered["timers"]), (&json!(""), &json!([]), &json!([])));
    assert!(requests(&first, &enrolment).await.contains(&state("blood-pressure", "fulfilled")));
    nurse.refused(&format!("{enrolment}/answers"), diary(150, 80, &[]), "NOT_FOUND").await;
}

async fn the_first_that_is_due_is_first_and_pages_follow(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    for (number, hours) in [(1, 50), (2, 30), (3, 40), (4, 30)] {
        planted(whole, &enrolment, (number, hours), referral_to(Destination::Offline(None))).await;
    }
    planted(whole, &enrolment, (5, 10), team_of(&[Role::Pharmacist, Role::Nurse])).await;
    let wanted = ["planted-2", "planted-4", "planted-3", "planted-1"].map(str::to_owned);
    assert_eq!(listed(&clinic.doctor).await, wanted);
    assert_eq!(listed(&clinic.pharmacist).await, ["planted-5"]);
    let mut own = wanted.to_vec();
    own.push("blood-pressure".to_owned());
    assert_eq!(listed(&clinic.patient).await, own, "and the diary, that has three days");
    let (mut found, mut after) = (Vec::new(), String::new());
    for page in 0..4 {
        let list = clinic.doctor.get(&format!("{REQUESTS}?limit=1{after}")).await;
        let one = list.as_array().and_then(|list| list.first()).cloned();
        let one = one.unwrap_or_else(|| panic!("page {page} is empty"));
        found.push(one["code"].as_str().expect("a code").to_owned());
        after = format!("&after={}", one["id"].as_str().expect("an id"));
    }
    assert_eq!(found, wanted);
    assert_eq!(clinic.doctor.get(&format!("{REQUESTS}?limit=1{after}")).await, json!([]));
    let nothing = RequestId::from_u128(99);
    clinic.doctor.hidden(&format!("{REQUESTS}?after={nothing}"), "NOT_FOUND").await;
    // An assistant sees to referrals, and reads nothing else.
    let (assistant, _) = clinic.hire(Person::new("listed-assistant", "assistant").licensed(&json!({}))).await;
    assert_eq!(listed(&assistant).await, wanted);
    let mine = clinic.doctor.get(REQUESTS).await[0]["id"].clone();
    let path = format!("{REQUESTS}/{}/fulfil", mine.as_str().expect("an id"));
    assert_eq!(assistant.post(&path, json!({ "note": "已就诊" })).await["state"], "fulfilled");
}

async fn staff_decide_nothing_about_themselves(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    let team = planted(whole, &enrolment, (1, 48), team_of(&[Role::Doctor, Role::Nurse])).await;
    let referral = planted(whole, &enrolment, (2, 24), referral_to(Destination::Offline(None))).await;
    clinic.doctor.post(&format!("{team}/opinions"), json!({ "seat": 0, "text": "仅供团队" })).await;
    let person = Person::new("nurse-patient", "nurse").licensed(&json!({})).and("patient");
    let (nurse, _) = clinic.hire(person.acting_for(&clinic.subject, 972)).await;
    nurse.refused(&format!("{referral}/fulfil"), json!({ "note": "x" }), "AUTH_FORBIDDEN").await;
    nurse.refused(&format!("{team}/opinions"), json!({ "seat": 1, "text": "x" }), "AUTH_FORBIDDEN").await;
    nurse.refused(&format!("{team}/decline"), json!({ "reason": "x" }), "AUTH_FORBIDDEN").await;
    assert_eq!(listed(&nurse).await, ["planted-2", "blood-pressure"], "their own, as a patient");
    let seen = nurse.get(&format!("{enrolment}/requests")).await;
    assert!(seen.to_string().contains("planted-1") && !seen.to_string().contains("仅供团队"), "{seen}");
    let declined = nurse.post(&format!("{referral}/decline"), json!({ "reason": "不去" })).await;
    assert_eq!(declined["state"], "declined");
    let told = alerts(&clinic, "REFERRAL_NOT_ATTENDED").await;
    assert!(matches!(&told[..], [(severity, _, words)] if severity == "warning" && words.contains("患者")), "{told:?}");
}

async fn a_question_to_staff_is_answered_by_whom_it_was_asked(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let answers = format!("{enrolment}/answers");
    // The diary is the patient's: what a doctor enters is kept, and it goes on waiting.
    clinic.doctor.post(&answers, diary(128, 78, &[])).await;
    assert_eq!(requests(&clinic.doctor, &enrolment).await, [state("blood-pressure", "open")]);
    assert!(clinic.found_in_record("Observation").await.iter().any(|one| one.to_string().contains("8480-6")));
    clinic.patient.post(&answers, diary(128, 78, &[])).await;
    let whole = (&hospital, &clinic);
    planted(whole, &enrolment, (1, 48), question_to(Role::Counsellor)).await;
    let (counsellor, _) = clinic.hire(Person::new("counsellor", "counsellor").licensed(&json!({}))).await;
    let (other, _) = clinic.hire(Person::new("listed-nurse", "nurse").licensed(&json!({}))).await;
    for who in [&clinic.patient, &other] {
        who.post(&answers, diary(128, 78, &[])).await;
        assert!(requests(&clinic.doctor, &enrolment).await.contains(&state("blood-pressure", "open")));
    }
    // A counsellor reads no records: the questions, and nothing else.
    counsellor.hidden(&enrolment, "AUTH_FORBIDDEN").await;
    assert_eq!(listed(&counsellor).await, ["blood-pressure"]);
    assert_eq!(counsellor.get(&format!("{enrolment}/questionnaires")).await.as_array().map(Vec::len), Some(1));
    let view = counsellor.post(&answers, diary(150, 80, &[])).await;
    assert_eq!((&view["stage"], &view["effects"]), (&json!(""), &json!([])));
    let open = |all: &[(String, String)]| all.iter().any(|(code, state)| code == "blood-pressure" && state == "open");
    assert!(!open(&requests(&clinic.doctor, &enrolment).await));
    counsellor.refused(&answers, diary(150, 80, &[]), "NOT_FOUND").await;
}

async fn two_who_act_at_once_lose_nothing(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    let team = planted(whole, &enrolment, (1, 48), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    let both = [(0, &clinic.doctor), (1, &clinic.pharmacist)];
    let at_once = async |path: &str, bodies: [Value; 2]| {
        let [one, two] = bodies;
        let path = format!("{team}/{path}");
        tokio::join!(both[0].1.ask(Method::POST, &path, Some(one)), both[1].1.ask(Method::POST, &path, Some(two)))
    };
    let opinion = |seat: usize| json!({ "seat": seat, "text": "意见" });
    let (one, two) = at_once("opinions", [opinion(0), opinion(1)]).await;
    assert!(one.status.is_success() && two.status.is_success(), "{} {}", one.text, two.text);
    clinic.doctor.post(&format!("{team}/plan"), json!({ "text": "方案" })).await;
    let sign = |seat: usize| json!({ "seat": seat, "plan": 1 });
    let (one, two) = at_once("signatures", [sign(0), sign(1)]).await;
    assert!(one.status.is_success() && two.status.is_success(), "{} {}", one.text, two.text);
    assert!(requests(&clinic.doctor, &enrolment).await.contains(&state("planted-1", "fulfilled")));
    // Of two who end it one does.
    let referral = planted(whole, &enrolment, (2, 48), referral_to(Destination::Offline(None))).await;
    let (done, declined) = (format!("{referral}/fulfil"), format!("{referral}/decline"));
    let (one, two) = tokio::join!(
        clinic.doctor.ask(Method::POST, &done, Some(json!({ "note": "已就诊" }))),
        clinic.patient.ask(Method::POST, &declined, Some(json!({ "reason": "不去" })))
    );
    let won = [&one, &two].into_iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(won, 1, "{} {}", one.text, two.text);
    let lost = if one.status.is_success() { two } else { one };
    lost.refused("the second", "PATHWAY_STATE");
}

async fn a_seat_is_taken_over_and_a_plan_is_signed_as_it_was_read(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    let team = planted(whole, &enrolment, (1, 48), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    let (leaving, account) = clinic.hire(Person::new("leaving", "doctor").licensed(&json!({}))).await;
    let opinions = format!("{team}/opinions");
    leaving.post(&opinions, json!({ "seat": 0, "text": "加用螺内酯" })).await;
    clinic.pharmacist.post(&opinions, json!({ "seat": 1, "text": "注意血钾" })).await;
    let plan = |text: &str| json!({ "text": text });
    leaving.post(&format!("{team}/plan"), plan("加用螺内酯")).await;
    let suspend = format!("/api/v1/tenants/{}/accounts/{account}/suspend", clinic.tenant);
    clinic.operator.post(&suspend, json!({ "reason": "离职" })).await;
    // Another doctor reads the plan, says so, and signs for the seat.
    let signatures = format!("{team}/signatures");
    clinic.doctor.refused(&signatures, json!({ "seat": 0, "plan": 1 }), "PATHWAY_STATE").await;
    clinic.doctor.refused(&opinions, json!({ "seat": 0, "text": "同意" }), "PATHWAY_STATE").await;
    let over = json!({ "seat": 0, "text": "同意", "takes_over": true });
    let taken = clinic.doctor.post(&opinions, over).await;
    let texts: Vec<&str> = taken["detail"]["asked"]["team"]["opinions"]
        .as_array()
        .expect("opinions")
        .iter()
        .filter_map(|one| one["text"].as_str())
        .collect();
    assert_eq!(texts, ["加用螺内酯", "同意", "注意血钾"]);
    clinic.pharmacist.post(&signatures, json!({ "seat": 1, "plan": 1 })).await;
    // The plan is written anew meanwhile: what was read is not what is signed.
    clinic.pharmacist.post(&format!("{team}/plan"), plan("加用螺内酯，两周复查血钾")).await;
    clinic.doctor.refused(&signatures, json!({ "seat": 0 }), "BODY_INVALID").await;
    clinic.doctor.refused(&signatures, json!({ "seat": 0, "plan": 1 }), "VERSION_CONFLICT").await;
    clinic.doctor.post(&signatures, json!({ "seat": 0, "plan": 2 })).await;
    let decided = clinic.pharmacist.post(&signatures, json!({ "seat": 1, "plan": 2 })).await;
    assert_eq!(decided["state"], "fulfilled");
}

async fn nothing_is_asked_about_the_dead(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    let referral = planted(whole, &enrolment, (1, 24), referral_to(Destination::Emergency)).await;
    let path = format!("/fhir/R4/Patient/{}", clinic.subject);
    let mut patient = clinic.administrator.get(&path).await;
    patient["deceasedDateTime"] = json!("2026-11-20");
    clinic.administrator.put(&path, patient).await;
    // Before the pathway has ended, or after it.
    let body = json!({ "note": "已就诊" });
    let refused = clinic.doctor.ask(Method::POST, &format!("{referral}/fulfil"), Some(body)).await;
    assert!(["PATIENT_DECEASED", "PATHWAY_STATE"].contains(&refused.code()), "{}", refused.text);
    eventually("the pathway ends", async || {
        hospital.hospital.do_due_work().await;
        requests(&clinic.doctor, &enrolment).await.iter().all(|(_, state)| state == "withdrawn")
    })
    .await;
    hospital.advance(30 * DAY).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(alerts(&clinic, "REFERRAL_NOT_ATTENDED").await, []);
    assert_eq!(alerts(&clinic, "QUESTION_UNANSWERED").await, []);
    assert_eq!(listed(&clinic.doctor).await, Vec::<String>::new());
}

async fn a_pathway_hears_that_it_is_here_again(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let id = enrolment.rsplit('/').next().expect("an id");
    let resumed = async || {
        let calls = clinic.administrator.get(&format!("/api/v1/calls?about={id}&limit=500")).await;
        let calls = calls.as_array().expect("calls").iter().rev();
        calls.filter_map(|call| call.pointer("/tape/input/event/resumed").cloned()).collect::<Vec<_>>()
    };
    let settles = async || {
        for _ in 0..3 {
            hospital.advance(6).await;
            hospital.hospital.do_due_work().await;
        }
    };
    let path = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, HYPERTENSION.id);
    settles().await;
    assert!(resumed().await.is_empty());
    let away = hospital.now();
    hospital.operator.post(&format!("{path}/disable"), json!(null)).await;
    hospital.advance(8 * DAY).await;
    settles().await;
    hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
    eventually("it hears so", async || !resumed().await.is_empty()).await;
    let since = resumed().await[0].as_i64().expect("a moment");
    assert!((0..60_000_000).contains(&(since - away.micros())), "since it was disabled");
    // Enabled as it is, nothing changes; what was due meanwhile is told too.
    hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
    hospital.advance(2 * 3600).await;
    settles().await;
    assert_eq!(resumed().await.len(), 1);
    let due = clinic.administrator.get(&format!("/api/v1/calls?about={id}&limit=500")).await;
    let due = due.as_array().expect("calls").iter().any(|call| call.pointer("/tape/input/event/task_due").is_some());
    assert!(due, "the diary came due while it was away");
}
