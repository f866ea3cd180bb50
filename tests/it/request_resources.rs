//! Requests of pathways in FHIR: what is asked for is in the record, and its status follows to each of its ends.

use serde_json::{Value, json};
use xinglin_domain::{
    coding::Coding,
    enrolment::request::Asked,
    pathway::{Destination, Role},
};

use crate::{
    follow_up::{diary, discreet, enrolled, planted, question_to, referral_to, request, team_of},
    support::{Client, Clinic, HYPERTENSION, Person, TestHospital, eventually, record, rules_on_both_engines},
};

rules_on_both_engines!(
    TestHospital:
    a_question_is_a_task_that_follows_its_end,
    a_referral_is_a_service_request_that_follows_its_end,
    results_complete_a_laboratory_request,
    a_team_is_a_care_team_and_its_plan_is_active_once_all_have_signed,
    what_is_open_is_taken_back_with_its_pathway,
    what_is_open_is_taken_back_from_the_dead,
    requests_of_a_restricted_pathway_are_restricted,
);

const DAY: i64 = 86_400;

/// A resource under the id of a request.
async fn resource(client: &Client, kind: &str, request: &str) -> Value {
    client.get(&format!("/fhir/R4/{kind}/{}", id(request))).await
}

fn id(request: &str) -> &str {
    request.rsplit('/').next().expect("an id")
}

async fn status(client: &Client, kind: &str, request: &str) -> String {
    resource(client, kind, request).await["status"].as_str().expect("a status").to_owned()
}

/// Ids of the resources of a type and status of the patient.
async fn found(clinic: &Clinic, kind: &str, status: &str) -> Vec<String> {
    let path = format!("/fhir/R4/{kind}?patient={}&status={status}&_count=500", clinic.subject);
    let bundle = clinic.doctor.get(&path).await;
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|one| one["resource"]["id"].as_str().expect("an id").to_owned()).collect()
}

fn laboratory(order: &str) -> Asked {
    let tests = ["2823-3", "2160-0"].map(|code| Coding::new("http://loinc.org", code)).to_vec();
    Asked::Laboratory { tests, found: Vec::new(), results: Vec::new(), service_request: order.to_owned() }
}

/// Waits until a request has ended in this state.
async fn ended((hospital, clinic): (&TestHospital, &Clinic), enrolment: &str, request: &str, state: &str) {
    eventually("it ends", async || {
        hospital.hospital.do_due_work().await;
        let list = clinic.doctor.get(&format!("{enrolment}/requests")).await;
        let list = list.as_array().expect("requests").clone();
        list.iter().any(|one| one["id"] == id(request) && one["state"] == state)
    })
    .await;
}

async fn a_question_is_a_task_that_follows_its_end(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let whole = (&hospital, &clinic);
    let enrolment = enrolled(&clinic, &hospital).await;
    let first = request(&clinic.doctor, &enrolment, "blood-pressure").await;
    let task = resource(&clinic.patient, "Task", &first).await;
    assert_eq!((&task["status"], &task["owner"]), (&json!("requested"), &task["for"]), "{task}");
    let forms = clinic.patient.get(&format!("{enrolment}/questionnaires")).await;
    assert_eq!(task["input"][0]["valueCanonical"], forms[0]["url"], "{task}");
    let due = clinic.doctor.get(&format!("{enrolment}/requests")).await[0]["by"].clone();
    assert_eq!(task["restriction"]["period"]["end"], due);
    assert_eq!(task["basedOn"][0]["reference"], format!("CarePlan/{}", id(&enrolment)));
    assert_eq!(found(&clinic, "Task", "requested").await.iter().filter(|one| *one == id(&first)).count(), 1);
    // The hospital's own: nobody writes it from outside.
    let path = format!("/fhir/R4/Task/{}", id(&first));
    let written = clinic.administrator.ask(reqwest::Method::PUT, &path, Some(task)).await;
    assert!(written.status.is_client_error(), "{}", written.text);

    clinic.patient.post(&format!("{enrolment}/answers"), diary(128, 78, &[])).await;
    assert_eq!(status(&clinic.doctor, "Task", &first).await, "completed");
    // Asked of staff, and turned down.
    let nurses = planted(whole, &enrolment, (1, 24), question_to(Role::Nurse)).await;
    clinic.doctor.post(&format!("{nurses}/decline"), json!({ "reason": "不适用" })).await;
    let task = resource(&clinic.doctor, "Task", &nurses).await;
    assert_eq!((&task["status"], &task["statusReason"]["text"]), (&json!("rejected"), &json!("不适用")));
    assert_eq!(task["performerType"][0]["coding"][0]["code"], "nurse");
    assert!(task.get("owner").is_none(), "{task}");
    // Nobody answers.
    let lapsing = planted(whole, &enrolment, (2, 24), question_to(Role::Nurse)).await;
    hospital.advance(DAY / 2 + 60).await;
    eventually("it is asked again", async || {
        hospital.hospital.do_due_work().await;
        let task = clinic.doctor.ask(reqwest::Method::GET, &format!("/fhir/R4/Task/{}", id(&lapsing)), None).await;
        task.status.is_success() && task.body["status"] == "requested"
    })
    .await;
    hospital.advance(DAY / 2 + 60).await;
    ended(whole, &enrolment, &lapsing, "lapsed").await;
    assert_eq!(status(&clinic.doctor, "Task", &lapsing).await, "failed");
    let history = clinic.doctor.get(&format!("/fhir/R4/Task/{}/_history", id(&lapsing))).await;
    assert_eq!(history["total"], 2, "{history}");
}

async fn a_referral_is_a_service_request_that_follows_its_end(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let whole = (&hospital, &clinic);
    let enrolment = enrolled(&clinic, &hospital).await;
    for _ in 0..2 {
        clinic.patient.post(&format!("{enrolment}/answers"), diary(150, 80, &[])).await;
    }
    let own = request(&clinic.doctor, &enrolment, "uncontrolled").await;
    let order = resource(&clinic.patient, "ServiceRequest", &own).await;
    assert_eq!((&order["status"], &order["category"][0]["coding"][0]["code"]), (&json!("active"), &json!("3457005")));
    let listed = clinic.doctor.get(&format!("{enrolment}/requests")).await[0].clone();
    assert_eq!(order["occurrencePeriod"]["end"], listed["by"]);
    assert_eq!(order["reasonCode"][0]["text"], listed["detail"]["asked"]["referral"]["reason"][0]["text"], "{listed}");
    let task = resource(&clinic.patient, "Task", &own).await;
    assert_eq!(task["focus"]["reference"], format!("ServiceRequest/{}", id(&own)));
    assert_eq!(found(&clinic, "ServiceRequest", "active").await, [id(&own)]);
    let outcome = json!([{ "system": "urn:xinglin:hypertension", "code": "add" }]);
    clinic.doctor.post(&format!("{own}/fulfil"), json!({ "note": "市一医院", "outcome": outcome })).await;
    assert_eq!(status(&clinic.doctor, "ServiceRequest", &own).await, "completed");
    let task = resource(&clinic.doctor, "Task", &own).await;
    assert_eq!((&task["status"], &task["note"][0]["text"]), (&json!("completed"), &json!("市一医院")));
    assert_eq!(task["output"][0]["valueCodeableConcept"]["coding"][0]["code"], "add");
    assert_eq!(found(&clinic, "ServiceRequest", "completed").await, [id(&own)]);

    let declined = planted(whole, &enrolment, (1, 24), referral_to(Destination::Offline(None))).await;
    clinic.patient.post(&format!("{declined}/decline"), json!({ "reason": "太远了" })).await;
    let order = resource(&clinic.doctor, "ServiceRequest", &declined).await;
    assert_eq!((&order["status"], &order["priority"]), (&json!("revoked"), &json!("urgent")));
    let task = resource(&clinic.doctor, "Task", &declined).await;
    assert_eq!((&task["status"], &task["statusReason"]["text"]), (&json!("rejected"), &json!("太远了")));
    let lapsing = planted(whole, &enrolment, (2, 2), referral_to(Destination::Emergency)).await;
    hospital.advance(3 * 3600).await;
    ended(whole, &enrolment, &lapsing, "lapsed").await;
    let order = resource(&clinic.doctor, "ServiceRequest", &lapsing).await;
    assert_eq!((&order["status"], &order["priority"]), (&json!("revoked"), &json!("stat")));
    assert_eq!(status(&clinic.doctor, "Task", &lapsing).await, "failed");
}

async fn results_complete_a_laboratory_request(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let whole = (&hospital, &clinic);
    let enrolment = enrolled(&clinic, &hospital).await;
    let (order, other) = ("labrequest-1", "labrequest-2");
    let lab = planted(whole, &enrolment, (1, 72), laboratory(order)).await;
    let arrives = async |code: &str, value: &str, unit: &str| {
        let mut result = record::result(&clinic.subject, hospital.now(), code, value, unit);
        result["effectiveDateTime"] = hospital.now().to_string().into();
        let location = clinic.import(&[result]).await.remove(0);
        hospital.advance(6).await;
        hospital.hospital.do_due_work().await;
        location
    };
    let order_status = async |order: &str| {
        let found = clinic.doctor.get(&format!("/fhir/R4/ServiceRequest/{order}")).await;
        found["status"].as_str().expect("a status").to_owned()
    };
    let first = arrives("2823-3", "4.4", "mmol/L").await;
    eventually("one is there", async || {
        hospital.hospital.do_due_work().await;
        let task = clinic.doctor.ask(reqwest::Method::GET, &format!("/fhir/R4/Task/{}", id(&lab)), None).await;
        task.status.is_success() && task.body["status"] == "in-progress"
    })
    .await;
    assert_eq!(order_status(order).await, "active");
    arrives("2160-0", "80", "umol/L").await;
    ended(whole, &enrolment, &lab, "fulfilled").await;
    assert_eq!(order_status(order).await, "completed");
    let task = resource(&clinic.patient, "Task", &lab).await;
    assert_eq!(task["status"], "completed");
    assert_eq!(task["focus"]["reference"], format!("ServiceRequest/{order}"));
    let outputs = task["output"].as_array().expect("outputs");
    assert_eq!(outputs.len(), 2, "{task}");
    let observation = outputs[0]["valueReference"]["reference"].as_str().expect("a reference");
    assert!(first.contains(observation), "{first} {task}");

    let declined = planted(whole, &enrolment, (2, 72), laboratory(other)).await;
    clinic.doctor.post(&format!("{declined}/decline"), json!({ "reason": "近期已查" })).await;
    assert_eq!(
        (order_status(other).await, status(&clinic.doctor, "Task", &declined).await),
        ("revoked".into(), "rejected".into())
    );
    let recorded = planted(whole, &enrolment, (3, 72), laboratory("labrequest-3")).await;
    clinic.doctor.post(&format!("{recorded}/fulfil"), json!({ "note": "外院结果正常" })).await;
    assert_eq!(order_status("labrequest-3").await, "completed");
    let lapsing = planted(whole, &enrolment, (4, 2), laboratory("labrequest-4")).await;
    hospital.advance(3 * 3600).await;
    ended(whole, &enrolment, &lapsing, "lapsed").await;
    assert_eq!(
        (order_status("labrequest-4").await, status(&clinic.doctor, "Task", &lapsing).await),
        ("revoked".into(), "failed".into())
    );
}

async fn a_team_is_a_care_team_and_its_plan_is_active_once_all_have_signed(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let whole = (&hospital, &clinic);
    let enrolment = enrolled(&clinic, &hospital).await;
    let team = planted(whole, &enrolment, (1, 48), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    let opinion = |seat: usize| json!({ "seat": seat, "text": "仅供团队" });
    clinic.doctor.post(&format!("{team}/opinions"), opinion(0)).await;
    let care_team = resource(&clinic.patient, "CareTeam", &team).await;
    let seats = care_team["participant"].as_array().expect("participants");
    assert_eq!((&care_team["status"], seats.len()), (&json!("active"), 2), "{care_team}");
    let member = seats[0]["member"]["reference"].as_str().expect("a member");
    assert!(member.starts_with("Practitioner/acc-") && seats[1].get("member").is_none(), "{care_team}");
    assert_eq!(found(&clinic, "CareTeam", "active").await, [id(&team)]);
    assert_eq!(status(&clinic.doctor, "Task", &team).await, "in-progress");
    clinic.pharmacist.post(&format!("{team}/opinions"), opinion(1)).await;
    let outcome = json!([{ "system": "urn:xinglin:hypertension", "code": "add" }]);
    clinic.doctor.post(&format!("{team}/plan"), json!({ "text": "加用螺内酯", "outcome": outcome })).await;
    let draft = resource(&clinic.patient, "CarePlan", &team).await;
    assert_eq!(draft["status"], "draft");
    assert!(!draft.to_string().contains("螺内酯"), "not before all have signed it: {draft}");
    clinic.doctor.post(&format!("{team}/signatures"), json!({ "seat": 0, "plan": 1 })).await;
    assert_eq!(status(&clinic.doctor, "CarePlan", &team).await, "draft");
    clinic.pharmacist.post(&format!("{team}/signatures"), json!({ "seat": 1, "plan": 1 })).await;
    let plan = resource(&clinic.patient, "CarePlan", &team).await;
    assert_eq!((&plan["status"], &plan["description"]), (&json!("active"), &json!("加用螺内酯")), "{plan}");
    assert_eq!(plan["contributor"].as_array().map(Vec::len), Some(2));
    assert_eq!(plan["careTeam"][0]["reference"], format!("CareTeam/{}", id(&team)));
    let over = resource(&clinic.doctor, "CareTeam", &team).await;
    assert_eq!(over["status"], "inactive");
    for seat in over["participant"].as_array().expect("participants") {
        assert!(seat["period"]["end"].is_string(), "nobody sits there any more: {over}");
    }
    assert_eq!(status(&clinic.doctor, "Task", &team).await, "completed");
    for kind in ["Task", "CareTeam", "CarePlan"] {
        let history = clinic.patient.get(&format!("/fhir/R4/{kind}/{}/_history", id(&team))).await;
        assert!(!history.to_string().contains("仅供团队"), "what each said is for the team");
    }

    // Turned down, with a plan that was not signed by all.
    let other = planted(whole, &enrolment, (2, 48), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    clinic.doctor.post(&format!("{other}/opinions"), opinion(0)).await;
    clinic.pharmacist.post(&format!("{other}/opinions"), opinion(1)).await;
    clinic.doctor.post(&format!("{other}/plan"), json!({ "text": "住院" })).await;
    clinic.pharmacist.post(&format!("{other}/decline"), json!({ "reason": "资料不全" })).await;
    let plan = resource(&clinic.patient, "CarePlan", &other).await;
    assert_eq!(plan["status"], "revoked");
    assert!(!plan.to_string().contains("住院"), "{plan}");
    let task = resource(&clinic.patient, "Task", &other).await;
    assert_eq!(task["status"], "rejected");
    assert!(!task.to_string().contains("资料不全"), "the words of staff are not the patient's: {task}");
    // Nobody decides.
    let lapsing = planted(whole, &enrolment, (3, 2), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    hospital.advance(3 * 3600).await;
    ended(whole, &enrolment, &lapsing, "lapsed").await;
    assert_eq!(status(&clinic.doctor, "CareTeam", &lapsing).await, "inactive");
    assert_eq!(status(&clinic.doctor, "Task", &lapsing).await, "failed");
}

/// One of each kind, besides the question of the pathway; their paths.
async fn one_of_each(whole: (&TestHospital, &Clinic), enrolment: &str) -> [String; 4] {
    let team = planted(whole, enrolment, (3, 48), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    let opinion = |seat: usize| json!({ "seat": seat, "text": "意见" });
    whole.1.doctor.post(&format!("{team}/opinions"), opinion(0)).await;
    whole.1.pharmacist.post(&format!("{team}/opinions"), opinion(1)).await;
    whole.1.doctor.post(&format!("{team}/plan"), json!({ "text": "方案" })).await;
    [
        request(&whole.1.doctor, enrolment, "blood-pressure").await,
        planted(whole, enrolment, (1, 48), referral_to(Destination::Offline(None))).await,
        planted(whole, enrolment, (2, 48), laboratory("labrequest-1")).await,
        team,
    ]
}

async fn are_taken_back(client: &Client, [question, referral, lab, team]: &[String; 4]) {
    for request in [question, referral, lab, team] {
        assert_eq!(status(client, "Task", request).await, "cancelled", "{request}");
    }
    assert_eq!(status(client, "ServiceRequest", referral).await, "revoked");
    assert_eq!(status(client, "ServiceRequest", "labrequest-1").await, "revoked");
    assert_eq!(status(client, "CareTeam", team).await, "inactive");
    assert_eq!(status(client, "CarePlan", team).await, "revoked");
}

async fn what_is_open_is_taken_back_with_its_pathway(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let requests = one_of_each((&hospital, &clinic), &enrolment).await;
    clinic.patient.post(&format!("{enrolment}/leave"), json!({ "reason": "搬家" })).await;
    are_taken_back(&clinic.doctor, &requests).await;
}

async fn what_is_open_is_taken_back_from_the_dead(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let requests = one_of_each((&hospital, &clinic), &enrolment).await;
    let path = format!("/fhir/R4/Patient/{}", clinic.subject);
    let mut patient = clinic.administrator.get(&path).await;
    patient["deceasedDateTime"] = json!("2026-11-20");
    clinic.administrator.put(&path, patient).await;
    eventually("the pathway ends", async || {
        hospital.hospital.do_due_work().await;
        clinic.doctor.get(&enrolment).await["active"] == false
    })
    .await;
    are_taken_back(&clinic.doctor, &requests).await;
}

async fn requests_of_a_restricted_pathway_are_restricted(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let installed = clinic.operator.upload(discreet()).await;
    assert!(installed.status == 201 || installed.code() == "ALREADY_EXISTS", "{}", installed.text);
    let plugin = format!("/api/v1/tenants/{}/plugins/test.discreet", clinic.tenant);
    clinic.operator.put(&plugin, json!({ "compartment": "mental-health" })).await;
    clinic.operator.post(&format!("{plugin}/enable"), json!(null)).await;
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "I10")]).await;
    let (first, account) = clinic.hire(Person::new("psychiatrist", "doctor").licensed(&json!({}))).await;
    let consent = json!({ "provision": "permit", "scope": { "compartment": "mental-health" },
                          "recipient": { "account": account }, "purposes": ["treatment"] });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), consent).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": "test.discreet" });
    let enrolment = first.post("/api/v1/enrolments", enrol).await;
    let enrolment = format!("/api/v1/enrolments/{}", enrolment["id"].as_str().expect("an id"));
    let question = request(&first, &enrolment, "blood-pressure").await;
    let team = planted((&hospital, &clinic), &enrolment, (1, 48), team_of(&[Role::Doctor, Role::Pharmacist])).await;
    first.post(&format!("{team}/opinions"), json!({ "seat": 0, "text": "意见" })).await;
    for (kind, request) in [("Task", &question), ("Task", &team), ("CareTeam", &team)] {
        let own = resource(&clinic.patient, kind, request).await;
        assert!(own["meta"]["security"].is_array(), "{own}");
        assert_eq!(resource(&first, kind, request).await["id"], id(request));
        clinic.doctor.hidden(&format!("/fhir/R4/{kind}/{}", id(request)), "NOT_FOUND").await;
    }
    assert_eq!(found(&clinic, "CareTeam", "active").await, Vec::<String>::new());
}
