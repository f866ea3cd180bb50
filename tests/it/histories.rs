//! Histories: versions of a type and of all resources, newest first.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Person, TestHospital, clinic::id, on_both_engines, record};

on_both_engines!(
    TestHospital:
    history_is_newest_first,
    history_pages_continue,
    history_leaves_out_restricted_versions,
);

fn entries(bundle: &Value) -> Vec<Value> {
    bundle["entry"].as_array().cloned().unwrap_or_default()
}

/// `PUT Observation/…` of each entry.
fn told(bundle: &Value) -> Vec<String> {
    let request = |entry: &Value| {
        let text = |key: &str| entry["request"][key].as_str().expect("a text").to_owned();
        format!("{} {}", text("method"), text("url"))
    };
    entries(bundle).iter().map(request).collect()
}

async fn history_is_newest_first(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    hospital.advance(10).await;
    let since = hospital.now();
    let result = |value: &str| record::result(&clinic.subject, since, "4548-4", value, "%");
    let path = clinic.import(&[result("7")]).await.remove(0);
    hospital.advance(10).await;
    let mut changed = result("8");
    changed["id"] = json!(id(&path));
    clinic.administrator.put(&format!("/fhir/R4/{path}"), changed).await;
    hospital.advance(10).await;
    let later = hospital.now();
    let gone = clinic.administrator.ask(Method::DELETE, &format!("/fhir/R4/{path}"), None).await;
    assert!(gone.status.is_success(), "{}", gone.text);

    let since = |at: xinglin_domain::time::Instant| format!("_since={at}");
    let all = [format!("DELETE {path}"), format!("PUT {path}"), "POST Observation".to_owned()];
    for of in ["", "Observation/"] {
        let history = clinic.doctor.get(&format!("/fhir/R4/{of}_history?{}", since(later.plus_seconds(-25)))).await;
        assert_eq!((&history["type"], told(&history)), (&json!("history"), all.to_vec()), "{history}");
        let [deleted, put, post] = entries(&history).try_into().expect("three");
        assert_eq!((deleted.get("resource"), &deleted["response"]["etag"]), (None, &json!("W/\"3\"")));
        assert_eq!(put["resource"]["valueQuantity"]["value"], 8);
        assert_eq!(post["resource"]["meta"]["versionId"], "1");
        assert!(put["fullUrl"].as_str().is_some_and(|url| url.ends_with(&path)));
        let last = clinic.doctor.get(&format!("/fhir/R4/{of}_history?{}", since(later))).await;
        assert_eq!(told(&last), all[..1], "then or later");
    }
    let none = clinic.doctor.get(&format!("/fhir/R4/Condition/_history?{}", since(later))).await;
    assert_eq!(none.get("entry"), None);
    for wrong in ["_history?_since=yesterday", "_history?_count=many", "Observation/_history?_page=x"] {
        let answer = clinic.doctor.ask(Method::GET, &format!("/fhir/R4/{wrong}"), None).await;
        assert!(answer.status.is_client_error(), "{wrong}: {}", answer.text);
    }
    let strict = [("prefer", "handling=strict")];
    let answer = clinic.doctor.exchange(Method::GET, "/fhir/R4/_history?_at=2026", &strict, "").await;
    assert_eq!(answer.code(), "BODY_INVALID");
    let statement = clinic.doctor.get("/fhir/R4/metadata").await;
    assert!(statement["rest"][0]["interaction"].to_string().contains("history-system"));
    assert!(statement["rest"][0]["resource"][0]["interaction"].to_string().contains("history-type"));
}

/// All pages of a list, as `method url`.
async fn walk(client: &Client, path: &str) -> Vec<Vec<String>> {
    let (mut pages, mut path) = (Vec::new(), Some(path.to_owned()));
    while let Some(url) = path {
        let page = client.get(&url).await;
        pages.push(told(&page));
        let links = page["link"].as_array().expect("links").clone();
        let next = links.iter().find(|link| link["relation"] == "next").map(|link| link["url"].to_string());
        path = next.map(|url| format!("/fhir/R4{}", url.trim_matches('"').split_once("/fhir/R4").expect("ours").1));
    }
    pages
}

async fn history_pages_continue(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let results: Vec<Value> =
        (0..5).map(|n| record::result(&clinic.subject, hospital.now(), "4548-4", &format!("7.{n}"), "%")).collect();
    let paths = clinic.import(&results).await;
    for (path, result) in paths.iter().zip(results) {
        let mut changed = result;
        changed["id"] = json!(id(path));
        clinic.administrator.put(&format!("/fhir/R4/{path}"), changed).await;
    }
    for list in ["/fhir/R4/_history", "/fhir/R4/Observation/_history"] {
        let whole = walk(&clinic.doctor, &format!("{list}?_count=1000")).await;
        assert_eq!(whole.len(), 1);
        for count in [1, 3] {
            let pages = walk(&clinic.doctor, &format!("{list}?_count={count}")).await;
            assert_eq!(pages.concat(), whole[0], "{list} by {count}");
        }
        // Later writes come before the first page, and shift nothing.
        let first = clinic.doctor.get(&format!("{list}?_count=3")).await;
        let next = first["link"][1]["url"].as_str().expect("a link").split_once("/fhir/R4").expect("ours").1.to_owned();
        clinic.import(&[record::result(&clinic.subject, hospital.now(), "4548-4", "9", "%")]).await;
        let second = clinic.doctor.get(&format!("/fhir/R4{next}")).await;
        assert_eq!(told(&second), whole[0][3..6]);
        // A link is valid for its account and its list only.
        clinic.pharmacist.hidden(&format!("/fhir/R4{next}"), "BODY_INVALID").await;
        let page = next.split_once('?').expect("a ticket").1;
        clinic.doctor.hidden(&format!("/fhir/R4/Condition/_history?{page}"), "BODY_INVALID").await;
        clinic.doctor.hidden(&format!("/fhir/R4/Observation?{page}"), "BODY_INVALID").await;
    }
}

async fn history_leaves_out_restricted_versions(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let secret = record::result(&clinic.subject, hospital.now(), "20447-9", "40", "{copies}/mL");
    let hidden = clinic.import(&[secret]).await.remove(0);
    // A deletion is as restricted as the resource was.
    let gone = clinic
        .import(&[record::result(&clinic.subject, hospital.now(), "20447-9", "41", "{copies}/mL")])
        .await
        .remove(0);
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let (stranger, _) = clinic.hire(Person::new("stranger", "patient").acting_for(id(&other), 990)).await;
    let answer = clinic.administrator.ask(Method::DELETE, &format!("/fhir/R4/{gone}"), None).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    for of in ["", "Observation/"] {
        let path = format!("/fhir/R4/{of}_history?_count=1000");
        for client in [&clinic.doctor, &clinic.administrator, &clinic.pharmacist] {
            let told = client.get(&path).await.to_string();
            assert!(!told.contains(id(&hidden)) && !told.contains(id(&gone)) && told.contains("4548-4"), "{told}");
        }
        let own = clinic.patient.get(&path).await.to_string();
        assert!(own.contains(id(&hidden)) && own.contains(&format!("DELETE\",\"url\":\"{gone}")), "{own}");
        assert!(!own.contains(id(&other)), "{own}");
        assert!(!stranger.get(&path).await.to_string().contains(&clinic.subject));
        clinic.operator.hidden(&path, "AUTH_FORBIDDEN").await;
        assert_eq!(hospital.anyone.ask(Method::GET, &path, None).await.code(), "AUTH_REQUIRED");
    }
    let insurer = clinic.hire(Person::new("insurer", "insurer")).await.0;
    insurer.hidden("/fhir/R4/_history", "AUTH_FORBIDDEN").await;
    // The patients concerned are in the audit trail.
    let seen = clinic.patient.get(&format!("/api/v1/patients/{}/accesses?limit=200", clinic.subject)).await;
    assert!(seen.to_string().contains("\"who\":\"pharmacist\""), "{seen}");
}
