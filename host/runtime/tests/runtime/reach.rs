//! What a plugin may reach: the checks that need no network, the tape, and that
//! a replay goes nowhere.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Notify;
use xinglin_domain::{
    code::Code,
    coding::{Attribute, AttributeValue},
    review::{ReviewError, Verdict},
};
use xinglin_runtime::{
    Call, CallContext, Capability, Egress, EgressFuture, Grants, HostPattern, HostServices, HttpError, HttpMethod,
    HttpRequest, HttpResponse, Identity, IdentityField, IdentityFuture, KeyKind, Keyring, KeyringFuture, Manifest,
    Piece, Placeholder, Plugin, PluginPublicKey, Runtime, Secrets, SecretsFuture, SignWith, pieces, verify,
};

use crate::{
    fixtures::{Checker, context, now, order, runtime, snapshot, toml},
    wire::{LENGTH, POINTER, REQUEST, SEND, SENT, Wire, errors},
};

type Reviewed = Call<Result<Verdict, ReviewError>>;

/// Everything there is to ask for.
const ALL: &str = r#"
[capabilities.http]
hosts = ["api.example.com", "*.Nhsa.gov.cn", "other.example.com:8443", "{{setting:gateway}}"]
plaintext-hosts = ["plain.example.com"]
max-request-kib = 1
concurrent = 1
[capabilities.secrets]
keys = ["token"]
[capabilities.identity]
fields = ["name", "id-number"]
[capabilities.signing]
keys = { pen = "ed25519", seal = "sm2", box = "sm4" }
[settings.gateway]
type = "text"
[limits]
deadline-ms = 2000
"#;

/// A world outside that remembers what it was asked.
#[derive(Default)]
struct Outside {
    sent: Mutex<Vec<HttpRequest>>,
    /// Holds every request until told.
    gate: Option<Notify>,
}

impl Egress for Outside {
    fn send(&self, request: HttpRequest) -> EgressFuture<'_> {
        Box::pin(async move {
            self.sent.lock().expect("whole").push(request);
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            let headers = vec![("x-kind".to_owned(), "test".to_owned())];
            Ok(HttpResponse { status: 201, headers, body: b"hello".to_vec() })
        })
    }
}

struct Known;

impl Secrets for Known {
    fn available(&self) -> SecretsFuture<'_> {
        Box::pin(async { vec!["token".to_owned(), "not-granted".to_owned()] })
    }
}

impl Identity for Known {
    fn available(&self) -> IdentityFuture<'_> {
        Box::pin(async { vec![IdentityField::Phone, IdentityField::IdNumber] })
    }
}

impl Keyring for Known {
    fn public_keys(&self) -> KeyringFuture<'_, Vec<PluginPublicKey>> {
        let key = |key: &str, kind| PluginPublicKey { key: key.to_owned(), kind, bytes: vec![7; 32] };
        let keys = vec![
            key("seal", KeyKind::Ed25519),
            key("pen", KeyKind::Ed25519),
            key("box", KeyKind::Sm4),
            key("foreign", KeyKind::Sm2),
        ];
        Box::pin(async { Ok(keys) })
    }

    fn sign<'a>(&'a self, key: &'a str, kind: KeyKind, message: &'a [u8]) -> KeyringFuture<'a, Option<Vec<u8>>> {
        assert!(key == "pen" && kind == KeyKind::Ed25519, "only what is granted is asked for: {key}");
        Box::pin(async move { Ok((message.first() != Some(&b'-')).then(|| vec![9; 64])) })
    }
}

fn sender(request: &Wire) -> Checker {
    Checker::say(SENT, POINTER, LENGTH)
        .with("http", SEND)
        .items(&format!("{}\n{}", errors(), request.data(REQUEST)))
        .manifest(ALL)
}

fn context_of(outside: &Arc<Outside>) -> CallContext {
    let known = Arc::new(Known);
    let gateway = AttributeValue::Text("192.0.2.7:9000".into());
    CallContext {
        settings: vec![Attribute { key: "gateway".into(), value: gateway }],
        services: HostServices {
            http: outside.clone(),
            secrets: known.clone(),
            identity: known.clone(),
            signing: known,
            ..HostServices::default()
        },
        ..context()
    }
}

fn said(call: &Reviewed) -> &str {
    match &call.outcome {
        Ok(Err(ReviewError::Other(text))) => text.trim(),
        other => panic!("{other:?}"),
    }
}

async fn review(runtime: &Runtime, plugin: &Plugin, outside: &Arc<Outside>) -> Reviewed {
    runtime.review(plugin, context_of(outside), &order(), &snapshot(), now()).await
}

/// What the guest was told, what was sent, and the tape's last answer.
async fn send(runtime: &Runtime, request: &Wire) -> (String, Vec<HttpRequest>, String) {
    let outside = Arc::new(Outside::default());
    let plugin = sender(request).load(runtime).await.expect("loaded");
    let call = review(runtime, &plugin, &outside).await;
    let sent = std::mem::take(&mut *outside.sent.lock().expect("whole"));
    let answer = call.tape.answers.last().map(|answer| answer.answer.clone()).unwrap_or_default();
    (said(&call).to_owned(), sent, answer)
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_written_and_replays_without_a_network() {
    let runtime = runtime();
    let request = Wire::post("https://API.example.com/v1?q={{secret:token}}", "application/json", "{{patient:name}}")
        .header("X-Api-Key", "Bearer {{secret:token}}")
        .protect(Some("box"), Some("seal"), "X-Signature")
        .timeout(1500);
    let outside = Arc::new(Outside::default());
    let plugin = sender(&request).load(&runtime).await.expect("loaded");
    let call = review(&runtime, &plugin, &outside).await;
    assert_eq!(said(&call), "hello");
    let sent = outside.sent.lock().expect("whole").remove(0);
    assert_eq!(sent.method, HttpMethod::Post);
    assert_eq!((sent.url.as_str(), sent.host.as_str()), (request.url.as_str(), "api.example.com"));
    assert_eq!(sent.headers[1], ("x-api-key".to_owned(), "Bearer {{secret:token}}".to_owned()));
    assert_eq!(sent.body.as_deref(), Some(b"{{patient:name}}".as_slice()));
    assert_eq!(sent.encrypt_with.as_deref(), Some("box"));
    let sign = SignWith { key: "seal".into(), kind: KeyKind::Sm2, header: "x-signature".into() };
    assert_eq!(sent.sign_with, Some(sign));
    assert_eq!((sent.max_request, sent.max_response), (1024, 256 * 1024));
    let guarded: Vec<String> = sent.guarded.iter().map(ToString::to_string).collect();
    assert_eq!(guarded, ["{{secret:token}}", "{{patient:name}}", "{{patient:id-number}}"]);
    assert!(sent.timeout <= Duration::from_millis(1500) && sent.timeout > Duration::from_millis(500));

    assert_eq!(call.tape.answers.len(), 1);
    let answer = r#"{"Ok":{"status":201,"headers":[["x-kind","test"]],"body":{"text":"hello"}}}"#;
    assert_eq!((call.tape.answers[0].import.as_str(), call.tape.answers[0].answer.as_str()), ("http.send", answer));
    let report = runtime.replay(&plugin, &call.tape).await.expect("replayed");
    assert!(report.identical && report.conclusive && !report.diverged, "{report:?}");
    assert!(outside.sent.lock().expect("whole").is_empty(), "nothing was sent again");

    let mut other = request;
    other.url.push('x');
    let candidate = sender(&other).load(&runtime).await.expect("loaded");
    assert!(runtime.replay(&candidate, &call.tape).await.expect("replayed").diverged);
}

#[tokio::test]
async fn only_granted_servers_are_asked() {
    let runtime = runtime();
    for url in [
        "https://api.example.com",
        "https://api.example.com:443/x?y=z",
        "HTTPS://api.EXAMPLE.com/",
        "https://fuwu.nhsa.gov.cn/",
        "https://a.b.nhsa.gov.cn/",
        "https://other.example.com:8443/",
        "https://192.0.2.7:9000/",
        "https://3221225991:9000/",
        "http://plain.example.com/",
        "https://plain.example.com/",
    ] {
        let (told, sent, _) = send(&runtime, &Wire::get(url)).await;
        assert_eq!((told.as_str(), sent.len()), ("hello", 1), "{url}");
    }
    for (url, told) in [
        ("https://evil.example.com/", "denied"),
        ("https://api.example.com.evil.net/", "denied"),
        ("https://api.example.com./", "denied"),
        ("https://example.com/", "denied"),
        ("https://nhsa.gov.cn/", "denied"),
        ("https://xnhsa.gov.cn/", "denied"),
        ("https://api.example.com:8443/", "denied"),
        ("https://other.example.com/", "denied"),
        ("http://api.example.com/", "denied"),
        ("http://plain.example.com:8080/", "denied"),
        ("https://192.0.2.7/", "denied"),
        ("https://127.0.0.1/", "denied"),
        ("https://2130706433/", "denied"),
        ("https://0x7f.1/", "denied"),
        ("https://[::ffff:127.0.0.1]/", "denied"),
        ("https://localhost/", "denied"),
        ("https://evil.net#@api.example.com/", "invalid"),
        ("https://evil.net?@api.example.com/", "denied"),
        ("https://api.example.com@evil.net/", "invalid"),
        ("https://user:pass@api.example.com/", "invalid"),
        ("https://api.example.com\\@evil.net/", "invalid"),
        ("https://api.exa\tmple.com/", "invalid"),
        ("https://api.example.com/a b", "invalid"),
        ("https://api.example.com/\r\nX: y", "invalid"),
        (" https://api.example.com/", "invalid"),
        ("https:api.example.com/", "invalid"),
        ("https:///api.example.com/", "invalid"),
        ("https://{{secret:token}}.nhsa.gov.cn/", "invalid"),
        ("https://{{secret:token}}/", "invalid"),
        ("https://api.example.com:99999/", "invalid"),
        ("https://api.example.com/#x", "invalid"),
        ("file:///etc/passwd", "invalid"),
        ("gopher://api.example.com/", "invalid"),
        ("/x", "invalid"),
        ("", "invalid"),
    ] {
        let (heard, sent, answer) = send(&runtime, &Wire::get(url)).await;
        assert_eq!((heard.as_str(), sent.len()), (told, 0), "{url}: {answer}");
    }
}

#[tokio::test]
async fn a_request_that_means_nothing_is_not_sent() {
    let runtime = runtime();
    let get = || Wire::get("https://api.example.com/");
    let post = |body: &str| Wire::post("https://api.example.com/", "text/plain", body);
    let mut bad: Vec<(Wire, &str)> = Vec::new();
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "connection",
        "Proxy-Authorization",
        "upgrade",
        "TE",
        "Accept-Encoding",
        "expect",
        "bad name",
        "",
        "x:y",
        "x\r\ny",
    ] {
        bad.push((get().header(name, "x"), "invalid"));
    }
    for value in ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\u{7f}"] {
        bad.push((get().header("x-ok", value), "invalid"));
    }
    for placeholder in [
        "{{secret:other}}",
        "{{patient:phone}}",
        "{{patient:surname}}",
        "{{secret:}}",
        "{{secret:Token}}",
        "{{setting:gateway}}",
        "{{secrets:token}}",
        "{{secret:token",
        "{{patient:name}",
    ] {
        bad.push((post(placeholder), "invalid"));
        bad.push((get().header("x-ok", placeholder), "invalid"));
        bad.push((Wire::get(&format!("https://api.example.com/{placeholder}")), "invalid"));
    }
    bad.extend([
        (get().header("content-type", "a/b").header("Content-Type", "c/d"), "invalid"),
        (get().header("Range", "bytes=0-2"), "invalid"),
        (get().header("if-range", "x"), "invalid"),
        (Wire { method: 0, ..post("x") }, "invalid"),
        (Wire { method: 5, ..post("x") }, "invalid"),
        (post(&"{{secret:token}}".repeat(65)), "too-large"),
        (post(&"x".repeat(1025)), "too-large"),
        (get().header("x-ok", &"x".repeat(17 << 10)), "too-large"),
        (Wire::get(&format!("https://api.example.com/{}", "x".repeat(8 << 10))), "too-large"),
        (post("x").protect(Some("seal"), None, ""), "invalid"),
        (post("x").protect(Some("other"), None, ""), "invalid"),
        (get().protect(Some("box"), None, ""), "invalid"),
        (post("x").protect(None, Some("box"), "x-signature"), "invalid"),
        (post("x").protect(None, Some("seal"), ""), "invalid"),
        (post("x").protect(None, Some("seal"), "host"), "invalid"),
        (post("x").header("X-Signature", "forged").protect(None, Some("seal"), "x-signature"), "invalid"),
        (get().timeout(0), "timeout"),
    ]);
    for (request, told) in bad {
        let (heard, sent, answer) = send(&runtime, &request).await;
        let what = (&request.url, &request.headers, request.body.as_deref().map(String::from_utf8_lossy));
        assert_eq!((heard.as_str(), sent.len()), (told, 0), "{what:?}: {answer}");
    }
    for (good, what) in [
        (post("{{ name }} {{x}} }} {{ {"), "text that only looks like placeholders"),
        (post(&"x".repeat(1024)), "as much as is granted"),
    ] {
        assert_eq!(send(&runtime, &good).await.0, "hello", "{what}");
    }
}

#[tokio::test]
async fn what_is_not_granted_does_not_go_out() {
    let runtime = runtime();
    let narrowed = async |request: &Wire, narrow: fn(&mut Grants)| {
        let package = sender(request).package();
        let mut grants = Grants::as_asked(package.manifest());
        narrow(&mut grants);
        let plugin = runtime.load(&package, &grants).await.expect("loaded");
        said(&review(&runtime, &plugin, &Arc::default()).await).to_owned()
    };
    let get = Wire::get("https://api.example.com/");
    let secret = get.clone().header("x-key", "{{secret:token}}");
    let name = get.clone().header("x-name", "{{patient:name}}");
    let signed = get.clone().protect(None, Some("pen"), "x-signature");
    assert_eq!(narrowed(&secret, |_| ()).await, "hello");
    assert_eq!(narrowed(&secret, |g| g.secrets.clear()).await, "invalid");
    assert_eq!(
        narrowed(&secret, |g| {
            g.capabilities.remove(&Capability::Secrets);
        })
        .await,
        "invalid"
    );
    assert_eq!(narrowed(&name, |_| ()).await, "hello");
    assert_eq!(
        narrowed(&name, |g| {
            g.identity.remove(&IdentityField::Name);
        })
        .await,
        "invalid"
    );
    assert_eq!(
        narrowed(&name, |g| {
            g.capabilities.remove(&Capability::Identity);
        })
        .await,
        "invalid"
    );
    let range = get.clone().header("range", "bytes=0-2");
    let nothing = |g: &mut Grants| {
        g.secrets.clear();
        g.identity.clear();
    };
    assert_eq!(narrowed(&range, nothing).await, "hello", "there is nothing to be cut in two");
    assert_eq!(narrowed(&signed, |_| ()).await, "hello");
    assert_eq!(
        narrowed(&signed, |g| {
            g.keys.remove("pen");
        })
        .await,
        "invalid"
    );
    assert_eq!(
        narrowed(&signed, |g| {
            g.capabilities.remove(&Capability::Signing);
        })
        .await,
        "invalid"
    );
    assert_eq!(narrowed(&get, |g| g.http.hosts.clear()).await, "denied");
    // More than is asked for is not to be had, less is.
    let pattern = |text: &str| vec![HostPattern::parse(text).expect("a pattern")];
    let nhsa = Wire::get("https://fuwu.nhsa.gov.cn/");
    assert_eq!(
        narrowed(&Wire::get("https://evil.net/"), |g| g.http.hosts.push(HostPattern::parse("evil.net").expect("one")))
            .await,
        "denied"
    );
    let package = sender(&nhsa).package();
    for (granted, told) in
        [("fuwu.nhsa.gov.cn", "hello"), ("*.nhsa.gov.cn", "hello"), ("x.nhsa.gov.cn", "denied"), ("*.gov.cn", "denied")]
    {
        let mut grants = Grants::as_asked(package.manifest());
        grants.http.hosts = pattern(granted);
        let plugin = runtime.load(&package, &grants).await.expect("loaded");
        assert_eq!(said(&review(&runtime, &plugin, &Arc::default()).await), told, "{granted}");
    }
    // Without the capability it is not even loaded.
    let mut grants = Grants::as_asked(package.manifest());
    grants.capabilities.remove(&Capability::Http);
    let error = runtime.load(&package, &grants).await.expect_err("refused");
    assert_eq!(error.code(), Code::PluginCapability);
    assert!(error.to_string().contains("`http`"), "{error}");
}

#[tokio::test]
async fn a_setting_that_names_no_server_grants_none() {
    let runtime = runtime();
    let plugin = sender(&Wire::get("https://gateway.example.org/")).load(&runtime).await.expect("loaded");
    for (value, told) in [
        (None, "denied"),
        (Some("gateway.example.org"), "hello"),
        (Some("Gateway.Example.org:443"), "hello"),
        (Some("gateway.example.org:8443"), "denied"),
        (Some("*.example.org"), "denied"),
        (Some("https://gateway.example.org"), "denied"),
        (Some("{{setting:gateway}}"), "denied"),
        (Some(""), "denied"),
    ] {
        let setting = |text: &str| Attribute { key: "gateway".into(), value: AttributeValue::Text(text.into()) };
        let settings = value.map(setting).into_iter().collect();
        let context = CallContext { settings, ..context_of(&Arc::default()) };
        let call = runtime.review(&plugin, context, &order(), &snapshot(), now()).await;
        assert_eq!(said(&call), told, "{value:?}");
    }
}

#[tokio::test]
async fn requests_are_counted() {
    let runtime = runtime();
    let request = Wire::get("https://api.example.com/");
    let many = format!(
        "(loop $again {SENT} (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 33))))"
    );
    let guest = Checker { body: Checker::say(&many, POINTER, LENGTH).body, ..sender(&request) };
    let (outside, plugin) = (Arc::new(Outside::default()), guest.load(&runtime).await.expect("loaded"));
    assert_eq!(said(&review(&runtime, &plugin, &outside).await), "too-many");
    assert_eq!(outside.sent.lock().expect("whole").len(), 32);

    // One at a time is granted: a second call at the same time is told so.
    let outside = Arc::new(Outside { gate: Some(Notify::new()), ..Outside::default() });
    let plugin = sender(&request).load(&runtime).await.expect("loaded");
    let (first, second) = tokio::join!(review(&runtime, &plugin, &outside), async {
        while outside.sent.lock().expect("whole").is_empty() {
            tokio::task::yield_now().await;
        }
        let second = review(&runtime, &plugin, &outside).await;
        outside.gate.as_ref().expect("a gate").notify_one();
        second
    });
    assert_eq!((said(&first), said(&second)), ("hello", "too-many"));
    // Another tenant's plugin has places of its own, and the place is free again.
    outside.gate.as_ref().expect("a gate").notify_one();
    assert_eq!(said(&review(&runtime, &plugin, &outside).await), "hello");
}

#[tokio::test]
async fn names_are_given_and_values_never() {
    let runtime = runtime();
    let available = |interface: &str| {
        format!(r#"(import "xinglin:host/{interface}@1.1.0" "available" (func ${interface} (param i32)))"#)
    };
    let guest = Checker::say(
        "(call $secrets (i32.const 2048)) (call $identity (i32.const 2064)) (call $keys (i32.const 2080))",
        "(i32.load (i32.load (i32.const 2048)))",
        "(i32.load offset=4 (i32.load (i32.const 2048)))",
    )
    .with("secrets", &available("secrets"))
    .with("identity", &available("identity"))
    .with("signing", r#"(import "xinglin:host/signing@1.1.0" "public-keys" (func $keys (param i32)))"#)
    .manifest(ALL);
    let plugin = guest.load(&runtime).await.expect("loaded");
    let call = review(&runtime, &plugin, &Arc::default()).await;
    assert_eq!(said(&call), "token");
    let answers: Vec<_> = call.tape.answers.iter().map(|a| (a.import.as_str(), a.answer.clone())).collect();
    let pen = format!(r#"[{{"key":"pen","kind":"ed25519","bytes":"{}"}}]"#, "07".repeat(32));
    let expected = [
        ("secrets.available", r#"["token"]"#.to_owned()),
        ("identity.available", r#"["id-number"]"#.to_owned()),
        ("signing.public-keys", pen),
    ];
    assert_eq!(answers, expected);
    assert!(runtime.replay(&plugin, &call.tape).await.expect("replayed").identical);
}

#[tokio::test]
async fn a_plugin_signs_with_its_own_keys() {
    let runtime = runtime();
    let import = r#"(import "xinglin:host/signing@1.1.0" "sign" (func $sign (param i32 i32 i32 i32 i32)))"#;
    for (key, message, answer) in [
        ("pen", "message", format!(r#"{{"Ok":"{}"}}"#, "09".repeat(64))),
        ("pen", "-", r#"{"Err":"unknown_key"}"#.to_owned()),
        ("box", "message", r#"{"Err":"unknown_key"}"#.to_owned()),
        ("foreign", "message", r#"{"Err":"unknown_key"}"#.to_owned()),
    ] {
        let sign = format!(
            "(call $sign (i32.const 512) (i32.const {}) (i32.const 600) (i32.const {}) (i32.const 2048))",
            key.len(),
            message.len()
        );
        let guest = Checker::say(&sign, "(i32.const 512)", "(i32.const 1)")
            .with("signing", import)
            .items(&format!("(data (i32.const 512) \"{key}\") (data (i32.const 600) \"{message}\")"))
            .manifest(ALL);
        let plugin = guest.load(&runtime).await.expect("loaded");
        let call = review(&runtime, &plugin, &Arc::default()).await;
        assert_eq!(call.tape.answers[0].answer, answer, "{key}");
        assert!(runtime.replay(&plugin, &call.tape).await.expect("replayed").identical);
    }
    let large = "(call $sign (i32.const 512) (i32.const 3) (i32.const 600) (i32.const 65537) (i32.const 2048))";
    let guest = Checker::say(large, "(i32.const 512)", "(i32.const 1)")
        .with("signing", import)
        .items("(data (i32.const 512) \"pen\")")
        .manifest(ALL);
    let plugin = guest.load(&runtime).await.expect("loaded");
    let call = review(&runtime, &plugin, &Arc::default()).await;
    assert_eq!(call.tape.answers[0].answer, r#"{"Err":"too_large"}"#);
}

#[test]
fn nonsense_is_no_signature() {
    for kind in [KeyKind::Ed25519, KeyKind::Sm2, KeyKind::Sm4] {
        for key in [&[][..], &[0; 32], &[0; 65], &[4; 65], &[255; 33]] {
            for signature in [&[][..], &[0; 64], &[255; 64], &[1; 65]] {
                assert!(!verify(kind, key, b"message", signature), "{kind}");
            }
        }
    }
    // A key of small order holds for every message, so it is none.
    let mut small = [0; 32];
    small[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(!verify(KeyKind::Ed25519, &small, b"message", &signature));
}

#[test]
fn a_text_is_its_pieces() {
    let secret = Piece::Place(Placeholder::Secret("a.b-1".into()));
    assert_eq!(pieces("x{{{secret:a.b-1}}}").expect("pieces"), [Piece::Text("x{"), secret, Piece::Text("}")]);
    assert_eq!(pieces("").expect("pieces"), []);
    for text in ["{{", "}}{{", "{{ secret:x}}", "{{:x}}", "{{Secret:x}}", "{%7Bsecret:x}}", "姓名{{姓名}}"] {
        assert_eq!(pieces(text).expect(text), [Piece::Text(text)], "{text}");
    }
    for field in IdentityField::ALL {
        let text = format!("{{{{patient:{field}}}}}");
        assert_eq!(pieces(&text).expect("pieces"), [Piece::Place(Placeholder::Patient(field))]);
        assert_eq!(Placeholder::Patient(field).to_string(), text);
    }
    for text in ["{{secret:x", "{{secret:x y}}", "{{secret:{{secret:x}}}}", "{{env:HOME}}", "{{patient:}}"] {
        assert!(pieces(text).is_err(), "{text}");
    }
}

#[test]
fn patterns_of_servers() {
    for (text, canonical) in [
        ("API.Example.com", "api.example.com"),
        ("*.example.com:8443", "*.example.com:8443"),
        ("医院.中国", "xn--5nx30i.xn--fiqs8s"),
        ("{{setting:gate.way-1}}", "{{setting:gate.way-1}}"),
    ] {
        let pattern = HostPattern::parse(text).unwrap_or_else(|e| panic!("{e}")).to_string();
        assert!(pattern == canonical || text == "医院.中国" && pattern.starts_with("xn--"), "{pattern}");
        assert_eq!(HostPattern::parse(&pattern).map(|again| again.to_string()), Ok(pattern));
    }
    for bad in [
        "",
        "*",
        "*.",
        "*.com",
        "*.*.com",
        "a.*.com",
        "*a.com",
        "a*.com",
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "*.127.0.0.1",
        "a b",
        "a/b",
        "https://a.com",
        "a.com/",
        "a.com:",
        "a.com:0",
        "a.com:70000",
        "a..com",
        "a.com.",
        ".a.com",
        "user@a.com",
        "a.com#",
        "a.com?",
        "{{setting:X}}",
        "{{setting:x}}.com",
        "{{secret:x}}",
    ] {
        assert!(HostPattern::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_a_manifest_asks_for_makes_sense() {
    let good = Manifest::parse(&toml(ALL)).expect("a manifest");
    let grants = Grants::as_asked(&good);
    assert_eq!(grants.http.hosts.len(), 4);
    assert_eq!((grants.http.max_request_kib, grants.http.max_response_kib, grants.http.concurrent), (1, 256, 1));
    let kept = serde_json::to_value(&grants).expect("JSON");
    assert_eq!(serde_json::from_value::<Grants>(kept).expect("grants"), grants);
    for (bad, says) in [
        ("[capabilities.http]", "servers"),
        ("[capabilities.http]\nhosts = []", "servers"),
        ("[capabilities.http]\nhosts = [\"*\"]", "wildcard"),
        ("[capabilities.http]\nhosts = [\"10.0.0.1\"]", "address"),
        ("[capabilities.http]\nhosts = [\"{{setting:x}}\"]", "settings.x"),
        ("[capabilities.http]\nhosts = [\"{{setting:x}}\"]\n[settings.x]\ntype = \"integer\"", "text"),
        ("[capabilities.http]\nhosts = [\"a.com\"]\nmax-request-kib = 513", "1 to 512"),
        ("[capabilities.http]\nhosts = [\"a.com\"]\nmax-response-kib = 0", "1 to 2048"),
        ("[capabilities.http]\nhosts = [\"a.com\"]\nconcurrent = 65", "1 to 64"),
        ("[capabilities.http]\nhosts = [\"a.com\"]\nkeys = [\"x\"]", "keys"),
        ("[capabilities.log]\nhosts = [\"a.com\"]", "only `http`"),
        ("[capabilities.log]\nfields = [\"name\"]", "identity"),
        ("[capabilities.secrets]", "keys"),
        ("[capabilities.secrets]\nkeys = [\"A\"]", "lower case"),
        ("[capabilities.secrets]\nkeys = { a = \"sm2\" }", "keys"),
        ("[capabilities.identity]", "fields"),
        ("[capabilities.identity]\nfields = [\"face\"]", "face"),
        ("[capabilities.signing]", "keys"),
        ("[capabilities.signing]\nkeys = { a = \"rsa\" }", "sm2"),
        ("[capabilities.signing]\nkeys = [\"a\"]", "signing"),
    ] {
        let error = Manifest::parse(&toml(bad)).expect_err(bad);
        assert!(error.to_string().contains(says), "{bad}: {error}");
    }
}

#[test]
fn the_sheet_names_servers_fields_and_keys() {
    let package = sender(&Wire::get("https://api.example.com/")).package();
    let sheet = package.sheet();
    for (language, names) in [
        (
            "en",
            [
                "api.example.com",
                "plain.example.com (without encryption)",
                "token",
                "name, resident identity card number",
                "box (sm4)",
            ],
        ),
        ("zh-CN", ["*.nhsa.gov.cn", "plain.example.com（未加密）", "token", "姓名、身份证号", "seal (sm2)"]),
    ] {
        let can: String = sheet.can.iter().map(|item| item.text.get(language).to_owned() + "\n").collect();
        for name in names {
            assert!(can.contains(name), "{name}: {can}");
        }
    }
    // What goes into requests as a placeholder needs no import, and is no mistake.
    assert!(sheet.notes.is_empty(), "{:?}", sheet.notes);
    let quiet = Checker::allow().package().sheet();
    assert!(quiet.cannot.iter().any(|item| item.text.get("en").contains("send requests to servers outside")));
}

#[tokio::test]
async fn errors_of_the_way_out_reach_the_guest() {
    struct Failing(HttpError);
    impl Egress for Failing {
        fn send(&self, _: HttpRequest) -> EgressFuture<'_> {
            Box::pin(async { Err(self.0.clone()) })
        }
    }
    let runtime = runtime();
    let plugin = sender(&Wire::get("https://api.example.com/")).load(&runtime).await.expect("loaded");
    for (error, told) in [
        (HttpError::Denied("x".into()), "denied"),
        (HttpError::Invalid("x".into()), "invalid"),
        (HttpError::Timeout, "timeout"),
        (HttpError::TooLarge(7), "too-large"),
        (HttpError::TooMany, "too-many"),
        (HttpError::Unavailable("x".into()), "unavailable"),
        (HttpError::Other("x".into()), "other"),
    ] {
        let services = HostServices { http: Arc::new(Failing(error)), ..HostServices::default() };
        let call = runtime.review(&plugin, CallContext { services, ..context() }, &order(), &snapshot(), now()).await;
        assert_eq!(said(&call), told);
        assert!(runtime.replay(&plugin, &call.tape).await.expect("replayed").identical);
    }
}
