//! SIGTERM: running requests finish, streams end, and the host exits.

use std::{path::Path, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use xinglin_domain::id::TenantId;
use xinglin_platform::ambient::Clock;
use xinglin_store::Engine;

use crate::support::{Clinic, Process, TestHospital, eventually, guest::Guest};

/// Both engines; each test opens its own hospital.
macro_rules! on_both_engines {
    ($($test:ident),*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(xinglin_store::Engine::Sqlite).await;
            })*
        }

        mod postgres_too {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(xinglin_store::Engine::Postgres).await;
            })*
        }
    };
}

on_both_engines!(what_has_begun_is_finished_and_the_process_ends, a_shadow_call_is_waited_for);

/// Duration of the scan, in seconds.
const SCAN: u64 = 3;

/// Less than `shutdown_grace_seconds`, which no test here reaches.
const SOON: Duration = Duration::from_secs(15);

async fn what_has_begun_is_finished_and_the_process_ends(engine: Engine) {
    let scan = format!(r#"["sh", "-c", "cat > /dev/null; sleep {SCAN}"]"#);
    let mut process = Process::open_with(engine, &[("XINGLIN_ATTACHMENTS__SCAN", &scan)]).await;
    let operator = process.anyone().sign_in(None, "operator").await;
    let clinic = Clinic::found(&operator, Clock::default().now(), &[]).await;
    let stream = format!("/api/v1/encounters/{}/messages/stream", clinic.visit().await);
    let mut listening = clinic.doctor.request(Method::GET, &stream).send().await.expect("a stream");
    let send = |name: &'static str| {
        let (patient, path) = (clinic.patient.clone(), format!("/api/v1/blobs?patient={}", clinic.subject));
        let bytes = format!("%PDF-1.7 of one who {name}");
        let headers = [("content-type", "application/pdf")];
        tokio::spawn(async move { patient.exchange(Method::POST, &path, &headers, bytes).await })
    };
    let (waits, leaves) = (send("waits"), send("leaves"));
    sleep(Duration::from_millis(1000)).await;
    leaves.abort();
    assert_eq!(files(process.folder(), &clinic), 0, "both are with the scanner");

    let begun = Instant::now();
    process.stop().await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let kept = waits.await.expect("an answer");
    assert_eq!(kept.status, 201, "{}", kept.text());
    let mut told = String::new();
    while let Some(chunk) = listening.chunk().await.expect("whole") {
        told.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(told.contains("event: end\ndata: again"), "{told}");

    process.start().await;
    assert_eq!(files(process.folder(), &clinic), 2);
    let path = format!("/api/v1/blobs/{}", kept.json()["id"].as_str().expect("an id"));
    assert_eq!(clinic.patient.exchange(Method::GET, &path, &[], "").await.bytes, b"%PDF-1.7 of one who waits");
    // Both have a row and an audit entry.
    let written =
        clinic.administrator.get(&format!("/api/v1/audit?patient={}&act=write&limit=100", clinic.subject)).await;
    let of_blobs = |entry: &&Value| entry.to_string().contains("POST /api/v1/blobs");
    let entries = written.as_array().expect("a list");
    assert_eq!(entries.iter().filter(of_blobs).count(), 2, "{written}");
}

/// Number of a clinic's attachments on disk.
fn files(data: &Path, clinic: &Clinic) -> usize {
    fn below(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| if entry.path().is_dir() { below(&entry.path()) } else { 1 }).sum()
    }
    below(&data.join("blobs").join(&clinic.tenant))
}

/// Loops until its deadline.
const SLOW: Guest = Guest::new("test.healthy", "(loop $again (br $again)) unreachable")
    .manifest("[limits]\ndeadline-ms = 3000")
    .version("1.1.0");

async fn a_shadow_call_is_waited_for(engine: Engine) {
    let hospital = TestHospital::open(engine).await;
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[]).await;
    Guest::healthy().enable(&hospital.operator, &clinic.tenant).await;
    let brought = hospital.operator.upload(SLOW.package()).await.done("/api/v1/plugins");
    let gate = json!({ "max_differing_percent": 100.0, "minimum_calls": 1 });
    let shadow = format!("{}/shadow", SLOW.path(&clinic.tenant));
    hospital.operator.put(&shadow, json!({ "version": "1.1.0", "gate": gate, "over_tapes": 0 })).await;
    let tenant: TenantId = clinic.tenant.parse().expect("a tenant");
    let digest = brought["digest"].as_str().expect("a digest").to_owned();
    let tasks = hospital.hospital.platform.tasks().clone();
    let before = tasks.running();
    clinic.signed().await;
    eventually("the candidate is called beside the requests", async || tasks.running() > before).await;
    // The server ends and its store closes after the last of them.
    assert_eq!(tasks.close_and_wait(SOON).await, 0);
    let reopened = hospital.reopened(|_| {}).await;
    let compared = reopened.store().tenant(tenant).shadow_summary(&digest).await.expect("a summary");
    assert_eq!(compared.same + compared.differing + compared.inconclusive, 1, "{compared:?}");
}
