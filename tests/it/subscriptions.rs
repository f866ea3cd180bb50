//! Subscriptions: recipients, order, and receivers that do not answer.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_platform::{Config, ambient::Clock};
use xinglin_store::Engine;

use crate::support::{
    Client, Person, Process, TestHospital, advance, clinic::id, eventually, outside::Outside, record,
};

/// On each engine, with access to receivers on this machine.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::open(xinglin_store::Engine::Sqlite).await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::open(xinglin_store::Engine::Postgres).await).await;
            })*
        }
    };
}

tests!(
    matching_resources_are_notified_in_order,
    restricted_resources_are_not_notified,
    a_failing_receiver_is_retried_and_given_up,
    headers_are_sent_and_never_returned,
    an_invalid_subscription_is_refused,
);

async fn open(engine: Engine) -> TestHospital {
    let reach = |config: &mut Config| config.egress.open_networks = vec!["127.0.0.1/32".to_owned()];
    TestHospital::open_with(engine, reach).await
}

fn subscription(outside: &Outside, path: &str, criteria: &str) -> Value {
    json!({
        "resourceType": "Subscription", "status": "requested", "reason": "to keep up", "criteria": criteria,
        "channel": { "type": "rest-hook", "endpoint": format!("http://127.0.0.1:{}{path}", outside.port) },
    })
}

/// Creates a subscription; returns its path.
async fn create(client: &Client, subscription: Value) -> String {
    let created = client.post("/fhir/R4/Subscription", subscription).await;
    assert_eq!(created["status"], "requested");
    format!("/fhir/R4/Subscription/{}", created["id"].as_str().expect("an id"))
}

async fn becomes(client: &Client, path: &str, status: &str) -> Value {
    eventually(status, async || client.get(path).await["status"] == status).await;
    client.get(path).await
}

/// The received bundles, with whether each is a handshake.
fn bundles(outside: &Outside) -> Vec<Value> {
    let body = |request: String| request.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    let all = outside.received().into_iter().filter_map(body);
    all.map(|body| serde_json::from_str(&body).expect("a bundle")).collect()
}

fn kind(bundle: &Value) -> &str {
    bundle.pointer("/entry/0/resource/parameter/2/valueCode").and_then(Value::as_str).unwrap_or_default()
}

/// `Type/id` of the notified resources, in order, with repetitions.
fn told(outside: &Outside) -> Vec<String> {
    let events = bundles(outside).into_iter().filter(|bundle| kind(bundle) == "event-notification");
    events.map(|bundle| bundle["entry"][1]["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn matching_resources_are_notified_in_order(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (plain, whole) = (Outside::open().await, Outside::open().await);
    let admin = &clinic.administrator;
    let path = create(admin, subscription(&plain, "/", "Observation?code=4548-4")).await;
    let mut with_payload = subscription(&whole, "/", "Observation?code=4548-4&value-quantity=gt9");
    with_payload["channel"]["payload"] = json!("application/fhir+json");
    let other = create(admin, with_payload).await;
    for path in [&path, &other] {
        becomes(admin, path, "active").await;
    }
    assert_eq!(bundles(&plain).iter().map(kind).collect::<Vec<_>>(), ["handshake"]);

    let mut wanted = Vec::new();
    for (code, value) in [("4548-4", "7.0"), ("2339-0", "5.0"), ("4548-4", "9.50"), ("4548-4", "8.0")] {
        let written = clinic.import(&[record::result(&clinic.subject, hospital.now(), code, value, "%")]).await;
        wanted.extend(written.into_iter().filter(|_| code == "4548-4"));
    }
    // A new version is notified; a deletion is not.
    let mut again = admin.get(&format!("/fhir/R4/{}", wanted[0])).await;
    again["status"] = json!("amended");
    admin.put(&format!("/fhir/R4/{}", wanted[0]), again).await;
    wanted.push(wanted[0].clone());
    eventually("all is told", async || told(&plain).len() == wanted.len()).await;
    assert_eq!(told(&plain), wanted);
    let event = bundles(&plain).pop().expect("an event");
    assert_eq!(event["entry"][1].get("resource"), None, "where to look, and no more");
    assert_eq!(event["entry"][1]["response"]["etag"], "W/\"2\"");
    assert_eq!(event.pointer("/entry/0/resource/parameter/3/valueString"), Some(&json!("4")));
    let sent = plain.received().pop().expect("a request").to_ascii_lowercase();
    assert!(sent.contains("content-type: application/fhir+json") && !sent.contains("authorization"), "{sent}");

    eventually("the whole is told", async || told(&whole).len() == 1).await;
    let event = bundles(&whole).pop().expect("an event");
    assert_eq!(event["entry"][1]["resource"]["valueQuantity"]["value"].to_string(), "9.50");
    // The patient sees the recipient.
    let accesses = clinic.patient.get(&format!("/api/v1/patients/{}/accesses", clinic.subject)).await;
    let sent_out = accesses.as_array().expect("a list").iter().filter(|access| access["act"] == "disclose").count();
    assert_eq!(sent_out, wanted.len() + 1, "{accesses}");

    // Off, and deleted.
    let mut off = admin.get(&path).await;
    off["status"] = json!("off");
    admin.put(&path, off).await;
    admin.ask(Method::DELETE, &other, None).await.done(&other);
    clinic.import(&[record::result(&clinic.subject, hospital.now(), "4548-4", "9.9", "%")]).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!((told(&plain).len(), told(&whole).len()), (wanted.len(), 1));
}

async fn restricted_resources_are_not_notified(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let outside = Outside::open().await;
    let admin = &clinic.administrator;
    admin
        .refused("/fhir/R4/Subscription", subscription(&outside, "/", "Observation?code=20447-9"), "ACCESS_COMPARTMENT")
        .await;
    let path = create(admin, subscription(&outside, "/", "Observation?status=final")).await;
    let chained = create(admin, subscription(&outside, "/", "Patient?_has:Observation:patient:status=final")).await;
    for path in [&path, &chained] {
        becomes(admin, path, "active").await;
    }
    let write = async |code: &str| {
        clinic.import(&[record::result(&clinic.subject, hospital.now(), code, "40", "1")]).await.remove(0)
    };
    let (hidden, open) = (write("20447-9").await, write("4548-4").await);
    eventually("what is open is told", async || told(&outside).contains(&open)).await;
    assert!(!outside.received().concat().contains(id(&hidden)), "neither what, nor that");

    // A patient who has restricted data only.
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    clinic.import(&[record::result(id(&other), hospital.now(), "20447-9", "40", "1")]).await;
    let mut again = admin.get(&format!("/fhir/R4/{other}")).await;
    again["gender"] = json!("male");
    admin.put(&format!("/fhir/R4/{other}"), again).await;
    let open = write("4548-4").await;
    eventually("what is open is told", async || told(&outside).contains(&open)).await;
    assert!(!told(&outside).contains(&other), "no way round");

    // The patient's consent at the moment of the notification.
    let consents = format!("/api/v1/patients/{}/consents", clinic.subject);
    let refuse = json!({ "provision": "refuse", "scope": "record", "recipient": "export", "purposes": ["treatment"] });
    let refused = clinic.patient.post(&consents, refuse).await;
    let kept = write("4548-4").await;
    let marker = clinic.import(&[record::result(id(&other), hospital.now(), "4548-4", "7", "%")]).await.remove(0);
    eventually("what is behind it is told", async || told(&outside).contains(&marker)).await;
    assert!(!told(&outside).contains(&kept), "what the patient keeps in");
    clinic
        .patient
        .post(&format!("/api/v1/consents/{}/revoke", refused["id"].as_str().expect("an id")), json!(null))
        .await;
    let let_out = write("4548-4").await;
    eventually("what is let out is told", async || told(&outside).contains(&let_out)).await;

    // The subscription of a suspended account sends nothing more.
    let (second, account) = clinic.hire(Person::new("second", "administrator")).await;
    let path = create(&second, subscription(&outside, "/second", "Observation?status=final")).await;
    becomes(admin, &path, "active").await;
    hospital
        .operator
        .post(&format!("/api/v1/tenants/{}/accounts/{account}/suspend", clinic.tenant), json!({ "reason": "left" }))
        .await;
    write("4548-4").await;
    let ended = becomes(admin, &path, "error").await;
    assert!(ended["error"].as_str().is_some_and(|why| why.contains("closed")), "{ended}");
    let second = outside.received().into_iter().filter(|request| request.starts_with("POST /second")).count();
    assert_eq!(second, 1, "the handshake");
}

async fn a_failing_receiver_is_retried_and_given_up(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let outside = Outside::open().await;
    let admin = &clinic.administrator;
    outside.refuse(true);
    let path = create(admin, subscription(&outside, "/moody", "Observation?code=4548-4")).await;
    let failed = becomes(admin, &path, "error").await;
    assert_eq!(failed["error"], "the receiver answered 503");
    outside.refuse(false);
    let mut again = failed.clone();
    again["status"] = json!("requested");
    assert_eq!(admin.put(&path, again.clone()).await.get("error"), None);
    becomes(admin, &path, "active").await;

    outside.refuse(true);
    let mut wanted = Vec::new();
    for value in ["7.0", "7.1"] {
        wanted.extend(clinic.import(&[record::result(&clinic.subject, hospital.now(), "4548-4", value, "%")]).await);
    }
    eventually("a first try", async || told(&outside).len() == 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(told(&outside), wanted[..1], "it waits, and what is behind it waits with it");
    hospital.advance(6).await;
    eventually("a second try", async || told(&outside).len() == 2).await;
    outside.refuse(false);
    hospital.advance(11).await;
    eventually("all is told", async || told(&outside).len() == 4).await;
    assert_eq!(told(&outside)[2..], wanted, "in order, once it answers");

    outside.refuse(true);
    clinic.import(&[record::result(&clinic.subject, hospital.now(), "4548-4", "7.2", "%")]).await;
    for tries in 1..8 {
        eventually("another try", async || told(&outside).len() == 4 + tries).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        hospital.advance(5 << tries).await;
    }
    let ended = becomes(admin, &path, "error").await;
    assert_eq!(ended["error"], "the receiver answered 503");
    assert_eq!(told(&outside).len(), 12, "and no more");
    // Undelivered events are kept.
    outside.refuse(false);
    admin.put(&path, again).await;
    eventually("the rest is told", async || told(&outside).len() == 13).await;
}

async fn headers_are_sent_and_never_returned(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (outside, thief) = (Outside::open().await, Outside::open().await);
    let admin = &clinic.administrator;
    let mut with_header = subscription(&outside, "/", "Observation?code=4548-4");
    with_header["channel"]["header"] = json!(["Authorization: Bearer s3cret"]);
    let path = create(admin, with_header).await;
    let active = becomes(admin, &path, "active").await;
    assert!(outside.received()[0].contains("authorization: Bearer s3cret"), "{:?}", outside.received());
    for place in [path.clone(), format!("{path}/_history"), "/fhir/R4/Subscription".to_owned()] {
        let seen = admin.get(&place).await.to_string();
        assert!(!seen.contains("s3cret") && !seen.contains("header"), "{seen}");
    }
    // Reading and writing it back keeps the headers; changing the endpoint does not.
    admin.put(&path, active.clone()).await;
    eventually("another handshake", async || outside.received().len() == 2).await;
    assert!(outside.received()[1].contains("s3cret"));
    let mut stolen = active;
    stolen["channel"]["endpoint"] = json!(format!("http://127.0.0.1:{}/", thief.port));
    admin.put(&path, stolen).await;
    eventually("a handshake elsewhere", async || thief.received().len() == 1).await;
    assert!(!thief.received()[0].contains("s3cret"));
}

async fn an_invalid_subscription_is_refused(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let outside = Outside::open().await;
    let good = || subscription(&outside, "/", "Observation?code=4548-4");
    let changed = |pointer: &str, value: Value| {
        let mut changed = good();
        *changed.pointer_mut(pointer).expect("there") = value;
        changed
    };
    for (pointer, value) in [
        ("/status", json!("entered-in-error")),
        ("/reason", json!(" ")),
        ("/criteria", json!("observation")),
        ("/criteria", json!("Subscription?status=active")),
        ("/criteria", json!("Observation?colour=red")),
        ("/criteria", json!("Observation?_include=Observation:patient")),
        ("/channel/type", json!("websocket")),
        ("/channel/endpoint", json!("ftp://example.com/")),
        ("/channel/endpoint", json!("http://example.com/")),
        ("/channel/endpoint", json!("https://user:secret@example.com/")),
        ("/channel/endpoint", json!("x")),
    ] {
        clinic.administrator.refused("/fhir/R4/Subscription", changed(pointer, value.clone()), "FHIR_INVALID").await;
    }
    for header in [json!(["Host: elsewhere"]), json!(["no line"]), json!("Authorization: x"), json!(["A: b\r\nC: d"])] {
        let mut with_header = good();
        with_header["channel"]["header"] = header;
        clinic.administrator.refused("/fhir/R4/Subscription", with_header, "FHIR_INVALID").await;
    }
    clinic.doctor.refused("/fhir/R4/Subscription", good(), "AUTH_FORBIDDEN").await;
    assert_eq!(outside.received().len(), 0);
    // A network that is not opened is not reached.
    let closed = changed("/channel/endpoint", json!("http://127.0.0.2:9/"));
    let path = create(&clinic.administrator, closed).await;
    let ended = becomes(&clinic.administrator, &path, "error").await;
    assert!(ended["error"].as_str().is_some_and(|why| why.contains("open")), "{ended}");
}

/// Committed events are delivered by another process after a crash.
async fn resources_written_before_a_kill_are_notified(engine: Engine) {
    let reach = [("XINGLIN_EGRESS__OPEN_NETWORKS", "[\"127.0.0.1/32\"]")];
    let mut process = Process::open_with(engine, &reach).await;
    let operator = process.operator().await;
    let clinic = process.clinic(&[]).await;
    let outside = Outside::open().await;
    let path = create(&clinic.administrator, subscription(&outside, "/moody", "Observation?code=4548-4")).await;
    becomes(&clinic.administrator, &path, "active").await;
    outside.refuse(true);
    let now = Clock::default().now();
    let mut wanted = Vec::new();
    for value in ["7.0", "7.1", "7.2"] {
        wanted.extend(clinic.import(&[record::result(&clinic.subject, now, "4548-4", value, "%")]).await);
    }
    eventually("a first try", async || !told(&outside).is_empty()).await;
    process.kill().await;
    outside.refuse(false);
    let before = told(&outside).len();
    process.restart().await;
    advance(&operator, 120).await;
    eventually("all is told", async || told(&outside).len() >= before + 3).await;
    assert_eq!(told(&outside)[before..], wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_notifies_after_a_kill() {
    resources_written_before_a_kill_are_notified(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_notifies_after_a_kill() {
    resources_written_before_a_kill_are_notified(Engine::Postgres).await;
}
