//! The verifier as the host uses it.

use identity_check::IdentityCheck;
use xinglin_sdk::{
    testing::{CredentialBuilder, Host, PersonBuilder, START},
    time::plus_days,
    types::AttributeValue,
    verifier::{Error, Level, NumberFacts, Outcome, Truth, Verification, Verifier},
};

/// `verified level`, or the codes of what is wrong.
fn told(outcome: Result<Outcome, Error>) -> String {
    match outcome {
        Ok(Outcome::Verified(Verification { level, .. })) => match level {
            Level::Basic => "verified Basic".to_owned(),
            Level::Substantial => "verified Substantial".to_owned(),
            Level::High => "verified High".to_owned(),
        },
        Ok(Outcome::Refused(findings)) => {
            for finding in &findings {
                assert!(finding.message.iter().all(|text| !text.text.is_empty()), "{finding:?}");
                assert_eq!(finding.message.len(), 2, "in both languages");
                assert!(!finding.citation.title.is_empty());
            }
            findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>().join(" ")
        }
        Ok(Outcome::Pending(reference)) => format!("pending {reference}"),
        Err(error) => format!("{error:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
    }
}

fn host() -> Host {
    Host::of::<IdentityCheck>()
}

fn person(person: PersonBuilder) -> String {
    told(host().call(|| IdentityCheck::verify_person(person.build(), START)))
}

fn credential(credential: CredentialBuilder) -> String {
    told(host().call(|| IdentityCheck::verify_credential(credential.build(), START)))
}

fn patient() -> PersonBuilder {
    PersonBuilder::aged(40).shown("name_and_number", 1000).shown("face", 972)
}

fn certificate(kind: &str) -> CredentialBuilder {
    CredentialBuilder::of(kind, plus_days(START, -400))
}

#[test]
fn a_patient_is_verified_by_card_and_face_for_a_year() {
    assert_eq!(person(patient()), "verified Substantial");
    let outcome = host().call(|| IdentityCheck::verify_person(patient().build(), START));
    let Ok(Outcome::Verified(Verification { valid_until, .. })) = outcome else { panic!("{outcome:?}") };
    assert_eq!(valid_until, Some(plus_days(START, 365)));
}

#[test]
fn each_fact_refuses() {
    let wrong = |change: fn(&mut NumberFacts)| person(patient().number(change));
    assert_eq!(wrong(|facts| facts.form = Truth::Fails), "NUMBER_MALFORMED");
    assert_eq!(wrong(|facts| facts.checksum = Truth::Fails), "NUMBER_CHECKSUM");
    assert_eq!(wrong(|facts| facts.region = Truth::Fails), "NUMBER_REGION");
    assert_eq!(wrong(|facts| facts.birth = Truth::Fails), "BIRTH_DATE_MISMATCH");
    assert_eq!(wrong(|facts| facts.holder = Truth::Fails), "HOLDER_MISMATCH");
    assert_eq!(
        wrong(|facts| *facts = NumberFacts::UNKNOWN),
        "verified Substantial",
        "what cannot be told refuses nobody"
    );
    assert_eq!(person(PersonBuilder::aged(40).shown("name_and_number", 0).shown("face", 972)), "NAME_NUMBER_MISMATCH");
    assert_eq!(person(patient().shown("face", 849)), "FACE_BELOW_BAR", "the worst of several counts");
    let all = patient().shown("face", 1).number(|facts| facts.checksum = Truth::Fails);
    assert_eq!(person(all), "NUMBER_CHECKSUM FACE_BELOW_BAR", "all at once");
}

#[test]
fn what_is_not_there_is_not_decided() {
    assert_eq!(person(PersonBuilder::aged(40)), "Error::MissingData");
    assert_eq!(person(PersonBuilder::aged(40).shown("face", 972)), "Error::MissingData");
    assert_eq!(person(patient().with(|person| person.document.clear())), "Error::MissingData");
    assert_eq!(person(patient().with(|person| person.document = "passport".into())), "Error::NotUnderstood");
    assert_eq!(credential(certificate("driving_licence")), "Error::NotUnderstood");
}

#[test]
fn a_hospital_sets_its_own_bars() {
    let mut strict = host().setting("face-bar", AttributeValue::Integer(980));
    assert_eq!(told(strict.call(|| IdentityCheck::verify_person(patient().build(), START))), "FACE_BELOW_BAR");
    let practice = |months| certificate("doctor_practice").with(move |one| one.practice_months = Some(months));
    assert_eq!(credential(practice(36)), "verified Substantial");
    assert_eq!(credential(practice(35)), "PRACTICE_TOO_SHORT");
    assert_eq!(credential(certificate("doctor_practice")), "PRACTICE_TOO_SHORT", "nothing is claimed");
    let mut five = host().setting("practice-years", AttributeValue::Integer(5));
    assert_eq!(told(five.call(|| IdentityCheck::verify_credential(practice(59).build(), START))), "PRACTICE_TOO_SHORT");
    let mut own = host().setting("issuers", AttributeValue::Text("A;B ； ".into()));
    let by = |issuer: &str| {
        let issuer = issuer.to_owned();
        certificate("doctor_title").with(move |one| one.issued_by = issuer).build()
    };
    for (issuer, expected) in
        [("Board B", "verified Substantial"), ("B Board", "ISSUER_UNKNOWN"), ("", "ISSUER_UNKNOWN")]
    {
        let claim = by(issuer);
        assert_eq!(told(own.call(|| IdentityCheck::verify_credential(claim, START))), expected, "{issuer}");
    }
}

#[test]
fn a_certificate_is_in_force() {
    let until =
        |days| certificate("nurse_registration").with(move |one| one.valid_until = Some(plus_days(START, days)));
    assert_eq!(credential(until(1)), "verified Substantial");
    assert_eq!(credential(until(0)), "DOCUMENT_EXPIRED");
    assert_eq!(credential(CredentialBuilder::of("employer_proof", plus_days(START, 1))), "DOCUMENT_NOT_YET_VALID");
    let plain = certificate("doctor_title").number(|facts| *facts = NumberFacts::UNKNOWN);
    assert_eq!(credential(plain), "verified Basic");
    let outcome = host().call(|| IdentityCheck::verify_credential(until(30).build(), START));
    let Ok(Outcome::Verified(Verification { level, valid_until })) = outcome else { panic!("{outcome:?}") };
    assert_eq!((level, valid_until), (Level::Substantial, Some(plus_days(START, 30))));
}
