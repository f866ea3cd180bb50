//! Verification of real names and certificates by plugins. What no verifier decides stays
//! undecided.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Clinic, IDENTITY_CHECK, Person, TestHospital, clinic::id_number, guest, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_plugin_verifies_certificates_without_their_numbers,
    each_fact_can_refuse_a_certificate,
    an_undecided_certificate_stays_submitted,
    a_pending_verification_is_asked_again,
    disagreeing_verifiers_decide_nothing,
    a_recalled_verifier_decides_nothing_and_is_reported,
    a_real_name_is_decided_manually_without_a_verifier,
    a_plugin_verifies_real_names,
);

const VERIFIER: &str = "xinglin:identity/verifier@1.0.0";
/// Answers `verified`, to the level `basic`, to any claim.
const YES: &str = "i32.const 1024";

fn accounts(clinic: &Clinic) -> String {
    format!("/api/v1/tenants/{}/accounts", clinic.tenant)
}

fn real_name(clinic: &Clinic, patient: &str) -> String {
    format!("/api/v1/tenants/{}/patients/{patient}/real-name", clinic.tenant)
}

/// A doctor's account, with certificates as changed by `change`.
async fn open(clinic: &Clinic, login: &str, change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut new = Person::new(login, "doctor").licensed(&json!({})).account();
    change(new["certificates"].as_array_mut().expect("certificates"));
    clinic.administrator.post(&accounts(clinic), new).await
}

/// `state CODE …` of a certificate.
fn told(account: &Value, at: usize) -> String {
    let one = &account["certificates"][at];
    let findings = one["decision"]["findings"].as_array().into_iter().flatten();
    let codes = findings.map(|finding| finding["code"].as_str().expect("a code"));
    [one["state"].as_str().expect("a state")].into_iter().chain(codes).collect::<Vec<_>>().join(" ")
}

async fn enable(clinic: &Clinic, package: Vec<u8>, id: &str) -> Value {
    let installed = clinic.operator.upload(package).await.done("/api/v1/plugins");
    let path = format!("/api/v1/tenants/{}/plugins/{id}", clinic.tenant);
    clinic.operator.put(&path, json!({})).await;
    clinic.operator.post(&format!("{path}/enable"), json!(null)).await;
    installed
}

async fn a_plugin_verifies_certificates_without_their_numbers(hospital: TestHospital) {
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[&IDENTITY_CHECK]).await;
    let mut numbers = Vec::new();
    let opened = open(&clinic, "new", |papers| {
        numbers.extend(papers.iter().map(|paper| paper["number"].as_str().expect("a number").to_owned()));
    })
    .await;
    assert_eq!((0..4).map(|at| told(&opened, at)).collect::<Vec<_>>(), ["verified"; 4], "{opened}");
    assert_eq!(opened["blocked"], json!([]));
    let decision = &opened["certificates"][1]["decision"];
    assert_eq!((&decision["by"], &decision["who"]), (&json!("plugin"), &json!(IDENTITY_CHECK.id)));
    assert_eq!(decision["level"], "substantial", "the qualification holds the number of the card");
    assert_eq!(opened["certificates"][3]["decision"]["level"], "basic");
    let packages = hospital.operator.get("/api/v1/plugins").await;
    let package = packages.as_array().into_iter().flatten().find(|package| package["id"] == IDENTITY_CHECK.id);
    assert_eq!(decision["digest"], package.expect("installed")["digest"]);

    // The call is on tape: facts, a pseudonym, and no number.
    let call = clinic.administrator.get(&format!("/api/v1/calls/{}", decision["call"].as_str().expect("a call"))).await;
    let claim = &call["tape"]["input"]["claim"];
    assert_eq!(claim["number"]["holder"], "holds", "{claim}");
    assert_ne!(claim["subject"], opened["id"]);
    let calls = clinic.administrator.get(&format!("/api/v1/calls?plugin={}&limit=500", IDENTITY_CHECK.id)).await;
    assert!(calls.as_array().is_some_and(|calls| calls.len() >= 4), "{calls}");
    for number in &numbers {
        assert!(!calls.to_string().contains(number.as_str()), "{number} is on tape");
    }

    let doctor = hospital.operator.sign_in(Some(&clinic.tenant), "new").await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let accept = format!("/api/v1/encounters/{}/accept", visit["id"].as_str().expect("an id"));
    doctor.post(&accept, clinic.decision()).await;
}

async fn each_fact_can_refuse_a_certificate(hospital: TestHospital) {
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[&IDENTITY_CHECK]).await;
    let tomorrow = hospital.now().plus_days(1).to_string();
    let somebody = id_number(9_999);
    let mut mistyped = somebody.clone();
    mistyped.replace_range(17.., if somebody.ends_with('1') { "2" } else { "1" });
    for (n, (at, key, value, expected)) in [
        (0, "number", json!(mistyped), "rejected NUMBER_CHECKSUM"),
        (0, "number", json!("E12345678"), "rejected NUMBER_MALFORMED"),
        (0, "number", json!("990105199001010016"), "rejected NUMBER_REGION"),
        (1, "number", json!(format!("200511110{somebody}")), "rejected HOLDER_MISMATCH"),
        (2, "number", json!("1100000000000"), "rejected NUMBER_MALFORMED"),
        (2, "practising_since", json!(hospital.now().plus_days(-900).to_string()), "rejected PRACTICE_TOO_SHORT"),
        (2, "valid_until", json!("2021-01-01"), "rejected DOCUMENT_EXPIRED"),
        (3, "issued_on", json!(tomorrow), "rejected DOCUMENT_NOT_YET_VALID"),
        (3, "issued_by", json!("a friend"), "rejected ISSUER_UNKNOWN"),
    ]
    .into_iter()
    .enumerate()
    {
        let login = format!("doctor-{n}");
        let opened = open(&clinic, &login, |papers| papers[at][key] = value).await;
        assert_eq!(told(&opened, at), expected, "{opened}");
        let finding = &opened["certificates"][at]["decision"]["findings"][0];
        assert!(finding["message"][0]["text"].is_string() && finding["citation"]["title"].is_string(), "{finding}");
        let doctor = hospital.operator.sign_in(Some(&clinic.tenant), &login).await;
        let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
        let accept = format!("/api/v1/encounters/{}/accept", visit["id"].as_str().expect("an id"));
        doctor.refused(&accept, clinic.decision(), "CRED_INVALID").await;
    }
}

async fn an_undecided_certificate_stays_submitted(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    // It traps, it cannot decide, its answer is invalid.
    let undecided = "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1032) (i32.const 3)) \
                     (i32.const 1024)";
    let unsaid = "(i32.store8 (i32.const 1032) (i32.const 1)) (i32.const 1024)";
    let slow = "(loop $on (br $on)) (unreachable)";
    for (id, package) in [
        ("test.trap", guest::broken("test.trap", "1.0.0", VERIFIER)),
        ("test.undecided", guest::verifier("test.undecided", undecided, undecided)),
        ("test.unsaid", guest::verifier("test.unsaid", unsaid, unsaid)),
        ("test.slow", guest::verifier("test.slow", slow, slow)),
    ] {
        enable(&clinic, package, id).await;
        let login = format!("under-{id}");
        let opened = open(&clinic, &login, |_| ()).await;
        assert_eq!((0..4).map(|at| told(&opened, at)).collect::<Vec<_>>(), ["submitted"; 4], "{id}: {opened}");
        assert_eq!(opened["blocked"][0]["why"], "`identity_card` is not verified");
        let here = format!("{}/{}", accounts(&clinic), opened["id"].as_str().expect("an id"));
        let again = clinic.administrator.post(&format!("{here}/certificates/check"), json!(null)).await;
        assert_eq!(told(&again, 0), "submitted");
        let name =
            clinic.administrator.post(&format!("{}/check", real_name(&clinic, &clinic.subject)), json!(null)).await;
        assert_eq!((&name["state"], &name["decision"]["by"]), (&json!("verified"), &json!("person")), "as it was");
        clinic.operator.post(&format!("/api/v1/tenants/{}/plugins/{id}/disable", clinic.tenant), json!(null)).await;
    }
    // A manual decision is still possible.
    let (doctor, _) = clinic.hire(Person::new("by-hand", "doctor").licensed(&json!({}))).await;
    assert_eq!(doctor.get("/api/v1/me").await["certificates"][0]["decision"]["by"], "person");
    assert_eq!(doctor.get("/api/v1/me").await["blocked"], json!([]));
}

async fn a_pending_verification_is_asked_again(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    // `pending` until it is called with the register's id of the request.
    let pending = "(then (i32.store8 (i32.const 1032) (i32.const 2)) (i32.store (i32.const 1040) (i32.const 2048)) \
                   (i32.store (i32.const 1044) (i32.const 5)))";
    let person = format!("(if (i32.eqz (local.get 14)) {pending}) (i32.const 1024)");
    let credential = format!("(if (i32.eqz (i32.load offset=108 (local.get 0))) {pending}) (i32.const 1024)");
    enable(&clinic, guest::verifier("test.register", &person, &credential), "test.register").await;
    let opened = open(&clinic, "new", |_| ()).await;
    let first = &opened["certificates"][0];
    assert_eq!((&first["state"], &first["pending"]), (&json!("submitted"), &json!("req-7")), "{opened}");
    let here = format!("{}/{}", accounts(&clinic), opened["id"].as_str().expect("an id"));
    clinic.pharmacist.refused(&format!("{here}/certificates/check"), json!(null), "AUTH_FORBIDDEN").await;
    let again = clinic.administrator.post(&format!("{here}/certificates/check"), json!(null)).await;
    assert_eq!((0..4).map(|at| told(&again, at)).collect::<Vec<_>>(), ["verified"; 4], "{again}");

    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let other = real_name(&clinic, other.strip_prefix("Patient/").expect("a patient"));
    let check = format!("{other}/check");
    assert_eq!(clinic.administrator.post(&check, json!(null)).await["state"], "pending");
    assert_eq!(clinic.administrator.post(&check, json!(null)).await["state"], "verified");
}

async fn disagreeing_verifiers_decide_nothing(hospital: TestHospital) {
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[&IDENTITY_CHECK]).await;
    enable(&clinic, guest::verifier("test.yes", YES, YES), "test.yes").await;
    let both = open(&clinic, "both", |_| ()).await;
    assert_eq!((told(&both, 1).as_str(), &both["certificates"][1]["decision"]["level"]), ("verified", &json!("basic")));
    let one = open(&clinic, "one", |papers| papers[3]["issued_by"] = json!("a friend")).await;
    assert_eq!(told(&one, 3), "rejected ISSUER_UNKNOWN", "a refusal wins");
    enable(&clinic, guest::broken("test.broken", "1.0.0", VERIFIER), "test.broken").await;
    let none = open(&clinic, "none", |_| ()).await;
    assert_eq!(told(&none, 0), "submitted", "one of three gave no answer");
}

async fn a_recalled_verifier_decides_nothing_and_is_reported(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let package = enable(&clinic, guest::verifier("test.yes", YES, YES), "test.yes").await;
    let before = open(&clinic, "before", |_| ()).await;
    assert_eq!(told(&before, 0), "verified");
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let other = other.strip_prefix("Patient/").expect("a patient");
    let name = clinic.administrator.post(&format!("{}/check", real_name(&clinic, other)), json!(null)).await;
    assert_eq!((&name["state"], &name["decision"]["by"]), (&json!("verified"), &json!("plugin")));

    let recall = format!("/api/v1/recalls/{}", package["digest"].as_str().expect("a digest"));
    let report = hospital.operator.post(&recall, json!({ "reason": "says yes to everything" })).await;
    let touched = report["touched"].as_array().expect("a list");
    for (kind, id) in [
        ("account", before["id"].as_str()),
        ("certificate", before["certificates"][3]["id"].as_str()),
        ("patient", Some(other)),
    ] {
        assert!(touched.iter().any(|row| row["kind"] == kind && row["id"].as_str() == id), "{kind}: {report}");
    }
    let after = open(&clinic, "after", |_| ()).await;
    assert_eq!(told(&after, 0), "submitted");
}

async fn a_real_name_is_decided_manually_without_a_verifier(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let name = real_name(&clinic, &clinic.subject);
    let judge = format!("{name}/judge");
    let asked = async || {
        let answer = clinic.patient.ask(Method::POST, "/api/v1/encounters", Some(clinic.request())).await;
        if answer.status.is_success() { "may".to_owned() } else { answer.code().to_owned() }
    };
    assert_eq!(asked().await, "may");
    let refused = clinic.administrator.post(&judge, json!({ "verified": false, "reason": "a friend's card" })).await;
    assert_eq!((&refused["state"], &refused["decision"]["reason"]), (&json!("refused"), &json!("a friend's card")));
    assert_eq!(asked().await, "ENC_IDENTITY");
    assert_eq!(clinic.administrator.post(&format!("{name}/check"), json!(null)).await["state"], "refused");
    let until = hospital.now().plus_hours(1).to_string();
    let seen = json!({ "verified": true, "reason": "saw the card and the person", "until": until });
    let verified = clinic.administrator.post(&judge, seen.clone()).await;
    assert_eq!(
        (&verified["decision"]["by"], &verified["decision"]["level"]),
        (&json!("person"), &json!("substantial"))
    );
    assert_eq!(asked().await, "may");

    // A change of telephone keeps the verification; a change of name requires another.
    let path = format!("/fhir/R4/Patient/{}", clinic.subject);
    let mut person = clinic.administrator.get(&path).await;
    for (field, said, state, may) in [
        ("telecom", json!([{ "system": "phone", "value": "13900001111" }]), "verified", "may"),
        ("name", json!([{ "use": "official", "text": "王五" }]), "unverified", "ENC_IDENTITY"),
        ("birthDate", json!("1961-02-03"), "unverified", "ENC_IDENTITY"),
    ] {
        person[field] = said;
        clinic.administrator.put(&path, person.clone()).await;
        assert_eq!(
            (clinic.administrator.get(&name).await["state"].as_str(), asked().await.as_str()),
            (Some(state), may)
        );
        clinic.administrator.post(&judge, seen.clone()).await;
    }
    assert_eq!(asked().await, "may");
    hospital.advance(3600).await;
    assert_eq!(asked().await, "ENC_IDENTITY", "it has lapsed");
    assert_eq!(clinic.administrator.get(&name).await["state"], "lapsed");

    clinic.administrator.refused(&judge, json!({ "verified": true, "reason": "" }), "BODY_INVALID").await;
    for (who, code) in [(&clinic.patient, "AUTH_FORBIDDEN"), (&clinic.doctor, "AUTH_FORBIDDEN")] {
        who.refused(&judge, seen.clone(), code).await;
        who.hidden(&name, code).await;
    }
    let other = hospital.clinic(&[]).await;
    other.administrator.refused(&judge, seen.clone(), "NOT_FOUND").await;
    let theirs = judge.replace(&clinic.tenant, &other.tenant);
    other.administrator.refused(&theirs, seen.clone(), "NOT_FOUND").await;
    // An account that acts for a patient cannot verify them.
    let mut both = Person::new("both", "administrator").acting_for(&clinic.subject, 990).account();
    both["roles"] = json!(["administrator", "patient"]);
    clinic.operator.post(&accounts(&clinic), both).await;
    let both = hospital.operator.sign_in(Some(&clinic.tenant), "both").await;
    both.refused(&judge, seen, "AUTH_FORBIDDEN").await;
}

async fn a_plugin_verifies_real_names(hospital: TestHospital) {
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[&IDENTITY_CHECK]).await;
    let card = id_number(77);
    let born = format!("{}-{}-{}", &card[6..10], &card[10..12], &card[12..14]);
    let patient = |born: &str, number: &str| {
        let mut patient = record::patient(born);
        patient["identifier"] = json!([{
            "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "NI" }] },
            "system": "urn:elsewhere", "value": number,
        }]);
        patient
    };
    let mut mistyped = card.clone();
    mistyped.replace_range(17.., if card.ends_with('1') { "2" } else { "1" });
    for (n, (born, number, likeness, expected)) in [
        (born.as_str(), card.as_str(), 972, "verified"),
        (born.as_str(), card.as_str(), 849, "FACE_BELOW_BAR"),
        ("1950-01-01", card.as_str(), 972, "BIRTH_DATE_MISMATCH"),
        (born.as_str(), mistyped.as_str(), 972, "NUMBER_CHECKSUM"),
    ]
    .into_iter()
    .enumerate()
    {
        let imported = clinic.import(&[patient(born, number)]).await.remove(0);
        let subject = imported.strip_prefix("Patient/").expect("a patient");
        let name = real_name(&clinic, subject);
        let unshown = clinic.administrator.post(&format!("{name}/check"), json!(null)).await;
        let nothing = if expected == "verified" || expected == "FACE_BELOW_BAR" { "unverified" } else { "refused" };
        assert_eq!(unshown["state"], nothing, "before a face was shown: {unshown}");
        let account = Person::new(&format!("patient-{n}"), "patient").acting_for(subject, likeness).account();
        clinic.operator.post(&accounts(&clinic), account).await;
        let decided = clinic.administrator.get(&name).await;
        let decision = &decided["decision"];
        assert_eq!(decision["by"], "plugin", "{decided}");
        match expected {
            "verified" => {
                assert_eq!((&decided["state"], &decision["level"]), (&json!("verified"), &json!("substantial")));
                assert!(decision["until"].is_string(), "{decision}");
            }
            code => {
                assert_eq!((&decided["state"], &decision["findings"][0]["code"]), (&json!("refused"), &json!(code)))
            }
        }
        let call = format!("/api/v1/calls/{}", decision["call"].as_str().expect("a call"));
        let tape = clinic.administrator.get(&call).await.to_string();
        assert!(!tape.contains(number) && !tape.contains("李"), "{tape}");
    }
}
