//! Attachments: accepted types, access, and the virus scan.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_store::Engine;

use crate::support::{Client, Exchange, Person, TestHospital, record, rules_on_both_engines};

rules_on_both_engines!(
    TestHospital:
    an_attachment_is_readable_by_who_may_read_the_patient,
    attachments_of_a_restricted_compartment_are_hidden,
    an_attachment_must_match_its_declared_type,
    fhir_binary_serves_the_same_bytes,
);

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest of a picture";
const PDF: &[u8] = b"%PDF-1.7 and the rest of a document";

async fn send(client: &Client, query: &str, kind: &str, bytes: &'static [u8]) -> Exchange {
    client.exchange(Method::POST, &format!("/api/v1/blobs?{query}"), &[("content-type", kind)], bytes).await
}

async fn kept(client: &Client, query: &str, kind: &str, bytes: &'static [u8]) -> String {
    let sent = send(client, query, kind, bytes).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    format!("/api/v1/blobs/{}", sent.json()["id"].as_str().expect("an id"))
}

async fn get(client: &Client, path: &str) -> Exchange {
    client.exchange(Method::GET, path, &[], "").await
}

async fn an_attachment_is_readable_by_who_may_read_the_patient(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let whose = format!("patient={}", clinic.subject);
    let path = kept(&clinic.patient, &whose, "image/png", PNG).await;
    for client in [&clinic.patient, &clinic.doctor, &clinic.administrator] {
        let got = get(client, &path).await;
        assert_eq!((got.status.as_u16(), got.bytes.as_slice()), (200, PNG));
        assert_eq!((got.header("content-type"), got.header("x-content-type-options")), ("image/png", "nosniff"));
        assert!(got.header("content-disposition").starts_with("attachment; filename=\"blob-"), "{:?}", got.headers);
        assert_eq!(got.header("content-security-policy"), "sandbox; default-src 'none'");
        let again = client.exchange(Method::GET, &path, &[("if-none-match", got.header("etag"))], "").await;
        assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    }
    // The same bytes for another patient are another attachment.
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let other = other.trim_start_matches("Patient/").to_owned();
    let theirs = kept(&clinic.doctor, &format!("patient={other}"), "image/png", PNG).await;
    assert_ne!(theirs, path);
    assert_eq!(get(&clinic.patient, &theirs).await.code(), "NOT_FOUND");
    assert_eq!(send(&clinic.patient, &format!("patient={other}"), "image/png", PNG).await.code(), "NOT_FOUND");
    let elsewhere = hospital.clinic(&[]).await;
    for client in [&elsewhere.administrator, &elsewhere.doctor] {
        assert_eq!(get(client, &path).await.code(), "NOT_FOUND");
    }
    assert_eq!(get(&clinic.operator, &path).await.code(), "AUTH_FORBIDDEN");
    assert_eq!(send(&elsewhere.doctor, &whose, "image/png", PNG).await.code(), "NOT_FOUND");
    assert_eq!(send(&clinic.operator, &whose, "image/png", PNG).await.code(), "AUTH_FORBIDDEN");
    assert_eq!(get(&hospital.anyone, &path).await.status, 401);
    // The patient sees who read it.
    let accesses = clinic.patient.get(&format!("/api/v1/patients/{}/accesses", clinic.subject)).await;
    let readers = accesses.as_array().expect("a list").iter().filter(|access| access["who"] == "doctor");
    assert!(readers.count() >= 2, "{accesses}");
}

async fn attachments_of_a_restricted_compartment_are_hidden(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let whose = format!("patient={}&compartment=hiv", clinic.subject);
    let path = kept(&clinic.patient, &whose, "application/pdf", PDF).await;
    for client in [&clinic.doctor, &clinic.administrator] {
        assert_eq!(get(client, &path).await.code(), "NOT_FOUND");
        assert_eq!(get(client, &path.replace("/api/v1/blobs", "/fhir/R4/Binary")).await.code(), "NOT_FOUND");
    }
    assert_eq!(get(&clinic.patient, &path).await.bytes, PDF);
    let consent =
        json!({ "scope": { "compartment": "hiv" }, "recipient": { "role": "doctor" }, "purposes": ["treatment"] });
    clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), consent).await;
    assert_eq!(get(&clinic.doctor, &path).await.bytes, PDF);
    assert_eq!(get(&clinic.administrator, &path).await.code(), "NOT_FOUND");
}

async fn an_attachment_must_match_its_declared_type(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let whose = format!("patient={}", clinic.subject);
    for (kind, bytes) in [
        ("image/png", PDF),
        ("application/pdf", PNG),
        ("text/html", b"<script>".as_slice()),
        ("image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("image/png", b""),
        ("application/octet-stream", PNG),
    ] {
        let refused = send(&clinic.patient, &whose, kind, bytes).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "BLOB_TYPE"), "{kind}");
    }
    let nobody = "patient=pat-00000000000000000000000000";
    assert_eq!(send(&clinic.doctor, nobody, "image/png", PNG).await.code(), "NOT_FOUND");
    for query in ["", "patient=x", "compartment=hiv"] {
        assert_eq!(send(&clinic.doctor, query, "image/png", PNG).await.code(), "BODY_INVALID", "{query}");
    }
    let folder = hospital.hospital.config().data_dir.join("blobs").join(&clinic.tenant);
    assert!(!folder.exists(), "nothing of it was kept");
    let large = vec![0xff; (20 << 20) + 1];
    let path = format!("/api/v1/blobs?{whose}");
    let refused = clinic.patient.exchange(Method::POST, &path, &[("content-type", "image/jpeg")], large).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (413, "BODY_TOO_LARGE"));
}

async fn fhir_binary_serves_the_same_bytes(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (service, _) = clinic.hire(Person::new("second", "administrator")).await;
    let binary = json!({
        "resourceType": "Binary", "contentType": "application/pdf",
        "securityContext": { "reference": format!("Patient/{}", clinic.subject) }, "data": "JVBERi0xLjcgeA==",
    });
    let headers = [("content-type", "application/fhir+json")];
    let created = service.exchange(Method::POST, "/fhir/R4/Binary", &headers, binary.to_string()).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let location = created.header("location").to_owned();
    assert!(location.ends_with(created.json()["id"].as_str().expect("an id")), "{location}");
    let attachment = json!({
        "resourceType": "DocumentReference", "status": "current",
        "subject": { "reference": format!("Patient/{}", clinic.subject) },
        "content": [{ "attachment": { "contentType": "application/pdf", "url": location } }],
    });
    let kept = clinic.administrator.post("/fhir/R4/DocumentReference", attachment).await;
    let url = kept.pointer("/content/0/attachment/url").and_then(Value::as_str).expect("a URL");
    let got = get(&clinic.doctor, url).await;
    assert_eq!((got.header("content-type"), got.bytes.as_slice()), ("application/pdf", b"%PDF-1.7 x".as_slice()));
    let json = clinic.doctor.exchange(Method::GET, url, &[("accept", "application/fhir+json")], "").await;
    assert_eq!((&json.json()["data"], &json.json()["resourceType"]), (&json!("JVBERi0xLjcgeA=="), &json!("Binary")));

    let context = format!("Patient/{}", clinic.subject);
    let raw = [("content-type", "image/png"), ("x-security-context", context.as_str())];
    let created = clinic.doctor.exchange(Method::POST, "/fhir/R4/Binary", &raw, PNG).await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(get(&clinic.patient, created.header("location")).await.bytes, PNG);
    for (headers, body) in [
        (vec![("content-type", "image/png")], "x".to_owned()),
        (vec![("content-type", "application/fhir+json")], "{\"resourceType\":\"Patient\"}".to_owned()),
        (vec![("content-type", "application/fhir+json")], binary.to_string().replace("JVBE", "*")),
    ] {
        let refused = clinic.doctor.exchange(Method::POST, "/fhir/R4/Binary", &headers, body).await;
        assert_eq!(refused.code(), "FHIR_INVALID");
    }
    // There is no other way to store or change one.
    let bundle = record::transaction(std::slice::from_ref(&binary));
    clinic.administrator.refused("/fhir/R4", bundle, "FHIR_INVALID").await;
    assert_eq!(
        clinic.administrator.ask(Method::PUT, &location.replace(clinic.doctor.base(), ""), Some(binary)).await.status,
        405
    );
}

/// With this scanner; the answers to a clean and to an infected file.
async fn scanned(engine: Engine, scan: &str) -> [(u16, String); 2] {
    let program = ["sh", "-c", scan].map(str::to_owned).to_vec();
    let hospital = TestHospital::open_with(engine, |config| {
        config.attachments.scan = program;
        config.attachments.scan_seconds = 2;
    })
    .await;
    let clinic = hospital.clinic(&[]).await;
    let whose = format!("patient={}", clinic.subject);
    let clean = send(&clinic.patient, &whose, "image/png", PNG).await;
    let infected = send(&clinic.patient, &whose, "application/pdf", b"%PDF-1.7 EICAR").await;
    let folder = hospital.hospital.config().data_dir.join("blobs").join(&clinic.tenant);
    let files = std::fs::read_dir(folder).map_or(0, Iterator::count);
    assert_eq!(files, usize::from(clean.status == 201), "what is refused is not kept");
    [clean, infected].map(|answer| (answer.status.as_u16(), answer.code()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_scan_times_out_with_its_code() {
    let program = ["sh", "-c", "sleep 60"].map(str::to_owned).to_vec();
    let hospital = TestHospital::open_with(Engine::Sqlite, |config| {
        config.attachments.scan = program;
        config.request_timeout_seconds = 5;
    })
    .await;
    let clinic = hospital.clinic(&[]).await;
    let late = send(&clinic.patient, &format!("patient={}", clinic.subject), "image/png", PNG).await;
    assert_eq!((late.status.as_u16(), late.code()), (503, "REQUEST_TIMEOUT".to_owned()), "{}", late.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_is_stored_only_after_its_scan() {
    let found = (422, "BLOB_INFECTED".to_owned());
    let unseen = (503, "BLOB_UNSCANNED".to_owned());
    let good = (201, String::new());
    assert_eq!(scanned(Engine::Sqlite, "! grep -q EICAR").await, [good, found]);
    for broken in ["exit 2", "sleep 60", "kill -9 $$"] {
        assert_eq!(scanned(Engine::Sqlite, broken).await, [unseen.clone(), unseen.clone()], "{broken}");
    }
}
