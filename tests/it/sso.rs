//! Sign-in with a hospital's own identity provider: a real provider, and a browser with cookies.

use std::{net::TcpListener, path::Path, process::Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use xinglin_store::Engine;

use crate::support::{
    Client, Clinic, PASSWORD, TestHospital,
    browser::{Browser, Seen},
    built, rules_on_both_engines,
};

rules_on_both_engines!(
    Bench:
    a_user_signs_in_at_the_configured_provider,
    a_callback_is_valid_once_in_its_browser,
    an_unknown_user_is_refused,
    unsound_provider_settings_are_refused,
);

/// A hospital and a provider.
struct Bench {
    hospital: TestHospital,
    clinic: Clinic,
    issuer: String,
    /// Ends with this.
    _provider: Child,
}

impl Bench {
    async fn open(engine: Engine) -> Self {
        Self::open_with(engine, &["127.0.0.1/32"], "some").await
    }

    async fn open_with(engine: Engine, networks: &[&str], id_token_claims: &str) -> Self {
        let networks = networks.iter().map(|network| (*network).to_owned()).collect();
        let hospital = TestHospital::open_with(engine, |config| config.egress.open_networks = networks).await;
        let clinic = hospital.clinic(&[]).await;
        let package = built("node/node_modules/oidc-provider/package.json", "cargo xtask setup");
        let modules = package.ancestors().nth(2).expect("a folder of modules").to_owned();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/clients/oidc_provider.mjs");
        let mut provider = Command::new("node")
            .arg(script)
            .env("MODULES", modules)
            .env("BACK", format!("{}/api/v1/sso/{}/callback", hospital.anyone.base(), clinic.tenant))
            .env("ID_TOKEN_CLAIMS", id_token_claims)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the provider starts");
        let mut said = BufReader::new(provider.stdout.take().expect("a pipe")).lines();
        let issuer = said.next_line().await.expect("it says where it listens").expect("a line");
        Self { hospital, clinic, issuer, _provider: provider }
    }

    fn path(&self) -> String {
        format!("/api/v1/tenants/{}/identity-provider", self.clinic.tenant)
    }

    fn provider(&self, change: Value) -> Value {
        let mut provider = json!({
            "issuer": self.issuer, "client_id": "xinglin", "client_secret": "a secret of its own: + & %",
            "scopes": ["profile", "email"], "login_claim": "preferred_username",
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            provider[key] = value.clone();
        }
        provider
    }

    async fn trust(&self, change: Value) -> Value {
        self.clinic.administrator.put(&self.path(), self.provider(change)).await
    }

    fn start(&self) -> String {
        format!("{}/api/v1/sso/{}/start", self.hospital.anyone.base(), self.clinic.tenant)
    }

    /// From that URL to the callback, as this person; the callback is not called.
    async fn way_back(&self, browser: &Browser, url: &str, person: &str) -> String {
        let mut url = url.to_owned();
        for _ in 0..12 {
            let seen = browser.open(&url).await;
            url = match seen.status.as_u16() {
                200 => self.on_page(browser, &url, &seen, person).await,
                _ => self.absolute(seen.location()),
            };
            if url.starts_with(self.hospital.anyone.base()) {
                return url;
            }
        }
        panic!("the provider sends people in circles: {url}");
    }

    /// Submits a page of the provider as this person.
    async fn on_page(&self, browser: &Browser, url: &str, page: &Seen, person: &str) -> String {
        let prompt = page.field("prompt");
        let typed = [("prompt", prompt.as_str()), ("login", person), ("password", "anything")];
        let fields = if prompt == "login" { &typed[..] } else { &typed[..1] };
        let answer = browser.send_form(url, fields).await;
        self.absolute(answer.location())
    }

    fn absolute(&self, location: &str) -> String {
        if location.starts_with('/') { format!("{}{location}", self.issuer) } else { location.to_owned() }
    }

    /// The whole flow; the answer of the hospital.
    async fn sign_in(&self, person: &str) -> (u16, Value) {
        let browser = Browser::new("en");
        let started = browser.open(&self.start()).await;
        let back = self.way_back(&browser, started.location(), person).await;
        answered(&browser.open(&back).await)
    }

    async fn signed_in(&self, person: &str) -> (Value, Client) {
        let (status, session) = self.sign_in(person).await;
        assert_eq!(status, 200, "{session}");
        let client = self.hospital.anyone.with_token(session["access_token"].as_str());
        (session, client)
    }

    async fn refused(&self, person: &str) {
        let (status, body) = self.sign_in(person).await;
        assert_eq!((status, body["code"].as_str()), (401, Some("AUTH_REQUIRED")), "{person}: {body}");
    }
}

fn answered(seen: &Seen) -> (u16, Value) {
    (seen.status.as_u16(), serde_json::from_str(&seen.text).unwrap_or_default())
}

fn is_refused(seen: &Seen, status: u16, code: &str) {
    let (found, body) = answered(seen);
    assert_eq!((found, body["code"].as_str()), (status, Some(code)), "{body}");
}

async fn a_user_signs_in_at_the_configured_provider(bench: Bench) {
    let told = bench.trust(json!({})).await;
    assert_eq!(told["start_url"], bench.start());
    assert!(!told.to_string().contains("a secret"), "{told}");
    let (session, doctor) = bench.signed_in("007_doctor").await;
    let me = doctor.get("/api/v1/me").await;
    assert_eq!((&me["login"], &me["id"]), (&json!("doctor"), &session["account"]));
    doctor.get(&format!("/fhir/R4/Patient/{}", bench.clinic.subject)).await;
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    let next = bench.hospital.anyone.post("/api/v1/sessions/refresh", refresh).await;
    assert_eq!(next["session"], session["session"]);

    // From now on the subject counts, whatever its name.
    Browser::new("en").open(&format!("{}/rename?007_doctor=pharmacist", bench.issuer)).await;
    let (renamed, _) = bench.signed_in("007_doctor").await;
    assert_eq!(renamed["account"], session["account"]);
    // Another person with the former name is unknown.
    bench.refused("008_doctor").await;

    // A second factor at the provider counts.
    let rules = format!("/api/v1/tenants/{}/sign-in-rules", bench.clinic.tenant);
    bench.hospital.operator.put(&rules, json!({ "second_factor": true })).await;
    let (session, doctor) = bench.signed_in("007_doctor").await;
    assert_eq!(session["second_factor_first"], true);
    doctor.hidden(&format!("/fhir/R4/Patient/{}", bench.clinic.subject), "AUTH_SECOND_FACTOR").await;
    bench.hospital.operator.put(&bench.path(), bench.provider(json!({ "second_factor": true }))).await;
    let (session, doctor) = bench.signed_in("007_doctor").await;
    assert_eq!(session["second_factor_first"], false);
    doctor.get(&format!("/fhir/R4/Patient/{}", bench.clinic.subject)).await;
}

async fn a_callback_is_valid_once_in_its_browser(bench: Bench) {
    bench.trust(json!({})).await;
    let browser = Browser::new("en");
    let started = browser.open(&bench.start()).await;
    let cookie = started.headers["set-cookie"].to_str().expect("text");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let parameters = |url: &str| url::Url::parse(url).expect("a URL").query_pairs().into_owned().collect::<Vec<_>>();
    for (name, expected) in
        [("code_challenge_method", "S256"), ("response_type", "code"), ("scope", "openid profile email")]
    {
        assert!(
            parameters(started.location()).contains(&(name.to_owned(), expected.to_owned())),
            "{}",
            started.location()
        );
    }
    let changed = |url: &str, name: &str, value: Option<&str>| {
        let mut url = url::Url::parse(url).expect("a URL");
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(n, _)| n != name).collect();
        pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        url.query_pairs_mut().clear().extend_pairs(pairs);
        url.to_string()
    };

    let back = bench.way_back(&browser, started.location(), "007_doctor").await;
    // Not in another browser, without a state, or with another state; none of these uses it up.
    is_refused(&browser.open(&changed(&back, "state", None)).await, 401, "AUTH_REQUIRED");
    is_refused(&browser.open(&changed(&back, "state", Some("x"))).await, 401, "AUTH_REQUIRED");
    let thief = Browser::new("en");
    is_refused(&thief.open(&back).await, 401, "AUTH_REQUIRED");
    thief.open(&bench.start()).await;
    is_refused(&thief.open(&back).await, 401, "AUTH_REQUIRED");
    let good = browser.open(&back).await;
    assert_eq!(good.status, 200, "{}", good.text);
    assert_eq!(good.headers["cache-control"], "no-store");
    is_refused(&browser.open(&back).await, 401, "AUTH_REQUIRED");

    // Parameters changed on the way to the provider are detected at the callback.
    for (name, value) in [
        ("nonce", Some("another")),
        ("nonce", None),
        ("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")),
    ] {
        let browser = Browser::new("en");
        let started = browser.open(&bench.start()).await;
        let bent = changed(started.location(), name, value);
        let back = bench.way_back(&browser, &bent, "007_doctor").await;
        is_refused(&browser.open(&back).await, 502, "AUTH_PROVIDER");
    }
    let browser = Browser::new("en");
    for (name, value, status, code) in [
        ("iss", Some("https://evil.example"), 401, "AUTH_REQUIRED"),
        ("code", None, 401, "AUTH_REQUIRED"),
        ("code", Some("x"), 502, "AUTH_PROVIDER"),
        ("error", Some("access_denied"), 401, "AUTH_REQUIRED"),
    ] {
        let started = browser.open(&bench.start()).await;
        let back = bench.way_back(&browser, started.location(), "007_doctor").await;
        is_refused(&browser.open(&changed(&back, name, value)).await, status, code);
    }
    // A code of one sign-in is invalid with the state of another: an attacker's account cannot end
    // up in the victim's browser.
    let (thief, victim) = (Browser::new("en"), Browser::new("en"));
    let started = thief.open(&bench.start()).await;
    let stolen = bench.way_back(&thief, started.location(), "007_doctor").await;
    let started = victim.open(&bench.start()).await;
    let back = bench.way_back(&victim, started.location(), "011_pharmacist").await;
    is_refused(&victim.open(&stolen).await, 401, "AUTH_REQUIRED");
    let code = parameters(&stolen).into_iter().find(|(name, _)| name == "code").expect("a code").1;
    is_refused(&victim.open(&changed(&back, "code", Some(&code))).await, 502, "AUTH_PROVIDER");
    // It expires after ten minutes.
    let started = browser.open(&bench.start()).await;
    let back = bench.way_back(&browser, started.location(), "007_doctor").await;
    bench.hospital.advance(601).await;
    is_refused(&browser.open(&back).await, 401, "AUTH_REQUIRED");
}

async fn an_unknown_user_is_refused(bench: Bench) {
    bench.trust(json!({})).await;
    bench.refused("009_unknown").await;
    let (session, doctor) = bench.signed_in("007_doctor").await;
    let account =
        format!("/api/v1/tenants/{}/accounts/{}", bench.clinic.tenant, session["account"].as_str().expect("an id"));
    bench.clinic.administrator.post(&format!("{account}/suspend"), json!({ "reason": "left" })).await;
    doctor.hidden("/api/v1/me", "AUTH_REQUIRED").await;
    bench.refused("007_doctor").await;
    let pharmacist = format!("/api/v1/tenants/{}/accounts/{}", bench.clinic.tenant, bench.clinic.pharmacist_id);
    bench.clinic.administrator.post(&format!("{pharmacist}/suspend"), json!({ "reason": "left" })).await;
    bench.refused("011_pharmacist").await;
    bench.clinic.administrator.post(&format!("{account}/restore"), json!({ "reason": "back" })).await;
    bench.signed_in("007_doctor").await;

    // An unverified claim identifies nobody.
    let accounts = format!("/api/v1/tenants/{}/accounts", bench.clinic.tenant);
    for login in ["nurse@hospital.example", "patient@hospital.example"] {
        let account = json!({ "login": login, "password": PASSWORD, "roles": ["assistant"] });
        bench.clinic.administrator.post(&accounts, account).await;
    }
    bench.trust(json!({ "login_claim": "email" })).await;
    let (_, nurse) = bench.signed_in("012_nurse").await;
    assert_eq!(nurse.get("/api/v1/me").await["login"], "nurse@hospital.example");
    bench.refused("013_patient").await;
    bench.trust(json!({ "login_claim": "department" })).await;
    bench.refused("014_doctor").await;
    // Service clients cannot sign in this way.
    let jwks: Value = serde_json::from_str(include_str!("keys/jwks.json")).expect("JSON");
    let robot = json!({ "name": "robot", "jwks": jwks, "scopes": "system/*.rs" });
    bench.clinic.administrator.post(&format!("/api/v1/tenants/{}/clients", bench.clinic.tenant), robot).await;
    bench.trust(json!({})).await;
    bench.refused("015_robot").await;

    // Unless unknown persons get an account by configuration.
    bench.trust(json!({ "open_accounts_as": ["assistant"] })).await;
    let (session, fresh) = bench.signed_in("009_unknown").await;
    assert_eq!(session["roles"], json!(["assistant"]));
    assert_eq!(fresh.get("/api/v1/me").await["login"], "unknown");
    fresh.hidden(&format!("/fhir/R4/Patient/{}", bench.clinic.subject), "AUTH_FORBIDDEN").await;
    assert_eq!(bench.signed_in("009_unknown").await.0["account"], session["account"]);

    // Without a provider there is no sign-in; links are not restored with it.
    let gone = bench.clinic.administrator.ask(Method::DELETE, &bench.path(), None).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    is_refused(&Browser::new("en").open(&bench.start()).await, 404, "NOT_FOUND");
    bench.clinic.administrator.hidden(&bench.path(), "NOT_FOUND").await;
    bench.clinic.administrator.ask(Method::DELETE, &bench.path(), None).await.refused("again", "NOT_FOUND");
    bench.trust(json!({})).await;
    bench.refused("012_nurse").await;
}

async fn unsound_provider_settings_are_refused(bench: Bench) {
    let put =
        async |who: &Client, change: Value| who.ask(Method::PUT, &bench.path(), Some(bench.provider(change))).await;
    let administrator = &bench.clinic.administrator;
    for change in [
        json!({ "issuer": "" }),
        json!({ "issuer": "not a URL" }),
        json!({ "client_id": " " }),
        json!({ "login_claim": "" }),
        json!({ "client_secret": null }),
        json!({ "open_accounts_as": [] }),
        json!({ "open_accounts_as": ["administrator"] }),
        json!({ "open_accounts_as": ["operator"] }),
        json!({ "open_accounts_as": ["doctor"] }),
        json!({ "open_accounts_as": ["service"] }),
        json!({ "open_accounts_as": ["patient"] }),
    ] {
        put(administrator, change.clone()).await.refused(&change.to_string(), "BODY_INVALID");
    }
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    for issuer in [
        format!("http://127.0.0.1:{dead}"),
        // Another URL of the same server is another issuer.
        format!("{}/", bench.issuer),
        // Neither the private network nor plain text is open by itself.
        bench.issuer.replace("127.0.0.1", "127.0.0.2"),
        bench.issuer.replace("127.0.0.1", "localhost"),
    ] {
        let answer = put(administrator, json!({ "issuer": issuer })).await;
        answer.refused(&issuer, "AUTH_PROVIDER");
    }
    put(&bench.clinic.doctor, json!({})).await.refused("a doctor", "AUTH_FORBIDDEN");
    let other = bench.hospital.clinic(&[]).await;
    put(&other.administrator, json!({})).await.refused("another hospital's", "NOT_FOUND");
    administrator.hidden(&bench.path(), "NOT_FOUND").await;

    // The stored secret is kept if none is given.
    bench.trust(json!({})).await;
    let mut kept = bench.provider(json!({ "login_claim": "employee_number" }));
    kept.as_object_mut().expect("an object").remove("client_secret");
    administrator.put(&bench.path(), kept).await;
    bench.signed_in("007_doctor").await;
    bench.trust(json!({ "client_secret": "another" })).await;
    let (status, body) = bench.sign_in("007_doctor").await;
    assert_eq!((status, body["code"].as_str()), (502, Some("AUTH_PROVIDER")), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_claim_in_the_id_token_suffices() {
    let bench = Bench::open_with(Engine::Sqlite, &["127.0.0.1/32"], "all").await;
    bench.trust(json!({})).await;
    bench.signed_in("007_doctor").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_on_a_private_network_needs_the_operator() {
    let bench = Bench::open_with(Engine::Sqlite, &[], "some").await;
    let answer = bench.clinic.administrator.ask(Method::PUT, &bench.path(), Some(bench.provider(json!({})))).await;
    answer.refused("closed", "AUTH_PROVIDER");
}
