//! Service clients: SMART Backend Services, from the key to the record.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, Clinic, PASSWORD, TestHospital, record, rules_on_both_engines};

rules_on_both_engines!(
    TestHospital:
    a_client_reads_within_its_scopes,
    a_client_assertion_is_valid_once,
    clients_are_registered_with_their_keys,
    a_client_exports_within_its_scopes,
);

const ES384: &[u8] = include_bytes!("keys/es384.pem");
const RS384: &[u8] = include_bytes!("keys/rs384.pem");
const JWKS: &str = include_str!("keys/jwks.json");
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Bench {
    hospital: TestHospital,
    clinic: Clinic,
    client: Value,
    token_url: String,
}

impl Bench {
    async fn new(hospital: TestHospital) -> Self {
        let clinic = hospital.clinic(&[]).await;
        let path = format!("/api/v1/tenants/{}/clients", clinic.tenant);
        let scopes = "system/Patient.rs system/Observation.cruds";
        let new =
            json!({ "name": "lis", "jwks": serde_json::from_str::<Value>(JWKS).expect("JSON"), "scopes": scopes });
        let client = clinic.administrator.post(&path, new).await;
        let discovered = hospital.anyone.get("/fhir/R4/.well-known/smart-configuration").await;
        let token_url = discovered["token_endpoint"].as_str().expect("a URL").to_owned();
        assert_eq!(token_url, format!("{}/oauth/token", hospital.anyone.base()));
        Self { hospital, clinic, client, token_url }
    }

    /// Claims of an assertion as the standard requires.
    fn claims(&self) -> Value {
        let now = self.hospital.now().micros() / 1_000_000;
        let id = &self.client["client_id"];
        let jti = format!("{:x}", xinglin_platform::ambient::fresh_id());
        json!({ "iss": id, "sub": id, "aud": self.token_url, "exp": now + 240, "iat": now, "jti": jti })
    }

    fn assertion(&self) -> String {
        signed(Algorithm::ES384, Some("es"), &self.claims())
    }

    async fn ask(&self, assertion: &str, scope: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", BEARER),
            ("client_assertion", assertion),
            ("scope", scope),
        ];
        self.form(&form).await
    }

    async fn form(&self, form: &[(&str, &str)]) -> Answer {
        let encoded: Vec<String> = form
            .iter()
            .map(|(name, value)| {
                format!("{name}={}", value.replace('%', "%25").replace('+', "%2B").replace('&', "%26"))
            })
            .collect();
        let kind = "application/x-www-form-urlencoded";
        self.hospital.anyone.post_text("/oauth/token", kind, encoded.join("&")).await
    }

    async fn with(&self, scope: &str) -> Client {
        let token = self.ask(&self.assertion(), scope).await.done("/oauth/token");
        assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("bearer"), &json!(300)), "{token}");
        self.hospital.anyone.with_token(token["access_token"].as_str())
    }
}

fn signed(algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    let key = match algorithm {
        Algorithm::ES384 => EncodingKey::from_ec_pem(ES384).expect("a key"),
        Algorithm::HS256 => EncodingKey::from_secret(JWKS.as_bytes()),
        _ => EncodingKey::from_rsa_pem(RS384).expect("a key"),
    };
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &key).expect("a token")
}

/// Refused as in RFC 6749.
fn is(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), answer.body["error"].as_str()), (status, Some(error)), "{}", answer.text);
}

async fn a_client_reads_within_its_scopes(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let clinic = &bench.clinic;
    let patient = format!("/fhir/R4/Patient/{}", clinic.subject);

    let all = bench.with("").await;
    assert_eq!(all.get(&patient).await["id"], clinic.subject.as_str());
    assert!(all.get("/fhir/R4/Patient").await["total"].as_u64() > Some(0));
    let result = record::result(&clinic.subject, bench.hospital.now(), "4548-4", "6.90", "%");
    let created = all.ask(Method::POST, "/fhir/R4/Observation", Some(result.clone())).await.done("create");
    assert_eq!(all.get(&format!("/fhir/R4/Observation/{}", created["id"].as_str().expect("an id"))).await, created);

    let narrow = bench.with("system/Patient.r").await;
    assert_eq!(narrow.get(&patient).await["id"], clinic.subject.as_str());
    for (client, method, path) in [
        (&narrow, Method::GET, "/fhir/R4/Patient"),
        (&narrow, Method::GET, "/fhir/R4/Observation"),
        (&narrow, Method::POST, "/fhir/R4/Observation"),
        (&narrow, Method::POST, "/fhir/R4"),
        (&all, Method::GET, "/fhir/R4/Condition"),
        (&all, Method::GET, "/fhir/R4/Observation?_include=Observation:patient"),
        (&all, Method::GET, "/fhir/R4/Observation?_has:Condition:subject:code=E11"),
        (&all, Method::POST, "/fhir/R4"),
        (&all, Method::GET, "/api/v1/me"),
        (&all, Method::GET, "/api/v1/calls"),
        (&all, Method::POST, "/api/v1/prescriptions"),
    ] {
        let body = (method == Method::POST).then(|| result.clone());
        let answer = client.ask(method.clone(), path, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
    }

    // Another hospital's record is not found, whatever the scopes.
    let other = bench.hospital.clinic(&[]).await;
    all.ask(Method::GET, &format!("/fhir/R4/Patient/{}", other.subject), None).await.refused("another's", "NOT_FOUND");

    // A suspended client is refused at once, and gets no more tokens.
    let account = bench.client["account"].as_str().expect("an id");
    let suspend = format!("/api/v1/tenants/{}/accounts/{account}/suspend", clinic.tenant);
    clinic.administrator.post(&suspend, json!({ "reason": "its key was lost" })).await;
    all.ask(Method::GET, &patient, None).await.refused("suspended", "AUTH_REQUIRED");
    is(&bench.ask(&bench.assertion(), "").await, 401, "invalid_client");
}

async fn a_client_assertion_is_valid_once(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let once = bench.assertion();
    bench.ask(&once, "").await.done("/oauth/token");
    is(&bench.ask(&once, "").await, 401, "invalid_client");
    let rsa = signed(Algorithm::RS384, Some("rs"), &bench.claims());
    bench.ask(&rsa, "system/Patient.read").await.done("/oauth/token");

    let change = |name: &str, value: Value| {
        let mut claims = bench.claims();
        claims[name] = value;
        signed(Algorithm::ES384, Some("es"), &claims)
    };
    let now = bench.hospital.now().micros() / 1_000_000;
    let other = bench.hospital.clinic(&[]).await;
    let id = bench.client["client_id"].as_str().expect("an id");
    let account = id.split_once('.').expect("two parts").1;
    let (head, rest) = once.split_once('.').expect("three parts");
    let unsigned = "eyJhbGciOiJub25lIn0";
    for (what, assertion) in [
        ("for another server", change("aud", json!("https://elsewhere.example/oauth/token"))),
        ("for the same, nearly", change("aud", json!(format!("{}/", bench.token_url)))),
        ("too long", change("exp", json!(now + 3600))),
        ("over", change("exp", json!(now - 1))),
        ("not yet", change("nbf", json!(now + 120))),
        ("of another subject", change("sub", json!(format!("{}.{account}", other.tenant)))),
        ("of nobody", change("iss", json!("nobody"))),
        ("of another tenant", change("iss", json!(format!("{}.{account}", other.tenant)))),
        ("without a name", change("jti", json!(""))),
        ("without a key", signed(Algorithm::ES384, None, &bench.claims())),
        ("with an unknown key", signed(Algorithm::ES384, Some("x"), &bench.claims())),
        ("with the other key", signed(Algorithm::ES384, Some("rs"), &bench.claims())),
        ("with a weaker hash", signed(Algorithm::RS256, Some("rs"), &bench.claims())),
        ("with a public key for a secret", signed(Algorithm::HS256, Some("es"), &bench.claims())),
        ("unsigned", format!("{unsigned}.{}.", rest.split('.').next().expect("claims"))),
        ("cut", format!("{head}.{}", &rest[..rest.len() - 6])),
        ("garbage", "x.y.z".to_owned()),
        ("nothing", String::new()),
    ] {
        let answer = bench.ask(&assertion, "").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["error"]),
            (401, &json!("invalid_client")),
            "{what}: {}",
            answer.text
        );
    }
    let listed = change("aud", json!(["https://elsewhere.example", bench.token_url]));
    bench.ask(&listed, "").await.done("one of several audiences");

    for scope in ["system/*.rs", "system/Patient.c", "system/Condition.r", "patient/Patient.rs", "openid"] {
        is(&bench.ask(&bench.assertion(), scope).await, 400, "invalid_scope");
    }
    let assertion = bench.assertion();
    let good = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", BEARER),
        ("client_assertion", assertion.as_str()),
    ];
    for (missing, error) in [(0, "invalid_request"), (1, "invalid_request"), (2, "invalid_request")] {
        let form: Vec<_> =
            good.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, pair)| *pair).collect();
        is(&bench.form(&form).await, 400, error);
    }
    is(&bench.form(&[("grant_type", "password"), good[1], good[2]]).await, 400, "unsupported_grant_type");
    let json = bench.hospital.anyone.post_text("/oauth/token", "application/json", "{}").await;
    is(&json, 400, "invalid_request");
    bench.form(&good).await.done("none of these used it up");

    bench.hospital.advance(301).await;
    let late = bench.with("system/Patient.r").await;
    late.get(&format!("/fhir/R4/Patient/{}", bench.clinic.subject)).await;
    bench.hospital.advance(301).await;
    late.ask(Method::GET, "/fhir/R4/Patient/x", None).await.refused("run out", "AUTH_REQUIRED");
}

async fn clients_are_registered_with_their_keys(hospital: TestHospital) {
    let bench = Bench::new(hospital).await;
    let clinic = &bench.clinic;
    let path = format!("/api/v1/tenants/{}/clients", clinic.tenant);
    let listed = clinic.administrator.get(&path).await;
    assert_eq!(listed, json!([bench.client]));
    assert_eq!(bench.client["scopes"], "system/Observation.cruds system/Patient.rs");

    let jwks: Value = serde_json::from_str(JWKS).expect("JSON");
    let new = |name: &str, jwks: Value, scopes: &str| json!({ "name": name, "jwks": jwks, "scopes": scopes });
    let key = |change: &dyn Fn(&mut Value)| {
        let mut key = jwks["keys"][1].clone();
        change(&mut key);
        json!({ "keys": [key] })
    };
    for bad in [
        new("", jwks.clone(), "system/*.rs"),
        new("x", jwks.clone(), ""),
        new("x", jwks.clone(), "user/*.rs"),
        new("x", json!({ "keys": [] }), "system/*.rs"),
        new("x", json!({}), "system/*.rs"),
        new("x", key(&|key| key["n"] = json!("short")), "system/*.rs"),
        new(
            "x",
            key(&|key| {
                key.as_object_mut().expect("a key").remove("kid");
            }),
            "system/*.rs",
        ),
        new("x", json!({ "keys": [{ "kty": "oct", "kid": "k", "k": "c2VjcmV0" }] }), "system/*.rs"),
    ] {
        clinic.administrator.refused(&path, bad, "BODY_INVALID").await;
    }
    clinic.administrator.refused(&path, new("lis", jwks.clone(), "system/*.rs"), "ALREADY_EXISTS").await;
    clinic.doctor.refused(&path, new("x", jwks.clone(), "system/*.rs"), "AUTH_FORBIDDEN").await;
    let theirs = format!("/api/v1/tenants/{}/clients", bench.hospital.clinic(&[]).await.tenant);
    clinic.administrator.refused(&theirs, new("x", jwks, "system/*.rs"), "NOT_FOUND").await;

    // A client has no password, and none can be set.
    let account = bench.client["account"].as_str().expect("an id");
    let reset = format!("/api/v1/tenants/{}/accounts/{account}/password", clinic.tenant);
    clinic.administrator.refused(&reset, json!({ "password": PASSWORD }), "BODY_INVALID").await;
    let knock = json!({ "tenant": clinic.tenant, "login": "lis", "password": PASSWORD });
    bench.hospital.anyone.refused("/api/v1/sessions", knock, "AUTH_REQUIRED").await;
    let service = json!({ "login": "robot", "password": PASSWORD, "roles": ["service"] });
    let accounts = format!("/api/v1/tenants/{}/accounts", clinic.tenant);
    clinic.administrator.refused(&accounts, service, "BODY_INVALID").await;
}

async fn a_client_exports_within_its_scopes(hospital: TestHospital) {
    let mut bench = Bench::new(hospital).await;
    let export = async |client: &Client| {
        client.exchange(Method::GET, "/fhir/R4/$export", &[("prefer", "respond-async")], "").await
    };
    assert_eq!(export(&bench.with("").await).await.code(), "AUTH_FORBIDDEN", "some types are not all");
    let path = format!("/api/v1/tenants/{}/clients", bench.clinic.tenant);
    let jwks: Value = serde_json::from_str(JWKS).expect("JSON");
    let new = json!({ "name": "warehouse", "jwks": jwks, "scopes": "system/*.rs system/Subscription.c" });
    bench.client = bench.clinic.administrator.post(&path, new).await;
    assert_eq!(export(&bench.with("").await).await.status, 202);

    // Notifications are limited to what the token could read.
    let narrow = bench.with("system/Observation.rs system/Subscription.c").await;
    let to = |criteria: &str| {
        json!({
            "resourceType": "Subscription", "status": "requested", "reason": "x", "criteria": criteria,
            "channel": { "type": "rest-hook", "endpoint": "https://lis.example/" },
        })
    };
    for criteria in ["Patient?active=true", "Observation?patient.name=x", "Observation?encounter.status=finished"] {
        narrow.refused("/fhir/R4/Subscription", to(criteria), "AUTH_FORBIDDEN").await;
    }
    assert_eq!(narrow.post("/fhir/R4/Subscription", to("Observation?code=4548-4")).await["status"], "requested");
    let wide = bench.with("").await;
    assert_eq!(wide.post("/fhir/R4/Subscription", to("Observation?patient.name=x")).await["status"], "requested");
}
