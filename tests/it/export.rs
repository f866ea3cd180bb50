//! Bulk exports: content, access, and audit entries.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_store::Queue;

use crate::support::{Client, Clinic, Exchange, Person, TestHospital, clinic::id, eventually, on_both_engines, record};

on_both_engines!(
    TestHospital:
    an_export_holds_exactly_what_may_be_exported,
    export_parameters_are_honoured_or_refused,
    an_export_is_readable_by_its_requester_only,
    files_are_kept_for_a_day,
    an_export_of_a_dead_host_is_taken_over,
);

async fn get(client: &Client, path: &str) -> Exchange {
    client.exchange(Method::GET, path, &[("prefer", "respond-async")], "").await
}

/// Starts an export; returns its status URL.
async fn ask(client: &Client, path: &str) -> String {
    let asked = get(client, &format!("/fhir/R4{path}")).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let status = asked.header("content-location").to_owned();
    assert!(status.starts_with(client.base()), "{status}");
    status
}

async fn manifest(client: &Client, status: &str) -> Value {
    eventually("an export", async || get(client, status).await.status != 202).await;
    let done = get(client, status).await;
    assert_eq!((done.status.as_u16(), done.header("content-type")), (200, "application/json"), "{}", done.text());
    assert!(done.header("expires").ends_with("GMT"), "{:?}", done.headers);
    done.json()
}

/// All lines of all files, each of the type in the manifest.
async fn lines(client: &Client, manifest: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for output in manifest["output"].as_array().expect("a list") {
        let url = output["url"].as_str().expect("a URL");
        let file = client.exchange(Method::GET, url, &[("accept", "application/fhir+ndjson")], "").await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "application/fhir+ndjson"));
        assert_eq!(file.header("content-length"), file.bytes.len().to_string());
        let text = file.text();
        assert!(text.ends_with('\n'), "{text}");
        let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a resource")).collect();
        assert_eq!(output["count"], found.len(), "{output}");
        assert!(found.iter().all(|resource| resource["resourceType"] == output["type"]));
        all.extend(found);
    }
    all
}

async fn exported(client: &Client, path: &str) -> Vec<Value> {
    let status = ask(client, path).await;
    lines(client, &manifest(client, &status).await).await
}

fn names(resources: &[Value]) -> BTreeSet<String> {
    let name = |key: &Value| key.as_str().unwrap_or_default().to_owned();
    resources.iter().map(|one| format!("{}/{}", name(&one["resourceType"]), name(&one["id"]))).collect()
}

async fn consent(clinic: &Clinic, provision: &str, scope: Value) -> String {
    let ask = json!({ "provision": provision, "scope": scope, "recipient": "export", "purposes": ["treatment"] });
    let given = clinic.patient.post(&format!("/api/v1/patients/{}/consents", clinic.subject), ask).await;
    given["id"].as_str().expect("an id").to_owned()
}

async fn an_export_holds_exactly_what_may_be_exported(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    // More than a page, and of two patients.
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let many: Vec<Value> =
        (0..1100).map(|_| record::result(id(&other), hospital.now(), "2339-0", "5.60", "mmol/L")).collect();
    clinic.import(&many).await;
    let organization = clinic.import(&[json!({ "resourceType": "Organization", "name": "City" })]).await.remove(0);
    let hidden =
        clinic.import(&[record::result(&clinic.subject, hospital.now(), "20447-9", "40", "1")]).await.remove(0);

    let all = exported(&clinic.administrator, "/$export").await;
    let found = names(&all);
    assert_eq!(found.len(), all.len(), "each once");
    assert!(found.contains(&organization) && found.contains(&format!("Patient/{}", clinic.subject)));
    assert!(clinic.evidence.iter().all(|evidence| found.contains(evidence)));
    assert_eq!(all.iter().filter(|one| one["subject"]["reference"] == other.as_str()).count(), 1100);
    assert!(!found.contains(&hidden), "a compartment is closed");
    let one = all.iter().find(|one| one["valueQuantity"]["unit"] == "mmol/L").expect("a result");
    assert_eq!(one["valueQuantity"]["value"].to_string(), "5.60", "to the digit");

    let of_patients = names(&exported(&clinic.administrator, "/Patient/$export").await);
    let difference: Vec<&String> = found.difference(&of_patients).collect();
    assert_eq!(difference, [&organization]);

    // The patient's consents, either way.
    let opened = consent(&clinic, "permit", json!({ "compartment": "hiv" })).await;
    assert!(names(&exported(&clinic.administrator, "/$export").await).contains(&hidden));
    consent(&clinic, "refuse", json!("record")).await;
    let refused = exported(&clinic.administrator, "/$export").await;
    let of_subject = |one: &&Value| one.to_string().contains(&clinic.subject);
    assert_eq!(refused.iter().filter(of_subject).count(), 0, "not even that there is such a patient");
    assert_eq!(refused.iter().filter(|one| one["subject"]["reference"] == other.as_str()).count(), 1100);
    clinic.patient.post(&format!("/api/v1/consents/{opened}/revoke"), json!(null)).await;

    // The patient sees the recipient, once per export; and there was no failure.
    let accesses = clinic.patient.get(&format!("/api/v1/patients/{}/accesses", clinic.subject)).await;
    let told = accesses.as_array().expect("a list").iter().filter(|one| one["act"] == "disclose").count();
    assert_eq!(told, 3, "{accesses}");
    assert_eq!(clinic.administrator.get("/api/v1/audit/chain").await["intact"], true);
}

async fn export_parameters_are_honoured_or_refused(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let admin = &clinic.administrator;
    let typed = exported(admin, "/$export?_type=Patient,Condition&_outputFormat=application/fhir+ndjson").await;
    assert_eq!(typed.len(), 2);
    // Changes since the last export, which states its own time.
    let status = ask(admin, "/$export?_type=Observation").await;
    let before = manifest(admin, &status).await;
    assert_eq!(before["request"], format!("{}/fhir/R4/$export?_type=Observation", admin.base()));
    assert_eq!((&before["requiresAccessToken"], &before["error"]), (&json!(true), &json!([])));
    hospital.advance(3600).await;
    let since = before["transactionTime"].as_str().expect("a time").to_owned();
    let later = hospital.now().to_string();
    assert_eq!(exported(admin, &format!("/$export?_type=Observation&_since={since}")).await.len(), 2);
    let new = clinic.import(&[record::result(&clinic.subject, hospital.now(), "4548-4", "6.90", "%")]).await;
    let found = exported(admin, &format!("/$export?_type=Observation&_since={later}")).await;
    assert_eq!(names(&found), new.into_iter().collect());

    // And deletions, if the resource was accessible.
    let hidden =
        clinic.import(&[record::result(&clinic.subject, hospital.now(), "20447-9", "40", "1")]).await.remove(0);
    let gone = names(&found).into_iter().next().expect("one");
    for resource in [&gone, &hidden] {
        admin.ask(Method::DELETE, &format!("/fhir/R4/{resource}"), None).await;
    }
    let status = ask(admin, &format!("/$export?_since={later}")).await;
    let after = manifest(admin, &status).await;
    assert_eq!((&after["deleted"][0]["type"], &after["deleted"][0]["count"]), (&json!("Bundle"), &json!(1)), "{after}");
    let deleted = get(admin, after["deleted"][0]["url"].as_str().expect("a URL")).await.text();
    assert!(deleted.contains(&gone) && !deleted.contains(&hidden) && deleted.ends_with("}\n"), "{deleted}");
    assert_eq!(lines(admin, &after).await.iter().filter(|one| one["resourceType"] == "Observation").count(), 0);

    let refused = admin.exchange(Method::GET, "/fhir/R4/$export", &[], "").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "BODY_INVALID"));
    for query in ["_typeFilter=Patient%3Factive=true", "_outputFormat=csv", "_since=yesterday", "_type=pati%20ent"] {
        let refused = get(admin, &format!("/fhir/R4/$export?{query}")).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "BODY_INVALID"), "{query}");
    }
    let lenient = [("prefer", "respond-async, handling=lenient")];
    let taken = admin.exchange(Method::GET, "/fhir/R4/$export?_typeFilter=x", &lenient, "").await;
    assert_eq!(taken.status, 202);
    assert_eq!(get(admin, "/fhir/R4/Group/$export").await.status, 404, "there are no groups, as is stated");
}

async fn an_export_is_readable_by_its_requester_only(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    for (who, client) in [("doctor", &clinic.doctor), ("patient", &clinic.patient), ("operator", &clinic.operator)] {
        assert_eq!(get(client, "/fhir/R4/$export").await.code(), "AUTH_FORBIDDEN", "{who}");
    }
    let (other, _) = clinic.hire(Person::new("other", "administrator")).await;
    let elsewhere = hospital.clinic(&[]).await;
    let status = ask(&clinic.administrator, "/$export").await;
    let done = manifest(&clinic.administrator, &status).await;
    let url = done["output"][0]["url"].as_str().expect("a URL");
    for client in [&other, &elsewhere.administrator] {
        for path in [status.as_str(), url] {
            assert_eq!(get(client, path).await.code(), "NOT_FOUND", "{path}");
        }
        assert_eq!(client.exchange(Method::DELETE, &status, &[], "").await.code(), "NOT_FOUND");
    }
    assert_eq!(get(&hospital.anyone, url).await.status, 401);
    for name in ["..%2F..%2Fhost.key", "%2e%2e", "Nothing.ndjson", ".ndjson", "Patient"] {
        assert_eq!(get(&clinic.administrator, &format!("{status}/{name}")).await.status, 404, "{name}");
    }
    assert_eq!(get(&clinic.administrator, url).await.status, 200);
    let cancelled = clinic.administrator.exchange(Method::DELETE, &status, &[], "").await;
    assert_eq!(cancelled.status, 202);
    for path in [status.as_str(), url] {
        assert_eq!(get(&clinic.administrator, path).await.status, 404, "{path}");
    }
    let folder = hospital.hospital.config().data_dir.join("exports").join(&clinic.tenant);
    eventually("the files go", async || std::fs::read_dir(&folder).is_ok_and(|mut left| left.next().is_none())).await;
}

async fn files_are_kept_for_a_day(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let status = ask(&clinic.administrator, "/$export").await;
    manifest(&clinic.administrator, &status).await;
    hospital.advance(23 * 3600).await;
    assert_eq!(get(&clinic.administrator, &status).await.status, 200);
    hospital.advance(3601).await;
    assert_eq!(get(&clinic.administrator, &status).await.status, 404);
    let folder = hospital.hospital.config().data_dir.join("exports").join(&clinic.tenant);
    eventually("the files go", async || std::fs::read_dir(&folder).is_ok_and(|mut left| left.next().is_none())).await;
}

/// The state after a `kill -9`: claimed, partly written, without a worker.
async fn an_export_of_a_dead_host_is_taken_over(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let operator = hospital.hospital.store().operator();
    // Claimed here before another worker does.
    let (status, claimed) = loop {
        let status = ask(&clinic.administrator, "/$export?_type=Patient").await;
        let tx = operator.begin().await.expect("begun");
        let now = hospital.now();
        let claimed = tx.claim_work(Queue::Export, now, now.plus_seconds(60), 1).await.expect("claimed").pop();
        tx.commit().await.expect("committed");
        match claimed {
            Some(export) => break (status, export),
            None => drop(manifest(&clinic.administrator, &status).await),
        }
        clinic.administrator.exchange(Method::DELETE, &status, &[], "").await;
    };
    let folder = hospital.hospital.config().data_dir.join("exports").join(&clinic.tenant).join(&claimed.id);
    std::fs::create_dir_all(folder.join("1")).expect("a folder");
    std::fs::write(folder.join("1/Patient.ndjson"), "{\"half\":").expect("a file");
    assert_eq!(get(&clinic.administrator, &status).await.status, 202);
    hospital.advance(61).await;
    let done = manifest(&clinic.administrator, &status).await;
    assert_eq!(lines(&clinic.administrator, &done).await.len(), 1);
    assert!(!folder.join("1").exists(), "what was begun is not there any more");
}
