//! Changes of accounts, licences and sessions.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use totp_rs::{Builder, Secret};

use xinglin_store::RequestKey;

use crate::support::{
    Client, Clinic, PASSWORD, TestHospital, clinic::draft, eventually, guest::Guest, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_refresh_token_is_valid_once,
    ending_a_session_invalidates_its_tokens,
    a_suspension_takes_effect_on_the_next_request,
    changing_a_password_needs_the_current_one,
    one_time_codes_are_required_and_used_once,
    administrators_manage_their_own_tenant_only,
    expired_sessions_are_purged,
);

const SESSIONS: &str = "/api/v1/sessions";
const REFRESH: &str = "/api/v1/sessions/refresh";
const ME: &str = "/api/v1/me";

async fn session(hospital: &TestHospital, clinic: &Clinic, more: Value) -> Value {
    let mut ask = json!({ "tenant": clinic.tenant, "login": "doctor", "password": PASSWORD });
    for (key, value) in more.as_object().into_iter().flatten() {
        ask[key] = value.clone();
    }
    hospital.anyone.post(SESSIONS, ask).await
}

fn bearer(hospital: &TestHospital, session: &Value) -> Client {
    hospital.anyone.with_token(session["access_token"].as_str())
}

async fn refresh(hospital: &TestHospital, session: &Value) -> Value {
    hospital.anyone.post(REFRESH, json!({ "refresh_token": session["refresh_token"] })).await
}

async fn is_over(hospital: &TestHospital, session: &Value) {
    bearer(hospital, session).hidden(ME, "AUTH_REQUIRED").await;
    let token = json!({ "refresh_token": session["refresh_token"] });
    hospital.anyone.refused(REFRESH, token, "AUTH_REQUIRED").await;
}

/// Path of an account of the clinic.
async fn account(clinic: &Clinic, login: &str) -> String {
    let all = format!("/api/v1/tenants/{}/accounts", clinic.tenant);
    let accounts = clinic.administrator.get(&all).await;
    let found = accounts.as_array().into_iter().flatten().find(|account| account["login"] == login);
    format!("{all}/{}", found.and_then(|account| account["id"].as_str()).expect("an account"))
}

/// The id of a certificate of a kind.
fn certificate(account: &Value, kind: &str) -> String {
    let found = account["certificates"].as_array().into_iter().flatten().find(|one| one["kind"] == kind);
    found.and_then(|one| one["id"].as_str()).unwrap_or_else(|| panic!("{account}")).to_owned()
}

async fn a_refresh_token_is_valid_once(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let first = session(&hospital, &clinic, json!({ "client": "ward 3" })).await;
    let second = refresh(&hospital, &first).await;
    assert_eq!((&second["session"], &second["account"]), (&first["session"], &first["account"]));
    let third = refresh(&hospital, &second).await;
    assert_eq!(bearer(&hospital, &third).get(ME).await["login"], "doctor");

    let token = third["refresh_token"].as_str().expect("a token");
    let (rest, proof) = token.rsplit_once('.').expect("parts");
    let (session_part, generation) = rest.rsplit_once('.').expect("parts");
    let other = session(&hospital, &clinic, json!({})).await;
    let theirs = other["refresh_token"].as_str().and_then(|token| token.rsplit_once('.')).expect("parts").1;
    for forged in [
        format!("{session_part}.{}.{proof}", generation.parse::<i64>().expect("a number") + 1),
        format!("{rest}.{theirs}"),
        format!("{rest}."),
        format!("{token}.x"),
        token.to_uppercase(),
        String::new(),
    ] {
        hospital.anyone.refused(REFRESH, json!({ "refresh_token": forged }), "AUTH_REQUIRED").await;
    }
    assert_eq!(bearer(&hospital, &third).get(ME).await["login"], "doctor", "forgeries end nobody's session");

    hospital.anyone.refused(REFRESH, json!({ "refresh_token": second["refresh_token"] }), "AUTH_REQUIRED").await;
    for stolen in [&first, &second, &third] {
        is_over(&hospital, stolen).await;
    }
    assert_eq!(bearer(&hospital, &other).get(ME).await["login"], "doctor", "other sign-ins go on");

    // Of many concurrent refreshes one succeeds; the others are detected as reuse.
    let raced = session(&hospital, &clinic, json!({})).await;
    let ask = json!({ "refresh_token": raced["refresh_token"] });
    let mut racers = JoinSet::new();
    for _ in 0..6 {
        let (anyone, ask) = (hospital.anyone.clone(), ask.clone());
        racers.spawn(async move { anyone.ask(Method::POST, REFRESH, Some(ask)).await.status.is_success() });
    }
    let refreshed = racers.join_all().await.into_iter().filter(|good| *good).count();
    assert!(refreshed <= 1, "{refreshed} refreshed");
    is_over(&hospital, &raced).await;
}

async fn ending_a_session_invalidates_its_tokens(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let phone = session(&hospital, &clinic, json!({ "client": "phone" })).await;
    let desk = session(&hospital, &clinic, json!({ "client": "desk" })).await;
    let mine = bearer(&hospital, &desk);
    let listed = mine.get(SESSIONS).await;
    let named = |client: &str| {
        let found = listed.as_array().into_iter().flatten().find(|one| one["client"] == client).cloned();
        found.unwrap_or_else(|| panic!("{listed}"))
    };
    assert_eq!((&named("desk")["current"], &named("phone")["current"]), (&json!(true), &json!(false)));

    let path = format!("{SESSIONS}/{}", phone["session"].as_str().expect("an id"));
    clinic.pharmacist.ask(Method::DELETE, &path, None).await.refused("another's", "NOT_FOUND");
    assert_eq!(mine.ask(Method::DELETE, &path, None).await.status, 204);
    is_over(&hospital, &phone).await;

    hospital.advance(11 * 3600).await;
    let next = refresh(&hospital, &desk).await;
    hospital.advance(13 * 3600).await;
    hospital.anyone.refused(REFRESH, json!({ "refresh_token": next["refresh_token"] }), "AUTH_REQUIRED").await;
}

async fn a_suspension_takes_effect_on_the_next_request(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let reason = json!({ "reason": "complaint 17" });
    let doctor = account(&clinic, "doctor").await;

    // A suspended certificate: still signed in, but without the rights.
    let visit = clinic.visit().await;
    let title = certificate(&clinic.administrator.get(&doctor).await, "doctor_title");
    let title = format!("{doctor}/certificates/{title}");
    let suspended = clinic.administrator.post(&format!("{title}/suspend"), reason.clone()).await;
    assert!(suspended["certificates"][3]["suspended"].is_string(), "{suspended}");
    assert_eq!(suspended["blocked"][0], json!({ "role": "doctor", "why": "`doctor_title` is suspended" }));
    let draft = draft(&visit, &[]);
    clinic.doctor.refused("/api/v1/prescriptions", draft.clone(), "CRED_INVALID").await;
    let restored = clinic.administrator.post(&format!("{title}/restore"), reason.clone()).await;
    assert!(restored["certificates"][3]["suspended"].is_null(), "{restored}");
    clinic.signed().await;
    let unknown = format!("{doctor}/certificates/cert-00000000000000000000000001/suspend");
    clinic.administrator.refused(&unknown, reason.clone(), "NOT_FOUND").await;

    // A suspended account: no access at all.
    let before = session(&hospital, &clinic, json!({})).await;
    let closed = clinic.administrator.post(&format!("{doctor}/suspend"), reason.clone()).await;
    assert_eq!(closed["active"], false);
    clinic.doctor.hidden(ME, "AUTH_REQUIRED").await;
    is_over(&hospital, &before).await;
    let knock = json!({ "tenant": clinic.tenant, "login": "doctor", "password": PASSWORD });
    hospital.anyone.refused(SESSIONS, knock, "AUTH_REQUIRED").await;
    clinic.administrator.post(&format!("{doctor}/restore"), reason.clone()).await;
    is_over(&hospital, &before).await;
    session(&hospital, &clinic, json!({})).await;

    // Nobody suspends themselves, or accounts of other hospitals.
    let own = account(&clinic, "administrator").await;
    clinic.administrator.refused(&format!("{own}/suspend"), reason.clone(), "AUTH_FORBIDDEN").await;
    clinic.pharmacist.refused(&format!("{doctor}/suspend"), reason.clone(), "AUTH_FORBIDDEN").await;
    let other = hospital.clinic(&[]).await;
    other.administrator.refused(&format!("{doctor}/suspend"), reason.clone(), "NOT_FOUND").await;
    other.administrator.hidden(&doctor, "NOT_FOUND").await;
    let here = doctor.replace(&clinic.tenant, &other.tenant);
    other.administrator.refused(&format!("{here}/suspend"), reason, "NOT_FOUND").await;
    assert_eq!(clinic.administrator.get(&doctor).await["active"], true);
}

async fn changing_a_password_needs_the_current_one(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (desk, phone) = (session(&hospital, &clinic, json!({})).await, session(&hospital, &clinic, json!({})).await);
    let (mine, new) = (bearer(&hospital, &desk), "a wholly new password");
    let path = format!("{ME}/password");
    mine.refused(&path, json!({ "old": "a wrong password", "new": new }), "AUTH_FORBIDDEN").await;
    mine.refused(&path, json!({ "old": PASSWORD, "new": "short" }), "BODY_INVALID").await;
    assert_eq!(mine.ask(Method::POST, &path, Some(json!({ "old": PASSWORD, "new": new }))).await.status, 204);
    is_over(&hospital, &phone).await;
    refresh(&hospital, &desk).await;
    let knock = |password: &str| json!({ "tenant": clinic.tenant, "login": "doctor", "password": password });
    hospital.anyone.refused(SESSIONS, knock(PASSWORD), "AUTH_REQUIRED").await;
    hospital.anyone.post(SESSIONS, knock(new)).await;

    let reset = format!("{}/password", account(&clinic, "doctor").await);
    clinic.pharmacist.refused(&reset, json!({ "password": PASSWORD }), "AUTH_FORBIDDEN").await;
    let done = clinic.administrator.ask(Method::POST, &reset, Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(done.status, 204);
    mine.hidden(ME, "AUTH_REQUIRED").await;
    let again = hospital.anyone.post(SESSIONS, knock(PASSWORD)).await;

    // Wrong current passwords close the login, as at sign-in.
    let mine = bearer(&hospital, &again);
    for _ in 0..10 {
        mine.refused(&path, json!({ "old": "a wrong password", "new": new }), "AUTH_FORBIDDEN").await;
    }
    let limited = mine.ask(Method::POST, &path, Some(json!({ "old": PASSWORD, "new": new }))).await;
    assert_eq!((limited.status.as_u16(), limited.code()), (429, "RATE_LIMITED"));
}

async fn one_time_codes_are_required_and_used_once(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let path = format!("{ME}/second-factor");
    clinic.doctor.refused(&path, json!({ "password": "a wrong password" }), "AUTH_FORBIDDEN").await;
    let offer = clinic.doctor.post(&path, json!({ "password": PASSWORD })).await;
    assert!(offer["url"].as_str().is_some_and(|url| url.starts_with("otpauth://totp/Xinglin:doctor?")), "{offer}");
    let secret = Secret::try_from_base32(offer["secret"].as_str().expect("a secret")).expect("base32");
    let authenticator = Builder::new().with_secret(secret).with_account_name("doctor").build().expect("RFC 6238");
    let code = || {
        let seconds = u64::try_from(hospital.now().micros() / 1_000_000).expect("after 1970");
        authenticator.generate(seconds).to_string()
    };
    let wrong = || if code() == "000000" { "000001" } else { "000000" };

    session(&hospital, &clinic, json!({})).await;
    let confirm = format!("{path}/confirm");
    clinic.doctor.refused(&confirm, json!({ "code": wrong() }), "AUTH_SECOND_FACTOR").await;
    let confirmed = clinic.doctor.ask(Method::POST, &confirm, Some(json!({ "code": code() }))).await;
    assert_eq!(confirmed.status, 204, "{}", confirmed.text);
    clinic.doctor.refused(&path, json!({ "password": PASSWORD }), "ALREADY_EXISTS").await;

    let knock = |code: Value| json!({ "tenant": clinic.tenant, "login": "doctor", "password": PASSWORD, "code": code });
    hospital.anyone.refused(SESSIONS, knock(json!(null)), "AUTH_SECOND_FACTOR").await;
    hospital.anyone.refused(SESSIONS, knock(json!(code())), "AUTH_SECOND_FACTOR").await;
    hospital.advance(60).await;
    let now = code();
    hospital.anyone.post(SESSIONS, knock(json!(now))).await;
    hospital.anyone.refused(SESSIONS, knock(json!(now)), "AUTH_SECOND_FACTOR").await;
    hospital.advance(60).await;
    let blind = json!({ "tenant": clinic.tenant, "login": "doctor", "password": "a wrong password", "code": code() });
    hospital.anyone.refused(SESSIONS, blind, "AUTH_REQUIRED").await;

    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(hospital.anyone.ask(Method::POST, SESSIONS, Some(knock(json!(wrong())))).await.code().to_owned());
    }
    assert_eq!(answers.last().map(String::as_str), Some("RATE_LIMITED"), "{answers:?}");
    hospital.advance(16 * 60).await;
    let removed = clinic.doctor.ask(Method::POST, &format!("{path}/remove"), Some(json!({ "code": code() }))).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    session(&hospital, &clinic, json!({})).await;
}

async fn administrators_manage_their_own_tenant_only(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let other = hospital.clinic(&[]).await;
    let guest = Guest::healthy();
    clinic.administrator.upload(guest.package()).await.refused("install", "AUTH_FORBIDDEN");
    hospital.operator.upload(guest.package()).await.done("/api/v1/plugins");
    let mine = &clinic.administrator;
    assert_eq!(mine.get("/api/v1/plugins").await[0]["id"], guest.id);
    mine.put(&guest.path(&clinic.tenant), json!({})).await;
    let enabled = mine.post(&format!("{}/enable", guest.path(&clinic.tenant)), json!(null)).await;
    assert_eq!(enabled["state"], "enabled", "{enabled}");
    mine.ask(Method::PUT, &guest.path(&other.tenant), Some(json!({}))).await.refused("another's", "NOT_FOUND");

    let accounts = format!("/api/v1/tenants/{}/accounts", clinic.tenant);
    let nurse = json!({ "login": "nurse", "password": PASSWORD, "roles": ["nurse"] });
    mine.post(&accounts, nurse.clone()).await;
    mine.refused(&accounts, json!({ "login": "root", "password": PASSWORD, "roles": ["operator"] }), "AUTH_FORBIDDEN")
        .await;
    let theirs = format!("/api/v1/tenants/{}/accounts", other.tenant);
    mine.refused(&theirs, nurse, "NOT_FOUND").await;
    mine.hidden(&theirs, "NOT_FOUND").await;
    clinic.doctor.hidden(&accounts, "AUTH_FORBIDDEN").await;
    assert_eq!(clinic.patient.get(ME).await["patients"], json!([clinic.subject]));
}

async fn expired_sessions_are_purged(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let records = hospital.hospital.store().tenant(clinic.tenant.parse().expect("a tenant"));
    let (ended, kept) = (session(&hospital, &clinic, json!({})).await, session(&hospital, &clinic, json!({})).await);
    let id = |session: &Value| session["session"].as_str().expect("an id").parse().expect("a session");
    let path = format!("{SESSIONS}/{}", ended["session"].as_str().expect("an id"));
    bearer(&hospital, &ended).ask(Method::DELETE, &path, None).await.done(&path);
    let key = RequestKey { account: "acc-1".to_owned(), key: "assertion 12345678".to_owned() };
    let tx = records.begin().await.expect("a transaction");
    tx.start_request(&key, "assertion", hospital.now()).await.expect("noted");
    tx.commit().await.expect("kept");
    hospital.advance(25 * 3600).await;
    eventually("what ended is forgotten", async || {
        records.get_session(id(&ended)).await.is_err() && records.find_request(&key).await.expect("an answer").is_none()
    })
    .await;
    assert!(records.get_session(id(&kept)).await.is_ok(), "it may still be shown, and is then refused");
    // Longer than all lifetimes, also those of tokens in these tests.
    hospital.advance(600 * 24 * 3600).await;
    eventually("what rested is forgotten", async || records.get_session(id(&kept)).await.is_err()).await;
}
