//! Conversations in visits: authors, readers, and streams.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Method;
use serde_json::{Value, json};
use xinglin_platform::config::Video;

use crate::{
    policies::decree,
    support::{Client, Clinic, Person, TestHospital, eventually, rules_on_both_engines},
};

rules_on_both_engines!(
    TestHospital:
    patient_and_staff_exchange_messages_during_a_visit,
    nobody_posts_under_a_role_they_lack,
    messages_about_a_compartment_are_restricted,
    a_stream_delivers_each_message_once,
    a_stream_ends_when_access_ends,
    messages_are_retained_for_three_years,
    a_video_meeting_is_a_signed_token_for_the_provider,
);

struct Talk {
    clinic: Clinic,
    visit: String,
}

impl Talk {
    async fn begin(hospital: &TestHospital) -> Self {
        let clinic = hospital.clinic(&[]).await;
        let visit = format!("/api/v1/encounters/{}", clinic.visit().await);
        Self { clinic, visit }
    }

    fn messages(&self) -> String {
        format!("{}/messages", self.visit)
    }

    async fn say(&self, client: &Client, text: &str) -> Value {
        client.post(&self.messages(), json!({ "text": text })).await
    }

    /// The texts that this client can read.
    async fn read(&self, client: &Client) -> Vec<String> {
        let said = client.get(&self.messages()).await;
        let texts = said.as_array().expect("a list").iter().filter_map(|one| one["text"].as_str());
        texts.map(str::to_owned).collect()
    }
}

async fn patient_and_staff_exchange_messages_during_a_visit(hospital: TestHospital) {
    let talk = Talk::begin(&hospital).await;
    let clinic = &talk.clinic;
    let said = talk.say(&clinic.patient, "医生您好").await;
    assert_eq!((&said["seq"], &said["author_kind"], &said["role"]), (&json!(1), &json!("human"), &json!("patient")));
    let answered = talk.say(&clinic.doctor, "您好").await;
    assert_eq!((&answered["seq"], &answered["role"]), (&json!(2), &json!("doctor")));
    // An attachment of this patient, and of no other.
    let whose = format!("/api/v1/blobs?patient={}", clinic.subject);
    let png = b"\x89PNG\r\n\x1a\n".as_slice();
    let blob = clinic.patient.exchange(Method::POST, &whose, &[("content-type", "image/png")], png).await.json();
    let shown = clinic.patient.post(&talk.messages(), json!({ "image": blob["id"] })).await;
    assert_eq!((&shown["kind"], &shown["blob"]), (&json!("image"), &blob["id"]));
    let pdf =
        clinic.patient.exchange(Method::POST, &whose, &[("content-type", "application/pdf")], "%PDF-1").await.json();
    clinic.patient.refused(&talk.messages(), json!({ "image": pdf["id"] }), "BODY_INVALID").await;
    clinic.patient.refused(&talk.messages(), json!({ "image": "blob-00000000000000000000000000" }), "NOT_FOUND").await;
    for nothing in [json!({}), json!({ "text": " " }), json!({ "text": "x", "image": blob["id"] })] {
        clinic.patient.refused(&talk.messages(), nothing, "BODY_INVALID").await;
    }
    assert_eq!(talk.read(&clinic.doctor).await, ["医生您好", "您好"]);
    let rest = clinic.doctor.get(&format!("{}?after=1&limit=1", talk.messages())).await;
    assert_eq!(rest.as_array().map(Vec::len), Some(1));
    assert_eq!(rest[0]["seq"], 2);

    // Strangers.
    let elsewhere = hospital.clinic(&[]).await;
    let (stranger, _) = clinic.hire(Person::new("stranger", "patient")).await;
    for client in [&elsewhere.doctor, &stranger] {
        client.refused(&talk.messages(), json!({ "text": "x" }), "NOT_FOUND").await;
        client.hidden(&talk.messages(), "NOT_FOUND").await;
    }
    for client in [&clinic.administrator, &clinic.operator] {
        client.hidden(&talk.messages(), "AUTH_FORBIDDEN").await;
    }
    // Closed with the visit, and still readable.
    clinic.doctor.post(&format!("{}/close", talk.visit), json!({})).await;
    for client in [&clinic.patient, &clinic.doctor] {
        client.refused(&talk.messages(), json!({ "text": "x" }), "ENC_STATE").await;
    }
    assert_eq!(talk.read(&clinic.patient).await.len(), 2);
    let waiting = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let waiting = format!("/api/v1/encounters/{}/messages", waiting["id"].as_str().expect("an id"));
    clinic.patient.refused(&waiting, json!({ "text": "x" }), "ENC_STATE").await;
}

async fn nobody_posts_under_a_role_they_lack(hospital: TestHospital) {
    let talk = Talk::begin(&hospital).await;
    let clinic = &talk.clinic;
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    let said = nurse.post(&talk.messages(), json!({ "text": "x", "as": "nurse" })).await;
    assert_eq!(said["role"], "nurse");
    for role in ["doctor", "pharmacist", "patient", "assistant"] {
        nurse.refused(&talk.messages(), json!({ "text": "x", "as": role }), "AUTH_IMPERSONATION").await;
    }
    clinic.patient.refused(&talk.messages(), json!({ "text": "x", "as": "doctor" }), "AUTH_IMPERSONATION").await;
    // The kind of author cannot be set to a machine or the hospital.
    nurse.refused(&talk.messages(), json!({ "text": "x", "author_kind": "system" }), "BODY_INVALID").await;
    // A doctor with a lapsed licence has no rights of a doctor.
    let lapsed = json!({ "until": "2021-01-01" });
    let (lapsed, _) = clinic.hire(Person::new("lapsed", "doctor").licensed(&lapsed)).await;
    lapsed.refused(&talk.messages(), json!({ "text": "x", "as": "doctor" }), "CRED_INVALID").await;
}

async fn messages_about_a_compartment_are_restricted(hospital: TestHospital) {
    let talk = Talk::begin(&hospital).await;
    let clinic = &talk.clinic;
    talk.say(&clinic.patient, "我有 HIV infection").await;
    talk.say(&clinic.patient, "头痛").await;
    for client in [&clinic.patient, &clinic.doctor] {
        assert_eq!(talk.read(client).await.len(), 2);
    }
    assert_eq!(talk.read(&clinic.pharmacist).await, ["头痛"]);
}

/// Events of a stream, until there are `most` or it ends: (event, id, data).
async fn listen(client: &Client, path: &str, after: Option<&str>, most: usize) -> Vec<(String, String, String)> {
    let mut request = client.request(Method::GET, &format!("{path}/stream"));
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut events) = (String::new(), Vec::new());
    while events.len() < most {
        let Some(chunk) = response.chunk().await.expect("a chunk") else { break };
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim_start_matches(':').trim().to_owned()
            };
            if event.lines().any(|line| line.starts_with("event")) {
                events.push((field("event"), field("id"), field("data")));
            }
            text = rest.to_owned();
        }
    }
    events
}

async fn a_stream_delivers_each_message_once(hospital: TestHospital) {
    let talk = Talk::begin(&hospital).await;
    let clinic = &talk.clinic;
    talk.say(&clinic.patient, "one").await;
    let (path, doctor) = (talk.messages(), clinic.doctor.clone());
    let hearing = tokio::spawn(async move { listen(&doctor, &path, None, 3).await });
    talk.say(&clinic.patient, "two").await;
    talk.say(&clinic.patient, "three").await;
    let heard = hearing.await.expect("heard");
    let texts = |heard: &[(String, String, String)]| -> Vec<String> {
        let data = heard.iter().map(|(_, _, data)| serde_json::from_str::<Value>(data).unwrap_or_default());
        data.map(|data| data["text"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(texts(&heard), ["one", "two", "three"]);
    assert_eq!(heard[2].1, "3");
    let again = listen(&clinic.doctor, &talk.messages(), Some("2"), 1).await;
    assert_eq!(texts(&again), ["three"], "from where they were");

    // Another host on the same database.
    let other = hospital.reopened(|config| config.movable_clock = true).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move { xinglin_server::serve(other, listener, std::future::pending()).await });
    let there = Client::new(&address).with_token(Some(clinic.doctor.token()));
    let path = talk.messages();
    let hearing = tokio::spawn(async move { listen(&there, &path, Some("3"), 2).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    talk.say(&clinic.patient, "four").await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    clinic.doctor.post(&format!("{}/close", talk.visit), json!({})).await;
    let heard = hearing.await.expect("heard");
    assert_eq!(texts(&heard)[0], "four");
    assert_eq!((heard[1].0.as_str(), heard[1].2.as_str()), ("end", "closed"));
    serving.abort();

    // A stream ends with its session.
    let visit = format!("/api/v1/encounters/{}/messages", clinic.visit().await);
    let again = hospital.anyone.sign_in(Some(&clinic.tenant), "doctor").await;
    let (listening, path) = (again.clone(), visit.clone());
    let hearing = tokio::spawn(async move { listen(&listening, &path, None, 9).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let sessions = again.get("/api/v1/sessions").await;
    let mine = sessions[0]["id"].as_str().expect("an id").to_owned();
    again.ask(Method::DELETE, &format!("/api/v1/sessions/{mine}"), None).await;
    clinic.patient.post(&visit, json!({ "text": "secret" })).await;
    let heard = hearing.await.expect("ended");
    assert_eq!(heard.iter().map(|(event, _, _)| event.as_str()).collect::<Vec<_>>(), ["end"]);
    let bad = clinic.doctor.exchange(Method::GET, &format!("{visit}/stream"), &[("last-event-id", "x")], "").await;
    assert_eq!(bad.code(), "BODY_INVALID");
}

async fn a_stream_ends_when_access_ends(hospital: TestHospital) {
    let talk = Talk::begin(&hospital).await;
    let (path, doctor) = (talk.messages(), talk.clinic.doctor.clone());
    talk.say(&talk.clinic.patient, "before").await;
    let hearing = tokio::spawn(async move { listen(&doctor, &path, None, 9).await });
    // Messages were delivered, so the policies have been checked.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let rule = r#"forbid (principal is Account, action == Action::"encounter.converse", resource)
                  when { principal.ranks has doctor };"#;
    decree(&hospital, &talk.clinic.tenant, rule, 1).await;
    talk.say(&talk.clinic.patient, "after").await;
    let heard = hearing.await.expect("ended");
    assert_eq!(heard.iter().map(|(event, _, _)| event.as_str()).collect::<Vec<_>>(), ["message", "end"]);
}

async fn messages_are_retained_for_three_years(hospital: TestHospital) {
    let talk = Talk::begin(&hospital).await;
    let clinic = &talk.clinic;
    talk.say(&clinic.patient, "one").await;
    let later = hospital.now().plus_days(1);
    let purge = async |client: &Client, code: &str| {
        let ask = json!({ "before": later.to_string() });
        let answer = client.ask(Method::POST, "/api/v1/conversations/purge", Some(ask)).await;
        assert_eq!(answer.code(), code, "{}", answer.text);
        answer.body
    };
    purge(&clinic.administrator, "RETENTION_HOLD").await;
    purge(&clinic.doctor, "AUTH_FORBIDDEN").await;
    hospital.advance(3 * 366 * 24 * 3600).await;
    let again = async |login: &str| hospital.anyone.sign_in(Some(&clinic.tenant), login).await;
    let (doctor, administrator) = (again("doctor").await, again("administrator").await);
    assert_eq!(talk.read(&doctor).await.len(), 1, "nothing goes unasked");
    assert_eq!(purge(&administrator, "").await["purged"], 1);
    assert_eq!(talk.read(&doctor).await.len(), 0);
}

async fn a_video_meeting_is_a_signed_token_for_the_provider(hospital: TestHospital) {
    let talk = Talk::begin(&hospital).await;
    let path = format!("{}/video", talk.visit);
    let unset = talk.clinic.doctor.ask(Method::POST, &path, None).await;
    assert_eq!((unset.status.as_u16(), unset.code()), (503, "VIDEO_UNAVAILABLE"));
    assert_eq!(talk.read(&talk.clinic.doctor).await.len(), 0);
    drop(hospital);

    let key = "0123456789abcdef0123456789abcdef";
    let video = Video {
        url: "https://meet.example/{room}?jwt={token}".to_owned(),
        key: key.to_owned().try_into().expect("a key"),
        issuer: "xinglin".to_owned(),
        audience: "jitsi".to_owned(),
        subject: "*".to_owned(),
    };
    let hospital = TestHospital::open_with(xinglin_store::Engine::Sqlite, |config| config.video = Some(video)).await;
    let talk = Talk::begin(&hospital).await;
    let (clinic, path) = (&talk.clinic, format!("{}/video", talk.visit));
    clinic.patient.refused(&path, json!(null), "AUTH_FORBIDDEN").await;
    let opened = clinic.doctor.post(&path, json!(null)).await;
    let (id, token) = (opened["id"].as_str().expect("an id"), opened["token"].as_str().expect("a token"));
    assert_eq!(opened["url"], format!("https://meet.example/{id}?jwt={token}"));
    let claims = |token: &str| {
        let mut wanted = Validation::new(Algorithm::HS256);
        wanted.set_audience(&["jitsi"]);
        wanted.set_issuer(&["xinglin"]);
        wanted.validate_nbf = true;
        let decoded = jsonwebtoken::decode::<Value>(token, &DecodingKey::from_secret(key.as_bytes()), &wanted);
        decoded.expect("a good token").claims
    };
    let doctor = claims(token);
    assert_eq!((&doctor["room"], &doctor["moderator"], &doctor["sub"]), (&json!(id), &json!(true), &json!("*")));
    assert_eq!(clinic.doctor.post(&path, json!(null)).await["id"], id, "one at a time");
    let joined = clinic.patient.post(&format!("{path}/{id}/join"), json!(null)).await;
    let patient = claims(joined["token"].as_str().expect("a token"));
    assert_eq!((&patient["room"], &patient["moderator"]), (&json!(id), &json!(false)));
    assert!(!patient.to_string().contains(&clinic.subject), "nobody is named");
    let visit = talk.visit.rsplit('/').next().expect("an id");
    assert!(!patient.to_string().contains(visit), "nor what for");

    let (stranger, _) = clinic.hire(Person::new("stranger", "patient")).await;
    stranger.refused(&format!("{path}/{id}/join"), json!(null), "NOT_FOUND").await;
    let other = "video-00000000000000000000000000";
    clinic.patient.refused(&format!("{path}/{other}/join"), json!(null), "ENC_STATE").await;
    clinic.doctor.ask(Method::POST, &format!("{path}/{id}/end"), None).await.done("end");
    clinic.patient.refused(&format!("{path}/{id}/join"), json!(null), "ENC_STATE").await;
    let said = clinic.patient.get(&talk.messages()).await;
    let events: Vec<&str> = said.as_array().expect("a list").iter().filter_map(|one| one["event"].as_str()).collect();
    assert_eq!(events, ["opened", "joined", "joined", "ended"]);
    assert!(said.as_array().expect("a list").iter().all(|one| one["author_kind"] == "system"));
    let second = clinic.doctor.post(&path, json!(null)).await;
    assert_ne!(second["id"], id);
    clinic.doctor.post(&format!("{}/close", talk.visit), json!({})).await;
    let join = format!("{path}/{}/join", second["id"].as_str().expect("an id"));
    clinic.patient.refused(&join, json!(null), "ENC_STATE").await;
    eventually("a record", async || clinic.patient.get(&talk.messages()).await.as_array().is_some()).await;
}
