//! What a pathway asks of people is not lost: alerts climb, tasks that nobody does are told, leaving
//! has a route, and a clock that jumps floods nobody. Point 8 of the safety issue.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{id::AlertId, time::Instant};
use xinglin_store::Alert;

use crate::{
    measurements::{Enrolled, follow_up},
    support::{
        Client, Clinic, DIABETES, Person, TestHospital, eventually, frozen, line, outside::Outside,
        rules_on_both_engines,
    },
};

rules_on_both_engines!(
    TestHospital:
    an_alert_climbs_until_somebody_takes_it_up,
    a_tenant_has_its_own_ladder,
    an_urgent_referral_is_never_suppressed,
    a_pathway_is_told_what_became_of_its_tasks,
    leaving_ends_what_is_the_pathways_and_not_the_doctors_hold,
    a_guardian_takes_a_ward_out_and_a_stranger_does_not,
    no_enrolment_is_in_a_state_that_nobody_can_leave,
    a_critical_alert_is_first_however_many_there_are,
    a_clock_that_jumps_a_year_floods_nobody,
    who_was_enrolled_under_the_first_contract_stays_enrolled,
);

mod reaching {
    //! With access to receivers on this machine.

    use xinglin_store::Engine;

    async fn open(engine: Engine) -> crate::support::TestHospital {
        let reach = |config: &mut xinglin_platform::Config| {
            config.egress.open_networks = vec!["127.0.0.1/32".to_owned()];
        };
        crate::support::TestHospital::open_with(engine, reach).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite_subscribers_are_told_of_escalations() {
        super::subscribers_are_told_of_escalations(open(Engine::Sqlite).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres_subscribers_are_told_of_escalations() {
        super::subscribers_are_told_of_escalations(open(Engine::Postgres).await).await;
    }
}

const DAY: i64 = 86_400;

/// A critical glucose has been answered: the alert.
async fn critical(enrolled: &Enrolled<'_>) -> Value {
    enrolled.clinic.patient.post(&enrolled.answers(), follow_up("20", false)).await;
    enrolled.alert("GLUCOSE_CRITICAL_HIGH").await.expect("an alert")
}

async fn told(enrolled: &Enrolled<'_>) -> Vec<String> {
    let alert = enrolled.alert("GLUCOSE_CRITICAL_HIGH").await.expect("it is open");
    let told = alert["told"].as_array().expect("roles").iter();
    told.map(|role| role.as_str().expect("a role").to_owned()).collect()
}

/// Notifications of an account about the critical glucose: role and number of climbs.
async fn notified(client: &Client) -> Vec<(Value, Value)> {
    let list = client.get("/api/v1/me/notifications").await;
    let list = list.as_array().expect("a list").iter();
    let critical = list.filter(|one| one["about"]["code"] == "GLUCOSE_CRITICAL_HIGH");
    critical.map(|one| (one["role"].clone(), one["escalation"].clone())).collect()
}

async fn an_alert_climbs_until_somebody_takes_it_up(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let (doctor, administrator) = (&enrolled.clinic.doctor, &enrolled.clinic.administrator);
    let alert = critical(&enrolled).await;
    let path = format!("/api/v1/alerts/{}/acknowledge", alert["id"].as_str().expect("an id"));
    assert_eq!(told(&enrolled).await, ["doctor"]);
    assert_eq!(notified(doctor).await, [(json!("doctor"), json!(0))]);
    assert_eq!(notified(administrator).await, []);
    administrator.refused(&path, json!(null), "AUTH_FORBIDDEN").await;

    hospital.advance(14 * 60).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(told(&enrolled).await, ["doctor"], "there is still a minute");
    for climbs in 1..=3 {
        hospital.advance(15 * 60 + 1).await;
        eventually("it climbs", async || told(&enrolled).await.len() == 1 + climbs).await;
        hospital.hospital.do_due_work().await;
        assert_eq!(told(&enrolled).await.len(), 1 + climbs, "once");
        assert_eq!(notified(administrator).await, [(json!("administrator"), json!(climbs))]);
    }
    let issue = doctor.get(&format!("/fhir/R4/DetectedIssue/{}", alert["id"].as_str().expect("an id"))).await;
    assert_eq!(issue["extension"].as_array().map(Vec::len), Some(3), "{issue}");
    assert_eq!(issue["meta"]["versionId"], "4");

    let taken = administrator.post(&path, json!(null)).await;
    assert_eq!((&taken["state"], &taken["in_time"]), (&json!("acknowledged"), &json!(false)));
    assert_eq!((notified(administrator).await, notified(doctor).await), (vec![], vec![]));
    hospital.advance(DAY).await;
    hospital.hospital.do_due_work().await;
    let alerts = doctor.get("/api/v1/alerts?state=acknowledged").await;
    let same = alerts.as_array().expect("alerts").iter().find(|one| one["id"] == alert["id"]).expect("the alert");
    assert_eq!(same["told"].as_array().map(Vec::len), Some(4), "it climbs no more");
}

async fn a_tenant_has_its_own_ladder(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let clinic = &enrolled.clinic;
    let rules = format!("/api/v1/tenants/{}/escalation-rules", clinic.tenant);
    assert_eq!(clinic.administrator.get(&rules).await, json!({ "ladder": ["doctor", "administrator"] }));
    for wrong in [json!([]), json!(["patient"]), json!(["courier", "doctor"]), json!(vec!["doctor"; 9])] {
        let answer = clinic.administrator.ask(Method::PUT, &rules, Some(json!({ "ladder": wrong }))).await;
        answer.refused(&rules, "BODY_INVALID");
    }
    clinic
        .doctor
        .ask(Method::PUT, &rules, Some(json!({ "ladder": ["nurse"] })))
        .await
        .refused(&rules, "AUTH_FORBIDDEN");
    let ladder = json!({ "ladder": ["nurse", "health_manager"] });
    assert_eq!(clinic.administrator.put(&rules, ladder.clone()).await, ladder);
    // The formulary is where it was.
    assert!(!clinic.doctor.get("/api/v1/formulary").await["items"].as_array().expect("items").is_empty());

    critical(&enrolled).await;
    for climbs in 1..=3 {
        hospital.advance(15 * 60 + 1).await;
        eventually("it climbs", async || told(&enrolled).await.len() == 1 + climbs).await;
    }
    assert_eq!(told(&enrolled).await, ["doctor", "nurse", "health_manager", "health_manager"]);
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    assert_eq!(notified(&nurse).await, [(json!("nurse"), json!(1))]);
}

async fn subscribers_are_told_of_escalations(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let outside = Outside::open().await;
    let subscription = json!({
        "resourceType": "Subscription", "status": "requested", "reason": "to page the ward", "criteria": "DetectedIssue",
        "channel": { "type": "rest-hook", "endpoint": format!("http://127.0.0.1:{}/", outside.port) },
    });
    let administrator = &enrolled.clinic.administrator;
    let created = administrator.post("/fhir/R4/Subscription", subscription).await;
    let path = format!("/fhir/R4/Subscription/{}", created["id"].as_str().expect("an id"));
    eventually("it is active", async || administrator.get(&path).await["status"] == "active").await;
    let alert = critical(&enrolled).await;
    let url = format!("DetectedIssue/{}", alert["id"].as_str().expect("an id"));
    let about = || outside.received().iter().filter(|request| request.contains(&url)).count();
    eventually("the alert is told", async || about() == 1).await;
    hospital.advance(15 * 60 + 1).await;
    eventually("its escalation is told", async || about() == 2).await;
}

async fn an_urgent_referral_is_never_suppressed(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let referrals = async || {
        let path = format!("/api/v1/patients/{}/messages", enrolled.clinic.subject);
        let messages = enrolled.clinic.patient.get(&path).await;
        messages.as_array().expect("messages").iter().filter(|message| message["kind"] == "referral").count()
    };
    for _ in 0..2 {
        enrolled.clinic.patient.post(&enrolled.answers(), follow_up("8.4", true)).await;
        hospital.advance(60).await;
    }
    assert_eq!(referrals().await, 1, "off target twice: an ordinary one");
    enrolled.posted(enrolled.glucose("20", "mmol/L")).await;
    eventually("the urgent one is sent", async || referrals().await == 2).await;
}

/// A timer of the enrolment by its code.
async fn timer(enrolled: &Enrolled<'_>, code: &str, state: &str) -> Option<Value> {
    let view = enrolled.clinic.doctor.get(&format!("/api/v1/enrolments/{}", enrolled.id)).await;
    let timers = view["timers"].as_array().cloned().unwrap_or_default();
    timers.into_iter().find(|timer| timer["code"] == code && timer["state"] == state)
}

async fn a_pathway_is_told_what_became_of_its_tasks(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let clinic = &enrolled.clinic;
    // Done: by whom it was given to, and by nobody else.
    let offline = timer(&enrolled, "offline-visit", "open").await.expect("a task");
    let done = format!("/api/v1/tasks/{}/done", offline["id"].as_str().expect("an id"));
    clinic.patient.refused(&done, json!(null), "AUTH_FORBIDDEN").await;
    let (stranger, _) = clinic.person("stranger").await;
    stranger.refused(&done, json!(null), "NOT_FOUND").await;
    hospital.advance(DAY).await;
    clinic.doctor.post(&done, json!(null)).await;
    assert_eq!(enrolled.events("task_ended").await[0]["end"], "done");
    clinic.doctor.refused(&done, json!(null), "PATHWAY_STATE").await;
    let next = timer(&enrolled, "offline-visit", "open").await.expect("the next one");
    assert_ne!(next["id"], offline["id"]);

    // Due on day 7, overdue on day 8, missed on day 10.
    let fates = async || -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ended = enrolled.events("task_ended").await;
        // The pathway has other tasks too.
        let visits = |report: &&Value| report["task"]["code"].as_str().is_some_and(|code| code.starts_with("visit-"));
        let fates = ended.iter().filter(visits).filter(|report| report["end"] != "done");
        let mut told: Vec<(String, String)> = Vec::new();
        for report in fates {
            // A step that met another is on tape twice.
            let fate = (format!("task-{}", text(&report["end"])), text(&report["task"]["code"]));
            if !told.contains(&fate) {
                told.push(fate);
            }
        }
        told
    };
    let told = |fate: &str| (fate.to_owned(), "visit-7".to_owned());
    hospital.advance(6 * DAY + 3600).await;
    eventually("it is due", async || timer(&enrolled, "visit-7", "fired").await.is_some()).await;
    assert_eq!(fates().await, []);
    hospital.advance(DAY).await;
    eventually("it is overdue", async || fates().await == [told("task-overdue")]).await;
    assert!(enrolled.alert("FOLLOW_UP_MISSED").await.is_none());
    hospital.advance(2 * DAY).await;
    eventually("it is missed", async || fates().await == [told("task-overdue"), told("task-missed")]).await;
    eventually("somebody is told", async || enrolled.alert("FOLLOW_UP_MISSED").await.is_some()).await;
    let missed = timer(&enrolled, "visit-7", "fired").await.expect("the task");
    let task = clinic.doctor.get(&format!("/fhir/R4/Task/{}", missed["id"].as_str().expect("an id"))).await;
    assert_eq!(task["status"], "failed");
    // It can still be done, late.
    clinic.patient.post(&format!("/api/v1/tasks/{}/done", missed["id"].as_str().expect("an id")), json!(null)).await;
    hospital.advance(DAY).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(fates().await.len(), 2);

    // An answered one is not missed.
    hospital.advance(4 * DAY).await;
    eventually("the next is due", async || timer(&enrolled, "visit-14", "fired").await.is_some()).await;
    clinic.patient.post(&enrolled.answers(), follow_up("6.1", true)).await;
    assert!(timer(&enrolled, "visit-14", "cancelled").await.is_some(), "nobody waits for it");
    hospital.advance(5 * DAY).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(fates().await.len(), 2);
}

async fn leaving_ends_what_is_the_pathways_and_not_the_doctors_hold(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let clinic = &enrolled.clinic;
    critical(&enrolled).await;
    assert_eq!(enrolled.holds().await, ["critical-glucose"]);
    let leave = format!("/api/v1/enrolments/{}/leave", enrolled.id);
    clinic.patient.refused(&leave, json!({ "reason": " " }), "PATHWAY_REASON_REQUIRED").await;
    clinic.pharmacist.refused(&leave, json!({ "reason": "x" }), "AUTH_FORBIDDEN").await;
    // What waits is told before.
    enrolled.posted(enrolled.glucose("21", "mmol/L")).await;
    let left = clinic.patient.post(&leave, json!({ "reason": "我转到社区医院随访" })).await;
    assert_eq!(left["active"], false);
    let open = left["timers"].as_array().expect("timers").iter().filter(|timer| timer["state"] == "open").count();
    assert_eq!(open, 0, "{left}");
    clinic.patient.refused(&leave, json!({ "reason": "again" }), "PATHWAY_STATE").await;
    assert_eq!(enrolled.events("other").await, Vec::<Value>::new());

    // The plan, the tasks, and who is told.
    let plan = clinic.doctor.get(&format!("/fhir/R4/CarePlan/{}", enrolled.id)).await;
    assert_eq!(plan["status"], "revoked");
    for task in clinic.found_in_record("Task").await {
        // A question was answered.
        let is_answered = task["id"].as_str().is_some_and(|id| id.starts_with("req-")) && task["status"] == "completed";
        assert!(is_answered || task["status"] == "cancelled", "{task}");
    }
    let notice = enrolled.alert("PATHWAY_LEFT").await.expect("a doctor is told");
    assert!(notice.to_string().contains("我转到社区医院随访"), "{notice}");
    assert!(notice.to_string().contains("须由医师解除"), "{notice}");
    assert!(enrolled.alert("GLUCOSE_CRITICAL_HIGH").await.is_some(), "somebody has still to look");

    // The hold is the doctor's: it stands, and a doctor lifts it.
    assert_eq!(enrolled.holds().await, ["critical-glucose"]);
    let visit = clinic.visit().await;
    let draft = clinic.draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let sign = format!("{draft}/sign");
    clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "ENC_RED_FLAG").await;
    let holds = clinic.doctor.get(&format!("/api/v1/patients/{}/holds", clinic.subject)).await;
    let hold = holds.as_array().expect("holds").iter().find(|hold| hold["active"] == true).expect("it stands");
    let release = format!("/api/v1/holds/{}/release", hold["id"].as_str().expect("an id"));
    clinic.doctor.post(&release, json!({ "reason": "Seen in person today." })).await;
    clinic.sign(&draft).await;

    // Nothing goes on.
    let steps = enrolled.told().await.len();
    clinic.patient.refused(&enrolled.answers(), follow_up("6.1", true), "PATHWAY_STATE").await;
    enrolled.posted(enrolled.glucose("22", "mmol/L")).await;
    hospital.advance(30 * DAY).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(enrolled.told().await.len(), steps);
    // They may come back.
    clinic.doctor.post("/api/v1/enrolments", json!({ "patient": clinic.subject, "plugin": DIABETES.id })).await;
}

async fn a_guardian_takes_a_ward_out_and_a_stranger_does_not(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let clinic = &enrolled.clinic;
    let leave = format!("/api/v1/enrolments/{}/leave", enrolled.id);
    let (stranger, _) = clinic.person("stranger").await;
    stranger.refused(&leave, json!({ "reason": "x" }), "NOT_FOUND").await;
    let change = json!({ "ground": "court", "tie": "sibling" });
    let (guardian, _) = clinic.guardian("guardian", change).await;
    let left = guardian.post(&leave, json!({ "reason": "the ward moves away" })).await;
    assert_eq!(left["active"], false);
    assert!(enrolled.alert("PATHWAY_LEFT").await.is_some());
}

/// What may befall a pathway at any time.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// It cannot read the state of an enrolment.
    Broken,
    Disabled,
    /// The last: it does not come back.
    Recalled,
}

impl Trouble {
    async fn befalls(self, clinic: &Clinic) {
        match self {
            Self::Broken => {
                clinic.operator.upload(frozen::DIABETES.package_of("2.0.1")).await.done("/api/v1/plugins");
                let promote = json!({ "version": "2.0.1", "without_gate": true });
                clinic.operator.post(&format!("{}/promote", plugin(clinic)), promote).await;
            }
            Self::Disabled => drop(clinic.operator.post(&format!("{}/disable", plugin(clinic)), json!(null)).await),
            Self::Recalled => {
                let installed = clinic.operator.get(&format!("/api/v1/tenants/{}/plugins", clinic.tenant)).await;
                let ours = installed.as_array().expect("plugins").iter().find(|one| one["id"] == DIABETES.id);
                let digest = ours.expect("it is installed")["digest"].as_str().expect("a digest");
                clinic.operator.post(&format!("/api/v1/recalls/{digest}"), json!({ "reason": "a test" })).await;
            }
        }
    }

    /// Whether it is well again.
    async fn passes(self, clinic: &Clinic) -> bool {
        match self {
            Self::Broken => drop(clinic.operator.post(&format!("{}/rollback", plugin(clinic)), json!(null)).await),
            Self::Disabled => drop(clinic.operator.post(&format!("{}/enable", plugin(clinic)), json!(null)).await),
            Self::Recalled => return false,
        }
        true
    }
}

fn plugin(clinic: &Clinic) -> String {
    format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, DIABETES.id)
}

async fn no_enrolment_is_in_a_state_that_nobody_can_leave(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let (clinic, mut id) = (&enrolled.clinic, enrolled.id.clone());
    for trouble in [Trouble::Broken, Trouble::Disabled, Trouble::Recalled] {
        let path = format!("/api/v1/enrolments/{id}");
        clinic.patient.post(&format!("{path}/answers"), follow_up("20", false)).await;
        trouble.befalls(clinic).await;
        // Alerts are acknowledged, holds lifted, tasks done and questions answered.
        for alert in enrolled.alerts().await {
            let taken = format!("/api/v1/alerts/{}/acknowledge", alert["id"].as_str().expect("an id"));
            assert_eq!(clinic.doctor.post(&taken, json!(null)).await["state"], "acknowledged", "{trouble:?}");
        }
        let holds = clinic.doctor.get(&format!("/api/v1/patients/{}/holds", clinic.subject)).await;
        for hold in holds.as_array().expect("holds").iter().filter(|hold| hold["active"] == true) {
            let release = format!("/api/v1/holds/{}/release", hold["id"].as_str().expect("an id"));
            let lifted = clinic.doctor.post(&release, json!({ "reason": "Seen in person today." })).await;
            assert_eq!(lifted["active"], false, "{trouble:?}");
        }
        let timers = clinic.patient.get(&path).await["timers"].as_array().expect("timers").clone();
        let offline = timers.iter().find(|timer| timer["code"] == "offline-visit" && timer["state"] == "open");
        let done = format!("/api/v1/tasks/{}/done", offline.expect("a task")["id"].as_str().expect("an id"));
        clinic.doctor.post(&done, json!(null)).await;
        let mut answers = follow_up("6.1", true);
        answers["answers"].as_array_mut().expect("answers").remove(1);
        clinic.patient.post(&format!("{path}/answers"), answers).await;
        let left = clinic.doctor.post(&format!("{path}/leave"), json!({ "reason": "moved to another hospital" })).await;
        assert_eq!(left["active"], false, "{trouble:?}");
        let open = left["timers"].as_array().expect("timers").iter().filter(|timer| timer["state"] == "open").count();
        assert_eq!(open, 0, "{trouble:?}");
        if !trouble.passes(clinic).await {
            break;
        }
        let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
        id = clinic.doctor.post("/api/v1/enrolments", enrol).await["id"].as_str().expect("an id").to_owned();
    }
}

async fn a_critical_alert_is_first_however_many_there_are(hospital: TestHospital) {
    const OTHERS: u128 = 501;
    let enrolled = Enrolled::open(&hospital).await;
    let clinic = &enrolled.clinic;
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    let found = critical(&enrolled).await;
    // More than the longest page of nurses' alerts, all due before.
    let records = hospital.hospital.store().tenant(clinic.tenant.parse().expect("a tenant"));
    let row = records.get_alert(found["id"].as_str().expect("an id").parse().expect("an alert")).await.expect("a row");
    let tx = records.begin().await.expect("begun");
    for number in 0..OTHERS {
        let id = AlertId::from_u128(number);
        let mut body = row.body.clone();
        body["id"] = json!(id);
        body["alert"]["code"] = json!("FOLLOW_UP_MISSED");
        body["alert"]["owner"] = json!("nurse");
        body["alert"]["severity"] = json!("warning");
        let other = Alert {
            id,
            body,
            code: "FOLLOW_UP_MISSED".to_owned(),
            severity: "warning".to_owned(),
            urgency: 1,
            owner: "nurse".to_owned(),
            told: vec!["nurse".to_owned()],
            due_at: row.due_at.plus_days(-1),
            ..row.clone()
        };
        tx.insert_alert(&other).await.expect("inserted");
    }
    tx.commit().await.expect("committed");

    let codes = |list: &Value| -> Vec<String> {
        let code =
            |one: &Value| one.pointer("/about/code").unwrap_or(&one["code"]).as_str().expect("a code").to_owned();
        list.as_array().expect("a list").iter().map(code).collect()
    };
    for path in ["/api/v1/alerts?limit=1", "/api/v1/me/notifications?limit=1"] {
        assert_eq!(codes(&clinic.doctor.get(path).await), ["GLUCOSE_CRITICAL_HIGH"], "{path}");
    }
    assert!(!codes(&clinic.doctor.get("/api/v1/me/notifications").await).contains(&"FOLLOW_UP_MISSED".to_owned()));
    assert!(!codes(&nurse.get("/api/v1/me/notifications").await).contains(&"GLUCOSE_CRITICAL_HIGH".to_owned()));
    // Page by page, each once; what is acknowledged meanwhile ends no page.
    let path = format!("/api/v1/alerts/{}/acknowledge", found["id"].as_str().expect("an id"));
    for (list, key) in [("/api/v1/alerts", "id"), ("/api/v1/me/notifications", "alert")] {
        let client = if key == "id" { &clinic.doctor } else { &nurse };
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = client.get(&format!("{list}?limit=200{after}")).await;
            let page = page.as_array().expect("a list").clone();
            let Some(last) = page.last() else { break };
            after = format!("&after={}", last[key].as_str().expect("an id"));
            seen.extend(page.iter().map(|one| one[key].as_str().expect("an id").to_owned()));
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all, "{list}");
        assert!(all >= 501, "{list}: {all}");
    }
    clinic.doctor.post(&path, json!(null)).await;
    let after = format!("/api/v1/alerts?limit=1&after={}", found["id"].as_str().expect("an id"));
    assert_eq!(clinic.doctor.get(&after).await.as_array().map(Vec::len), Some(1));
    assert!(!codes(&clinic.doctor.get("/api/v1/alerts?limit=500").await).contains(&"GLUCOSE_CRITICAL_HIGH".to_owned()));
    let taken = clinic.doctor.get("/api/v1/alerts?state=acknowledged").await;
    assert_eq!(codes(&taken), ["GLUCOSE_CRITICAL_HIGH"]);
    let nobody = format!("/api/v1/alerts?after={}", AlertId::from_u128(OTHERS + 1));
    clinic.doctor.hidden(&nobody, "NOT_FOUND").await;
    clinic.doctor.hidden("/api/v1/alerts?state=lost", "BODY_INVALID").await;
}

async fn a_clock_that_jumps_a_year_floods_nobody(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let clinic = &enrolled.clinic;
    critical(&enrolled).await;
    let messages = async || {
        let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
        messages.as_array().expect("messages").clone()
    };
    let before = messages().await.len();
    hospital.advance(366 * DAY).await;
    enrolled.settles().await;
    // The five visits of the first weeks ask once, and each reminder comes once.
    let after: Vec<Value> = messages().await;
    let new = &after[..after.len() - before];
    let said = |message: &Value| format!("{} {} {}", message["kind"], message["text"], message["detail"]["reason"]);
    let mut texts: Vec<String> = new.iter().map(said).collect();
    texts.sort();
    let all = texts.len();
    texts.dedup();
    assert_eq!(texts.len(), all, "nothing is said twice: {texts:#?}");
    assert!(all <= 8, "{texts:#?}");
    // The alert climbs once, not 35,000 times; alerts of one thing are one.
    assert_eq!(told(&enrolled).await.len(), 2);
    let codes: Vec<String> = enrolled.alerts().await.iter().map(|alert| alert["code"].to_string()).collect();
    let missed = codes.iter().filter(|code| *code == "\"FOLLOW_UP_MISSED\"").count();
    assert_eq!(missed, 1, "{codes:?}");
    assert!(codes.len() < 20, "{codes:?}");
    assert!(!codes.contains(&"\"PATHWAY_SILENT\"".to_owned()), "the pathway copes: {codes:?}");
    // And care goes on: the next visit is ahead.
    let view = clinic.doctor.get(&format!("/api/v1/enrolments/{}", enrolled.id)).await;
    let now = hospital.now();
    let ahead = view["timers"].as_array().expect("timers").iter().any(|timer| {
        let due = Instant::parse(timer["due"].as_str().expect("a time")).expect("a time");
        timer["state"] == "open" && timer["code"].as_str().is_some_and(|code| code.starts_with("visit-")) && due > now
    });
    assert!(ahead, "{view}");
}

/// The next version of the component takes over what the one of 1.0 remembers and has scheduled.
async fn who_was_enrolled_under_the_first_contract_stays_enrolled(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&frozen::DIABETES]).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let id = clinic.doctor.post("/api/v1/enrolments", enrol).await["id"].as_str().expect("an id").to_owned();
    let enrolled = Enrolled { hospital: &hospital, clinic, id };
    let clinic = &enrolled.clinic;
    critical(&enrolled).await;
    assert_eq!(enrolled.holds().await, ["critical-glucose"]);

    clinic.operator.upload(DIABETES.package()).await.done("/api/v1/plugins");
    clinic.operator.put(&plugin(clinic), json!({ "version": "2.0.0" })).await;
    let promote = json!({ "version": "2.0.0", "without_gate": true });
    clinic.operator.post(&format!("{}/promote", plugin(clinic)), promote).await;
    clinic.patient.post(&enrolled.answers(), follow_up("9.1", true)).await;
    let view = clinic.doctor.get(&format!("/api/v1/enrolments/{}", enrolled.id)).await;
    assert_eq!((&view["active"], &view["stage"]), (&json!(true), &json!("offline")), "the hold is remembered: {view}");
    for task in ["visit-7", "offline-visit", "visit-regular", "medicine-education", "diet-advice", "monitoring"] {
        assert!(timer(&enrolled, task, "open").await.is_some(), "{task}: {view}");
    }
    // What the older one scheduled is told to the next, and goes on.
    hospital.advance(7 * DAY + 60).await;
    eventually("the follow-up is due", async || timer(&enrolled, "visit-7", "fired").await.is_some()).await;
    clinic.patient.post(&enrolled.answers(), follow_up("6.1", true)).await;
    assert!(timer(&enrolled, "visit-7", "cancelled").await.is_some(), "answered");
    assert!(enrolled.alert("PATHWAY_SILENT").await.is_none());
    // Back to the older version: it does not guess, and nothing is lost.
    clinic.operator.post(&format!("{}/rollback", plugin(clinic)), json!(null)).await;
    enrolled.posted(enrolled.glucose("20", "mmol/L")).await;
    eventually("somebody is told", async || enrolled.alert("PATHWAY_SILENT").await.is_some()).await;
    clinic
        .operator
        .post(&format!("{}/promote", plugin(clinic)), json!({ "version": "2.0.0", "without_gate": true }))
        .await;
    hospital.advance(3600).await;
    eventually("it is told all the same", async || enrolled.told().await.contains(&"20 mmol/L".to_owned())).await;
}
