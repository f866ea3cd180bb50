//! Policies that restrict people and plugins of a tenant, and the action of each route.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use xinglin_domain::access::Action;

use crate::support::{
    DRUG_SAFETY, PASSWORD, Person, Process, TestHospital, advance, clinic::verify, eventually, guest::Guest, line,
    rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_tenant_policy_restricts_its_accounts,
    an_invalid_policy_file_is_reported_and_not_applied,
    a_policy_can_require_a_second_factor,
    policies_restrict_calls_of_plugins,
    every_route_enforces_its_action,
);

const KV: &[(&str, &str)] =
    &[(r#"(import "xinglin:host/kv@1.1.0" "get" (func $get (param i32 i32 i32)))"#, "xinglin:host/kv@1.1.0")];

/// The policy file of a tenant, or of the host.
fn file(hospital: &TestHospital, folder: &str) -> PathBuf {
    let folder = hospital.hospital.config().data_dir.join("policies").join(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("rules.cedar")
}

/// Writes a policy file, and waits until this many policies are in force in addition to the shipped
/// ones.
pub async fn decree(hospital: &TestHospital, folder: &str, source: &str, added: u64) {
    std::fs::write(file(hospital, folder), source).expect("written");
    in_force(hospital, added).await;
}

async fn in_force(hospital: &TestHospital, added: u64) {
    let state = json!({ "status": "ok", "added": added, "flaws": 0 });
    eventually("the policies are read anew", async || hospital.anyone.get("/readyz").await["policies"] == state).await;
}

async fn a_tenant_policy_restricts_its_accounts(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let other = hospital.clinic(&[]).await;
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let rules = r#"
        @id("seniors-sign")
        forbid (principal is Account, action == Action::"prescription.sign", resource)
        unless { principal.ranks has doctor && principal.ranks.doctor >= 3 };

        forbid (principal, action == Action::"prescription.review", resource);
    "#;
    decree(&hospital, &clinic.tenant, rules, 2).await;

    let draft = clinic.draft(&clinic.visit().await, &lines).await;
    let refused = clinic.doctor.refused(&format!("{draft}/sign"), json!({ "valid_days": 3 }), "AUTH_FORBIDDEN").await;
    let named = format!("{}/rules.cedar#seniors-sign", clinic.tenant);
    assert_eq!(refused["policies"], json!([named]), "{refused}");
    assert_eq!(clinic.doctor.get(&draft).await["status"], "DRAFT");
    // Another hospital is not affected.
    other.approved().await;
    // A senior signs; nobody reviews.
    let senior = Person::new("senior", "doctor").licensed(&json!({ "title": "associate_senior" }));
    let (senior, _) = clinic.hire(senior).await;
    let refused = senior.refused(&format!("{draft}/sign"), json!({ "valid_days": 3 }), "AUTH_FORBIDDEN").await;
    assert_eq!(refused["policies"], Value::Null, "of another prescriber: {refused}");
    let ask = |account: &str, action: &str| json!({ "account": account, "action": action });
    let explain =
        async |account, action| clinic.administrator.post("/api/v1/policies/explain", ask(account, action)).await;
    assert_eq!(explain("senior", "prescription.sign").await["allowed"], true);
    let why = explain("doctor", "prescription.sign").await;
    assert_eq!((&why["allowed"], &why["law"]["allowed"]), (&json!(false), &json!(true)), "{why}");
    assert_eq!((&why["decided_by"][0]["id"], &why["decided_by"][0]["line"]), (&json!(named), &json!(2)), "{why}");
    assert_eq!(why["asked"]["attributes"]["ranks"], json!({ "doctor": 2 }), "{why}");
    let why = explain("pharmacist", "prescription.review").await;
    assert_eq!(why["decided_by"][0]["id"], format!("{}/rules.cedar#L6", clinic.tenant), "{why}");
    let why = explain("doctor", "prescription.review").await;
    assert_eq!((&why["law"]["code"], &why["allowed"]), (&json!("AUTH_FORBIDDEN"), &json!(false)), "{why}");

    // Visible only to those who may read policies.
    let listed = clinic.administrator.get("/api/v1/policies").await;
    let listed = listed["policies"].as_array().expect("a list").clone();
    assert!(listed.iter().any(|policy| policy["id"] == named.as_str()), "{listed:?}");
    let elsewhere = other.administrator.get("/api/v1/policies").await;
    assert!(!elsewhere.to_string().contains(&clinic.tenant), "{elsewhere}");
    for nosy in [&clinic.doctor, &clinic.patient] {
        nosy.hidden("/api/v1/policies", "AUTH_FORBIDDEN").await;
        nosy.refused("/api/v1/policies/explain", ask("doctor", "prescription.sign"), "AUTH_FORBIDDEN").await;
    }
    let there = json!({ "account": "doctor", "action": "prescription.sign", "tenant": clinic.tenant });
    other.administrator.refused("/api/v1/policies/explain", there.clone(), "NOT_FOUND").await;
    assert_eq!(hospital.operator.post("/api/v1/policies/explain", there).await["allowed"], false);
    clinic.administrator.refused("/api/v1/policies/explain", ask("doctor", "prescription.sing"), "BODY_INVALID").await;
    clinic.administrator.refused("/api/v1/policies/explain", ask("nobody", "prescription.sign"), "NOT_FOUND").await;

    // Removed with the file.
    std::fs::remove_file(file(&hospital, &clinic.tenant)).expect("removed");
    in_force(&hospital, 0).await;
    clinic.sign(&draft).await;
    clinic.approve(&draft).await;
}

async fn an_invalid_policy_file_is_reported_and_not_applied(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let other = hospital.clinic(&[]).await;
    let rules = "forbid (principal, action == Action::\"encounter.request\", resource);";
    decree(&hospital, &clinic.tenant, rules, 1).await;
    clinic.patient.refused("/api/v1/encounters", clinic.request(), "AUTH_FORBIDDEN").await;

    std::fs::write(file(&hospital, &clinic.tenant), "// nothing\n\nforbid (principal, action resource);\n")
        .expect("written");
    let stale = json!({ "status": "stale", "added": 1, "flaws": 1 });
    eventually("the flaw is told", async || hospital.anyone.get("/readyz").await["policies"] == stale).await;
    clinic.patient.refused("/api/v1/encounters", clinic.request(), "AUTH_FORBIDDEN").await;
    let flaws = &clinic.administrator.get("/api/v1/policies").await["flaws"];
    assert_eq!((&flaws[0]["file"], &flaws[0]["line"]), (&json!(format!("{}/rules.cedar", clinic.tenant)), &json!(3)));
    assert_eq!(other.administrator.get("/api/v1/policies").await["flaws"], json!([]));
    // A host does not start with it.
    let config = hospital.hospital.config().clone();
    let refused = xinglin_server::Hospital::open(config).await.err().expect("it does not open").to_string();
    assert!(refused.contains("rules.cedar:3") && refused.contains("xinglin policy check"), "{refused}");

    decree(&hospital, &clinic.tenant, "// nothing\n", 0).await;
    clinic.patient.post("/api/v1/encounters", clinic.request()).await;
}

async fn a_policy_can_require_a_second_factor(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let draft = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let rules =
        "forbid (principal, action == Action::\"prescription.sign\", resource) unless { context.second_factor };";
    decree(&hospital, "_host", rules, 1).await;
    let sign = format!("{draft}/sign");
    clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "AUTH_FORBIDDEN").await;

    let offer = clinic.doctor.post("/api/v1/me/second-factor", json!({ "password": PASSWORD })).await;
    let secret = Secret::try_from_base32(offer["secret"].as_str().expect("a secret")).expect("base32");
    let authenticator = Builder::new().with_secret(secret).with_account_name("doctor").build().expect("RFC 6238");
    let code = || {
        let seconds = u64::try_from(hospital.now().micros() / 1_000_000).expect("after 1970");
        authenticator.generate(seconds).to_string()
    };
    // Starting a ceremony is not a second factor.
    clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "AUTH_FORBIDDEN").await;
    let other = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    clinic.doctor.ask(Method::POST, "/api/v1/me/second-factor/confirm", Some(json!({ "code": code() }))).await;
    assert_eq!(clinic.doctor.post(&sign, json!({ "valid_days": 3 })).await["status"], "PENDING_REVIEW");
    advance(&hospital.operator, 60).await;
    let ask = json!({ "tenant": clinic.tenant, "login": "doctor", "password": PASSWORD, "code": code() });
    let session = hospital.anyone.post("/api/v1/sessions", ask).await;
    let strong = hospital.anyone.with_token(session["access_token"].as_str());
    let sign = format!("{other}/sign");
    assert_eq!(strong.post(&sign, json!({ "valid_days": 3 })).await["status"], "PENDING_REVIEW");
}

async fn policies_restrict_calls_of_plugins(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let draft = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let rules =
        format!("forbid (principal == Plugin::\"{}\", action == Action::\"plugin.call\", resource);", DRUG_SAFETY.id);
    decree(&hospital, &clinic.tenant, &rules, 1).await;
    // A checker that may not run has not checked.
    let sign = format!("{draft}/sign");
    let refused = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "PLUGIN_CAPABILITY").await;
    assert_eq!(refused["policies"], json!([format!("{}/rules.cedar#L1", clinic.tenant)]), "{refused}");
    assert_eq!(clinic.doctor.get(&draft).await["status"], "DRAFT");

    let capabilities = r#"
        forbid (principal is Plugin, action == Action::"plugin.use", resource == Capability::"kv");
        forbid (principal is Plugin, action == Action::"plugin.use", resource == Capability::"http");
    "#;
    decree(&hospital, &clinic.tenant, capabilities, 2).await;
    // A plugin without capabilities is not affected; one with `kv` cannot be enabled.
    clinic.sign(&draft).await;
    let keeping = Guest::new("test.keeping", "i32.const 1024").imports(KV).manifest("[capabilities.kv]");
    hospital.operator.upload(keeping.package()).await.done("/api/v1/plugins");
    let path = keeping.path(&clinic.tenant);
    clinic.administrator.put(&path, json!({ "capabilities": ["kv"] })).await;
    let enable = format!("{path}/enable");
    let refused = clinic.administrator.refused(&enable, json!(null), "PLUGIN_CAPABILITY").await;
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("may not use `kv`")), "{refused}");
    decree(&hospital, &clinic.tenant, "", 0).await;
    clinic.administrator.post(&enable, json!(null)).await;
}

/// Every route, called anonymously and by one account of each role: callers without its action are
/// refused, whatever the path and the body.
async fn every_route_enforces_its_action(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (nurse, _) = clinic.hire(Person::new("nurse", "nurse").licensed(&json!({}))).await;
    let (lapsed, _) = clinic.hire(Person::new("lapsed", "doctor").licensed(&json!({ "until": "2021-01-01" }))).await;
    let (insurer, _) = clinic.hire(Person::new("insurer", "insurer")).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let (regulator, _) = clinic.hire(Person::new("regulator", "regulator")).await;
    let people = [
        ("operator", &clinic.operator),
        ("administrator", &clinic.administrator),
        ("doctor", &clinic.doctor),
        ("pharmacist", &clinic.pharmacist),
        ("patient", &clinic.patient),
        ("nurse", &nurse),
        ("insurer", &insurer),
        ("accountant", &accountant),
        ("regulator", &regulator),
        ("", &lapsed),
    ];
    let (mut refused, mut let_in) = (0, 0);
    for route in hospital.hospital.routes() {
        let method: Method = route.method.parse().expect("a method");
        let path = route.path.replace(['{', '}'], "");
        let body = (method != Method::GET).then(|| json!({}));
        let unknown = hospital.anyone.ask(method.clone(), &path, body.clone()).await;
        if route.access == ["public"] {
            assert_ne!(unknown.code(), "AUTH_FORBIDDEN", "{route:?}");
            continue;
        }
        assert_eq!((unknown.status.as_u16(), unknown.code()), (401, "AUTH_REQUIRED"), "{route:?} {}", unknown.text);
        let actions: Vec<Action> = route.access.iter().filter_map(|word| word.parse().ok()).collect();
        for (role, client) in people {
            let may = |action: &Action| action.roles().iter().any(|of| of.as_str() == role);
            let answer = client.ask(method.clone(), &path, body.clone()).await;
            assert!(!answer.status.is_server_error(), "{route:?} {role} {}", answer.text);
            if actions.is_empty() || actions.iter().any(may) {
                assert_ne!(answer.code(), "AUTH_REQUIRED", "{route:?} {role} {}", answer.text);
                let_in += 1;
            } else {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{route:?} {role} {}", answer.text);
                assert!(
                    ["AUTH_FORBIDDEN", "CRED_INVALID"].contains(&answer.code()),
                    "{route:?} {role} {}",
                    answer.text
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 500 && let_in > 100, "{refused} {let_in}");
}

mod commands {
    use super::*;

    rules_on_both_engines!(Process: policy_commands_explain_decisions_and_check_files);

    async fn policy_commands_explain_decisions_and_check_files(process: Process) {
        let operator = process.operator().await;
        let tenant = operator.post("/api/v1/tenants", json!({ "kind": "hospital", "name": "杏林" })).await;
        let accounts = format!("/api/v1/tenants/{}/accounts", tenant["id"].as_str().expect("an id"));
        let doctor = operator.post(&accounts, Person::new("doctor", "doctor").licensed(&json!({})).account()).await;
        verify(&operator, &format!("{accounts}/{}", doctor["id"].as_str().expect("an id")), &doctor).await;

        let actions: Value = process.xinglin(&["policy", "actions", "--json"]).await.json();
        let sign = actions.as_array().expect("a list").iter().find(|row| row["action"] == "prescription.sign");
        assert_eq!(sign.expect("an action")["roles"], json!(["doctor"]));
        assert!(process.xinglin(&["policy", "actions"]).await.done().contains("prescription.review"));

        let night =
            "forbid (principal, action == Action::\"prescription.sign\", resource)\nwhen { context.hour >= 20 };\n";
        let sound = process.put("policies/_host/night.cedar", night.as_bytes());
        let explain = ["policy", "explain", "--account", "doctor", "--action", "prescription.sign", "--at"];
        let by_day = process.xinglin(&[&explain[..], &["2030-11-22T10:00:00+08:00", "--json"]].concat()).await.json();
        assert_eq!(by_day["allowed"], true, "{by_day}");
        let by_night = process.xinglin(&[&explain[..], &["2030-11-22T22:00:00+08:00"]].concat()).await.done();
        for words in ["MAY NOT", "_host/night.cedar:1", "context.hour >= 20", "\"hour\":22", "The law allows it"] {
            assert!(by_night.contains(words), "{words}: {by_night}");
        }
        process
            .xinglin(&["policy", "explain", "--account", "doctor", "--action", "sign"])
            .await
            .failed("policy actions");

        let folder = sound.trim_end_matches("_host/night.cedar");
        assert!(process.xinglin(&["policy", "check"]).await.done().contains("1 policies"));
        process.put("policies/_host/night.cedar", b"\nforbid (principal, action == Action::\"x.y\", resource);");
        let flawed = process.xinglin(&["policy", "check", folder]).await;
        flawed.failed("_host/night.cedar:2");
        let flawed = process.xinglin(&["policy", "check", folder, "--json"]).await;
        let told: Value = serde_json::from_str(&flawed.out).expect("JSON");
        assert_eq!(told["flaws"][0]["line"], 2, "{told}");
        // Commands that open the hospital fail with it.
        process.xinglin(&[&explain[..], &["2030-11-22"]].concat()).await.failed("xinglin policy check");
    }
}
