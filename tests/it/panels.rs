//! What a pathway shows of a patient: to the patient, to the care team, and to nobody else. The page is
//! shown whatever becomes of the plugin. Point 8 of the pathways issue.

use std::str::FromStr as _;

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::id::{EnrolmentId, TenantId};

use crate::{
    measurements::follow_up,
    support::{
        Client, Clinic, DIABETES, HIV, MENTAL_HEALTH, Person, Plugin, TestHospital, frozen, record,
        rules_on_both_engines,
    },
};

rules_on_both_engines!(
    TestHospital:
    each_reader_is_shown_a_panel_of_their_own,
    a_page_is_shown_without_a_panel_and_says_so,
    a_plugin_of_before_there_were_panels_has_none,
);

async fn enrol(clinic: &Clinic, plugin: &Plugin) -> String {
    let enrolled =
        clinic.doctor.post("/api/v1/enrolments", json!({ "patient": clinic.subject, "plugin": plugin.id })).await;
    format!("/api/v1/enrolments/{}/panel", enrolled["id"].as_str().expect("an id"))
}

async fn consent(clinic: &Clinic, provision: &str, compartment: &str, recipient: Value) -> String {
    let ask = json!({
        "provision": provision, "scope": { "compartment": compartment }, "recipient": recipient,
        "purposes": ["treatment"],
    });
    let given = clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), ask).await;
    format!("/api/v1/consents/{}/revoke", given["id"].as_str().expect("an id"))
}

/// The blocks of a kind.
fn blocks<'a>(panel: &'a Value, kind: &str) -> Vec<&'a Value> {
    let blocks = panel["blocks"].as_array().unwrap_or_else(|| panic!("{panel}"));
    blocks.iter().filter(|block| block["kind"] == kind).collect()
}

fn titles(panel: &Value, kind: &str) -> Vec<String> {
    let title = |block: &&Value| block["title"][0]["text"].as_str().expect("a title").to_owned();
    blocks(panel, kind).iter().map(title).collect()
}

/// The page, in this language.
async fn page(client: &Client, path: &str, language: &str) -> String {
    let headers = [("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), ("accept-language", language)];
    let page = client.exchange(Method::GET, path, &headers, "").await;
    assert!(page.status.is_success(), "{}", page.text());
    safe(&page)
}

fn safe(page: &crate::support::Exchange) -> String {
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((page.header("cache-control"), page.header("x-content-type-options")), ("no-store", "nosniff"));
    let text = page.text();
    assert!(text.starts_with("<!doctype html>") && !text.contains("<script") && !text.contains("style="), "{text}");
    text
}

async fn sent(client: &Client, path: &str, form: &str) -> String {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept-language", "en")];
    let page = client.exchange(Method::POST, path, &headers, form.to_owned()).await;
    assert!(page.status.is_success(), "{}", page.text());
    safe(&page)
}

async fn each_reader_is_shown_a_panel_of_their_own(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIABETES, &HIV, &MENTAL_HEALTH]).await;
    let (stranger, _) = clinic.person("stranger").await;
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;

    // Diabetes: glucose with its bands; a form that is answered in place.
    let glucose = enrol(&clinic, &DIABETES).await;
    clinic.patient.post(&glucose.replace("/panel", "/answers"), follow_up("8.2", false)).await;
    hospital.advance(15 * 86_400).await;
    let mine = clinic.patient.get(&glucose).await;
    assert_eq!((&mine["viewer"], &mine["plugin"]["id"]), (&json!("patient"), &json!(DIABETES.id)), "{mine}");
    assert!(mine.get("reason").is_none(), "{mine}");
    let curve = blocks(&mine, "series")[0];
    assert_eq!((&curve["unit"], &curve["scale"]), (&json!("mmol/L"), &json!("linear")), "{curve}");
    assert_eq!((&curve["points"][0]["value"], &curve["points"][0]["bound"]), (&json!("8.2"), &json!("exact")));
    assert_eq!(curve["bands"].as_array().map(Vec::len), Some(5), "{curve}");
    assert!(curve["bands"][0]["citation"]["title"].is_string(), "{curve}");
    assert_eq!(blocks(&mine, "form")[0]["questionnaire"]["code"], "follow-up", "{mine}");
    let team = clinic.doctor.get(&glucose).await;
    assert_eq!(
        (&team["viewer"], titles(&team, "table").last().map(String::as_str)),
        (&json!("clinician"), Some("接下来的任务"))
    );
    assert!(blocks(&team, "form").is_empty() && blocks(&team, "task").is_empty(), "{team}");
    let shown = page(&clinic.patient, &glucose, "zh-CN").await;
    assert!(shown.contains("lang=\"zh-CN\"") && shown.contains("空腹目标") && shown.contains("<svg "), "{shown}");
    assert!(page(&clinic.doctor, &glucose, "en").await.contains("Next tasks"));
    let form = "questionnaire=follow-up&q.glucose=9.1&q.fasting=false&q.needed-help=false";
    let after = sent(&clinic.patient, &glucose, form).await;
    assert!(after.contains("9.1 mmol/L") && after.contains("8.2 mmol/L"), "{after}");
    for (wrong, code) in [
        ("questionnaire=follow-up&q.glucose=x&q.needed-help=false", "BODY_INVALID"),
        ("questionnaire=follow-up&glucose=6", "BODY_INVALID"),
        ("q.glucose=6", "BODY_INVALID"),
        ("questionnaire=none&q.glucose=6", "NOT_FOUND"),
    ] {
        let kind = "application/x-www-form-urlencoded";
        clinic.patient.post_text(&glucose, kind, wrong).await.refused(wrong, code);
    }
    clinic
        .pharmacist
        .post_text(&glucose, "application/x-www-form-urlencoded", form)
        .await
        .refused(form, "AUTH_FORBIDDEN");
    // Nothing changes for a call that is run again from its tape.
    let replay = format!("/api/v1/calls/{}/replay", mine["calls"][0]["id"].as_str().expect("a call"));
    let report = clinic.administrator.post(&replay, json!(null)).await;
    assert_eq!((&report["identical"], &report["conclusive"]), (&json!(true), &json!(true)), "{report}");

    // Two restricted pathways.
    let condition = |code| record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), code);
    clinic.import(&[condition("F32.1"), condition("B24")]).await;
    consent(&clinic, "permit", "hiv", json!({ "role": "doctor" })).await;
    consent(&clinic, "permit", "mental-health", json!({ "role": "doctor" })).await;
    let viral = enrol(&clinic, &HIV).await;
    let results = [("12000", 60), ("130", 20)].map(|(value, ago)| {
        record::result(&clinic.subject, hospital.now().plus_days(-ago), "20447-9", value, "{copies}/mL")
    });
    clinic.import(&results).await;
    let team = clinic.doctor.get(&viral).await;
    let curve = blocks(&team, "series")[0];
    assert_eq!((&curve["scale"], curve["points"].as_array().map(Vec::len)), (&json!("logarithmic"), Some(2)), "{team}");
    assert!(titles(&team, "series").contains(&"病毒载量".to_owned()), "{team}");
    // What the patient sees names nothing, nor do its sources.
    let mine = clinic.patient.get(&viral).await;
    let said = mine["blocks"].to_string() + &page(&clinic.patient, &viral, "zh-CN").await;
    for word in ["病毒", "艾滋", "HIV", "Antiretroviral", "viral", "\"citation\":{"] {
        assert!(!said.contains(word), "`{word}` in {said}");
    }
    assert_eq!(titles(&mine, "series"), ["化验值A"], "{mine}");
    assert!(said.contains("href=\"tel:12356\""), "{said}");
    // A task of the panel is done by its own route.
    let task = blocks(&mine, "task")[0]["task"].as_str().expect("a task").to_owned();
    assert!(said.contains(&format!("action=\"/api/v1/tasks/{task}/done\"")), "{said}");

    let mood = enrol(&clinic, &MENTAL_HEALTH).await;
    let gad: String = (1..=7).map(|item| format!("&q.gad-{item}=http%3A%2F%2Floinc.org%7CLA6570-1")).collect();
    let after = sent(&clinic.patient, &mood, &format!("questionnaire=gad-7{gad}")).await;
    assert!(after.contains("How the last two weeks were: moderate") && !after.contains("role=\"alert\""), "{after}");
    let danger: String = (1..=5).map(|item| format!("&q.asq-{item}={}", [1, 5].contains(&item))).collect();
    let after = sent(&clinic.patient, &mood, &format!("questionnaire=asq{danger}")).await;
    let alert = after.split_once("role=\"alert\"").map(|(_, rest)| rest).expect("help at once");
    assert!(alert.contains("href=\"tel:12356\"") && !after.to_lowercase().contains("suicid"), "{after}");
    let team = clinic.doctor.get(&mood).await;
    assert!(blocks(&team, "text").iter().any(|text| text["tone"] == "danger"), "{team}");

    // Nobody else.
    for path in [&glucose, &viral, &mood] {
        stranger.hidden(path, "NOT_FOUND").await;
    }
    for path in [&viral, &mood] {
        for client in [&nurse, &clinic.pharmacist, &clinic.administrator] {
            client.hidden(path, "NOT_FOUND").await;
        }
    }
    clinic.cashier.hidden(&glucose, "AUTH_FORBIDDEN").await;
    // A guardian's panel is the patient's.
    let (guardian, _) = clinic.guardian("guardian", json!({ "tie": "spouse", "ground": "court" })).await;
    assert_eq!(guardian.get(&glucose).await["viewer"], "guardian");
}

async fn a_page_is_shown_without_a_panel_and_says_so(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIABETES, &HIV]).await;
    let reason = async |client: &Client, path: &str| {
        let panel = client.get(path).await;
        assert_eq!(panel["blocks"], json!([]), "{panel}");
        panel["reason"]["code"].as_str().unwrap_or_else(|| panic!("{panel}")).to_owned()
    };
    let glucose = enrol(&clinic, &DIABETES).await;
    assert!(clinic.patient.get(&glucose).await.get("reason").is_none());

    // A state that the plugin cannot read.
    let id = EnrolmentId::from_str(glucose.split('/').nth(4).expect("an id")).expect("an id");
    let store = hospital.hospital.store().tenant(TenantId::from_str(&clinic.tenant).expect("a tenant"));
    let change = async |version: Value| {
        let mut row = store.get_document(id).await.expect("a row");
        row.body["state"]["version"] = version;
        let tx = store.begin().await.expect("a transaction");
        tx.update_document(&row).await.expect("changed");
        tx.commit().await.expect("committed");
    };
    let version = store.get_document(id).await.expect("a row").body["state"]["version"].clone();
    change(json!(99)).await;
    for client in [&clinic.patient, &clinic.doctor] {
        assert_eq!(reason(client, &glucose).await, "FAILED");
    }
    let shown = page(&clinic.patient, &glucose, "en").await;
    assert!(shown.contains("cannot be shown at present") && !shown.contains("<svg"), "{shown}");
    change(version).await;
    assert!(clinic.patient.get(&glucose).await.get("reason").is_none());

    let plugin = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, DIABETES.id);
    clinic.operator.post(&format!("{plugin}/disable"), json!(null)).await;
    assert_eq!(reason(&clinic.doctor, &glucose).await, "DISABLED");
    assert!(page(&clinic.patient, &glucose, "zh-CN").await.contains("停用"));

    // The compartment is closed: to the plugin, then to the reader.
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "B24")]).await;
    let close = consent(&clinic, "permit", "hiv", json!({ "role": "doctor" })).await;
    let viral = enrol(&clinic, &HIV).await;
    clinic.import(&[record::result(&clinic.subject, hospital.now(), "20447-9", "130", "{copies}/mL")]).await;
    assert!(clinic.doctor.get(&viral).await.get("reason").is_none());
    let reopen = consent(&clinic, "refuse", "hiv", json!({ "plugin": HIV.id })).await;
    for client in [&clinic.patient, &clinic.doctor] {
        assert_eq!(reason(client, &viral).await, "MISSING_DATA");
    }
    clinic.patient.post(&reopen, json!(null)).await;
    clinic.patient.post(&close, json!(null)).await;
    assert!(clinic.doctor.get(&viral).await.get("reason").is_none(), "who treats is within");
    clinic.patient.post(&viral.replace("/panel", "/leave"), json!({ "reason": "moved away" })).await;
    assert_eq!(reason(&clinic.doctor, &viral).await, "WITHHELD", "who enrolled the patient knows that they were");
    let mine = clinic.patient.get(&viral).await;
    assert!(mine.get("reason").is_none() && blocks(&mine, "task").is_empty(), "{mine}");
}

async fn a_plugin_of_before_there_were_panels_has_none(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&frozen::DIABETES]).await;
    let glucose = enrol(&clinic, &frozen::DIABETES).await;
    let panel = clinic.patient.get(&glucose).await;
    assert_eq!((&panel["blocks"], &panel["reason"]["code"]), (&json!([]), &json!("NOT_OFFERED")), "{panel}");
}
