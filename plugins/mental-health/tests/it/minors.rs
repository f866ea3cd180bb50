//! Guardians, schools, employers.

use mental_health::MentalHealth;
use xinglin_sdk::{
    follow_up::{Directive, FollowUp as _, Role},
    testing::{Host, Patient, START},
    time::plus_days,
    types::{AttributeValue, Attributes as _, Coding},
};

use crate::{Run, asked, day_of, give, minor, phq9};

fn questions(run: &Run) -> Vec<String> {
    let directives: Vec<Directive> = run.journal().iter().map(|(_, one)| one.clone()).collect();
    asked(&directives).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_minor_needs_a_guardian() {
    for (age, needs) in [(17, true), (18, false), (19, false)] {
        let run = Run::enrol(Patient::aged(age).diagnosed(Coding::icd10("F32.1")));
        assert_eq!(run.task("guardian-consent").is_some(), needs, "{age}");
        assert_eq!(run.stage() == "consent-pending", needs, "{age}");
        assert_eq!(questions(&run).is_empty(), needs, "{age}");
    }
    let mut run = Run::enrol(minor());
    assert_eq!(run.task("guardian-consent").map(|task| task.owner), Some(Role::Guardian));
    run.advance(2);
    assert!(questions(&run).is_empty(), "nothing begins");
    run.complete("guardian-consent");
    assert_eq!(run.stage(), "treatment");
    assert_eq!(questions(&run), ["phq-9", "gad-7", "check-in", "asq"]);
    assert_eq!(day_of(&run, "scales-14"), 16, "day 0 is that of the consent");
}

#[test]
fn a_consent_that_does_not_come_is_reported() {
    let mut run = Run::enrol(minor());
    run.advance_to(plus_days(START, 7) - 1);
    assert!(run.alerts().is_empty());
    run.advance_to(plus_days(START, 7));
    assert_eq!(run.alert("GUARDIAN_CONSENT_MISSING").map(|alert| alert.owner), Some(Role::Assistant));
    run.advance_to(plus_days(START, 8));
    assert_eq!(run.alerts(), ["GUARDIAN_CONSENT_MISSING"]);
    assert!(run.task("guardian-consent").is_some(), "asked again");

    let mut grown = Run::enrol(Patient::aged(17).diagnosed(Coding::icd10("F32.1")));
    grown.advance(380);
    assert_eq!(grown.stage(), "treatment", "of age in the meantime");
}

#[test]
fn danger_waits_for_no_consent() {
    let mut run = Run::enrol(minor());
    give(&mut run, phq9(9, 2));
    assert_eq!((run.stage(), run.holds()), ("crisis", vec!["suicide-risk"]));
}

#[test]
fn school_and_employer_are_told_nothing() {
    let mut run = Run::enrol(minor());
    run.complete("guardian-consent");
    assert_eq!(run.task("school-consent").map(|task| task.owner), Some(Role::Guardian), "a consent of its own");
    assert!(run.task("school-status").is_none());
    run.complete("school-consent");
    let status = run.task("school-status").expect("a task");
    assert_eq!(status.owner, Role::HealthManager, "a person tells it");
    assert!(status.title[1].text.contains("neither diagnosis nor scores nor sessions"));

    let attributes = Host::of::<MentalHealth>().call(MentalHealth::describe).attributes;
    let sees = Some(&AttributeValue::Text("consented-status".to_owned()));
    assert_eq!(attributes.value("mental-health.school-sees"), sees);
    let AttributeValue::Integer(least) = attributes.value("mental-health.smallest-group").expect("a number") else {
        panic!("not a number");
    };
    for (group, seen) in [(9, false), (10, true), (11, true)] {
        assert_eq!(group >= *least, seen, "a group of {group}");
    }
}
