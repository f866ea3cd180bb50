//! Passkeys, with an authenticator in a separate process; and hospitals that require a second
//! factor of their staff.

use std::{path::Path, process::Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
};
use totp_rs::{Builder, Secret};
use xinglin_store::Engine;

use crate::support::{Answer, Client, Clinic, PASSWORD, TestHospital, built, rules_on_both_engines};

rules_on_both_engines!(
    Bench:
    a_passkey_signs_in_as_both_factors,
    a_registration_that_fails_verification_is_refused,
    a_cloned_passkey_is_detected,
    a_tenant_can_require_a_second_factor,
);

const ORIGIN: &str = "https://hospital.example";
const OFFER: &str = "/api/v1/me/passkeys/offer";
const CONFIRM: &str = "/api/v1/me/passkeys/confirm";
const KNOCK: &str = "/api/v1/sessions/passkey/offer";
const ENTER: &str = "/api/v1/sessions/passkey/confirm";
const PATIENTS: &str = "/fhir/R4/Patient";

/// The authenticator, over two pipes.
struct Authenticator {
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    _child: Child,
}

impl Authenticator {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/clients/authenticator.py");
        let mut child = Command::new(built("python/bin/python", "cargo xtask setup"))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the authenticator starts");
        let (stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Self { pipes: Mutex::new((stdin, BufReader::new(stdout).lines())), _child: child }
    }

    async fn ask(&self, what: &str, offer: &Value, more: Value) -> Value {
        let mut ask = json!({ "do": what, "options": offer["options"], "origin": ORIGIN });
        for (key, value) in more.as_object().into_iter().flatten() {
            ask[key] = value.clone();
        }
        let mut pipes = self.pipes.lock().await;
        pipes.0.write_all(format!("{ask}\n").as_bytes()).await.expect("it listens");
        let line = pipes.1.next_line().await.expect("it answers").expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }
}

struct Bench {
    hospital: TestHospital,
    clinic: Clinic,
    device: Authenticator,
}

impl Bench {
    async fn open(engine: Engine) -> Self {
        let hospital = TestHospital::open_with(engine, |config| config.public_url = Some(ORIGIN.to_owned())).await;
        let clinic = hospital.clinic(&[]).await;
        Self { hospital, clinic, device: Authenticator::start() }
    }

    /// Registers a key; returns its name.
    async fn key(&self, who: &Client) -> String {
        let offer = who.post(OFFER, json!({ "password": PASSWORD })).await;
        let made = self.device.ask("create", &offer, json!({})).await;
        let answer = json!({ "ceremony": offer["ceremony"], "name": "phone", "credential": made });
        who.post(CONFIRM, answer).await["id"].as_str().expect("a name").to_owned()
    }

    async fn knock(&self) -> Value {
        self.hospital.anyone.post(KNOCK, json!({ "tenant": self.clinic.tenant })).await
    }

    async fn enter(&self, ceremony: &Value, credential: Value) -> Answer {
        let ask = json!({ "tenant": self.clinic.tenant, "ceremony": ceremony["ceremony"], "credential": credential });
        self.hospital.anyone.ask(Method::POST, ENTER, Some(ask)).await
    }

    /// Signs in with a key.
    async fn sign_in(&self, key: &str, more: Value) -> Answer {
        let ceremony = self.knock().await;
        let mut told = json!({ "key": key });
        for (name, value) in more.as_object().into_iter().flatten() {
            told[name] = value.clone();
        }
        self.enter(&ceremony, self.device.ask("get", &ceremony, told).await).await
    }

    async fn password(&self, login: &str) -> (Value, Client) {
        let ask = json!({ "tenant": self.clinic.tenant, "login": login, "password": PASSWORD });
        let session = self.hospital.anyone.post("/api/v1/sessions", ask).await;
        let client = self.hospital.anyone.with_token(session["access_token"].as_str());
        (session, client)
    }

    fn rules(&self) -> String {
        format!("/api/v1/tenants/{}/sign-in-rules", self.clinic.tenant)
    }
}

async fn a_passkey_signs_in_as_both_factors(bench: Bench) {
    let doctor = &bench.clinic.doctor;
    doctor.refused(OFFER, json!({ "password": "a wrong password" }), "AUTH_FORBIDDEN").await;
    let key = bench.key(doctor).await;
    let listed = doctor.get("/api/v1/me/passkeys").await;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"], &listed[0]["used_at"]),
        (&json!(key), &json!("phone"), &json!(null))
    );
    let offer = doctor.post(OFFER, json!({ "password": PASSWORD })).await;
    assert_eq!(offer["options"]["publicKey"]["excludeCredentials"][0]["id"], key.as_str(), "not twice on one device");

    let session = bench.sign_in(&key, json!({})).await.done(ENTER);
    assert_eq!(
        (&session["second_factor_first"], &session["account"]),
        (&json!(false), &doctor.get("/api/v1/me").await["id"])
    );
    let signed_in = bench.hospital.anyone.with_token(session["access_token"].as_str());
    signed_in.get(PATIENTS).await;
    assert_ne!(doctor.get("/api/v1/me/passkeys").await[0]["used_at"], json!(null));
    bench.sign_in(&key, json!({})).await.done("again");

    // Only one's own keys can be removed, effective at once.
    let path = format!("/api/v1/me/passkeys/{key}");
    bench.clinic.pharmacist.ask(Method::DELETE, &path, None).await.refused(&path, "NOT_FOUND");
    doctor.ask(Method::DELETE, &path, None).await.done(&path);
    bench.sign_in(&key, json!({})).await.refused("removed", "AUTH_REQUIRED");

    // A key does not open a suspended account.
    let key = bench.key(doctor).await;
    let me = doctor.get("/api/v1/me").await["id"].as_str().expect("an id").to_owned();
    let suspend = format!("/api/v1/tenants/{}/accounts/{me}/suspend", bench.clinic.tenant);
    bench.clinic.administrator.post(&suspend, json!({ "reason": "left" })).await;
    bench.sign_in(&key, json!({})).await.refused("suspended", "AUTH_REQUIRED");
}

async fn a_registration_that_fails_verification_is_refused(bench: Bench) {
    let doctor = &bench.clinic.doctor;
    for (what, told) in [
        ("nobody was verified", json!({ "verified": false })),
        ("for another site", json!({ "origin": "https://evil.example" })),
        ("for another name", json!({ "rp": "evil.example" })),
        ("of another challenge", json!({ "challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" })),
    ] {
        let offer = doctor.post(OFFER, json!({ "password": PASSWORD })).await;
        let made = bench.device.ask("create", &offer, told).await;
        let answer = json!({ "ceremony": offer["ceremony"], "name": "phone", "credential": made });
        doctor.ask(Method::POST, CONFIRM, Some(answer.clone())).await.refused(what, "AUTH_REQUIRED");
        doctor.ask(Method::POST, CONFIRM, Some(answer)).await.refused("one try", "AUTH_REQUIRED");
    }
    // A ceremony is valid for the person who began it, once, for five minutes.
    let offer = doctor.post(OFFER, json!({ "password": PASSWORD })).await;
    let made = bench.device.ask("create", &offer, json!({})).await;
    let answer = json!({ "ceremony": offer["ceremony"], "name": "phone", "credential": made });
    bench.clinic.pharmacist.refused(CONFIRM, answer.clone(), "AUTH_REQUIRED").await;
    doctor.refused(CONFIRM, answer, "AUTH_REQUIRED").await;
    let offer = doctor.post(OFFER, json!({ "password": PASSWORD })).await;
    let made = bench.device.ask("create", &offer, json!({})).await;
    bench.hospital.advance(301).await;
    let answer = json!({ "ceremony": offer["ceremony"], "name": "phone", "credential": made });
    doctor.refused(CONFIRM, answer.clone(), "AUTH_REQUIRED").await;
    for bad in [json!({ "name": "" }), json!({ "credential": { "id": "x" } }), json!({ "credential": null })] {
        let mut answer = answer.clone();
        for (name, value) in bad.as_object().into_iter().flatten() {
            answer[name] = value.clone();
        }
        doctor.refused(CONFIRM, answer, "BODY_INVALID").await;
    }

    let (key, theirs) = (bench.key(doctor).await, bench.key(&bench.clinic.pharmacist).await);
    for (what, told) in [
        ("nobody was verified", json!({ "verified": false })),
        ("for another site", json!({ "origin": "https://evil.example" })),
        ("for another name", json!({ "rp": "evil.example" })),
        ("of another challenge", json!({ "challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" })),
        ("signed wrongly", json!({ "honest": false })),
        ("of another person", json!({ "user": "AAAAAAAAAAAAAAAAAAAAAQ" })),
    ] {
        bench.sign_in(&key, told).await.refused(what, "AUTH_REQUIRED");
    }
    // A ceremony is valid once, whoever uses it.
    let ceremony = bench.knock().await;
    let told = bench.device.ask("get", &ceremony, json!({ "key": theirs })).await;
    bench.enter(&ceremony, told.clone()).await.done(ENTER);
    bench.enter(&ceremony, told).await.refused("again", "AUTH_REQUIRED");
    let other = bench.hospital.clinic(&[]).await;
    let elsewhere = bench.hospital.anyone.post(KNOCK, json!({ "tenant": other.tenant })).await;
    let told = bench.device.ask("get", &elsewhere, json!({ "key": key })).await;
    bench.enter(&elsewhere, told.clone()).await.refused("another hospital's ceremony", "AUTH_REQUIRED");
    let ask = json!({ "tenant": other.tenant, "ceremony": elsewhere["ceremony"], "credential": told });
    bench.hospital.anyone.refused(ENTER, ask, "AUTH_REQUIRED").await;
    bench.hospital.anyone.refused(KNOCK, json!({ "tenant": "ten-00000000000000000000000009" }), "NOT_FOUND").await;
    let late = bench.knock().await;
    let told = bench.device.ask("get", &late, json!({ "key": key })).await;
    bench.hospital.advance(301).await;
    bench.enter(&late, told).await.refused("late", "AUTH_REQUIRED");
    bench.sign_in(&key, json!({})).await.done("none of these spoiled it");
}

async fn a_cloned_passkey_is_detected(bench: Bench) {
    let key = bench.key(&bench.clinic.doctor).await;
    bench.sign_in(&key, json!({ "counter": 7 })).await.done("it counts");
    for behind in [7, 6, 1, 0] {
        bench.sign_in(&key, json!({ "counter": behind })).await.refused("a copy", "AUTH_REQUIRED");
    }
    bench.sign_in(&key, json!({ "counter": 8 })).await.done("the original goes on");
    // Keys that are synchronised between devices have no counter.
    let kept = bench.key(&bench.clinic.pharmacist).await;
    for _ in 0..2 {
        bench.sign_in(&kept, json!({ "counter": 0 })).await.done("uncounted");
    }
}

async fn a_tenant_can_require_a_second_factor(bench: Bench) {
    let administrator = &bench.clinic.administrator;
    let strict = json!({ "second_factor": true });
    assert_eq!(administrator.get(&bench.rules()).await, json!({ "second_factor": false }));
    bench
        .clinic
        .doctor
        .ask(Method::PUT, &bench.rules(), Some(strict.clone()))
        .await
        .refused("a doctor", "AUTH_FORBIDDEN");
    // Administrators cannot lock themselves out.
    administrator.ask(Method::PUT, &bench.rules(), Some(strict.clone())).await.refused("weak", "AUTH_SECOND_FACTOR");
    bench.key(administrator).await;
    assert_eq!(administrator.put(&bench.rules(), strict.clone()).await, strict);
    let other = bench.hospital.clinic(&[]).await;
    other.administrator.ask(Method::PUT, &bench.rules(), Some(strict)).await.refused("another's", "NOT_FOUND");

    // Effective at once, for existing and new sessions.
    let (session, doctor) = bench.password("doctor").await;
    assert_eq!(session["second_factor_first"], true);
    for (client, method, path) in [
        (&bench.clinic.doctor, Method::GET, PATIENTS),
        (&doctor, Method::GET, PATIENTS),
        (&doctor, Method::GET, "/api/v1/calls"),
        (&doctor, Method::POST, "/api/v1/launches"),
        (&doctor, Method::POST, "/api/v1/me/password"),
    ] {
        let refused = client.ask(method, path, Some(json!({}))).await.refused(path, "AUTH_SECOND_FACTOR");
        assert!(
            refused["detail"].as_str().is_some_and(|text| text.contains("/api/v1/me/passkeys/offer"))
                || path == PATIENTS,
            "{refused}"
        );
    }
    doctor.get("/api/v1/me").await;
    doctor.get("/api/v1/sessions").await;
    // Patients are not staff.
    bench.clinic.patient.get(PATIENTS).await;
    assert_eq!(bench.password("patient").await.0["second_factor_first"], false);

    // Setting up an authenticator strengthens its own session only.
    let offer = doctor.post("/api/v1/me/second-factor", json!({ "password": PASSWORD })).await;
    let secret = Secret::try_from_base32(offer["secret"].as_str().expect("a secret")).expect("base32");
    let authenticator = Builder::new().with_secret(secret).with_account_name("doctor").build().expect("RFC 6238");
    let code = || {
        let seconds = u64::try_from(bench.hospital.now().micros() / 1_000_000).expect("after 1970");
        authenticator.generate(seconds).to_string()
    };
    let path = "/api/v1/me/second-factor/confirm";
    doctor.ask(Method::POST, path, Some(json!({ "code": code() }))).await.done(path);
    doctor.get(PATIENTS).await;
    bench.clinic.doctor.hidden(PATIENTS, "AUTH_SECOND_FACTOR").await;
    bench.hospital.advance(60).await;
    let ask = json!({ "tenant": bench.clinic.tenant, "login": "doctor", "password": PASSWORD, "code": code() });
    let session = bench.hospital.anyone.post("/api/v1/sessions", ask).await;
    assert_eq!(session["second_factor_first"], false);
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    let next = bench.hospital.anyone.post("/api/v1/sessions/refresh", refresh).await;
    bench.hospital.anyone.with_token(next["access_token"].as_str()).get(PATIENTS).await;

    // So does a passkey.
    let (_, pharmacist) = bench.password("pharmacist").await;
    pharmacist.hidden(PATIENTS, "AUTH_SECOND_FACTOR").await;
    let key = bench.key(&pharmacist).await;
    pharmacist.get(PATIENTS).await;
    let session = bench.sign_in(&key, json!({})).await.done(ENTER);
    bench.hospital.anyone.with_token(session["access_token"].as_str()).get(PATIENTS).await;

    // A rule that is removed is not enforced any more.
    administrator.put(&bench.rules(), json!({ "second_factor": false })).await;
    bench.clinic.doctor.get(PATIENTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passkeys_need_a_public_host_name() {
    let hospital = TestHospital::open(Engine::Sqlite).await;
    let clinic = hospital.clinic(&[]).await;
    clinic.doctor.refused(OFFER, json!({ "password": PASSWORD }), "NOT_FOUND").await;
    hospital.anyone.refused(KNOCK, json!({ "tenant": clinic.tenant }), "NOT_FOUND").await;
}
