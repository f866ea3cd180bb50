//! Licences to practise, proved by certificates at each act.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Clinic, PASSWORD, Person, TestHospital,
    clinic::{checklist, draft, papers, verify},
    line, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_missing_certificate_blocks_onboarding,
    a_certificate_that_lapses_mid_shift_ends_the_shift,
    a_suspension_mid_shift_takes_effect_on_the_next_request,
    a_filing_is_valid_for_one_hospital,
    a_certificate_number_belongs_to_one_account,
    a_hospital_raises_the_years_of_practice,
    nobody_judges_themselves_or_strangers,
    an_invalid_certificate_is_refused,
);

const DOCTOR: [&str; 4] = ["identity_card", "doctor_qualification", "doctor_practice", "doctor_title"];

fn accounts(clinic: &Clinic) -> String {
    format!("/api/v1/tenants/{}/accounts", clinic.tenant)
}

fn path(clinic: &Clinic, account: &Value) -> String {
    format!("{}/{}", accounts(clinic), account["id"].as_str().expect("an id"))
}

/// The ids of certificates of these kinds.
fn ids(account: &Value, kinds: &[&str]) -> Vec<Value> {
    let all = account["certificates"].as_array().expect("certificates");
    all.iter().filter(|one| kinds.iter().any(|kind| one["kind"] == *kind)).map(|one| one["id"].clone()).collect()
}

fn judged(certificates: &[Value], verified: bool) -> Value {
    json!({ "certificates": certificates, "verified": verified, "reason": "looked at" })
}

/// The result of a doctor's attempt to draft.
async fn act(doctor: &Client, visit: &str) -> String {
    let draft = draft(visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]);
    let answer = doctor.ask(Method::POST, "/api/v1/prescriptions", Some(draft)).await;
    if answer.status.is_success() { "may".to_owned() } else { answer.code().to_owned() }
}

/// 四证: a doctor with one of the four missing, undecided or rejected cannot work.
async fn a_missing_certificate_blocks_onboarding(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let accept = format!("/api/v1/encounters/{}/accept", visit["id"].as_str().expect("an id"));
    for missing in DOCTOR {
        let (mut certificates, filings) = papers("doctor", &json!({}));
        certificates.retain(|one| one["kind"] != missing);
        let new = json!({
            "login": format!("without-{missing}"), "password": PASSWORD, "roles": ["doctor"],
            "certificates": certificates, "filings": filings,
        });
        let opened = clinic.administrator.post(&accounts(&clinic), new).await;
        verify(&clinic.administrator, &path(&clinic, &opened), &opened).await;
        let doctor = hospital.operator.sign_in(Some(&clinic.tenant), &format!("without-{missing}")).await;
        let refused = doctor.refused(&accept, clinic.decision(), "CRED_INVALID").await;
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains(missing)), "{refused}");
        let seen = doctor.get("/api/v1/me").await;
        assert_eq!(seen["blocked"], json!([{ "role": "doctor", "why": format!("there is no `{missing}`") }]));
    }

    // Submitted or rejected is not verified, and a decision is made once.
    let new = Person::new("new", "doctor").licensed(&json!({})).account();
    let opened = clinic.administrator.post(&accounts(&clinic), new).await;
    let (here, new) = (path(&clinic, &opened), hospital.operator.sign_in(Some(&clinic.tenant), "new").await);
    let judge = format!("{here}/certificates/judge");
    assert_eq!(opened["certificates"][0]["state"], "submitted");
    new.refused(&accept, clinic.decision(), "CRED_INVALID").await;
    clinic.administrator.post(&judge, judged(&ids(&opened, &DOCTOR[..3]), true)).await;
    let why = new.refused(&accept, clinic.decision(), "CRED_INVALID").await;
    assert!(why["detail"].as_str().is_some_and(|detail| detail.contains("`doctor_title` is not verified")), "{why}");
    let title = ids(&opened, &["doctor_title"]);
    let unsaid = json!({ "certificates": title, "verified": true, "reason": " " });
    clinic.administrator.refused(&judge, unsaid, "BODY_INVALID").await;
    let rejected = clinic.administrator.post(&judge, judged(&title, false)).await;
    let decision = &rejected["certificates"][3]["decision"];
    assert_eq!((&decision["by"], &decision["reason"]), (&json!("person"), &json!("looked at")));
    let why = new.refused(&accept, clinic.decision(), "CRED_INVALID").await;
    assert!(why["detail"].as_str().is_some_and(|detail| detail.contains("was rejected")), "{why}");
    clinic.administrator.refused(&judge, judged(&title, true), "CRED_STATE").await;
    let again = papers("doctor", &json!({})).0.remove(3);
    let submit = json!({ "certificates": [again] });
    let submitted = clinic.administrator.post(&format!("{here}/certificates"), submit).await;
    verify(&clinic.administrator, &here, &submitted).await;
    assert_eq!(new.get("/api/v1/me").await["blocked"], json!([]));
    new.post(&accept, clinic.decision()).await;
}

async fn a_certificate_that_lapses_mid_shift_ends_the_shift(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let end = hospital.now().plus_hours(2).to_string();
    let (doctor, _) = clinic.hire(Person::new("short", "doctor").licensed(&json!({ "until": end }))).await;
    let (pharmacist, _) = clinic.hire(Person::new("brief", "pharmacist").licensed(&json!({ "until": end }))).await;
    let signed = clinic.signed().await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let visit = visit["id"].as_str().expect("an id").to_owned();
    doctor.post(&format!("/api/v1/encounters/{visit}/accept"), clinic.decision()).await;
    assert_eq!(act(&doctor, &visit).await, "may");
    hospital.advance(2 * 3600 - 60).await;
    assert_eq!(act(&doctor, &visit).await, "may");
    hospital.advance(60).await;
    assert_eq!(act(&doctor, &visit).await, "CRED_INVALID", "the same token, a second later");
    pharmacist.refused(&format!("{signed}/approve"), checklist(), "RX_REVIEWER_UNQUALIFIED").await;
    assert_eq!(doctor.get("/api/v1/me").await["blocked"][0]["why"], "`identity_card` has lapsed");
}

async fn a_suspension_mid_shift_takes_effect_on_the_next_request(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (doctor, id) = clinic.hire(Person::new("watched", "doctor").licensed(&json!({}))).await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let visit = visit["id"].as_str().expect("an id").to_owned();
    doctor.post(&format!("/api/v1/encounters/{visit}/accept"), clinic.decision()).await;
    let here = format!("{}/{id}", accounts(&clinic));
    for certificate in ids(&clinic.administrator.get(&here).await, &DOCTOR) {
        let certificate = format!("{here}/certificates/{}", certificate.as_str().expect("an id"));
        assert_eq!(act(&doctor, &visit).await, "may");
        clinic.administrator.post(&format!("{certificate}/suspend"), json!({ "reason": "complaint 17" })).await;
        assert_eq!(act(&doctor, &visit).await, "CRED_INVALID", "{certificate}");
        clinic.administrator.post(&format!("{certificate}/restore"), json!({ "reason": "unfounded" })).await;
    }
    assert_eq!(act(&doctor, &visit).await, "may");
}

async fn a_filing_is_valid_for_one_hospital(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let other = hospital.clinic(&[]).await;
    let (doctor, id) = clinic.hire(Person::new("roaming", "doctor").licensed(&json!({ "filed": false }))).await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let accept = format!("/api/v1/encounters/{}/accept", visit["id"].as_str().expect("an id"));
    let put = async |filings: Value| {
        let path = format!("{}/{id}/filings", accounts(&clinic));
        clinic.administrator.put(&path, json!({ "filings": filings })).await;
        let answer = doctor.ask(Method::POST, &accept, Some(clinic.decision())).await;
        if answer.status.is_success() { "may".to_owned() } else { answer.code().to_owned() }
    };
    let now = hospital.now();
    let filing = |change: Value| {
        let mut filing = json!({ "basis": "multi_site", "from": "2020-01-01", "state": "in_force" });
        for (key, value) in change.as_object().into_iter().flatten() {
            filing[key] = value.clone();
        }
        json!([filing])
    };
    for change in [
        json!({ "tenant": other.tenant }),
        json!({ "state": "applied" }),
        json!({ "state": "ended" }),
        json!({ "from": now.plus_hours(1).to_string() }),
        json!({ "until": now.to_string() }),
    ] {
        assert_eq!(put(filing(change.clone())).await, "CRED_INVALID", "{change}");
    }
    assert_eq!(put(filing(json!({ "tenant": clinic.tenant }))).await, "may");
}

async fn a_certificate_number_belongs_to_one_account(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (certificates, filings) = papers("doctor", &json!({}));
    let person = |login: &str, certificates: &[Value]| {
        json!({
            "login": login, "password": PASSWORD, "roles": ["doctor"], "certificates": certificates,
            "filings": filings,
        })
    };
    let all = accounts(&clinic);
    let first = clinic.administrator.post(&all, person("first", &certificates)).await;
    for certificate in &certificates {
        let mut spelt = certificate.clone();
        let number = certificate["number"].as_str().expect("a number").to_lowercase();
        spelt["number"] = format!(" {}-{}　", number.split_at(4).0.replace('1', "１"), number.split_at(4).1).into();
        let taken = person("second", &[spelt]);
        let refused = clinic.administrator.refused(&all, taken, "CRED_NUMBER_TAKEN").await;
        assert_eq!(refused["kind"], certificate["kind"]);
        assert!(!refused.to_string().contains(certificate["number"].as_str().expect("a number")), "{refused}");
    }
    assert_eq!(hospital.operator.get(&all).await.as_array().map(Vec::len), Some(7), "nothing is left of a refusal");
    // Numbers are never returned.
    let shown = clinic.administrator.get(&path(&clinic, &first)).await.to_string();
    for certificate in &certificates {
        assert!(!shown.contains(certificate["number"].as_str().expect("a number")), "{shown}");
    }
    // A renewal keeps the number; a rejected certificate releases it, if no other has it.
    let here = path(&clinic, &first);
    let renewed = json!({ "certificates": [certificates[3]] });
    let twice = clinic.administrator.post(&format!("{here}/certificates"), renewed).await;
    let titles = ids(&twice, &["doctor_title"]);
    assert_eq!(titles.len(), 2);
    let judge = format!("{here}/certificates/judge");
    clinic.administrator.post(&judge, judged(&titles[..1], false)).await;
    clinic.administrator.refused(&all, person("second", &certificates[3..]), "CRED_NUMBER_TAKEN").await;
    clinic.administrator.post(&judge, judged(&titles[1..], false)).await;
    clinic.administrator.post(&all, person("second", &certificates[3..])).await;
    // Another hospital is independent.
    let other = hospital.clinic(&[]).await;
    other.administrator.post(&accounts(&other), person("first", &certificates)).await;
}

async fn a_hospital_raises_the_years_of_practice(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let visit = clinic.visit().await;
    let rules = format!("/api/v1/tenants/{}/practice-rules", clinic.tenant);
    assert_eq!(clinic.administrator.get(&rules).await, json!({ "years": 3 }));
    for years in [0, 2, 51] {
        let answer = clinic.administrator.ask(Method::PUT, &rules, Some(json!({ "years": years }))).await;
        answer.refused(&rules, "BODY_INVALID");
    }
    clinic.doctor.ask(Method::PUT, &rules, Some(json!({ "years": 5 }))).await.refused(&rules, "AUTH_FORBIDDEN");
    // Independent practice since 2010.
    clinic.administrator.put(&rules, json!({ "years": 50 })).await;
    assert_eq!(act(&clinic.doctor, &visit).await, "CRED_INVALID");
    assert_eq!(
        clinic.doctor.get("/api/v1/me").await["blocked"][0]["why"],
        "fewer than 50 years of independent clinical work"
    );
    clinic.administrator.put(&rules, json!({ "years": 5 })).await;
    assert_eq!(act(&clinic.doctor, &visit).await, "may");
}

async fn nobody_judges_themselves_or_strangers(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (certificates, filings) = papers("doctor", &json!({}));
    let new = json!({
        "login": "chief", "password": PASSWORD, "roles": ["administrator", "doctor"],
        "certificates": certificates, "filings": filings,
    });
    let chief = clinic.operator.post(&accounts(&clinic), new).await;
    let (here, judge) = (path(&clinic, &chief), format!("{}/certificates/judge", path(&clinic, &chief)));
    let judgement = judged(&ids(&chief, &DOCTOR), true);
    let myself = hospital.operator.sign_in(Some(&clinic.tenant), "chief").await;
    myself.refused(&judge, judgement.clone(), "AUTH_FORBIDDEN").await;
    myself.refused(&format!("{here}/certificates"), json!({ "certificates": [] }), "AUTH_FORBIDDEN").await;
    let filings = myself.ask(Method::PUT, &format!("{here}/filings"), Some(json!({ "filings": [] }))).await;
    filings.refused("own filings", "AUTH_FORBIDDEN");
    clinic.doctor.refused(&judge, judgement.clone(), "AUTH_FORBIDDEN").await;
    let other = hospital.clinic(&[]).await;
    other.administrator.refused(&judge, judgement.clone(), "NOT_FOUND").await;
    let theirs = judge.replace(&clinic.tenant, &other.tenant);
    other.administrator.refused(&theirs, judgement.clone(), "NOT_FOUND").await;
    let mixed = judged(&[json!("cert-00000000000000000000000001")], true);
    clinic.administrator.refused(&judge, mixed, "NOT_FOUND").await;
    clinic.administrator.post(&judge, judgement).await;
    assert_eq!(myself.get("/api/v1/me").await["blocked"], json!([]));
}

async fn an_invalid_certificate_is_refused(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (certificates, _) = papers("doctor", &json!({}));
    let with = |at: usize, key: &str, value: Value| {
        let mut changed = certificates[at].clone();
        changed[key] = value;
        json!({ "login": "x", "password": PASSWORD, "roles": ["doctor"], "certificates": [changed] })
    };
    for (at, key, value) in [
        (0, "kind", json!("driving_licence")),
        (0, "number", json!(" ")),
        (0, "number", json!("1".repeat(65))),
        (0, "issued_by", json!("")),
        (0, "issued_on", json!("soon")),
        (0, "valid_until", json!("never")),
        (0, "rank", json!("senior")),
        (0, "verified", json!(true)),
        (1, "scope", json!(["内科专业"])),
        (2, "scope", json!([])),
        (2, "scope", json!(null)),
        (2, "institution", json!(" ")),
        (2, "practising_since", json!(null)),
        (2, "charged_hours", json!(1)),
        (3, "rank", json!(null)),
        (3, "rank", json!("emperor")),
    ] {
        clinic.administrator.refused(&accounts(&clinic), with(at, key, value), "BODY_INVALID").await;
    }
    // Old proofs of a licence are refused.
    let old = json!({
        "login": "x", "password": PASSWORD, "roles": ["doctor"],
        "credentials": [{ "role": "doctor", "number": "1", "title": "middle", "filed": true, "from": "2020-01-01",
                          "until": "2099-01-01" }],
    });
    clinic.administrator.refused(&accounts(&clinic), old, "BODY_INVALID").await;
}
