//! Outbound requests of plugins: on real sockets, with real TLS, and where their content appears.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use aes_gcm::{
    AesGcm, KeyInit as _, Nonce,
    aead::{Aead as _, consts::U12},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::id::TenantId;
use xinglin_runtime::{KeyKind, verify};
use xinglin_store::Engine;

use crate::support::{
    Clinic, TestHospital,
    guest::Guest,
    line,
    outside::Outside,
    record,
    wire::{LENGTH, POINTER, REQUEST, SEND, SENT, Wire, errors},
};

const HTTP: &[(&str, &str)] = &[(SEND, "xinglin:host/http@1.1.0")];

const SECRET: &str = "s3cr/et+\"välue\"=";
const ID_NUMBER: &str = "11010519491231002X";

/// A checker that sends one request and reports the answer.
fn sender(request: &Wire) -> Guest {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let body = format!(
        "{SENT}
         (i32.store8 (i32.const 1024) (i32.const 1))
         (i32.store8 (i32.const 1028) (i32.const 2))
         (i32.store (i32.const 1032) {POINTER})
         (i32.store (i32.const 1036) {LENGTH})
         i32.const 1024"
    );
    let id = format!("test.sender-n{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    Guest::new(leak(id), leak(body))
        .items(leak(format!("{}\n{}", errors(), request.data(REQUEST))))
        .imports(HTTP)
        .manifest(
            r#"
            [capabilities.http]
            hosts = ["{{setting:tls}}", "private.example.com"]
            plaintext-hosts = ["{{setting:plain}}"]
            max-response-kib = 16
            [capabilities.secrets]
            keys = ["token"]
            [capabilities.identity]
            fields = ["name", "id-number", "phone"]
            [capabilities.signing]
            keys = { pen = "ed25519", seal = "sm2", box = "sm4" }
            [settings.tls]
            type = "text"
            [settings.plain]
            type = "text"
            [limits]
            deadline-ms = 3000
            "#,
        )
}

/// A hospital whose operator opened the loopback network, a clinic in it, and an external server.
struct Bench {
    hospital: TestHospital,
    clinic: Clinic,
    outside: Outside,
}

impl Bench {
    async fn open(engine: Engine) -> Self {
        Self::open_with(engine, &["127.0.0.1/32"]).await
    }

    async fn open_with(engine: Engine, networks: &[&str]) -> Self {
        let networks = networks.iter().map(|network| (*network).to_owned()).collect();
        let authority = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/tls/ca.pem");
        let hospital = TestHospital::open_with(engine, |config| {
            config.egress.open_networks = networks;
            config.egress.ca_file = Some(authority);
        })
        .await;
        let mut patient = record::patient("1949-12-31");
        patient["identifier"] = json!([{ "system": "urn:oid:2.16.156.10011.1.3", "value": ID_NUMBER }]);
        let bundle = record::transaction(&[patient]);
        let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &[], bundle).await;
        Self { hospital, clinic, outside: Outside::open().await }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.outside.port)
    }

    /// Installs a sender with a grant for the servers of the bench.
    async fn install(&self, guest: &Guest, grant: Value) -> String {
        let path = guest.path(&self.clinic.tenant);
        self.hospital.operator.upload(guest.package()).await.done("install");
        self.hospital.operator.put(&path, grant).await;
        path
    }

    /// The patient consents to disclosures to a plugin's servers; the consent's id.
    async fn consent(&self, guest: &Guest, provision: &str, purpose: &str) -> String {
        let ask = json!({
            "provision": provision, "scope": "identity", "recipient": { "plugin": guest.id }, "purposes": [purpose],
        });
        let path = format!("/api/v1/patients/{}/consents", self.clinic.subject);
        self.clinic.patient.post(&path, ask).await["id"].as_str().expect("an id").to_owned()
    }

    fn grant(&self) -> Value {
        json!({ "settings": { "plain": format!("127.0.0.1:{}", self.outside.port), "tls": "localhost:1" } })
    }

    /// Has it send its request in a review; the reported answer, and the tape of the call.
    async fn run(&self, guest: &Guest) -> (String, Value) {
        let path = guest.path(&self.clinic.tenant);
        self.hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
        let metformin = [line("metformin-500mg-60", "1000", "2", 30, 2)];
        let draft = self.clinic.draft(&self.clinic.visit().await, &metformin).await;
        self.clinic.doctor.refused(&format!("{draft}/sign"), json!({ "valid_days": 3 }), "RX_NOT_CHECKED").await;
        self.hospital.operator.post(&format!("{path}/disable"), json!(null)).await;
        let call = self.clinic.administrator.get(&format!("/api/v1/calls?plugin={}", guest.id)).await[0].clone();
        let said = call.pointer("/tape/output/answered/Err/other").and_then(Value::as_str);
        (said.unwrap_or_else(|| panic!("{call}")).trim().to_owned(), call)
    }

    async fn send(&self, request: &Wire) -> (String, Value) {
        let guest = sender(request);
        self.install(&guest, self.grant()).await;
        self.run(&guest).await
    }

    async fn keep_secret(&self, path: &str) {
        self.hospital.operator.put(&format!("{path}/secrets/token"), json!({ "value": SECRET })).await;
    }
}

/// The host's answer on tape.
fn answer(call: &Value) -> &Value {
    &call["tape"]["answers"][0]["answer"]
}

macro_rules! on_sqlite {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Bench::open(xinglin_store::Engine::Sqlite).await).await;
            })*
        }
    };
}

on_sqlite!(
    what_is_granted_goes_out,
    what_is_not_granted_stays_in,
    redirects_are_answered_and_not_followed,
    slow_and_endless_servers_are_given_up,
    tls_is_trusted_by_the_operators_authority,
    bodies_are_encrypted_then_signed,
);

mod both {
    use super::{Bench, identity_leaves_only_with_consent, placeholders_are_filled_in_for_the_allowed_server_only};
    use crate::support::rules_on_both_engines;

    rules_on_both_engines!(
        Bench:
        placeholders_are_filled_in_for_the_allowed_server_only,
        identity_leaves_only_with_consent,
    );
}

async fn what_is_granted_goes_out(bench: Bench) {
    let request = Wire::post(&bench.url("/v1/claims?x=1"), "application/json", "{\"a\":1}").header("X-Trace", "t-1");
    let (said, call) = bench.send(&request).await;
    assert_eq!(said, "hello", "{call}");
    assert_eq!(answer(&call)["Ok"]["status"], 200);
    let received = bench.outside.received();
    assert_eq!(received.len(), 1);
    assert!(received[0].starts_with("POST /v1/claims?x=1 HTTP/1.1\r\n"), "{}", received[0]);
    for part in
        ["x-trace: t-1\r\n", "content-type: application/json\r\n", "accept-encoding: identity\r\n", "\r\n\r\n{\"a\":1}"]
    {
        assert!(received[0].contains(part), "{part}: {}", received[0]);
    }
    // No identifying data are sent without a request for them.
    assert_eq!(
        bench.clinic.patient.get(&format!("/api/v1/patients/{}/disclosures", bench.clinic.subject)).await,
        json!([])
    );
    assert_eq!(bench.clinic.administrator.get("/api/v1/calls/chain").await["intact"], true);
}

async fn what_is_not_granted_stays_in(bench: Bench) {
    let guest = sender(&Wire::get(&bench.url("/")));
    let mut grant = bench.grant();
    grant["capabilities"] = json!(["secrets", "identity", "signing"]);
    let path = bench.install(&guest, grant).await;
    let refused = bench.hospital.operator.refused(&format!("{path}/enable"), json!(null), "PLUGIN_CAPABILITY").await;
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("`http`")), "{refused}");

    let mut grant = bench.grant();
    grant["plaintext_hosts"] = json!([]);
    bench.hospital.operator.put(&path, grant).await;
    assert_eq!(bench.run(&guest).await.0, "denied");

    // Granted by its setting, but not opened by the operator.
    for url in [
        "http://127.0.0.2:9/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://8.8.8.8/",
        "http://2852039166/latest/",
        "http://[::1]:9/",
        "http://[::ffff:a9fe:a9fe]/",
    ] {
        let guest = sender(&Wire::get(url));
        let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        bench.install(&guest, json!({ "settings": { "plain": host } })).await;
        let (said, call) = bench.run(&guest).await;
        assert_eq!(said, "denied", "{url}: {call}");
        assert!(call.to_string().contains("the operator opened"), "{call}");
    }
    assert_eq!(bench.outside.received(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_resolves_to_a_private_address_is_refused() {
    let bench = Bench::open_with(Engine::Sqlite, &[]).await;
    let url = format!("http://localhost:{}/", bench.outside.port);
    let guest = sender(&Wire::get(&url));
    bench.install(&guest, json!({ "settings": { "plain": format!("localhost:{}", bench.outside.port) } })).await;
    let (said, call) = bench.run(&guest).await;
    assert_eq!(said, "denied", "{call}");
    assert!(!call.to_string().contains("127.0.0.1"), "what a name leads to is not told: {call}");
    assert_eq!(bench.outside.received(), [""; 0]);
}

async fn redirects_are_answered_and_not_followed(bench: Bench) {
    let (_, call) = bench.send(&Wire::get(&bench.url("/away"))).await;
    let answer = answer(&call);
    assert_eq!(answer["Ok"]["status"], 302, "{answer}");
    assert!(answer.to_string().contains("http://10.0.0.1/secret"), "{answer}");
    assert_eq!(bench.outside.received().len(), 1);
}

async fn slow_and_endless_servers_are_given_up(bench: Bench) {
    let started = std::time::Instant::now();
    assert_eq!(bench.send(&Wire::get(&bench.url("/slow")).timeout(300)).await.0, "timeout");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    // Without a timeout of its own, time is reserved to answer.
    assert_eq!(bench.send(&Wire::get(&bench.url("/slow"))).await.0, "timeout");
    let (said, call) = bench.send(&Wire::get(&bench.url("/huge"))).await;
    assert_eq!((said.as_str(), answer(&call)), ("too-large", &json!({ "Err": { "too_large": 16384 } })));
    let nobody = format!("http://127.0.0.1:{}/", bench.outside.port);
    assert_eq!(bench.send(&Wire::get(&nobody)).await.0, "hello");
}

async fn tls_is_trusted_by_the_operators_authority(bench: Bench) {
    let tls = Outside::open_tls();
    let guest = sender(&Wire::get(&format!("https://localhost:{}/x", tls.port)));
    let grant = json!({ "settings": { "tls": format!("localhost:{}", tls.port) } });
    bench.install(&guest, grant).await;
    let (said, call) = bench.run(&guest).await;
    assert_eq!(said, "hello", "{call}");
    assert!(tls.received()[0].starts_with("GET /x HTTP/1.1\r\n"));

    // The certificate is for `localhost` only.
    let guest = sender(&Wire::get(&format!("https://127.0.0.1:{}/x", tls.port)));
    bench.install(&guest, json!({ "settings": { "tls": format!("127.0.0.1:{}", tls.port) } })).await;
    let (said, call) = bench.run(&guest).await;
    assert_eq!(said, "unavailable", "{call}");
    assert!(call.to_string().contains("TLS"), "{call}");
    assert_eq!(tls.received().len(), 1);
}

async fn placeholders_are_filled_in_for_the_allowed_server_only(bench: Bench) {
    let (clinic, operator) = (&bench.clinic, &bench.hospital.operator);
    let body = r#"{"id":"{{patient:id-number}}","who":"{{patient:name}}","token":"{{secret:token}}"}"#;
    let url = format!("{}?t={{{{secret:token}}}}", bench.url("/echo"));
    let request = Wire::post(&url, "application/json", body).header("X-Api-Key", "Key {{patient:id-number}}");
    let guest = sender(&request);
    let path = bench.install(&guest, bench.grant()).await;
    bench.consent(&guest, "permit", "treatment").await;

    // Without a value nothing is sent.
    let (said, call) = bench.run(&guest).await;
    assert_eq!(said, "invalid", "{call}");
    assert_eq!(bench.outside.received(), [""; 0]);

    // A stored value is never returned.
    bench.keep_secret(&path).await;
    let listed = operator.get(&format!("{path}/secrets")).await;
    assert_eq!(
        (&listed[0]["name"], &listed[0]["kept"], &listed[0]["version"]),
        (&json!("token"), &json!(true), &json!(1))
    );
    let unknown = operator.ask(Method::PUT, &format!("{path}/secrets/other"), Some(json!({ "value": SECRET }))).await;
    unknown.refused("other", "NOT_FOUND");
    let short = operator.ask(Method::PUT, &format!("{path}/secrets/token"), Some(json!({ "value": "abc" }))).await;
    short.refused("short", "BODY_INVALID");
    for nobody in [&clinic.pharmacist, &clinic.doctor, &clinic.patient] {
        let put = nobody.ask(Method::PUT, &format!("{path}/secrets/token"), Some(json!({ "value": "other" }))).await;
        put.refused("put", "AUTH_FORBIDDEN");
        nobody.hidden(&format!("{path}/secrets"), "AUTH_FORBIDDEN").await;
    }

    let (said, call) = bench.run(&guest).await;
    let received = bench.outside.received().remove(0);
    assert!(received.contains("?t=s3cr%2Fet%2B%22v%C3%A4lue%22%3D "), "{received}");
    assert!(received.contains(&format!("x-api-key: Key {ID_NUMBER}\r\n")), "{received}");
    let sent: Value = serde_json::from_str(received.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    assert_eq!(sent, json!({ "id": ID_NUMBER, "who": "李明", "token": SECRET }));

    // The server returned all of it, in three encodings and a header.
    assert!(said.contains("Key {{patient:id-number}}") && said.contains("{{secret:token}}"), "{said}");
    let listed = json!(operator.get(&format!("{path}/secrets")).await).to_string();
    let store = bench.hospital.hospital.store();
    let tenant = store.tenant(clinic.tenant.parse::<TenantId>().expect("a tenant"));
    for row in tenant.list_plugin_secrets(guest.id).await.expect("rows") {
        assert!(!row.sealed.windows(4).any(|bytes| bytes == b"s3cr"));
    }
    let tapes = clinic.administrator.get(&format!("/api/v1/calls?plugin={}", guest.id)).await.to_string();
    for seen in [said.as_str(), &call.to_string(), &tapes, &listed] {
        for value in [
            SECRET,
            "s3cr",
            "v\\u00e4lue",
            &hexed("s3cr"),
            ID_NUMBER,
            "李明",
            &hexed(ID_NUMBER),
            &hexed(SECRET),
            &hexed("李明"),
            "v%C3%A4lue",
        ] {
            assert!(!seen.contains(value), "{value}: {seen}");
        }
    }
    assert!(answer(&call)["Ok"]["headers"].to_string().contains("Key {{patient:id-number}}"), "{call}");

    // Disclosures of identity are recorded, without values.
    let shown = clinic.patient.get(&format!("/api/v1/patients/{}/disclosures", clinic.subject)).await;
    let fields: Vec<_> =
        shown.as_array().expect("a list").iter().map(|row| row["field"].as_str().unwrap_or_default()).collect();
    assert_eq!(fields, ["id-number", "name"], "{shown}");
    assert_eq!(
        (&shown[0]["plugin"], &shown[0]["host"], &shown[0]["call"]),
        (&json!(guest.id), &json!("127.0.0.1"), &call["id"])
    );
    assert!(!shown.to_string().contains(ID_NUMBER), "{shown}");

    // Values sent in one request are removed from answers to later ones.
    let reader = sender(&Wire::get(&bench.url("/again")));
    let path = bench.install(&reader, bench.grant()).await;
    bench.keep_secret(&path).await;
    let (said, _) = bench.run(&reader).await;
    assert!(said.contains("{{secret:token}}") && said.contains("{{patient:id-number}}"), "{said}");
    assert!(!said.contains("s3cr") && !said.contains(ID_NUMBER) && !said.contains("李明"), "{said}");

    // Compressed answers cannot be searched, so they are refused.
    let packed = sender(&Wire::get(&bench.url("/packed")).header("x-api-key", "{{secret:token}}"));
    let path = bench.install(&packed, bench.grant()).await;
    bench.keep_secret(&path).await;
    assert_eq!(bench.run(&packed).await.0, "other");

    // A narrower grant, and a deleted secret.
    let mut grant = bench.grant();
    grant["identity"] = json!(["name"]);
    operator.put(&guest.path(&clinic.tenant), grant).await;
    assert_eq!(bench.run(&guest).await.0, "invalid");
    let path = guest.path(&clinic.tenant);
    let gone = operator.ask(Method::DELETE, &format!("{path}/secrets/token"), None).await;
    assert_eq!(gone.status, 204);
    operator.put(&path, bench.grant()).await;
    assert_eq!(bench.run(&guest).await.0, "invalid");
    operator.ask(Method::DELETE, &format!("{path}/secrets/token"), None).await.refused("again", "NOT_FOUND");
    assert_eq!(clinic.administrator.get("/api/v1/calls/chain").await["intact"], true);
}

async fn identity_leaves_only_with_consent(bench: Bench) {
    let guest = sender(&Wire::post(&bench.url("/"), "text/plain", "{{patient:id-number}}"));
    bench.install(&guest, bench.grant()).await;
    let denied = async |why: &str| {
        let before = bench.outside.received().len();
        let (said, call) = bench.run(&guest).await;
        assert_eq!(said, "denied", "{why}: {call}");
        assert!(call.to_string().contains("the patient has not consented"), "it is on tape: {call}");
        assert_eq!(bench.outside.received().len(), before, "{why}");
    };
    denied("nothing was said").await;
    bench.consent(&guest, "permit", "payment").await;
    denied("of another purpose").await;
    let record = json!({ "scope": "record", "recipient": { "plugin": guest.id }, "purposes": ["treatment"] });
    let path = format!("/api/v1/patients/{}/consents", bench.clinic.subject);
    bench.clinic.patient.post(&path, record).await;
    denied("the record is not who one is").await;
    let disclosures = format!("/api/v1/patients/{}/disclosures", bench.clinic.subject);
    assert_eq!(bench.clinic.patient.get(&disclosures).await, json!([]));

    let given = bench.consent(&guest, "permit", "treatment").await;
    assert_eq!(bench.run(&guest).await.0, "hello");
    assert!(bench.outside.received().pop().expect("a request").contains(ID_NUMBER));
    bench.clinic.patient.post(&format!("/api/v1/consents/{given}/revoke"), json!({})).await;
    denied("it was taken back").await;
    bench.consent(&guest, "permit", "treatment").await;
    bench.consent(&guest, "refuse", "treatment").await;
    denied("a refusal wins").await;
    assert_eq!(bench.clinic.patient.get(&disclosures).await.as_array().map_or(0, Vec::len), 1);
}

fn hexed(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

async fn bodies_are_encrypted_then_signed(bench: Bench) {
    let operator = &bench.hospital.operator;
    let shared = [0x42; 16];
    for (signer, kind) in [("seal", KeyKind::Sm2), ("pen", KeyKind::Ed25519)] {
        let request = Wire::post(&bench.url("/"), "text/plain", "{{patient:id-number}}!").protect(
            Some("box"),
            Some(signer),
            "X-Signature",
        );
        let guest = sender(&request);
        let path = bench.install(&guest, bench.grant()).await;
        bench.consent(&guest, "permit", "treatment").await;
        let (said, call) = bench.run(&guest).await;
        assert_eq!(said, "invalid", "no key is made yet: {call}");

        operator.refused(&format!("{path}/keys/box"), json!({}), "BODY_INVALID").await;
        operator
            .refused(&format!("{path}/keys/box"), json!({ "import": STANDARD.encode([1; 15]) }), "BODY_INVALID")
            .await;
        operator.refused(&format!("{path}/keys/other"), json!({}), "NOT_FOUND").await;
        operator.post(&format!("{path}/keys/box"), json!({ "import": STANDARD.encode(shared) })).await;
        let made = operator.post(&format!("{path}/keys/{signer}"), json!({})).await;
        operator.refused(&format!("{path}/keys/{signer}"), json!({}), "ALREADY_EXISTS").await;
        let public = STANDARD.decode(made["public"].as_str().expect("a public half")).expect("base64");
        let listed = operator.get(&format!("{path}/keys")).await;
        assert!(!listed.to_string().contains(&STANDARD.encode(shared)), "{listed}");
        assert!(listed.to_string().contains(&STANDARD.encode(&public)), "{listed}");

        let (said, call) = bench.run(&guest).await;
        assert_eq!(said, "hello", "{call}");
        let received = bench.outside.received().pop().expect("a request");
        let (head, body) = received.split_once("\r\n\r\n").expect("a body");
        let signature = head.lines().find_map(|line| line.strip_prefix("x-signature: ")).expect("a signature");
        let signature = STANDARD.decode(signature).expect("base64");
        assert!(verify(kind, &public, body.as_bytes(), &signature), "{received}");
        let sealed = STANDARD.decode(body).expect("base64");
        let cipher = AesGcm::<sm4::Sm4, U12>::new_from_slice(&shared).expect("a key");
        let nonce: [u8; 12] = sealed[..12].try_into().expect("a nonce");
        let opened = cipher.decrypt(&Nonce::from(nonce), &sealed[12..]).expect("whole");
        assert_eq!(opened, format!("{ID_NUMBER}!").as_bytes());
        assert!(!received.contains(ID_NUMBER), "{received}");
    }
}
