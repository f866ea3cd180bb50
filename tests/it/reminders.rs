//! Patients are reminded of messages over a gateway in a server of its own: neutrally, not at night, not too often, and
//! only who wants it.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::time::Instant;
use xinglin_store::Engine;

use crate::support::{
    Client, Clinic, HIV, HYPERTENSION, MENTAL_HEALTH, Person, Process, TestHospital, advance, clinic::id, eventually,
    message_gateway::Gateway, record, rules_on_both_engines,
};

rules_on_both_engines!(
    Stage:
    an_address_is_confirmed_by_its_code,
    nobody_floods_a_number,
    channels_and_rules_are_the_administrators,
    a_questionnaire_reminds_and_is_delivered,
    restricted_pathways_remind_in_neutral_words,
    nights_are_quiet_but_for_danger,
    what_exceeds_the_budget_is_bundled,
    a_gateway_that_is_down_is_tried_again,
    a_silent_gateway_is_left_alone,
    a_number_that_does_not_work_is_used_no_more,
    what_was_read_or_is_too_late_is_not_sent,
    who_wants_none_or_has_died_gets_none,
    what_is_due_is_reminded_of_before,
    who_leaves_is_not_reminded_of_what_was_asked_again,
    a_guardian_is_reminded_for_a_child,
);

const NUMBER: &str = "13800138000";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const REACH: &str = "127.0.0.1/32";

/// A hospital with a gateway beside it.
struct Stage {
    hospital: TestHospital,
    gateway: Gateway,
}

impl Stage {
    async fn open(engine: Engine) -> Self {
        let hospital =
            TestHospital::open_with(engine, |config| config.egress.open_networks = vec![REACH.to_owned()]).await;
        let stage = Self { hospital, gateway: Gateway::open().await };
        stage.until(12, 0).await;
        stage
    }

    /// Both clocks.
    async fn advance(&self, seconds: i64) {
        self.gateway.advance(seconds).await;
        self.hospital.advance(seconds).await;
        self.hospital.hospital.do_due_work().await;
    }

    /// Both clocks, to the next time that it is so late in Asia/Shanghai.
    async fn until(&self, hours: i64, minutes: i64) {
        let second = (self.hospital.now().micros() / 1_000_000 + 8 * HOUR).rem_euclid(DAY);
        self.advance((hours * HOUR + minutes * 60 - second).rem_euclid(DAY)).await;
    }

    /// All due work was done, also what that work has put.
    async fn settles(&self) {
        for _ in 0..3 {
            self.hospital.hospital.do_due_work().await;
        }
    }

    /// A clinic that reminds by text messages, whose patient has a confirmed number.
    async fn clinic(&self, plugins: &[&crate::support::Plugin]) -> Clinic {
        let clinic = self.hospital.clinic(plugins).await;
        self.gateway.set_up(&clinic, "sms", json!({})).await;
        self.gateway.confirm(&clinic.patient, &clinic.subject, ("sms", NUMBER)).await;
        clinic
    }
}

/// The patient is told something by the hospital.
async fn tell(clinic: &Clinic) {
    let ask = json!({ "compartment": "hiv", "reason": "Unconscious on arrival, medicines unknown." });
    clinic.doctor.post(&format!("/api/v1/patients/{}/break-glass", clinic.subject), ask).await;
}

/// What became of the patient's reminders, the first first.
async fn reminders(client: &Client, clinic: &Clinic) -> Vec<Value> {
    let list = client.get(&format!("/api/v1/patients/{}/reminders", clinic.subject)).await;
    list.as_array().expect("a list").iter().rev().cloned().collect()
}

/// State and reason of each.
async fn ends(clinic: &Clinic) -> Vec<String> {
    let of = |one: &Value| match one["reason"].as_str() {
        Some(reason) => format!("{} {reason}", one["state"].as_str().expect("a state")),
        None => one["state"].as_str().expect("a state").to_owned(),
    };
    reminders(&clinic.patient, clinic).await.iter().map(of).collect()
}

async fn end_as(clinic: &Clinic, expected: &[&str]) {
    eventually(&format!("reminders are {expected:?}"), async || ends(clinic).await == expected).await;
}

async fn messages(clinic: &Clinic) -> Vec<Value> {
    let list = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    list.as_array().expect("messages").clone()
}

fn addresses(clinic: &Clinic) -> String {
    format!("/api/v1/patients/{}/reminder-addresses", clinic.subject)
}

async fn set_rules(clinic: &Clinic, change: Value) {
    let path = format!("/api/v1/tenants/{}/reminder-rules", clinic.tenant);
    let mut rules = clinic.administrator.get(&path).await;
    for (field, value) in change.as_object().into_iter().flatten() {
        rules[field] = value.clone();
    }
    assert_eq!(clinic.administrator.put(&path, rules.clone()).await, rules);
}

async fn enrol(clinic: &Clinic, plugin: &str) -> String {
    let enrol = json!({ "patient": clinic.subject, "plugin": plugin });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"))
}

/// The patient in the hypertension pathway, which asks for the pressure at once, within three days.
async fn hypertension(clinic: &Clinic, now: Instant) -> String {
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], now, "I10")]).await;
    enrol(clinic, HYPERTENSION.id).await
}

async fn an_address_is_confirmed_by_its_code(stage: Stage) {
    let clinic = stage.hospital.clinic(&[]).await;
    let path = format!("{}/sms", addresses(&clinic));
    let confirm = format!("{path}/confirm");
    let enter = async |to: &str| clinic.patient.ask(Method::PUT, &path, Some(json!({ "to": to }))).await;
    enter(NUMBER).await.refused(&path, "REMINDER_CHANNEL");
    stage.gateway.set_up(&clinic, "sms", json!({ "templates": { "code": "SMS_1" } })).await;
    for no in ["", "12345", "+0123456789", "abc", "138001380001"] {
        enter(no).await.refused(&path, "BODY_INVALID");
    }
    clinic.patient.refused(&confirm, json!({ "code": "123456" }), "NOT_FOUND").await;
    enter(NUMBER).await.done(&path);
    let shown = clinic.patient.get(&addresses(&clinic)).await;
    assert_eq!((&shown[0]["state"], &shown[0]["masked"]), (&json!("pending"), &json!("138****8000")), "{shown}");
    let sent = stage.gateway.received().await;
    assert_eq!((sent.len(), &sent[0]["body"]["template"]), (1, &json!("SMS_1")));

    // Five wrong codes are too many for the right one.
    let code = stage.gateway.code(NUMBER).await;
    let wrong = format!("{:06}", (code.parse::<u32>().expect("digits") + 1) % 1_000_000);
    for _ in 0..5 {
        clinic.patient.refused(&confirm, json!({ "code": wrong }), "REMINDER_CODE").await;
    }
    clinic.patient.refused(&confirm, json!({ "code": code }), "REMINDER_CODE").await;
    // Nor is one that is ten minutes old.
    enter(NUMBER).await.done(&path);
    let late = stage.gateway.code(NUMBER).await;
    stage.advance(601).await;
    clinic.patient.refused(&confirm, json!({ "code": late }), "REMINDER_CODE").await;
    stage.gateway.fault("fail", 1).await;
    let unanswered = enter(NUMBER).await;
    assert_eq!((unanswered.status.as_u16(), unanswered.code()), (503, "REMINDER_UNAVAILABLE"));
    enter(NUMBER).await.refused(&path, "REMINDER_TOO_MANY");
    tell(&clinic).await;
    end_as(&clinic, &["dropped no-address"]).await;
    stage.advance(HOUR).await;
    for no in ["+447700900123", "12800138000"] {
        enter(no).await.refused(&path, "BODY_INVALID");
    }
    // One number has one form.
    enter("+86 138-0013-8000").await.done(&path);
    let given = stage.gateway.code(NUMBER).await;
    assert_eq!(clinic.patient.post(&confirm, json!({ "code": given })).await["state"], "confirmed");
    clinic.patient.refused(&confirm, json!({ "code": code }), "REMINDER_CODE").await;

    // It is the patient's: nobody else sets, sees or confirms it.
    let (stranger, _) = clinic.person("stranger").await;
    stranger.hidden(&addresses(&clinic), "NOT_FOUND").await;
    stranger.refused(&confirm, json!({ "code": code }), "NOT_FOUND").await;
    for staff in [&clinic.doctor, &clinic.administrator] {
        staff.hidden(&addresses(&clinic), "AUTH_FORBIDDEN").await;
    }
    let seen = clinic.administrator.get(&format!("/api/v1/audit?patient={}", clinic.subject)).await;
    assert!(seen.to_string().contains("reminder-addresses/sms/confirm"), "{seen}");
    // Another number is confirmed anew; the former is used until then.
    let entered = enter("13900139000").await.done(&path);
    assert_eq!((&entered["state"], &entered["entered"]), (&json!("confirmed"), &json!("139****9000")), "{entered}");
    tell(&clinic).await;
    let sent = stage.gateway.waits_for(1).await;
    assert_eq!(sent[0]["to"], NUMBER);
    let code = stage.gateway.code("13900139000").await;
    let confirmed = clinic.patient.post(&confirm, json!({ "code": code })).await;
    assert_eq!((&confirmed["masked"], &confirmed["entered"]), (&json!("139****9000"), &json!(null)), "{confirmed}");
    // That the former does not work says nothing of this one.
    assert_eq!(stage.gateway.receipt(&sent[0]["id"], "address-invalid", json!({})).await, 204);
    assert_eq!(clinic.patient.get(&addresses(&clinic)).await[0]["state"], "confirmed");
    tell(&clinic).await;
    assert_eq!(stage.gateway.waits_for(2).await[1]["to"], "13900139000");
}

async fn nobody_floods_a_number(stage: Stage) {
    let clinic = stage.hospital.clinic(&[]).await;
    stage.gateway.set_up(&clinic, "sms", json!({})).await;
    let path = format!("{}/sms", addresses(&clinic));
    for to in ["13800138000", "+8613800138000", "138-0013-8000"] {
        clinic.patient.ask(Method::PUT, &path, Some(json!({ "to": to }))).await.done(&path);
    }
    // Another patient, the same number: it has had its codes of this hour.
    let own = clinic.import(&[record::patient("1990-03-04")]).await.remove(0);
    let other = clinic.hire(Person::new("flooder", "patient").acting_for(id(&own), 973)).await.0;
    let theirs = format!("/api/v1/patients/{}/reminder-addresses/sms", id(&own));
    let enter = async |to: &str| other.ask(Method::PUT, &theirs, Some(json!({ "to": to }))).await;
    enter(NUMBER).await.refused(&theirs, "REMINDER_TOO_MANY");
    enter("13900139000").await.done(&theirs);
    stage.advance(HOUR).await;
    enter(NUMBER).await.done(&theirs);
}

async fn channels_and_rules_are_the_administrators(stage: Stage) {
    let clinic = stage.hospital.clinic(&[]).await;
    let channels = format!("/api/v1/tenants/{}/reminder-channels", clinic.tenant);
    let rules = format!("/api/v1/tenants/{}/reminder-rules", clinic.tenant);
    for (path, body) in
        [(format!("{channels}/sms"), stage.gateway.settings(json!({})).await), (rules.clone(), json!({}))]
    {
        for client in [&clinic.doctor, &clinic.patient] {
            client.ask(Method::PUT, &path, Some(body.clone())).await.refused(&path, "AUTH_FORBIDDEN");
        }
    }
    let put = async |channel: &str, change: Value| {
        let path = format!("{channels}/{channel}");
        clinic.administrator.ask(Method::PUT, &path, Some(stage.gateway.settings(change).await)).await
    };
    put("post", json!({})).await.refused("post", "NOT_FOUND");
    for wrong in [
        json!({ "url": "ftp://x" }),
        json!({ "secret": "short" }),
        json!({ "rank": 101 }),
        json!({ "key_id": "a b" }),
        json!({ "templates": { "code": "模板" } }),
    ] {
        put("sms", wrong).await.refused("sms", "BODY_INVALID");
    }
    put("sms", json!({ "secret": null })).await.refused("sms", "BODY_INVALID");
    let set = put("sms", json!({})).await.done("sms");
    assert!(set["receipt_url"].as_str().is_some_and(|url| url.contains(&clinic.tenant)), "{set}");
    // The key stays, and is not shown.
    put("sms", json!({ "secret": null, "rank": 3 })).await.done("sms");
    let shown = clinic.administrator.get(&channels).await;
    assert_eq!((&shown[0]["rank"], shown.to_string().contains("message-gateway-key")), (&json!(3), false), "{shown}");
    stage.gateway.confirm(&clinic.patient, &clinic.subject, ("sms", NUMBER)).await;

    let good = clinic.administrator.get(&rules).await;
    assert_eq!(
        good,
        json!({ "quiet": { "from": "21:00", "until": "08:00" }, "per_day": 3, "per_week": 10, "urgent_per_day": 5,
                "expire_hours": 168, "sender": null })
    );
    for (field, wrong) in [
        ("quiet", json!({ "from": "21:00", "until": "21:00" })),
        ("quiet", json!({ "from": "25:00", "until": "08:00" })),
        ("per_day", json!(0)),
        ("per_week", json!(2)),
        ("sender", json!("")),
    ] {
        let mut body = good.clone();
        body[field] = wrong;
        clinic.administrator.ask(Method::PUT, &rules, Some(body)).await.refused(&rules, "BODY_INVALID");
    }
    // What a hospital is called may say what patients have: it chooses another name for reminders.
    set_rules(&clinic, json!({ "sender": "杏林健康" })).await;
    tell(&clinic).await;
    assert_eq!(stage.gateway.waits_for(1).await[0]["text"], "您在杏林健康有一条新消息，请登录查看。");
    let audit = clinic.administrator.get("/api/v1/audit").await.to_string();
    assert!(audit.contains("reminder-channels/sms") && audit.contains("reminder-rules"), "{audit}");
    // A channel that is switched off reminds nobody.
    put("sms", json!({ "enabled": false })).await.done("sms");
    tell(&clinic).await;
    end_as(&clinic, &["sent", "dropped channel-off"]).await;
}

async fn a_questionnaire_reminds_and_is_delivered(stage: Stage) {
    let clinic = stage.clinic(&[&HYPERTENSION]).await;
    let path = format!("{}/sms/preferences", addresses(&clinic));
    clinic.patient.put(&path, json!({ "enabled": true, "language": "en" })).await;
    hypertension(&clinic, stage.hospital.now()).await;
    let sent = stage.gateway.waits_for(1).await;
    assert_eq!(sent[0]["text"], "You have a new message at 杏林. Please sign in to read it.");
    assert_eq!((&sent[0]["to"], &sent[0]["parameters"]["count"]), (&json!(NUMBER), &json!(1)));
    end_as(&clinic, &["sent"]).await;
    let id = sent[0]["id"].clone();

    // A receipt is the gateway's, fresh, and has its effect once.
    assert_eq!(stage.gateway.receipt(&id, "delivered", json!({ "forged": true })).await, 401);
    assert_eq!(stage.gateway.receipt(&id, "delivered", json!({ "age": 301 })).await, 401);
    let theirs = "the-key-of-another-hospital-and-its-gateway";
    let neighbour = stage.hospital.clinic(&[]).await;
    stage.gateway.set_up(&neighbour, "sms", json!({ "secret": theirs })).await;
    assert_eq!(stage.gateway.receipt(&id, "delivered", json!({ "secret": theirs })).await, 401);
    assert_eq!(ends(&clinic).await, ["sent"]);
    assert_eq!(stage.gateway.receipt(&id, "delivered", json!({})).await, 204);
    assert_eq!(ends(&clinic).await, ["delivered"]);
    assert_eq!(stage.gateway.receipt(&id, "address-invalid", json!({})).await, 204);
    assert_eq!(ends(&clinic).await, ["delivered"]);
    assert_eq!(clinic.patient.get(&addresses(&clinic)).await[0]["state"], "confirmed");
    assert_eq!(stage.gateway.client.get("/simulate/received").await["forged"], 0);

    // The administrator sees what became of it, the team nothing, and nobody what it was about.
    let seen = reminders(&clinic.administrator, &clinic).await;
    assert_eq!((seen.len(), &seen[0]["state"]), (1, &json!("delivered")));
    assert_eq!((&seen[0]["urgent"], &seen[0]["count"]), (&json!(null), &json!(null)), "{seen:?}");
    let told = seen[0].to_string();
    for word in [NUMBER, "blood-pressure", "hypertension", "血压", "questionnaire", "enr-"] {
        assert!(!told.contains(word), "{told}");
    }
    let list = format!("/api/v1/patients/{}/reminders", clinic.subject);
    clinic.doctor.hidden(&list, "AUTH_FORBIDDEN").await;
    let (stranger, _) = clinic.person("stranger").await;
    stranger.hidden(&list, "NOT_FOUND").await;
}

async fn restricted_pathways_remind_in_neutral_words(stage: Stage) {
    let clinic = stage.clinic(&[&HIV, &MENTAL_HEALTH]).await;
    let condition = |code| record::condition(&clinic.subject, &clinic.evidence[0], stage.hospital.now(), code);
    clinic.import(&[condition("F32.1"), condition("B24")]).await;
    let mut enrolments = Vec::new();
    for (plugin, compartment) in [(&HIV, "hiv"), (&MENTAL_HEALTH, "mental-health")] {
        let consent = json!({
            "scope": { "compartment": compartment }, "recipient": { "role": "doctor" }, "purposes": ["treatment"],
        });
        clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), consent).await;
        enrolments.push(enrol(&clinic, plugin.id).await);
    }
    eventually("both remind", async || stage.gateway.reminders().await.len() >= 2).await;
    stage.settles().await;
    let told = messages(&clinic).await;
    let titles: Vec<String> = told
        .iter()
        .flat_map(|message| message["text"].as_array().cloned().unwrap_or_default())
        .map(|text| text["text"].as_str().expect("a text").to_owned())
        .collect();
    assert!(!titles.is_empty());
    for one in stage.gateway.received().await {
        let body = one["body"].to_string();
        for word in ["hiv", "HIV", "艾滋", "mental", "心理", "精神", "抑郁", "PHQ", "xinglin.", "enr-", "msg-", "pat-"]
        {
            assert!(!body.contains(word), "{word} in {body}");
        }
        for word in titles.iter().chain(&enrolments) {
            assert!(!body.contains(word.as_str()), "{word} in {body}");
        }
        if one["body"]["kind"] == "message" {
            let text = one["body"]["text"].as_str().expect("a text");
            assert!(text.starts_with("您在杏林有") && text.ends_with("条新消息，请登录查看。"), "{text}");
        }
    }
}

async fn nights_are_quiet_but_for_danger(stage: Stage) {
    let clinic = stage.clinic(&[]).await;
    stage.until(20, 59).await;
    tell(&clinic).await;
    stage.gateway.waits_for(1).await;
    end_as(&clinic, &["sent"]).await;
    stage.until(21, 0).await;
    for _ in 0..3 {
        tell(&clinic).await;
        stage.settles().await;
    }
    end_as(&clinic, &["sent", "queued", "bundled", "bundled"]).await;
    stage.until(23, 30).await;
    let danger = json!({ "patient": clinic.subject, "danger": "acute", "note": "患者来电" });
    clinic.doctor.post("/api/v1/safety-contacts", danger).await;
    let sent = stage.gateway.waits_for(2).await;
    assert_eq!(sent[1]["text"], "您在杏林有一条新消息，请登录查看。", "it does not say why it cannot wait");
    end_as(&clinic, &["sent", "queued", "bundled", "bundled", "sent"]).await;
    stage.until(7, 59).await;
    stage.settles().await;
    assert_eq!(stage.gateway.reminders().await.len(), 2);
    stage.until(8, 0).await;
    let sent = stage.gateway.waits_for(3).await;
    assert_eq!(sent[2]["text"], "您在杏林有3条新消息，请登录查看。");
    end_as(&clinic, &["sent", "sent", "bundled", "bundled", "sent"]).await;
    let list = reminders(&clinic.patient, &clinic).await;
    assert_eq!((&list[1]["count"], &list[2]["into"], &list[4]["urgent"]), (&json!(3), &list[1]["id"], &json!(true)));
}

async fn what_exceeds_the_budget_is_bundled(stage: Stage) {
    let clinic = stage.clinic(&[]).await;
    set_rules(&clinic, json!({ "per_day": 2, "per_week": 3, "quiet": null })).await;
    for _ in 0..5 {
        tell(&clinic).await;
        stage.settles().await;
    }
    end_as(&clinic, &["sent", "sent", "queued", "bundled", "bundled"]).await;
    stage.advance(DAY - 120).await;
    stage.settles().await;
    assert_eq!(stage.gateway.reminders().await.len(), 2);
    stage.advance(240).await;
    let sent = stage.gateway.waits_for(3).await;
    assert_eq!(sent[2]["parameters"]["count"], 3);
    // The week is full, and free again when the first two are a week old.
    tell(&clinic).await;
    end_as(&clinic, &["sent", "sent", "sent", "bundled", "bundled", "queued"]).await;
    stage.advance(5 * DAY).await;
    stage.settles().await;
    assert_eq!(stage.gateway.reminders().await.len(), 3);
    stage.advance(DAY).await;
    stage.gateway.waits_for(4).await;
    assert_eq!(messages(&clinic).await.len(), 6, "nothing is lost in the app");
}

async fn a_gateway_that_is_down_is_tried_again(stage: Stage) {
    let clinic = stage.clinic(&[]).await;
    let tried = async |number: i64| {
        eventually("it is tried", async || stage.gateway.asked().await == number).await;
        stage.settles().await;
    };
    stage.gateway.fault("fail", 1).await;
    stage.gateway.fault("busy", 1).await;
    stage.gateway.fault("fail-after", 1).await;
    // The code was the first.
    tell(&clinic).await;
    tried(2).await;
    assert_eq!(ends(&clinic).await, ["queued"]);
    stage.advance(61).await;
    tried(3).await;
    stage.advance(121).await;
    tried(4).await;
    // It was sent, and the answer lost: it is the same again, and sent once.
    stage.advance(241).await;
    tried(5).await;
    end_as(&clinic, &["sent"]).await;
    let received = stage.gateway.received().await;
    assert_eq!((received.len(), &received[1]["times"]), (2, &json!(2)), "{received:#?}");
    assert_eq!(received[1]["body"]["parameters"]["count"], 1);
    stage.advance(HOUR).await;
    stage.settles().await;
    assert_eq!(stage.gateway.asked().await, 5);

    // What it will not have is not tried again.
    stage.gateway.fault("refuse", 1).await;
    tell(&clinic).await;
    end_as(&clinic, &["sent", "failed refused"]).await;
    assert_eq!(clinic.patient.get(&addresses(&clinic)).await[0]["state"], "confirmed");
}

async fn a_silent_gateway_is_left_alone(stage: Stage) {
    let clinic = stage.clinic(&[]).await;
    let neighbour = stage.hospital.clinic(&[]).await;
    stage.gateway.set_up(&neighbour, "sms", json!({})).await;
    stage.gateway.confirm(&neighbour.patient, &neighbour.subject, ("sms", "13900139000")).await;
    stage.gateway.client.post("/simulate/fault", json!({ "do": "fail", "times": 1, "to": NUMBER })).await;
    // The codes were the first two.
    tell(&clinic).await;
    eventually("it is tried", async || stage.gateway.asked().await == 3).await;
    stage.settles().await;
    // What comes meanwhile is put off without a request; that of another hospital is not.
    tell(&clinic).await;
    tell(&neighbour).await;
    end_as(&neighbour, &["sent"]).await;
    stage.settles().await;
    end_as(&clinic, &["queued", "queued"]).await;
    assert_eq!(stage.gateway.asked().await, 4);
    // One attempt after a minute finds out; the other follows.
    stage.advance(61).await;
    eventually("one was tried", async || stage.gateway.asked().await >= 5).await;
    stage.settles().await;
    stage.advance(61).await;
    end_as(&clinic, &["sent", "sent"]).await;
    assert_eq!(stage.gateway.asked().await, 6);
}

async fn a_number_that_does_not_work_is_used_no_more(stage: Stage) {
    let clinic = stage.clinic(&[]).await;
    stage.gateway.set_up(&clinic, "wechat", json!({ "rank": 5 })).await;
    stage.gateway.confirm(&clinic.patient, &clinic.subject, ("wechat", "oLVPpjqs9BhvzwPj5A")).await;
    // The number fails: the reminder goes by the other channel, and the patient is told in the app.
    stage.gateway.fault("address-invalid", 1).await;
    tell(&clinic).await;
    let sent = stage.gateway.waits_for(1).await;
    assert_eq!((&sent[0]["channel"], &sent[0]["to"]), (&json!("wechat"), &json!("oLVPpjqs9BhvzwPj5A")));
    end_as(&clinic, &["sent"]).await;
    let shown = clinic.patient.get(&addresses(&clinic)).await;
    assert_eq!((&shown[0]["state"], &shown[1]["state"]), (&json!("failing"), &json!("confirmed")), "{shown}");
    let told = messages(&clinic).await;
    assert!(told.iter().any(|one| one["detail"]["occasion"] == "reminder-address"), "{told:?}");
    // The carrier says so later: of the other, too.
    assert_eq!(stage.gateway.receipt(&sent[0]["id"], "address-invalid", json!({})).await, 204);
    end_as(&clinic, &["failed address-invalid"]).await;
    assert_eq!(clinic.patient.get(&addresses(&clinic)).await[1]["state"], "failing");
    tell(&clinic).await;
    end_as(&clinic, &["failed address-invalid", "dropped address-invalid"]).await;
    // Entered anew, it is used.
    stage.gateway.confirm(&clinic.patient, &clinic.subject, ("sms", NUMBER)).await;
    tell(&clinic).await;
    end_as(&clinic, &["failed address-invalid", "dropped address-invalid", "sent"]).await;
}

async fn what_was_read_or_is_too_late_is_not_sent(stage: Stage) {
    let clinic = stage.clinic(&[]).await;
    stage.until(22, 0).await;
    for _ in 0..3 {
        tell(&clinic).await;
        stage.settles().await;
    }
    end_as(&clinic, &["queued", "bundled", "bundled"]).await;
    let read = async |message: &Value| {
        let id = message["id"].as_str().expect("an id");
        clinic.patient.post(&format!("/api/v1/patients/{}/messages/{id}/read", clinic.subject), json!(null)).await
    };
    let told = messages(&clinic).await;
    let id = told[0]["id"].as_str().expect("an id");
    let path = format!("/api/v1/patients/{}/messages/{id}/read", clinic.subject);
    clinic.doctor.refused(&path, json!(null), "AUTH_FORBIDDEN").await;
    assert!(read(&told[0]).await["read"].is_string());
    stage.until(8, 0).await;
    assert_eq!(stage.gateway.waits_for(1).await[0]["parameters"]["count"], 2, "one of three was read");
    stage.until(22, 0).await;
    tell(&clinic).await;
    stage.settles().await;
    read(&messages(&clinic).await[0]).await;
    stage.until(8, 0).await;
    end_as(&clinic, &["sent", "bundled", "bundled", "dropped read"]).await;
    assert_eq!(reminders(&clinic.administrator, &clinic).await[3]["reason"], "not-needed");

    // One that nobody accepts in time is given up; the message stays.
    set_rules(&clinic, json!({ "expire_hours": 1 })).await;
    stage.gateway.fault("fail", 0).await;
    tell(&clinic).await;
    eventually("it is tried", async || {
        reminders(&clinic.patient, &clinic).await.get(4).is_some_and(|last| last["tried"].is_string())
    })
    .await;
    stage.advance(HOUR).await;
    end_as(&clinic, &["sent", "bundled", "bundled", "dropped read", "dropped expired"]).await;
    stage.gateway.heal().await;
    stage.advance(HOUR).await;
    stage.settles().await;
    assert_eq!((stage.gateway.reminders().await.len(), messages(&clinic).await.len()), (1, 5));
}

async fn who_wants_none_or_has_died_gets_none(stage: Stage) {
    let clinic = stage.clinic(&[&HYPERTENSION]).await;
    let choose = async |enabled: bool| {
        clinic.patient.put(&format!("{}/sms/preferences", addresses(&clinic)), json!({ "enabled": enabled })).await
    };
    // Also of what waits.
    stage.until(22, 0).await;
    tell(&clinic).await;
    stage.settles().await;
    end_as(&clinic, &["queued"]).await;
    choose(false).await;
    stage.until(8, 0).await;
    end_as(&clinic, &["dropped opted-out"]).await;
    choose(true).await;
    tell(&clinic).await;
    end_as(&clinic, &["dropped opted-out", "sent"]).await;

    // Who leaves a pathway is not reminded of it.
    stage.until(22, 0).await;
    let enrolment = hypertension(&clinic, stage.hospital.now()).await;
    stage.settles().await;
    clinic.patient.post(&format!("{enrolment}/leave"), json!({ "reason": "搬家", "how": "transferred" })).await;
    stage.until(8, 0).await;
    eventually("nobody is reminded of it", async || {
        let ends = ends(&clinic).await;
        ends.len() > 2 && ends[2..].iter().all(|end| end == "dropped withdrawn" || end == "bundled")
    })
    .await;

    // An address that was removed is not used.
    let path = format!("{}/sms", addresses(&clinic));
    clinic.patient.ask(Method::DELETE, &path, None).await.done(&path);
    clinic.patient.ask(Method::DELETE, &path, None).await.refused(&path, "NOT_FOUND");
    assert_eq!(clinic.patient.get(&addresses(&clinic)).await, json!([]));
    let before = ends(&clinic).await.len();
    tell(&clinic).await;
    eventually("it is dropped", async || {
        ends(&clinic).await.get(before).is_some_and(|end| end == "dropped no-address")
    })
    .await;
    stage.gateway.confirm(&clinic.patient, &clinic.subject, ("sms", NUMBER)).await;

    // Nor is who has died.
    stage.until(22, 0).await;
    tell(&clinic).await;
    stage.settles().await;
    let path = format!("/fhir/R4/Patient/{}", clinic.subject);
    let mut patient = clinic.administrator.get(&path).await;
    patient["deceasedDateTime"] = json!("2026-11-20");
    clinic.administrator.put(&path, patient).await;
    stage.until(8, 0).await;
    eventually("it is dropped", async || {
        reminders(&clinic.administrator, &clinic).await.last().is_some_and(|last| last["reason"] == "deceased")
    })
    .await;
    assert_eq!(stage.gateway.reminders().await.len(), 1);
}

async fn what_is_due_is_reminded_of_before(stage: Stage) {
    let clinic = stage.clinic(&[&HYPERTENSION]).await;
    let due = async || {
        let told = messages(&clinic).await;
        told.into_iter().filter(|one| one["kind"] == "due").collect::<Vec<_>>()
    };
    // Asked within three days, once more after one and a half, and reminded of a day before.
    let enrolment = hypertension(&clinic, stage.hospital.now()).await;
    stage.gateway.waits_for(1).await;
    stage.advance(DAY * 3 / 2 + 60).await;
    stage.settles().await;
    let asked = messages(&clinic).await.iter().filter(|one| one["kind"] == "questionnaire").count();
    assert_eq!((asked, due().await.len()), (2, 0));
    stage.advance(DAY / 2).await;
    eventually("it is due", async || due().await.len() == 1).await;
    let words = due().await[0]["text"].to_string();
    assert!(words.contains("请在") && words.contains("Please do this by"), "{words}");
    stage.settles().await;
    let reminded = stage.gateway.reminders().await;
    assert!(
        (2..=3).contains(&reminded.len()),
        "asked again at midnight waits for the morning, with others: {reminded:?}"
    );
    // The message of a pathway is under it: who may not read the pathway does not read it.
    let (family, _) = clinic.person("family").await;
    family.hidden(&format!("/api/v1/patients/{}/messages", clinic.subject), "NOT_FOUND").await;

    // Who has answered is not reminded.
    let answer = |link: &str, value: Value| json!({ "link_id": link, "value": value });
    let pressure = |value: &str| json!({ "quantity": { "value": value, "unit": "mm[Hg]" } });
    let choice = |code: &str| json!({ "choice": { "system": "urn:xinglin:hypertension", "code": code } });
    let diary = json!({ "questionnaire": "blood-pressure", "answers": [
        answer("systolic", pressure("128")), answer("diastolic", pressure("78")),
        answer("unwell", json!({ "boolean": false })), answer("forgets", choice("sometimes")),
        answer("stops", choice("never")),
    ] });
    clinic.patient.post(&format!("{enrolment}/answers"), diary).await;
    stage.advance(DAY).await;
    stage.settles().await;
    assert_eq!(due().await.len(), 1);
    // A task of theirs has a window from the seventh to the tenth day: a day before it ends.
    stage.advance(6 * DAY - HOUR).await;
    stage.settles().await;
    assert_eq!(due().await.len(), 1);
    stage.advance(2 * HOUR).await;
    eventually("the task is due", async || due().await.len() == 2).await;
}

async fn who_leaves_is_not_reminded_of_what_was_asked_again(stage: Stage) {
    let clinic = stage.clinic(&[&HYPERTENSION]).await;
    let enrolment = hypertension(&clinic, stage.hospital.now()).await;
    stage.gateway.waits_for(1).await;
    // Asked again at midnight, the reminder waits for the morning.
    stage.advance(DAY * 3 / 2 + 60).await;
    stage.settles().await;
    end_as(&clinic, &["sent", "queued"]).await;
    clinic.patient.post(&format!("{enrolment}/leave"), json!({ "reason": "搬家", "how": "transferred" })).await;
    stage.until(8, 0).await;
    eventually("nobody is reminded of it", async || {
        let ends = ends(&clinic).await;
        ends.len() > 1 && ends[1..].iter().all(|end| end == "dropped withdrawn" || end == "bundled")
    })
    .await;
    stage.advance(DAY).await;
    stage.settles().await;
    assert_eq!(stage.gateway.reminders().await.len(), 1);
}

async fn a_guardian_is_reminded_for_a_child(stage: Stage) {
    let year = stage.hospital.now().china_year();
    let bundle = |age: i16| record::transaction(&[record::patient(&format!("{}-01-02", year - age))]);
    let now = stage.hospital.now();
    for (age, whole) in [(5, true), (15, false)] {
        let clinic = Clinic::found_with(&stage.hospital.operator, now, &[], bundle(age)).await;
        stage.gateway.set_up(&clinic, "sms", json!({})).await;
        let (mother, relation) = clinic.guardian("mother", json!({})).await;
        let to = format!("1380013800{}", age % 10);
        if whole {
            stage.gateway.confirm(&mother, &clinic.subject, ("sms", &to)).await;
            tell(&clinic).await;
            eventually("she is reminded", async || {
                stage.gateway.reminders().await.iter().any(|one| one["to"] == to.as_str())
            })
            .await;
            // She is no guardian any more: her phone is silent.
            clinic.administrator.post(&format!("/api/v1/relations/{relation}/revoke"), json!(null)).await;
            tell(&clinic).await;
            end_as(&clinic, &["sent", "dropped not-entitled"]).await;
        } else {
            // An adolescent decides: there are messages that the mother does not read.
            mother.hidden(&addresses(&clinic), "NOT_FOUND").await;
            stage.gateway.confirm(&clinic.patient, &clinic.subject, ("sms", &to)).await;
        }
    }
}

/// A reminder is stored as tried before it is handed out.
async fn a_kill_between_handing_out_and_noting_says_the_same_again(engine: Engine) {
    let reach = [("XINGLIN_EGRESS__OPEN_NETWORKS", "[\"127.0.0.1/32\"]")];
    let mut process = Process::open_with(engine, &reach).await;
    let gateway = Gateway::open().await;
    let clinic = process.clinic(&[]).await;
    gateway.set_up(&clinic, "sms", json!({})).await;
    set_rules(&clinic, json!({ "quiet": null })).await;
    gateway.confirm(&clinic.patient, &clinic.subject, ("sms", NUMBER)).await;
    gateway.fault("silence", 1).await;
    tell(&clinic).await;
    let first = gateway.waits_for(1).await;
    process.restart().await;
    assert_eq!(ends(&clinic).await, ["queued"]);
    // More came meanwhile: what was handed out says the same again.
    tell(&clinic).await;
    gateway.waits_for(2).await;
    // The lease of the killed server lasts a minute.
    gateway.advance(61).await;
    advance(&clinic.operator, 61).await;
    end_as(&clinic, &["sent", "sent"]).await;
    let received = gateway.received().await;
    let same = received.iter().find(|one| one["id"] == first[0]["id"]).expect("the first");
    assert_eq!((received.len(), &same["times"]), (3, &json!(2)), "{received:#?}");
    assert_eq!(same["body"], first[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_says_the_same_after_a_kill() {
    a_kill_between_handing_out_and_noting_says_the_same_again(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_says_the_same_after_a_kill() {
    a_kill_between_handing_out_and_noting_says_the_same_again(Engine::Postgres).await;
}
