//! Apps authorised by people: authorization code with PKCE, SMART App Launch.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{
    Answer, Client, Clinic, PASSWORD, Person, TestHospital,
    browser::{Browser, Seen, encoded},
    http, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_patient_lets_an_app_read_one_record,
    a_guardian_chooses_the_record_an_app_reads,
    an_app_launched_from_a_record_reads_that_record_only,
    an_app_does_no_more_than_the_person_may,
    an_authorization_code_is_valid_once_and_for_its_client,
    only_registered_redirect_uris_are_used,
    an_authorization_page_is_bound_to_its_browser,
    confidential_apps_authenticate,
    a_revoked_token_is_invalid,
    unsound_app_registrations_are_refused,
    discovery_documents_match_behaviour,
);

const BACK: &str = "https://app.example/back?from=xinglin";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-0";
const ES384: &[u8] = include_bytes!("keys/es384.pem");
const JWKS: &str = include_str!("keys/jwks.json");

struct Bench {
    hospital: TestHospital,
    clinic: Clinic,
    /// A public app registered for every scope that an app may have.
    app: Value,
}

impl Bench {
    async fn new(hospital: TestHospital) -> Self {
        let clinic = hospital.clinic(&[]).await;
        let app = json!({
            "name": "growth charts", "authentication": "none", "redirect_uris": [BACK],
            "scopes": "patient/*.rs user/*.cruds launch launch/patient openid fhirUser offline_access online_access",
        });
        let app = clinic.administrator.post(&clients(&clinic), app).await;
        Self { hospital, clinic, app }
    }

    fn id(&self) -> &str {
        self.app["client_id"].as_str().expect("an id")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.hospital.anyone.base())
    }

    /// The authorization URL, with these parameters replaced.
    fn asking(&self, scope: &str, change: &[(&str, Option<&str>)]) -> String {
        let aud = self.url("/fhir/R4");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let own = [
            ("response_type", "code"),
            ("client_id", self.id()),
            ("redirect_uri", BACK),
            ("scope", scope),
            ("state", "s&t=a"),
            ("aud", &aud),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mut fields: Vec<(&str, &str)> =
            own.into_iter().filter(|(name, _)| change.iter().all(|(changed, _)| changed != name)).collect();
        fields.extend(change.iter().filter_map(|(name, value)| value.map(|value| (*name, value))));
        self.url(&format!("/oauth/authorize?{}", encoded(&fields)))
    }

    /// Signs in on the page.
    async fn signed_in(&self, browser: &Browser, login: &str, page: &Seen) -> Seen {
        let ticket = page.field("ticket");
        let fields = [("ticket", ticket.as_str()), ("action", "sign-in"), ("login", login), ("password", PASSWORD)];
        browser.send_form(&self.url("/oauth/authorize"), &fields).await
    }

    /// Authorises the scopes on the page except the unticked ones.
    async fn agreed(&self, browser: &Browser, page: &Seen, but: &[&str], patient: Option<&str>) -> Seen {
        let (ticket, scopes) = (page.field("ticket"), page.fields("scope"));
        let mut fields = vec![("ticket", ticket.as_str()), ("action", "allow")];
        let kept = scopes.iter().map(String::as_str).filter(|scope| !but.contains(scope));
        fields.extend(kept.map(|scope| ("scope", scope)));
        fields.extend(patient.map(|patient| ("patient", patient)));
        browser.send_form(&self.url("/oauth/authorize"), &fields).await
    }

    /// The whole flow, up to the code.
    async fn code(&self, login: &str, scope: &str) -> String {
        let browser = Browser::new("en");
        let page = browser.open(&self.asking(scope, &[])).await;
        let page = self.signed_in(&browser, login, &page).await;
        let back = self.agreed(&browser, &page, &[], None).await;
        back.answer("code").unwrap_or_else(|| panic!("no code: {}", back.location()))
    }

    async fn exchange(&self, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", self.id()),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.form("/oauth/token", &fields).await
    }

    async fn refreshed(&self, token: &Value) -> Answer {
        let refresh = token["refresh_token"].as_str().unwrap_or_default();
        let fields = [("grant_type", "refresh_token"), ("client_id", self.id()), ("refresh_token", refresh)];
        self.form("/oauth/token", &fields).await
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.hospital.anyone.post_text(path, "application/x-www-form-urlencoded", encoded(fields)).await
    }

    /// The whole flow.
    async fn token(&self, login: &str, scope: &str) -> Value {
        self.exchange(&self.code(login, scope).await).await.done("/oauth/token")
    }

    fn with(&self, token: &Value) -> Client {
        self.hospital.anyone.with_token(token["access_token"].as_str())
    }

    /// A launch from the record of this patient, by this person.
    async fn launch(&self, by: &Client, patient: &str) -> String {
        let asked = json!({ "client_id": self.id(), "patient": patient });
        let launch = by.post("/api/v1/launches", asked).await;
        assert_eq!(launch["iss"], self.url("/fhir/R4"));
        launch["launch"].as_str().expect("a launch").to_owned()
    }

    /// Another patient of the hospital, with a result.
    async fn somebody_else(&self) -> String {
        let bundle = record::transaction(&[record::patient("1980-02-03")]);
        let imported = record::locations(&self.clinic.administrator.post("/fhir/R4", bundle).await);
        let patient = imported.iter().find_map(|location| location.strip_prefix("Patient/")).expect("a patient");
        self.clinic.import(&[record::result(patient, self.hospital.now(), "4548-4", "8.10", "%")]).await;
        patient.to_owned()
    }
}

fn clients(clinic: &Clinic) -> String {
    format!("/api/v1/tenants/{}/clients", clinic.tenant)
}

fn is(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), answer.body["error"].as_str()), (status, Some(error)), "{}", answer.text);
}

/// The patients of the resources on a page.
fn subjects(page: &Value) -> Vec<&str> {
    let entries = page["entry"].as_array().into_iter().flatten();
    let mut found: Vec<&str> = entries.filter_map(|e| e["resource"]["subject"]["reference"].as_str()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

async fn a_patient_lets_an_app_read_one_record(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let subject = bench.clinic.subject.as_str();
    let other = bench.somebody_else().await;
    let browser = Browser::new("zh-CN,zh;q=0.9");
    let wanted = "launch/patient patient/*.rs user/*.cruds openid fhirUser offline_access profile encounter/x.y";
    let page = browser.open(&bench.asking(wanted, &[])).await;
    assert!(page.text.contains("“growth charts”请求访问您的信息"), "{}", page.text);
    let wrong = [("ticket", &*page.field("ticket")), ("action", "sign-in"), ("login", "patient"), ("password", "no")];
    let page = browser.send_form(&bench.url("/oauth/authorize"), &wrong).await;
    assert!(page.text.contains("AUTH_REQUIRED") && page.text.contains("value=\"patient\""), "{}", page.text);
    let page = bench.signed_in(&browser, "patient", &page).await;
    for words in ["查看该患者的病历内容", "其中包括病历中的受限内容", BACK] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    let asked = ["patient/*.rs", "user/*.cruds", "fhirUser", "launch/patient", "offline_access", "openid"];
    assert_eq!(page.fields("scope"), asked);
    assert_eq!(page.fields("patient"), [subject]);
    let back = bench.agreed(&browser, &page, &["user/*.cruds"], None).await;
    assert_eq!(back.status, 302);
    assert!(back.location().starts_with("https://app.example/back?from=xinglin&"), "{}", back.location());
    assert_eq!(back.answer("state").as_deref(), Some("s&t=a"));
    assert_eq!(back.answer("iss"), Some(bench.url("")));

    let token = bench.exchange(&back.answer("code").expect("a code")).await.done("/oauth/token");
    assert_eq!(token["scope"], "patient/*.rs fhirUser launch/patient offline_access openid");
    assert_eq!(token["patient"], subject);
    let app = bench.with(&token);
    assert_eq!(app.get(&format!("/fhir/R4/Patient/{subject}")).await["id"], subject);
    let found = app.get("/fhir/R4/Observation").await;
    assert_eq!(subjects(&found), [format!("Patient/{subject}")]);
    app.hidden(&format!("/fhir/R4/Patient/{other}"), "NOT_FOUND").await;
    app.hidden(&format!("/fhir/R4/Observation?patient={other}"), "NOT_FOUND").await;
    for (method, path) in [
        (Method::GET, "/api/v1/me"),
        (Method::GET, "/api/v1/sessions"),
        (Method::POST, "/api/v1/encounters"),
        (Method::POST, "/fhir/R4/Observation"),
        (Method::POST, "/fhir/R4"),
    ] {
        app.ask(method, path, Some(json!({}))).await.refused(path, "AUTH_FORBIDDEN");
    }

    // Their identity, in a token that anybody can verify.
    let keys: JwkSet = serde_json::from_value(bench.hospital.anyone.get("/oauth/jwks").await).expect("keys");
    let id_token = token["id_token"].as_str().expect("an id token");
    let kid = jsonwebtoken::decode_header(id_token).expect("a header").kid.expect("a name");
    let key = DecodingKey::from_jwk(keys.find(&kid).expect("the key")).expect("a key");
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&[bench.id()]);
    rules.set_issuer(&[bench.url("")]);
    // The clock of the test may run ahead.
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(id_token, &key, &rules).expect("a sound token").claims;
    assert_eq!(claims["fhirUser"], bench.url(&format!("/fhir/R4/Patient/{subject}")));
    assert_eq!(
        (&claims["nonce"], &claims["sub"]),
        (&json!("n-0S6_WzA2Mj"), &bench.clinic.patient.get("/api/v1/me").await["id"])
    );

    // It is refreshed, and the patient lists the session and ends it.
    let next = bench.refreshed(&token).await.done("/oauth/token");
    assert_eq!((&next["scope"], &next["patient"]), (&token["scope"], &token["patient"]));
    let sessions = bench.clinic.patient.get("/api/v1/sessions").await;
    let lent = sessions.as_array().into_iter().flatten().find(|session| session["client"] == "growth charts");
    let lent = lent.expect("the app's session");
    assert_eq!(lent["scope"], token["scope"]);
    let path = format!("/api/v1/sessions/{}", lent["id"].as_str().expect("an id"));
    bench.clinic.patient.ask(Method::DELETE, &path, None).await.done(&path);
    bench.with(&next).hidden(&format!("/fhir/R4/Patient/{subject}"), "AUTH_REQUIRED").await;
    is(&bench.refreshed(&next).await, 400, "invalid_grant");

    // The patient sees what the app read.
    let accesses = bench.clinic.patient.get(&format!("/api/v1/patients/{subject}/accesses?limit=200")).await;
    assert!(accesses.to_string().contains("\"who\":\"patient\""), "{accesses}");
}

async fn a_guardian_chooses_the_record_an_app_reads(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let (mine, ward) = (bench.clinic.subject.clone(), bench.somebody_else().await);
    let (_, guardian) = bench.clinic.hire(Person::new("guardian", "patient").acting_for(&mine, 972)).await;
    bench.clinic.register(&ward, &guardian, json!({ "ground": "court" })).await;

    let browser = Browser::new("en");
    let page = browser.open(&bench.asking("launch/patient patient/Patient.r", &[])).await;
    let page = bench.signed_in(&browser, "guardian", &page).await;
    assert_eq!(page.fields("patient"), [mine.as_str(), ward.as_str()]);
    assert!(!page.text.contains(&format!("value=\"{mine}\" checked")), "nobody is meant before it is said");
    let third = bench.somebody_else().await;
    for nobody in [None, Some(third.as_str()), Some("pat-x")] {
        let back = bench.agreed(&browser, &page, &[], nobody).await;
        assert_eq!(back.answer("error").as_deref(), Some("access_denied"), "{nobody:?}");
    }
    let back = bench.agreed(&browser, &page, &[], Some(&ward)).await;
    let token = bench.exchange(&back.answer("code").expect("a code")).await.done("/oauth/token");
    assert_eq!(token["patient"], ward.as_str());
    assert_eq!(token.get("refresh_token"), None);
    let app = bench.with(&token);
    assert_eq!(app.get(&format!("/fhir/R4/Patient/{ward}")).await["id"], ward.as_str());
    app.hidden(&format!("/fhir/R4/Patient/{mine}"), "NOT_FOUND").await;
    app.hidden("/fhir/R4/Patient", "AUTH_FORBIDDEN").await;
}

async fn an_app_launched_from_a_record_reads_that_record_only(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let (subject, other) = (bench.clinic.subject.clone(), bench.somebody_else().await);
    let asked = json!({ "client_id": bench.id(), "patient": subject });
    bench.clinic.patient.refused("/api/v1/launches", asked, "AUTH_FORBIDDEN").await;
    let nowhere = json!({ "client_id": "ten-x.acc-x", "patient": subject });
    bench.clinic.doctor.refused("/api/v1/launches", nowhere, "NOT_FOUND").await;

    let scope = "launch patient/*.rs openid fhirUser online_access";
    let started = async |launch: &str, login: &str| {
        let browser = Browser::new("en");
        let page = browser.open(&bench.asking(scope, &[("launch", Some(launch))])).await;
        let page = bench.signed_in(&browser, login, &page).await;
        if page.status == 302 { page } else { bench.agreed(&browser, &page, &[], Some(&other)).await }
    };
    let launch = bench.launch(&bench.clinic.doctor, &subject).await;
    let stolen = started(&launch, "pharmacist").await;
    assert_eq!(stolen.answer("error").as_deref(), Some("invalid_request"), "another's launch");
    let spent = started(&launch, "doctor").await;
    assert_eq!(spent.answer("error").as_deref(), Some("invalid_request"), "it was shown before");
    let late = bench.launch(&bench.clinic.doctor, &subject).await;
    bench.hospital.advance(301).await;
    assert_eq!(started(&late, "doctor").await.answer("error").as_deref(), Some("invalid_request"));

    let launch = bench.launch(&bench.clinic.doctor, &subject).await;
    let code = started(&launch, "doctor").await.answer("code").expect("a code");
    let token = bench.exchange(&code).await.done("/oauth/token");
    assert_eq!(token["patient"], subject.as_str(), "what the page sends changes nothing");
    let app = bench.with(&token);
    assert_eq!(app.get(&format!("/fhir/R4/Patient/{subject}")).await["id"], subject.as_str());
    let of_subject = [format!("Patient/{subject}")];
    assert_eq!(subjects(&app.get("/fhir/R4/Observation").await), of_subject);
    assert_eq!(subjects(&app.get("/fhir/R4/Observation?_include=Observation:subject").await), of_subject);
    let posted = app.post_text("/fhir/R4/Observation/_search", "application/x-www-form-urlencoded", "").await;
    assert_eq!(subjects(&posted.done("_search")), of_subject);
    let everything = app.get(&format!("/fhir/R4/Patient/{subject}/$everything")).await;
    assert!(!everything.to_string().contains(&other), "{everything}");

    // The doctor can read all of this; the app cannot.
    let theirs = bench.clinic.doctor.get(&format!("/fhir/R4/Observation?patient={other}")).await;
    let result = theirs["entry"][0]["resource"]["id"].as_str().expect("a result").to_owned();
    for path in [
        format!("/fhir/R4/Patient/{other}"),
        format!("/fhir/R4/Patient/{other}/_history"),
        format!("/fhir/R4/Patient/{other}/_history/1"),
        format!("/fhir/R4/Patient/{other}/$everything"),
        format!("/fhir/R4/Observation?patient={other}"),
        format!("/fhir/R4/Observation/{result}"),
    ] {
        bench.clinic.doctor.ask(Method::GET, &path, None).await.done(&path);
        app.hidden(&path, "NOT_FOUND").await;
    }
    assert_eq!(app.get(&format!("/fhir/R4/Patient?_id={other}")).await["total"], 0);
    assert_eq!(app.get("/fhir/R4/Patient").await["total"], 1);
    for (method, path) in [
        (Method::POST, "/fhir/R4/Observation".to_owned()),
        (Method::PUT, format!("/fhir/R4/Patient/{subject}")),
        (Method::DELETE, format!("/fhir/R4/Patient/{subject}")),
        (Method::GET, "/api/v1/calls".to_owned()),
    ] {
        app.ask(method, &path, Some(json!({}))).await.refused(&path, "AUTH_FORBIDDEN");
    }

    // Restricted compartments are as closed to the app as to the doctor.
    let hiv = bench.clinic.import(&[record::result(&subject, bench.hospital.now(), "75622-1", "1", "1")]).await;
    let hiv = format!("/fhir/R4/{}", hiv[0]);
    bench.clinic.doctor.hidden(&hiv, "NOT_FOUND").await;
    app.hidden(&hiv, "NOT_FOUND").await;
    let patient = bench.token("patient", "launch/patient patient/*.rs").await;
    bench.with(&patient).get(&hiv).await;

    // Access ends with the suspension of the app, or of the doctor.
    let account = bench.app["account"].as_str().expect("an id");
    let accounts = format!("/api/v1/tenants/{}/accounts", bench.clinic.tenant);
    let (suspend, restore) = (format!("{accounts}/{account}/suspend"), format!("{accounts}/{account}/restore"));
    bench.clinic.administrator.post(&suspend, json!({ "reason": "it asks too much" })).await;
    app.hidden(&format!("/fhir/R4/Patient/{subject}"), "AUTH_REQUIRED").await;
    is(&bench.refreshed(&token).await, 401, "invalid_client");
    bench.clinic.administrator.post(&restore, json!({ "reason": "settled" })).await;
    app.get(&format!("/fhir/R4/Patient/{subject}")).await;
    let doctor = bench.clinic.doctor.get("/api/v1/me").await["id"].as_str().expect("an id").to_owned();
    bench.clinic.administrator.post(&format!("{accounts}/{doctor}/suspend"), json!({ "reason": "left" })).await;
    app.hidden(&format!("/fhir/R4/Patient/{subject}"), "AUTH_REQUIRED").await;
    is(&bench.refreshed(&token).await, 400, "invalid_grant");
}

async fn an_app_does_no_more_than_the_person_may(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let (subject, other) = (bench.clinic.subject.clone(), bench.somebody_else().await);
    let result = record::result(&subject, bench.hospital.now(), "4548-4", "6.90", "%");
    let observations = "/fhir/R4/Observation";

    let all = bench.token("administrator", "user/*.cruds").await;
    let created = bench.with(&all).ask(Method::POST, observations, Some(result.clone())).await.done(observations);
    let some = bench.token("administrator", "user/Observation.cr").await;
    bench.with(&some).get(&format!("{observations}/{}", created["id"].as_str().expect("an id"))).await;
    bench.with(&some).hidden(observations, "AUTH_FORBIDDEN").await;
    bench.with(&some).hidden("/api/v1/ledger/trial-balance", "AUTH_FORBIDDEN").await;

    let doctors = bench.with(&bench.token("doctor", "user/*.cruds").await);
    assert_eq!(doctors.get(&format!("/fhir/R4/Patient/{other}")).await["id"], other.as_str());
    doctors.ask(Method::POST, observations, Some(result.clone())).await.refused(observations, "AUTH_FORBIDDEN");
    let patients = bench.with(&bench.token("patient", "user/*.cruds").await);
    assert_eq!(subjects(&patients.get(observations).await), [format!("Patient/{subject}")]);
    patients.hidden(&format!("/fhir/R4/Patient/{other}"), "NOT_FOUND").await;
    patients.ask(Method::POST, observations, Some(result)).await.refused(observations, "AUTH_FORBIDDEN");

    // Scopes without a patient stay wide, those for a patient narrow.
    let launch = bench.launch(&bench.clinic.doctor, &subject).await;
    let browser = Browser::new("en");
    let mixed = "launch patient/*.rs user/Condition.rs";
    let page = browser.open(&bench.asking(mixed, &[("launch", Some(&launch))])).await;
    let page = bench.signed_in(&browser, "doctor", &page).await;
    let back = bench.agreed(&browser, &page, &[], None).await;
    let token = bench.exchange(&back.answer("code").expect("a code")).await.done("/oauth/token");
    let app = bench.with(&token);
    app.get(&format!("/fhir/R4/Condition?patient={other}")).await;
    app.hidden(&format!("/fhir/R4/Observation?patient={other}"), "NOT_FOUND").await;
    assert_eq!(subjects(&app.get(observations).await), [format!("Patient/{subject}")]);
    // A chain reaches other types, so their scopes apply.
    app.hidden(&format!("/fhir/R4/Condition?patient={other}&patient.birthdate=1980-02-03"), "NOT_FOUND").await;

    // A person without a record gets no choice of patients.
    let page = browser.open(&bench.asking("launch/patient patient/*.rs", &[])).await;
    let back = bench.signed_in(&browser, "doctor", &page).await;
    assert_eq!(back.answer("error").as_deref(), Some("access_denied"));
}

async fn an_authorization_code_is_valid_once_and_for_its_client(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let scope = "launch/patient patient/Patient.r offline_access";
    let path = format!("/fhir/R4/Patient/{}", bench.clinic.subject);
    let code = bench.code("patient", scope).await;
    let token = bench.exchange(&code).await.done("/oauth/token");
    bench.with(&token).get(&path).await;
    is(&bench.exchange(&code).await, 400, "invalid_grant");
    bench.with(&token).hidden(&path, "AUTH_REQUIRED").await;
    is(&bench.refreshed(&token).await, 400, "invalid_grant");

    let late = bench.code("patient", scope).await;
    bench.hospital.advance(61).await;
    is(&bench.exchange(&late).await, 400, "invalid_grant");

    let app = json!({ "name": "other", "authentication": "none", "redirect_uris": [BACK], "scopes": scope });
    let other = bench.clinic.administrator.post(&clients(&bench.clinic), app).await;
    let other = other["client_id"].as_str().expect("an id");
    let short = &VERIFIER[..42];
    for (name, value) in [
        ("client_id", other),
        ("redirect_uri", "https://app.example/back"),
        ("redirect_uri", ""),
        ("code_verifier", "another-verifier-of-forty-three-characters-or-more"),
        ("code_verifier", short),
        ("code", "AAAA"),
    ] {
        let code = bench.code("patient", scope).await;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", bench.id()),
            ("code", &code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        fields.iter_mut().filter(|(field, _)| *field == name).for_each(|(_, field)| *field = value);
        is(&bench.form("/oauth/token", &fields).await, 400, "invalid_grant");
        if name != "code" {
            is(&bench.exchange(&code).await, 400, "invalid_grant");
        }
    }
    for missing in ["code", "code_verifier"] {
        let mut fields = vec![("grant_type", "authorization_code"), ("client_id", bench.id()), ("redirect_uri", BACK)];
        fields.extend([("code", "x"), ("code_verifier", VERIFIER)].into_iter().filter(|(name, _)| *name != missing));
        is(&bench.form("/oauth/token", &fields).await, 400, "invalid_request");
    }

    // Reusing a refresh token ends its session; it is valid for its app only.
    let token = bench.token("patient", scope).await;
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", other),
        ("refresh_token", token["refresh_token"].as_str().expect("one")),
    ];
    is(&bench.form("/oauth/token", &fields).await, 400, "invalid_grant");
    let own = json!({ "refresh_token": token["refresh_token"] });
    bench.hospital.anyone.refused("/api/v1/sessions/refresh", own, "AUTH_REQUIRED").await;
    let next = bench.refreshed(&token).await.done("/oauth/token");
    is(&bench.refreshed(&token).await, 400, "invalid_grant");
    is(&bench.refreshed(&next).await, 400, "invalid_grant");
    bench.with(&next).hidden(&path, "AUTH_REQUIRED").await;

    // A person's own refresh token is not valid for an app.
    let sign_in = json!({ "tenant": bench.clinic.tenant, "login": "patient", "password": PASSWORD });
    let session = bench.hospital.anyone.post("/api/v1/sessions", sign_in).await;
    is(&bench.refreshed(&session).await, 400, "invalid_grant");
    let long = bench.token("patient", scope).await;
    bench.hospital.advance(30 * 24 * 3600).await;
    let long = bench.refreshed(&long).await.done("offline for a month");
    bench.hospital.advance(61 * 24 * 3600).await;
    is(&bench.refreshed(&long).await, 400, "invalid_grant");
}

async fn only_registered_redirect_uris_are_used(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let browser = Browser::new("en");
    let scope = "launch/patient patient/*.rs";
    for (name, value) in [
        ("client_id", None),
        ("client_id", Some("nobody")),
        ("client_id", Some("ten-00000000000000000000000001.acc-00000000000000000000000001")),
        ("redirect_uri", None),
        ("redirect_uri", Some("https://app.example/back")),
        ("redirect_uri", Some("https://app.example/back?from=xinglin&x=1")),
        ("redirect_uri", Some("https://evil.example/")),
    ] {
        let seen = browser.open(&bench.asking(scope, &[(name, value)])).await;
        assert_eq!(seen.status, 400, "{name} {value:?}: {}", seen.text);
        assert!(!seen.headers.contains_key("location") && seen.text.contains("BODY_INVALID"), "{}", seen.text);
    }
    let twice = browser.open(&format!("{}&redirect_uri=https%3A%2F%2Fevil.example%2F", bench.asking(scope, &[]))).await;
    assert_eq!(twice.status, 400, "{}", twice.text);
    for (name, value, error) in [
        ("response_type", Some("token"), "unsupported_response_type"),
        ("response_type", None, "unsupported_response_type"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("scope", None, "invalid_scope"),
        ("scope", Some("system/*.rs profile"), "invalid_scope"),
        ("aud", None, "invalid_request"),
        ("aud", Some("https://evil.example/fhir/R4"), "invalid_request"),
        ("prompt", Some("none"), "login_required"),
        ("request", Some("x.y.z"), "request_not_supported"),
    ] {
        let seen = browser.open(&bench.asking(scope, &[(name, value)])).await;
        assert_eq!(seen.answer("error").as_deref(), Some(error), "{name} {value:?}: {}", seen.location());
        assert!(seen.location().starts_with(BACK), "{}", seen.location());
        assert_eq!((seen.answer("state").as_deref(), seen.answer("iss")), (Some("s&t=a"), Some(bench.url(""))));
    }
}

async fn an_authorization_page_is_bound_to_its_browser(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let scope = "launch/patient patient/*.rs";
    let name = "<script>alert(1)</script>\" x";
    let app = json!({ "name": name, "authentication": "none", "redirect_uris": [BACK], "scopes": scope });
    let app = bench.clinic.administrator.post(&clients(&bench.clinic), app).await;
    let (browser, thief) = (Browser::new("en"), Browser::new("en"));
    let page = browser.open(&bench.asking(scope, &[("client_id", app["client_id"].as_str())])).await;
    assert!(!page.text.contains("<script") && page.text.contains("&#60;script&#62;"), "{}", page.text);
    let header = |name: &str| page.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let policy = header("content-security-policy");
    for part in
        ["default-src 'none'", "form-action 'self' https://app.example;", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(
        (header("x-frame-options"), header("referrer-policy"), header("cache-control")),
        ("DENY", "no-referrer", "no-store")
    );
    let cookie = header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/oauth"),
        "{cookie}"
    );

    // A page is useless without its cookie, or with another one.
    let stranger = bench.signed_in(&thief, "patient", &page).await;
    assert_eq!(stranger.status, 400, "{}", stranger.text);
    thief.open(&bench.asking(scope, &[])).await;
    assert_eq!(bench.signed_in(&thief, "patient", &page).await.status, 400);
    let agreed = bench.signed_in(&browser, "patient", &page).await;
    assert_eq!(bench.agreed(&thief, &agreed, &[], None).await.status, 400);

    // So is a changed ticket, one of another step, or an expired one.
    let ticket = agreed.field("ticket");
    let post = async |ticket: &str, action: &str| {
        let fields = [("ticket", ticket), ("action", action), ("scope", scope)];
        browser.send_form(&bench.url("/oauth/authorize"), &fields).await
    };
    let (head, tail) = ticket.split_at(ticket.len() - 4);
    let bent: String = tail.chars().rev().collect();
    for (ticket, action) in [
        (format!("{head}{bent}x"), "allow"),
        (ticket.replacen(app["client_id"].as_str().expect("an id"), bench.id(), 1), "allow"),
        (page.field("ticket"), "allow"),
        (ticket.clone(), "else"),
        (String::new(), "allow"),
    ] {
        assert_eq!(post(&ticket, action).await.status, 400, "{action}");
    }
    assert_eq!(post(&ticket, "deny").await.answer("error").as_deref(), Some("access_denied"));
    bench.hospital.advance(601).await;
    assert_eq!(post(&ticket, "allow").await.status, 400);

    // Password attempts are limited here, too.
    let page = browser.open(&bench.asking(scope, &[])).await;
    let ticket = page.field("ticket");
    let fields = [("ticket", ticket.as_str()), ("action", "sign-in"), ("login", "doctor"), ("password", "guess")];
    let mut last = String::new();
    for _ in 0..12 {
        last = browser.send_form(&bench.url("/oauth/authorize"), &fields).await.text;
    }
    assert!(last.contains("RATE_LIMITED"), "{last}");
}

async fn confidential_apps_authenticate(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let scope = "launch/patient patient/Patient.r offline_access";
    let take_in = async |name: &str, more: Value| {
        let mut app = json!({ "name": name, "redirect_uris": [BACK], "scopes": scope });
        for (key, value) in more.as_object().into_iter().flatten() {
            app[key] = value.clone();
        }
        bench.clinic.administrator.post(&clients(&bench.clinic), app).await
    };
    let secretive = take_in("secretive", json!({ "authentication": "client_secret" })).await;
    let signing = take_in("signing", json!({ "jwks": serde_json::from_str::<Value>(JWKS).expect("JSON") })).await;
    let listed = bench.clinic.administrator.get(&clients(&bench.clinic)).await;
    assert!(!listed.to_string().contains("client_secret\":\""), "shown once: {listed}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (id, secret) = (text(&secretive["client_id"]), text(&secretive["client_secret"]));

    let code = async |app: &Value| {
        let browser = Browser::new("en");
        let page = browser.open(&bench.asking(scope, &[("client_id", app["client_id"].as_str())])).await;
        let page = bench.signed_in(&browser, "patient", &page).await;
        bench.agreed(&browser, &page, &[], None).await.answer("code").expect("a code")
    };
    let ask = async |code: &str, proof: &[(&str, &str)]| {
        let own =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK), ("code_verifier", VERIFIER)];
        bench.form("/oauth/token", &[&own, proof].concat()).await
    };
    let assertion = || {
        let (id, now) = (text(&signing["client_id"]), bench.hospital.now().micros() / 1_000_000);
        let jti = format!("{:x}", xinglin_platform::ambient::fresh_id());
        let claims = json!({ "iss": id, "sub": id, "aud": bench.url("/oauth/token"), "exp": now + 240, "jti": jti });
        let header = Header { kid: Some("es".to_owned()), ..Header::new(Algorithm::ES384) };
        let key = EncodingKey::from_ec_pem(ES384).expect("a key");
        jsonwebtoken::encode(&header, &claims, &key).expect("a token")
    };
    const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    // A client without authentication does not use up a code.
    let good = code(&secretive).await;
    for proof in [
        vec![],
        vec![("client_id", id.as_str())],
        vec![("client_id", id.as_str()), ("client_secret", "wrong")],
        vec![("client_id", bench.id()), ("client_secret", secret.as_str())],
        vec![("client_secret", secret.as_str())],
    ] {
        is(&ask(&good, &proof).await, 401, "invalid_client");
    }
    let token = ask(&good, &[("client_id", &id), ("client_secret", &secret)]).await.done("in the form");
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let refresh = encoded(&[("grant_type", "refresh_token"), ("refresh_token", &text(&token["refresh_token"]))]);
    let send = async |authorization: String, body: String| {
        let request =
            http().build().expect("a client").post(bench.url("/oauth/token")).header("authorization", authorization);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.expect("an answer").status().as_u16()
    };
    let wrong = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}x"));
    assert_eq!(send(format!("Basic {wrong}"), refresh.clone()).await, 401);
    assert_eq!(send(format!("Basic {basic}"), format!("{refresh}&client_secret={secret}")).await, 401, "one proof");
    assert_eq!(send(format!("Basic {basic}"), refresh).await, 200);

    let good = code(&signing).await;
    is(&ask(&good, &[("client_id", &text(&signing["client_id"]))]).await, 401, "invalid_client");
    let once = assertion();
    ask(&good, &[("client_assertion_type", BEARER), ("client_assertion", &once)]).await.done("signed");
    is(&ask(&good, &[("client_assertion_type", BEARER), ("client_assertion", &once)]).await, 401, "invalid_client");
    // An app has no access of its own.
    let once = assertion();
    let own =
        [("grant_type", "client_credentials"), ("client_assertion_type", BEARER), ("client_assertion", once.as_str())];
    is(&bench.form("/oauth/token", &own).await, 400, "invalid_scope");
}

async fn a_revoked_token_is_invalid(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let scope = "launch/patient patient/Patient.r offline_access";
    let path = format!("/fhir/R4/Patient/{}", bench.clinic.subject);
    let app = json!({ "name": "other", "authentication": "none", "redirect_uris": [BACK], "scopes": scope });
    let other = bench.clinic.administrator.post(&clients(&bench.clinic), app).await;
    for which in ["refresh_token", "access_token"] {
        let token = bench.token("patient", scope).await;
        let shown = token[which].as_str().expect("a token");
        let by =
            async |client: &str| bench.form("/oauth/revoke", &[("client_id", client), ("token", shown)]).await.status;
        assert_eq!(by(other["client_id"].as_str().expect("an id")).await, 200, "says nothing");
        bench.with(&token).get(&path).await;
        assert_eq!(by(bench.id()).await, 200);
        bench.with(&token).hidden(&path, "AUTH_REQUIRED").await;
        is(&bench.refreshed(&token).await, 400, "invalid_grant");
        assert_eq!(by(bench.id()).await, 200, "again");
    }
    // An app cannot revoke a person's own session.
    let own = bench.clinic.patient.token();
    bench.form("/oauth/revoke", &[("client_id", bench.id()), ("token", own)]).await;
    bench.clinic.patient.get("/api/v1/me").await;
    assert_eq!(bench.form("/oauth/revoke", &[("client_id", bench.id()), ("token", "x")]).await.status, 200);
    is(&bench.form("/oauth/revoke", &[("client_id", bench.id())]).await, 400, "invalid_request");
    is(&bench.form("/oauth/revoke", &[("client_id", "nobody"), ("token", own)]).await, 401, "invalid_client");
}

async fn unsound_app_registrations_are_refused(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let path = clients(&bench.clinic);
    let good = json!({ "name": "x", "authentication": "none", "redirect_uris": [BACK], "scopes": "patient/*.rs" });
    let jwks: Value = serde_json::from_str(JWKS).expect("JSON");
    for change in [
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": ["http://app.example/back"] }),
        json!({ "redirect_uris": ["https://app.example/#x"] }),
        json!({ "redirect_uris": ["javascript:alert(1)"] }),
        json!({ "redirect_uris": ["https://app.example/*", "*"] }),
        json!({ "scopes": "patient/*.cruds" }),
        json!({ "scopes": "system/*.rs" }),
        json!({ "scopes": "patient/*.rs profile" }),
        json!({ "scopes": "" }),
        json!({ "authentication": "none", "jwks": jwks }),
        json!({ "authentication": "private_key_jwt" }),
        json!({ "authentication": "password" }),
    ] {
        let mut bad = good.clone();
        for (key, value) in change.as_object().into_iter().flatten() {
            bad[key] = value.clone();
        }
        bench.clinic.administrator.refused(&path, bad, "BODY_INVALID").await;
    }
    bench.clinic.doctor.refused(&path, good.clone(), "AUTH_FORBIDDEN").await;
    let taken = bench.clinic.administrator.post(&path, good).await;
    assert_eq!((&taken["redirect_uris"], taken.get("client_secret")), (&json!([BACK]), None));
}

async fn discovery_documents_match_behaviour(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let smart = bench.hospital.anyone.get("/fhir/R4/.well-known/smart-configuration").await;
    let server = bench.hospital.anyone.get("/.well-known/oauth-authorization-server").await;
    let openid = bench.hospital.anyone.get("/.well-known/openid-configuration").await;
    for told in [&smart, &server, &openid] {
        assert_eq!(told["issuer"], bench.url(""));
        for (name, path) in [
            ("authorization_endpoint", "/oauth/authorize"),
            ("token_endpoint", "/oauth/token"),
            ("revocation_endpoint", "/oauth/revoke"),
            ("jwks_uri", "/oauth/jwks"),
        ] {
            assert_eq!(told[name], bench.url(path), "{name}");
        }
        assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    }
    // Each advertised grant is supported, and each scope can be requested.
    for grant in smart["grant_types_supported"].as_array().into_iter().flatten() {
        let answer = bench.form("/oauth/token", &[("grant_type", grant.as_str().expect("text"))]).await;
        assert_ne!(answer.body["error"], "unsupported_grant_type", "{grant}");
    }
    is(&bench.form("/oauth/token", &[("grant_type", "password")]).await, 400, "unsupported_grant_type");
    let scopes: Vec<&str> =
        smart["scopes_supported"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let everything = bench.app["scopes"].as_str().expect("text");
    for scope in scopes.iter().filter(|scope| !scope.starts_with("system/")) {
        assert!(everything.split(' ').any(|own| own == *scope), "{scope}");
    }
    // Without `offline_access` there is no refresh token; with `openid` there is an id token.
    let staff = Person::new("nurse", "nurse").licensed(&json!({}));
    bench.clinic.hire(staff).await;
    let token = bench.token("nurse", "user/Patient.r openid fhirUser").await;
    assert!(token.get("refresh_token").is_none() && token["id_token"].is_string(), "{token}");
}
