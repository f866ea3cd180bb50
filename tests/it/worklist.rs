//! Tasks of pathways are listed for the roles that they are given to, and nobody acts by a role that is not in force.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{
    coding::LocalizedText,
    enrolment::{TaskRecord, task::TaskState},
    id::{TaskId, TenantId},
    pathway::{Role, Task},
};

use crate::{
    follow_up::{diary, discreet, enrolled, planted, question_to, referral_to, team_of},
    support::{Client, Clinic, HYPERTENSION, Person, TestHospital, eventually, record, rules_on_both_engines},
};

rules_on_both_engines!(
    TestHospital:
    staff_find_their_tasks_and_do_them_from_the_list,
    who_reads_no_records_sees_the_least,
    a_page_follows_whatever_becomes_of_its_last_task,
    a_role_that_is_not_in_force_has_no_tasks,
    tasks_of_a_restricted_pathway_are_listed_for_whom_it_is_open_to,
    only_who_speaks_for_the_patient_answers,
    what_is_hidden_is_no_access,
);

const DAY: i64 = 86_400;
const TASKS: &str = "/api/v1/tasks";

/// Schedules a task in the name of an enrolment's pathway, due in so many hours; its id.
async fn task(
    (hospital, clinic): (&TestHospital, &Clinic),
    enrolment: &str,
    (number, owner): (u128, Role),
    (hours, days): (i64, u32),
) -> String {
    let tenant: TenantId = clinic.tenant.parse().expect("a tenant");
    let enrolment = enrolment.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an enrolment");
    let (now, code) = (hospital.now(), format!("planted-{number}"));
    let record = TaskRecord {
        id: TaskId::from_u128(number),
        enrolment,
        patient: clinic.subject.parse().expect("a patient"),
        task: Task {
            code: code.clone(),
            title: LocalizedText::zh_en("随访", "a call"),
            owner,
            due: now.plus_hours(hours),
            window_minutes: days * 24 * 60,
            repeat: None,
        },
        state: TaskState::Open,
    };
    let row = xinglin_store::Task {
        id: record.id,
        enrolment_id: enrolment,
        patient_id: clinic.subject.clone(),
        code,
        given_to: record.given_to().map(|role| role.as_str().to_owned()).unwrap_or_default(),
        due_at: record.task.due,
        state: xinglin_store::TaskState::Open,
        body: serde_json::to_value(&record).expect("json"),
        version: 0,
        created_at: now,
        updated_at: now,
    };
    let tx = hospital.hospital.store().tenant(tenant).begin().await.expect("a transaction");
    tx.schedule_task(&row).await.expect("scheduled");
    tx.commit().await.expect("committed");
    record.id.to_string()
}

fn codes(list: &Value) -> Vec<String> {
    let tasks = list["tasks"].as_array().unwrap_or_else(|| panic!("{list}")).iter();
    tasks.map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
}

/// The planted ones: pathways have their own, too.
async fn listed(client: &Client, query: &str) -> Vec<String> {
    let all = codes(&client.get(&format!("{TASKS}{query}")).await);
    all.into_iter().filter(|code| code.starts_with("planted-")).collect()
}

/// The names of planted tasks.
fn own(numbers: &[u128]) -> Vec<String> {
    numbers.iter().map(|number| format!("planted-{number}")).collect()
}

/// Suspends a certificate of an account.
async fn suspend(clinic: &Clinic, account: &str, kind: &str) {
    let path = format!("/api/v1/tenants/{}/accounts/{account}", clinic.tenant);
    let view = clinic.administrator.get(&path).await;
    let found = view["certificates"].as_array().expect("certificates").iter().find(|one| one["kind"] == kind);
    let id = found.unwrap_or_else(|| panic!("{view}"))["id"].as_str().expect("an id");
    clinic.administrator.post(&format!("{path}/certificates/{id}/suspend"), json!({ "reason": "a complaint" })).await;
}

async fn staff_find_their_tasks_and_do_them_from_the_list(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    let (nurse, _) = clinic.hire(Person::new("worklist-nurse", "nurse").licensed(&json!({}))).await;
    let list = clinic.doctor.get(TASKS).await;
    assert!(codes(&list).contains(&"visit".to_owned()), "that of the pathway itself: {list}");
    for (number, owner, hours, days) in [
        (1, Role::Nurse, 50, 2),
        (2, Role::Nurse, 1, 3),
        (3, Role::Doctor, 1, 3),
        (4, Role::Nurse, 2, 0),
        (5, Role::Patient, 3, 3),
    ] {
        task(whole, &enrolment, (number, owner), (hours, days)).await;
    }
    assert_eq!(listed(&nurse, "").await, own(&[2, 1]), "the first that is due first, and no bare timer");
    assert_eq!(listed(&clinic.doctor, "").await, own(&[3]));
    assert_eq!(listed(&clinic.patient, "").await, own(&[]), "a patient has reminders");
    assert_eq!(listed(&nurse, "?role=nurse").await, own(&[2, 1]));
    nurse.hidden(&format!("{TASKS}?role=doctor"), "AUTH_FORBIDDEN").await;
    assert_eq!(listed(&nurse, &format!("?patient={}", clinic.subject)).await, own(&[2, 1]));
    assert_eq!(listed(&nurse, "?patient=pat-00000000000000000000000001").await, own(&[]));
    assert_eq!(listed(&nurse, "?overdue=true").await, own(&[]));

    let list = nurse.get(TASKS).await;
    let first = &list["tasks"][0];
    assert_eq!(first["patient_name"], "李明", "{list}");
    assert_eq!((&first["is_due"], &first["overdue"], &first["role"]), (&json!(false), &json!(false), &json!("nurse")));
    assert!(first["enrolment"].is_string() && first["title"].to_string().contains("随访"), "{first}");

    // Due, then overdue, and off the list when its time is over.
    hospital.advance(2 * 3600).await;
    hospital.hospital.do_due_work().await;
    let first = nurse.get(TASKS).await["tasks"][0].clone();
    assert_eq!(
        (&first["code"], &first["is_due"], &first["overdue"]),
        (&json!("planted-2"), &json!(true), &json!(false))
    );
    hospital.advance(DAY).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(listed(&nurse, "?overdue=true").await, own(&[2]));
    assert_eq!(listed(&clinic.doctor, "").await, own(&[3]));
    hospital.advance(2 * DAY).await;
    eventually("the doctor's is missed", async || {
        hospital.hospital.do_due_work().await;
        listed(&clinic.doctor, "").await.is_empty() && listed(&nurse, "").await == own(&[1])
    })
    .await;

    // By its id; and whoever leaves takes the rest along.
    let id = nurse.get(TASKS).await["tasks"][0]["id"].as_str().expect("an id").to_owned();
    clinic.doctor.refused(&format!("{TASKS}/{id}/done"), json!(null), "AUTH_FORBIDDEN").await;
    nurse.post(&format!("{TASKS}/{id}/done"), json!(null)).await;
    assert_eq!(listed(&nurse, "").await, own(&[]));
    let given_up = task(whole, &enrolment, (6, Role::Nurse), (9, 2)).await;
    task(whole, &enrolment, (7, Role::Nurse), (10, 2)).await;
    nurse.post(&format!("{TASKS}/{given_up}/decline"), json!({ "reason": "已出院" })).await;
    assert_eq!(listed(&nurse, "").await, own(&[7]));
    clinic.patient.post(&format!("{enrolment}/leave"), json!({ "reason": "搬家" })).await;
    assert_eq!(listed(&nurse, "").await, own(&[]));
}

async fn who_reads_no_records_sees_the_least(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    for (number, (role, owner)) in (1_u128..).zip([
        ("assistant", Role::Assistant),
        ("dietitian", Role::Dietitian),
        ("counsellor", Role::Counsellor),
        ("public_health_doctor", Role::PublicHealthDoctor),
    ]) {
        // A public-health doctor has the papers of a doctor.
        let papers = if role == "public_health_doctor" { "doctor" } else { role };
        let person = Person::new(&format!("least-{role}"), role).licensed(&json!({ "role": papers }));
        let (who, _) = clinic.hire(person).await;
        let id = task(whole, &enrolment, (number, owner), (i64::try_from(number).expect("few"), 3)).await;
        let list = who.get(TASKS).await;
        assert_eq!(codes(&list), own(&[number]));
        let mut keys: Vec<&str> = list["tasks"][0].as_object().expect("a task").keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "due", "id", "is_due", "overdue", "patient", "role", "title", "until"], "{list}");
        let hidden = who.ask(Method::GET, &enrolment, None).await;
        assert!(hidden.status.is_client_error(), "{}", hidden.text);
        let view = who.post(&format!("{TASKS}/{id}/done"), json!(null)).await;
        assert_eq!((&view["plugin"], view["timers"].as_array().map(Vec::len)), (&json!(""), Some(1)), "{view}");
        assert_eq!(listed(&who, "").await, own(&[]));
    }
}

async fn a_page_follows_whatever_becomes_of_its_last_task(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let (nurse, _) = clinic.hire(Person::new("paging-nurse", "nurse").licensed(&json!({}))).await;
    for (number, hours) in [(1, 5), (2, 3), (3, 4), (4, 3), (5, 9)] {
        task((&hospital, &clinic), &enrolment, (number, Role::Nurse), (hours, 2)).await;
    }
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = nurse.get(&format!("{TASKS}?limit=2{after}")).await;
        let tasks = page["tasks"].as_array().expect("tasks").clone();
        assert!(tasks.len() <= 2, "{page}");
        found.extend(codes(&page));
        if let Some(last) = tasks.last() {
            // It is done, and the next page begins after it all the same.
            nurse.post(&format!("{TASKS}/{}/done", last["id"].as_str().expect("an id")), json!(null)).await;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found, own(&[2, 4, 3, 1, 5]));
    for wrong in ["x", "7", "1.task", "1."] {
        let refused = nurse.ask(Method::GET, &format!("{TASKS}?after={wrong}"), None).await;
        assert!(refused.status.is_client_error(), "{wrong}: {}", refused.text);
    }
}

async fn a_role_that_is_not_in_force_has_no_tasks(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let whole = (&hospital, &clinic);
    let nurses = task(whole, &enrolment, (1, Role::Nurse), (200, 3)).await;
    task(whole, &enrolment, (2, Role::Assistant), (201, 3)).await;
    let both = Person::new("two-roles", "nurse").licensed(&json!({})).and_licensed("assistant");
    let (who, account) = clinic.hire(both).await;
    assert_eq!(listed(&who, "").await, own(&[1, 2]));
    // Nobody answers: the nurses are told.
    hospital.advance(3 * DAY + 60).await;
    let alert = async || {
        hospital.hospital.do_due_work().await;
        let list = clinic.doctor.get("/api/v1/alerts?limit=500").await;
        let found = list.as_array().expect("alerts").iter().find(|one| one["code"] == "QUESTION_UNANSWERED").cloned();
        found.map(|one| one["id"].as_str().expect("an id").to_owned())
    };
    eventually("the nurses are told", async || alert().await.is_some()).await;
    let alert = alert().await.expect("it is open");

    suspend(&clinic, &account, "nurse_registration").await;
    assert_eq!(listed(&who, "").await, own(&[2]));
    who.hidden(&format!("{TASKS}?role=nurse"), "AUTH_FORBIDDEN").await;
    who.refused(&format!("{TASKS}/{nurses}/done"), json!(null), "NOT_FOUND").await;
    who.refused(&format!("{TASKS}/{nurses}/decline"), json!({ "reason": "x" }), "NOT_FOUND").await;
    who.refused(&format!("/api/v1/alerts/{alert}/acknowledge"), json!(null), "AUTH_FORBIDDEN").await;
    who.refused(&format!("{enrolment}/answers"), diary(128, 78, &[]), "CRED_INVALID").await;
    suspend(&clinic, &account, "employer_proof").await;
    who.hidden(TASKS, "CRED_INVALID").await;
}

/// A restricted pathway with the patient in it, whom a psychiatrist treats with the patient's consent; the path of the
/// enrolment, and the psychiatrist.
async fn restricted(hospital: &TestHospital, clinic: &Clinic) -> (String, Client) {
    let installed = clinic.operator.upload(discreet()).await;
    assert!(installed.status == 201 || installed.code() == "ALREADY_EXISTS", "{}", installed.text);
    let plugin = format!("/api/v1/tenants/{}/plugins/test.discreet", clinic.tenant);
    clinic.operator.put(&plugin, json!({ "compartment": "mental-health" })).await;
    clinic.operator.post(&format!("{plugin}/enable"), json!(null)).await;
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "I10")]).await;
    let (first, account) = clinic.hire(Person::new("psychiatrist", "doctor").licensed(&json!({}))).await;
    says(clinic, "permit", &account).await;
    let enrolment =
        first.post("/api/v1/enrolments", json!({ "patient": clinic.subject, "plugin": "test.discreet" })).await;
    (format!("/api/v1/enrolments/{}", enrolment["id"].as_str().expect("an id")), first)
}

/// The patient opens or closes mental health to an account.
async fn says(clinic: &Clinic, provision: &str, account: &str) {
    let said = json!({ "provision": provision, "scope": { "compartment": "mental-health" },
                       "recipient": { "account": account }, "purposes": ["treatment"] });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), said).await;
}

/// Whether the patient finds an access of an account to their record.
async fn was_seen_by(clinic: &Clinic, login: &str) -> bool {
    let accesses = clinic.patient.get(&format!("/api/v1/patients/{}/accesses?limit=500", clinic.subject)).await;
    let is = |one: &Value| one["who"].as_str().is_some_and(|who| who.starts_with(login));
    accesses.as_array().expect("a list").iter().any(is)
}

async fn tasks_of_a_restricted_pathway_are_listed_for_whom_it_is_open_to(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (enrolment, first) = restricted(&hospital, &clinic).await;
    let whole = (&hospital, &clinic);
    let nurses = task(whole, &enrolment, (1, Role::Nurse), (2, 3)).await;
    let dietitians = task(whole, &enrolment, (2, Role::Dietitian), (3, 3)).await;
    task(whole, &enrolment, (3, Role::Doctor), (4, 3)).await;
    let (nurse, account) = clinic.hire(Person::new("named-nurse", "nurse").licensed(&json!({}))).await;
    let (other, _) = clinic.hire(Person::new("other-nurse", "nurse").licensed(&json!({}))).await;
    let (dietitian, diet) = clinic.hire(Person::new("named-dietitian", "dietitian").licensed(&json!({}))).await;
    // Who treats the patient in it sees all of it; a role alone, nothing, which is no access to the record either.
    let list = first.get(TASKS).await;
    assert!(codes(&list).contains(&"planted-3".to_owned()), "{list}");
    assert!(list["tasks"].as_array().expect("tasks").iter().all(|one| one["enrolment"].is_string()), "{list}");
    for (who, login) in [(&nurse, "named-nurse"), (&dietitian, "named-dietitian"), (&clinic.doctor, "doctor")] {
        assert_eq!(who.get(TASKS).await, json!({ "tasks": [] }), "{login}");
    }
    assert!(!was_seen_by(&clinic, "named-").await);
    // The patient opens it.
    says(&clinic, "permit", &account).await;
    says(&clinic, "permit", &diet).await;
    let list = nurse.get(TASKS).await;
    assert_eq!((codes(&list), list["tasks"][0]["enrolment"].is_string()), (own(&[1]), true), "{list}");
    let list = dietitian.get(TASKS).await;
    assert_eq!((codes(&list), list["tasks"][0].get("enrolment")), (own(&[2]), None), "{list}");
    assert!(was_seen_by(&clinic, "named-nurse").await && was_seen_by(&clinic, "named-dietitian").await);
    assert_eq!(listed(&other, "").await, own(&[]));

    // Another role's is not theirs, and a role alone does none; who reads no records is shown the task and nothing else.
    clinic.pharmacist.refused(&format!("{TASKS}/{nurses}/done"), json!(null), "NOT_FOUND").await;
    dietitian.refused(&format!("{TASKS}/{nurses}/done"), json!(null), "NOT_FOUND").await;
    other.refused(&format!("{TASKS}/{nurses}/done"), json!(null), "NOT_FOUND").await;
    other.refused(&format!("{TASKS}/{nurses}/decline"), json!({ "reason": "x" }), "NOT_FOUND").await;
    nurse.post(&format!("{TASKS}/{nurses}/done"), json!(null)).await;
    let view = dietitian.post(&format!("{TASKS}/{dietitians}/decline"), json!({ "reason": "已转诊" })).await;
    assert_eq!((&view["plugin"], &view["stage"]), (&json!(""), &json!("")), "{view}");
    assert_eq!(listed(&dietitian, "").await, own(&[]));
    assert!(other.ask(Method::GET, &enrolment, None).await.status.is_client_error());
}

async fn only_who_speaks_for_the_patient_answers(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let enrolment = enrolled(&clinic, &hospital).await;
    let answers = format!("{enrolment}/answers");
    let before = clinic.found_in_record("Observation").await.len();
    // Who runs the hospital and is a patient of it reads the enrolment, and speaks for nobody else.
    let other = clinic.import(&[record::patient("1988-02-02")]).await.remove(0);
    let other = other.rsplit('/').next().expect("an id").to_owned();
    let person = Person::new("administrator-patient", "administrator").and("patient").acting_for(&other, 972);
    let (administrator, _) = clinic.hire(person).await;
    administrator.get(&enrolment).await;
    administrator.refused(&answers, diary(128, 78, &[]), "AUTH_FORBIDDEN").await;
    // An assistant who is a patient of the hospital is shown nothing.
    let other = clinic.import(&[record::patient("1989-02-02")]).await.remove(0);
    let other = other.rsplit('/').next().expect("an id").to_owned();
    let person = Person::new("assistant-patient", "assistant").licensed(&json!({})).and("patient");
    let (assistant, _) = clinic.hire(person.acting_for(&other, 972)).await;
    assistant.refused(&answers, diary(128, 78, &[]), "NOT_FOUND").await;
    assert_eq!(clinic.found_in_record("Observation").await.len(), before, "nothing was stored");
    // A nurse may, as long as the registration counts; so may who is patient themselves.
    let other = clinic.import(&[record::patient("1990-02-02")]).await.remove(0);
    let other = other.rsplit('/').next().expect("an id").to_owned();
    let person = Person::new("answering-nurse", "nurse").licensed(&json!({})).and("patient");
    let (nurse, account) = clinic.hire(person.acting_for(&other, 972)).await;
    nurse.post(&answers, diary(128, 78, &[])).await;
    suspend(&clinic, &account, "nurse_registration").await;
    nurse.refused(&answers, diary(128, 78, &[]), "NOT_FOUND").await;
    clinic.patient.post(&answers, diary(128, 78, &[])).await;
}

async fn what_is_hidden_is_no_access(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (enrolment, first) = restricted(&hospital, &clinic).await;
    let whole = (&hospital, &clinic);
    clinic.patient.post(&format!("{enrolment}/answers"), diary(120, 70, &[])).await;
    planted(whole, &enrolment, (1, 24), question_to(Role::Nurse)).await;
    planted(whole, &enrolment, (2, 12), referral_to(xinglin_domain::pathway::Destination::Offline(None))).await;
    planted(whole, &enrolment, (3, 48), team_of(&[Role::Doctor, Role::Nurse])).await;
    let (nurse, _) = clinic.hire(Person::new("asked-nurse", "nurse").licensed(&json!({}))).await;
    let (permitted, account) = clinic.hire(Person::new("permitted-nurse", "nurse").licensed(&json!({}))).await;
    says(&clinic, "permit", &account).await;
    let (assistant, _) = clinic.hire(Person::new("hidden-assistant", "assistant").licensed(&json!({}))).await;
    let (manager, _) = clinic.hire(Person::new("hidden-manager", "health_manager").licensed(&json!({}))).await;
    let listed = async |client: &Client| {
        let list = client.get("/api/v1/requests").await;
        let list = list.as_array().expect("requests").clone();
        list.into_iter().map(|one| one["code"].as_str().unwrap_or("closed").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&first).await, ["planted-2", "planted-3"]);
    assert_eq!(listed(&nurse).await, ["closed", "closed"], "a role alone lists that it is asked");
    assert_eq!(listed(&permitted).await, ["planted-2", "blood-pressure", "planted-3"]);
    assert_eq!(listed(&manager).await, Vec::<String>::new(), "who sees to referrals may not read this one");
    assert_eq!(listed(&assistant).await, Vec::<String>::new());
    for (login, seen) in
        [("asked-nurse", false), ("permitted-nurse", true), ("hidden-manager", false), ("hidden-assistant", false)]
    {
        assert_eq!(was_seen_by(&clinic, login).await, seen, "{login}");
    }
}
