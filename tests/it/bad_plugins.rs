//! Faulty plugins: each gives a code that names it, and affects nothing else.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    TestHospital,
    guest::{self, Guest},
    line, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    an_invalid_package_is_not_installed,
    a_plugin_without_its_grants_is_not_enabled,
    a_plugin_that_fails_to_start_is_not_enabled,
    a_pathway_without_a_valid_definition_is_not_enabled,
    a_failing_checker_prevents_the_signature,
    a_failing_checker_does_not_affect_other_tenants,
);

const HOOK: &str = "xinglin:prescribing/review@1.0.0#review";

const KV: &[(&str, &str)] =
    &[(r#"(import "xinglin:host/kv@1.1.0" "get" (func $get (param i32 i32 i32)))"#, "xinglin:host/kv@1.1.0")];
const WAND: &[(&str, &str)] = &[(r#"(import "acme:magic/wand@0.1.0" "wave" (func $wave))"#, "acme:magic/wand@0.1.0")];

/// Checkers that fail, each with its code.
const BROKEN: [(Guest, &str); 5] = [
    (
        Guest::new("test.loop", "(loop $again (br $again)) unreachable").manifest("[limits]\ndeadline-ms = 400"),
        "PLUGIN_FUEL",
    ),
    (
        Guest::new("test.bomb", "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable")
            .manifest("[limits]\nmemory-mib = 16\ndeadline-ms = 5000"),
        "PLUGIN_MEMORY",
    ),
    (
        // An error text of all of its memory: 3 MiB.
        Guest::new(
            "test.flood",
            "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const 2))
             (i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 3145728))
             i32.const 1024",
        ),
        "PLUGIN_OUTPUT",
    ),
    (Guest::new("test.panic", "unreachable"), "PLUGIN_TRAP"),
    (Guest::new("test.deep", "(call $down) i32.const 1024").items("(func $down (call $down))"), "PLUGIN_TRAP"),
];

async fn an_invalid_package_is_not_installed(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = hospital.footprint(&clinic.tenant).await;
    let good = Guest::healthy().package();
    let newer = |text: String| {
        text.replace("@1.0.0", "@2.0.0").replace("@1.1.0", "@2.0.0").replace("version = 1.1.0", "version = 2.0.0")
    };
    let bad = [
        ("nothing", Vec::new(), "PLUGIN_INVALID"),
        ("a text", b"hello".to_vec(), "PLUGIN_INVALID"),
        ("a core module", Guest::healthy().core(), "PLUGIN_INVALID"),
        ("without a manifest", Guest::healthy().component(), "PLUGIN_INVALID"),
        ("cut short", good[..good.len() - 1].to_vec(), "PLUGIN_INVALID"),
        ("with a byte changed", corrupted(&good), "PLUGIN_INVALID"),
        ("of another version", Guest::healthy().packed(&Guest::healthy().component_of(newer)), "PLUGIN_INTERFACE"),
        ("importing what nobody has", Guest::healthy().imports(WAND).package(), "PLUGIN_CAPABILITY"),
        ("importing what it did not ask for", Guest::healthy().imports(KV).package(), "PLUGIN_CAPABILITY"),
    ];
    for (what, package, code) in bad {
        let answer = hospital.operator.upload(package).await;
        assert_eq!((answer.status.as_u16() / 100, answer.code()), (4, code), "{what}: {}", answer.text);
        assert!(!answer.body["detail"].as_str().unwrap_or_default().is_empty(), "{what}: {}", answer.text);
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
    clinic.signed().await;
}

/// With an invalid first opcode in its last core function.
fn corrupted(package: &[u8]) -> Vec<u8> {
    let mut package = package.to_vec();
    let i32_const_1024 = [0x41, 0x80, 0x08];
    let at = package.windows(3).rposition(|bytes| bytes == i32_const_1024).expect("the body of review");
    package[at] = 0xff;
    package
}

async fn a_plugin_without_its_grants_is_not_enabled(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let curious = Guest::new("test.curious", "i32.const 1024").imports(KV).manifest("[capabilities.kv]");
    hospital.operator.upload(curious.package()).await.done("/api/v1/plugins");
    let path = curious.path(&clinic.tenant);
    hospital.operator.put(&path, json!({ "capabilities": ["log"] })).await;
    let refused = hospital.operator.refused(&format!("{path}/enable"), json!(null), "PLUGIN_CAPABILITY").await;
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("`kv`")), "{refused}");
    let listed = hospital.operator.get(&format!("/api/v1/tenants/{}/plugins", clinic.tenant)).await;
    assert_eq!(listed[0]["state"], "granted");
    clinic.signed().await;

    // Once it is enabled, insufficient grants are refused and the old ones stay.
    hospital.operator.put(&path, json!({ "capabilities": ["kv"] })).await;
    hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
    let narrowed = hospital.operator.ask(Method::PUT, &path, Some(json!({ "capabilities": [] }))).await;
    narrowed.refused(&path, "PLUGIN_CAPABILITY");
    let signed = clinic.signed().await;
    assert_eq!(clinic.doctor.get(&signed).await["status"], "PENDING_REVIEW");
    let calls = clinic.administrator.get("/api/v1/calls?plugin=test.curious").await;
    assert_eq!(calls.as_array().map(Vec::len), Some(1), "{calls}");
}

async fn a_plugin_that_fails_to_start_is_not_enabled(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let spinning = Guest::new("test.spinning", "i32.const 1024")
        .items("(func $spin (loop $again (br $again)))\n(start $spin)")
        .manifest("[limits]\ndeadline-ms = 50");
    let large = Guest::new("test.large", "i32.const 1024").manifest("[limits]\nmemory-mib = 4");
    let falling = Guest::new("test.falling", "i32.const 1024").items("(func $fall unreachable)\n(start $fall)");
    for (guest, code) in [(spinning, "PLUGIN_FUEL"), (large, "PLUGIN_MEMORY"), (falling, "PLUGIN_TRAP")] {
        hospital.operator.upload(guest.package()).await.done("/api/v1/plugins");
        let path = guest.path(&clinic.tenant);
        hospital.operator.put(&path, json!({})).await;
        let refused = hospital.operator.refused(&format!("{path}/enable"), json!(null), code).await;
        assert!(!refused["detail"].as_str().unwrap_or_default().is_empty(), "{refused}");
    }
    clinic.signed().await;
}

async fn a_pathway_without_a_valid_definition_is_not_enabled(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let mute = guest::broken("test.mute", "1.0.0", "xinglin:pathway/pathway@1.0.0");
    hospital.operator.upload(mute).await.done("/api/v1/plugins");
    let path = format!("/api/v1/tenants/{}/plugins/test.mute", clinic.tenant);
    hospital.operator.put(&path, json!({})).await;
    let refused = hospital.operator.refused(&format!("{path}/enable"), json!(null), "PLUGIN_TRAP").await;
    assert_eq!(refused["plugin"], "test.mute");
    assert_eq!(refused["hook"], "xinglin:pathway/pathway@1.0.0#describe");
    let enrol = json!({ "patient": clinic.subject, "plugin": "test.mute" });
    clinic.doctor.refused("/api/v1/enrolments", enrol, "NOT_FOUND").await;
}

async fn a_failing_checker_prevents_the_signature(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    Guest::healthy().enable(&hospital.operator, &clinic.tenant).await;
    let prescription = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    // Of those that are disabled afterwards, the hospital requires none.
    let required = format!("/api/v1/tenants/{}/required-checkers", clinic.tenant);
    hospital.operator.put(&required, json!({ "plugins": [] })).await;
    let request = format!("/fhir/R4/MedicationRequest?patient={}", clinic.subject);
    let (draft, projected) = (clinic.doctor.get(&prescription).await, clinic.doctor.get(&request).await);
    let before = hospital.footprint(&clinic.tenant).await;

    for (guest, code) in BROKEN {
        guest.enable(&hospital.operator, &clinic.tenant).await;
        let sign = format!("{prescription}/sign");
        let refused = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_NOT_CHECKED").await;
        names(&refused, guest.id, code);
        assert_eq!(clinic.doctor.get(&prescription).await, draft);
        assert_eq!(clinic.doctor.get(&request).await, projected);
        hospital.operator.post(&format!("{}/disable", guest.path(&clinic.tenant)), json!(null)).await;
        let tape = clinic.administrator.get(&format!("/api/v1/calls?plugin={}", guest.id)).await;
        assert_eq!((&tape[0]["tape"]["hook"], &tape[0]["tape"]["output"]["failed"]), (&json!(HOOK), &json!(code)));
    }
    let mut after = hospital.footprint(&clinic.tenant).await;
    for brought in ["packages", "installs"] {
        *after.get_mut(brought).expect("counted") -= i64::try_from(BROKEN.len()).expect("few");
    }
    assert_eq!(after, before);
    assert_eq!(clinic.sign(&prescription).await["status"], "PENDING_REVIEW");
    assert_eq!(clinic.administrator.get("/api/v1/calls/chain").await["intact"], true);
}

/// The refusal names the failed checker, its hook and error; and no other.
fn names(refused: &Value, plugin: &str, code: &str) {
    let unchecked = refused["unchecked"].as_array().expect("unchecked");
    assert_eq!(unchecked.len(), 1, "{refused}");
    assert_eq!(unchecked[0]["checker"]["plugin"], plugin);
    assert_eq!(unchecked[0]["answer"]["failed"]["code"], code);
    let calls = refused["calls"].as_array().expect("calls");
    let call = calls.iter().find(|call| call["plugin"] == plugin).expect("the call");
    assert_eq!((&call["hook"], &call["outcome"]), (&json!(HOOK), &json!(code)));
    let healthy = calls.iter().find(|call| call["plugin"] == Guest::healthy().id).expect("the healthy one");
    assert_eq!(healthy["outcome"], "answered");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains(plugin)), "{refused}");
}

async fn a_failing_checker_does_not_affect_other_tenants(hospital: TestHospital) {
    let operator = &hospital.operator;
    let healthy = hospital.clinic(&[]).await;
    Guest::healthy().enable(operator, &healthy.tenant).await;
    let broken = hospital.clinic(&[]).await;
    for (guest, _) in BROKEN {
        guest.enable(operator, &broken.tenant).await;
    }
    let metformin = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let refused = broken.draft(&broken.visit().await, &metformin).await;
    let visit = healthy.visit().await;
    let looping = {
        let (doctor, path) = (broken.doctor.clone(), format!("{refused}/sign"));
        tokio::spawn(async move { doctor.ask(Method::POST, &path, Some(json!({ "valid_days": 3 }))).await })
    };
    for _ in 0..3 {
        let signed = healthy.sign(&healthy.draft(&visit, &metformin).await).await;
        assert_eq!(signed["calls"][0]["outcome"], "answered");
    }
    let answer = looping.await.expect("joined").refused("sign", "RX_NOT_CHECKED");
    assert_eq!(answer["unchecked"].as_array().map(Vec::len), Some(BROKEN.len()), "{answer}");
    assert_eq!(hospital.anyone.get("/readyz").await["status"], "ok");
}
