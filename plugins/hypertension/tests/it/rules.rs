//! Each number with a row below, at and above it.

use hypertension::{FORM, Hypertension, code};
use xinglin_sdk::{
    clinical::{OmissionReason, Section},
    follow_up::{Eligibility, Error, FollowUp as _, Provenance, State, migration::Migration as _},
    testing::{Host, Patient, START},
    time::{DAY, plus_days, plus_minutes},
    types::{Coding, LocalizedText},
};

use crate::{Run, adult, answers, enrolled, measured, words};

const NOTHING: [&str; 0] = [];
const EGFR_UNIT: &str = "mL/min/{1.73_m2}";

#[test]
fn who_may_enter() {
    let screen = |patient: &Patient| match Hypertension::screen(patient.snapshot(START), START) {
        Ok(Eligibility::Eligible) => "eligible".to_owned(),
        Ok(Eligibility::Ineligible(reasons) | Eligibility::ReferOffline(reasons)) => reasons[0].code.clone(),
        Err(Error::MissingData(_)) => "missing".to_owned(),
        Err(error) => format!("{error:?}"),
    };
    let aged = |years| Patient::aged(years).diagnosed(Coding::icd10("I10.x00"));
    for (patient, expected) in [
        (aged(17), "MINOR"),
        (aged(18), "eligible"),
        (aged(19), "eligible"),
        (Patient::aged(50), "NO_DIAGNOSIS"),
        (adult().diagnosed(Coding::icd10("I15.0")), "SECONDARY"),
        (adult().diagnosed(Coding::icd10("O10.0")), "PREGNANCY"),
        (Patient::of_unknown_age().diagnosed(Coding::icd10("I10")), "missing"),
        (adult().withheld(Section::Conditions, OmissionReason::Consent), "missing"),
    ] {
        assert_eq!(screen(&patient), expected, "{patient:?}");
    }
}

#[test]
fn what_is_scheduled() {
    let mut run = enrolled();
    let asked = |run: &Run, from: usize| -> Vec<String> {
        words(&run.journal()[from..].iter().map(|(_, directive)| directive.clone()).collect::<Vec<_>>())
    };
    assert_eq!(asked(&run, 0), ["task visit", "task diary", "task yearly", "ask within 4320"]);
    let due = |run: &Run, code: &str| (run.task(code).expect("a task").due - START) / DAY;
    for (day, tasks) in [(0, [90, 7, 365]), (90, [180, 91, 365])] {
        run.advance_to(plus_days(START, day));
        assert_eq!(["visit", "diary", "yearly"].map(|code| due(&run, code)), tasks, "day {day}");
    }
    run.advance_to(plus_days(START, 103));
    assert!(run.alerts().is_empty());
    run.advance_to(plus_days(START, 104));
    assert_eq!(run.alert("VISIT_MISSED").map(|alert| alert.sla_minutes), Some(4320));
    run.complete("visit");
    // The tests of the year, once more if nobody looks at them.
    run.advance_to(plus_days(START, 365));
    assert_eq!(run.request_ends("yearly-tests"), Some(plus_days(START, 395)));
    run.advance_to(plus_days(START, 395));
    assert_eq!(run.request_ends("yearly-tests"), Some(plus_days(START, 425)));
    for (code, value, unit) in
        [(code::potassium(), "4.1", "mmol/L"), (code::creatinine(), "80", "umol/L"), (code::egfr(), "90", EGFR_UNIT)]
    {
        assert!(run.open_requests().contains(&"yearly-tests"));
        run.observe(code, value, unit, Provenance::Laboratory);
    }
    assert!(!run.open_requests().contains(&"yearly-tests"), "the results are there");
}

#[test]
fn limits_of_clinic_and_home() {
    for (systolic, diastolic, provenance, too_high) in [
        (139, 89, Provenance::Clinician, false),
        (140, 89, Provenance::Clinician, true),
        (141, 89, Provenance::Clinician, true),
        (139, 90, Provenance::Clinician, true),
        (139, 91, Provenance::Clinician, true),
        (134, 84, Provenance::Device, false),
        (135, 84, Provenance::Device, true),
        (136, 84, Provenance::Device, true),
        (134, 85, Provenance::SelfReported, true),
        (134, 86, Provenance::SelfReported, true),
    ] {
        let mut run = enrolled();
        let found = words(&measured(&mut run, systolic, diastolic, provenance));
        let stage = if too_high { "titration" } else { "controlled" };
        assert_eq!(
            (found.contains(&"task recheck".to_owned()), run.stage()),
            (too_high, stage),
            "{systolic}/{diastolic}"
        );
    }
    let alone = enrolled().observe(code::systolic(), "170", "mm[Hg]", Provenance::Device);
    assert_eq!(words(&alone), NOTHING, "one number is context");
}

#[test]
fn the_old_have_another_limit() {
    for (years, systolic, too_high) in
        [(79, 145, true), (80, 145, false), (81, 145, false), (80, 149, false), (80, 150, true), (80, 151, true)]
    {
        let mut run = Run::enrol(Patient::aged(years).days_ago(200).diagnosed(Coding::icd10("I10")));
        let found = measured(&mut run, systolic, 70, Provenance::Clinician);
        assert_eq!(!found.is_empty(), too_high, "{years} years, {systolic}");
    }
}

#[test]
fn severe_pressure_with_and_without_symptoms() {
    let severe = ["alert SEVERE_PRESSURE within 60", "message measure-again", "ask within 1440"];
    let emergency = [
        "stop HYPERTENSIVE_EMERGENCY",
        "hold HYPERTENSIVE_EMERGENCY",
        "refer emergency",
        "alert HYPERTENSIVE_EMERGENCY within 15",
    ];
    for (systolic, diastolic, symptoms, expected) in [
        (179, 80, vec![], vec!["task recheck"]),
        (180, 80, vec![], severe.to_vec()),
        (181, 80, vec![], severe.to_vec()),
        (150, 109, vec!["chest"], vec!["task recheck"]),
        (150, 110, vec!["chest"], emergency.to_vec()),
        (150, 111, vec!["chest", "vision"], emergency.to_vec()),
        (180, 80, vec!["headache"], emergency.to_vec()),
    ] {
        let found = answers(&mut enrolled(), systolic, diastolic, &symptoms);
        assert_eq!(words(&found), expected, "{systolic}/{diastolic} {symptoms:?}");
    }
}

#[test]
fn too_high_once_twice_and_after_the_referral() {
    let mut run = enrolled();
    let day = |at| Some(plus_days(START, at));
    assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["task recheck"]);
    assert_eq!(run.task("recheck").map(|task| task.due), day(14));
    assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["refer uncontrolled"]);
    assert_eq!((run.request_ends("uncontrolled"), run.referrals()[0].recontact_days), (day(14), Some(14)));
    assert_eq!(run.stage(), "review");
    assert_eq!(words(&answers(&mut run, 150, 80, &[])), NOTHING, "the referral is on its way");
    assert_eq!(words(&run.fulfil("uncontrolled", vec![])), NOTHING);
    assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["team of 3"]);
    assert_eq!(run.request_ends("resistant"), day(14));
    assert_eq!(words(&answers(&mut run, 150, 80, &[])), NOTHING, "one team at a time");
    assert_eq!(words(&run.fulfil("resistant", vec![])), ["note", "task recheck"]);
    // Well in between: it is counted anew.
    answers(&mut run, 150, 80, &[]);
    assert_eq!(words(&answers(&mut run, 120, 70, &[])), NOTHING);
    assert_eq!(run.stage(), "controlled");
    assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["task recheck"]);
}

#[test]
fn who_does_not_answer_is_called() {
    for (minutes, called) in [(-1, false), (0, true), (1, true)] {
        let mut run = enrolled();
        answers(&mut run, 150, 80, &[]);
        run.advance_to(plus_minutes(plus_days(START, 7 + 3), minutes));
        assert_eq!(run.task("call").is_some(), called, "{minutes}");
    }
    let mut run = enrolled();
    run.advance(9);
    assert_eq!((run.notices().len(), run.task("call")), (1, None), "nothing was too high");
    let mut run = enrolled();
    answers(&mut run, 150, 80, &[]);
    run.advance_to(plus_days(START, 7));
    assert_eq!(words(&run.turn_down(FORM)), ["task call"], "nor who turns it down");
}

/// How a request ends that nobody met.
type Way<'a> = &'a dyn Fn(&mut Run, &str);

#[test]
fn what_is_turned_down_or_missed_is_asked_for_again_while_it_is_too_high() {
    let missed = |run: &mut Run, code: &str| {
        let end = run.request_ends(code).expect("it is open");
        run.advance_to(end);
    };
    let turned_down = |run: &mut Run, code: &str| assert_eq!(words(&run.turn_down(code)), ["task recheck"]);
    let ways: [Way<'_>; 2] = [&missed, &turned_down];
    for end in ways {
        let mut run = enrolled();
        answers(&mut run, 150, 80, &[]);
        assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["refer uncontrolled"]);
        end(&mut run, "uncontrolled");
        assert!(run.task("recheck").is_some());
        assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["refer uncontrolled"], "once more");
        run.fulfil("uncontrolled", vec![]);
        assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["team of 3"]);
        end(&mut run, "resistant");
        assert!(run.task("recheck").is_some());
        assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["team of 3"], "once more");
    }
    // Well in between: there is nothing to go on with.
    let mut run = enrolled();
    answers(&mut run, 150, 80, &[]);
    answers(&mut run, 150, 80, &[]);
    answers(&mut run, 120, 70, &[]);
    assert_eq!(words(&run.turn_down("uncontrolled")), NOTHING);
    run.advance_to(plus_days(START, 365));
    assert_eq!(words(&run.turn_down("yearly-tests")), NOTHING, "next year");
}

#[test]
fn kidneys_and_potassium() {
    let critical = ["refer potassium", "alert POTASSIUM_CRITICAL within 15"];
    for (code, value, unit, expected) in [
        (code::potassium(), "5.9", "mmol/L", vec![]),
        (code::potassium(), "6.0", "mmol/L", critical.to_vec()),
        (code::potassium(), "6.1", "mmol/L", critical.to_vec()),
        (code::egfr(), "31", EGFR_UNIT, vec![]),
        (code::egfr(), "30", EGFR_UNIT, vec![]),
        (code::egfr(), "29", EGFR_UNIT, vec!["refer nephrology"]),
    ] {
        let mut run = enrolled();
        assert_eq!(words(&run.observe(code.clone(), value, unit, Provenance::Laboratory)), expected, "{value}");
        let typed = enrolled().observe(code, value, unit, Provenance::SelfReported);
        assert_eq!(words(&typed), NOTHING, "what is typed is no result");
    }
}

#[test]
fn the_state_of_the_first_version_is_taken_over() {
    let first = State { version: 1, data: vec![2, 1] };
    let moved = Hypertension::migrate(first, "review".to_owned()).expect("taken");
    assert_eq!((moved.state.version, moved.stage.as_str()), (2, "review"));
    let first = (State { version: 1, data: vec![2, 1] }, "review");
    let mut run = Run::migrating(Host::of::<Hypertension>(), adult(), first, &[]);
    assert_eq!(words(&answers(&mut run, 150, 80, &[])), ["team of 3"], "it was referred");
    let again = Hypertension::migrate(moved.state.clone(), "review".to_owned()).expect("its own");
    assert_eq!(again.state, moved.state);
    let newer = Hypertension::migrate(State { version: 3, data: vec![] }, "review".to_owned());
    assert!(matches!(newer, Err(Error::BadState(_))));
    let broken = Hypertension::migrate(State { version: 1, data: vec![2] }, "review".to_owned());
    assert!(matches!(broken, Err(Error::BadState(_))));
}

#[test]
fn texts_are_in_both_languages() {
    let both = |text: &LocalizedText| ["zh-CN", "en"].iter().all(|wanted| text.iter().any(|t| t.language == *wanted));
    let definition = Hypertension::describe();
    assert!(both(&definition.title) && definition.stages.iter().all(|stage| both(&stage.title)));
    for questionnaire in &definition.questionnaires {
        assert!(both(&questionnaire.title) && questionnaire.items.iter().all(|item| both(&item.text)));
    }
}
