//! Each number with a row below, at and above it.

use hypertension::{Hypertension, code};
use xinglin_sdk::{
    clinical::{OmissionReason, Section},
    follow_up::{
        Directive, Eligibility, Error, Event, FollowUp as _, Provenance, RequestEnd, RequestReport, State, TaskEnd,
        TaskRef, TaskReport, migration::Migration as _,
    },
    testing::{Patient, START},
    time::{DAY, plus_days},
    types::{Coding, LocalizedText},
};

use crate::{Run, adult, words};

const NOTHING: [&str; 0] = [];

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
    let mut run = Run { patient: adult(), state: None, stage: String::new(), now: START };
    let directives = run.tell(Event::Enrolled);
    assert_eq!(words(&directives), ["task visit", "task diary", "task yearly", "ask within 10080"]);
    let repeats: Vec<(i64, u16)> = directives
        .iter()
        .filter_map(|directive| match directive {
            Directive::ScheduleTask(task) => Some(((task.due - START) / DAY, task.repeat?.every_days)),
            _ => None,
        })
        .collect();
    assert_eq!(repeats, [(90, 90), (7, 7), (365, 365)]);
    let due = |code: &str| Event::TaskDue(TaskRef { code: code.to_owned(), due: START });
    let yearly = run.tell(due("yearly"));
    assert_eq!(words(&yearly), ["laboratory yearly-tests"]);
    match &yearly[0] {
        Directive::RequestLab(request) => {
            assert_eq!((request.by - START) / DAY, 30);
            assert_eq!(request.tests.len(), 3);
        }
        other => panic!("{other:?}"),
    }
    let lapsed = RequestReport { code: "yearly-tests".into(), end: RequestEnd::Lapsed, at: START, outcome: vec![] };
    assert_eq!(words(&run.tell(Event::RequestEnded(lapsed))), ["laboratory yearly-tests"], "once more");
    let missed = |end| {
        let task = TaskRef { code: "visit".to_owned(), due: START };
        Event::TaskEnded(TaskReport { task, end, at: START })
    };
    assert_eq!(words(&run.tell(missed(TaskEnd::Overdue))), NOTHING);
    assert_eq!(words(&run.tell(missed(TaskEnd::Missed))), ["alert VISIT_MISSED within 4320"]);
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
        let mut run = Run::of(adult());
        let found = words(&run.measured(systolic, diastolic, provenance));
        let stage = if too_high { "titration" } else { "controlled" };
        assert_eq!(
            (found.contains(&"task recheck".to_owned()), run.stage.as_str()),
            (too_high, stage),
            "{systolic}/{diastolic}"
        );
    }
    let mut run = Run::of(adult());
    let alone = run.result(code::systolic(), "170", "mm[Hg]", Provenance::Device);
    assert_eq!(words(&alone), NOTHING, "one number is context");
}

#[test]
fn the_old_have_another_limit() {
    for (years, systolic, too_high) in
        [(79, 145, true), (80, 145, false), (81, 145, false), (80, 149, false), (80, 150, true), (80, 151, true)]
    {
        let mut run = Run::of(Patient::aged(years).days_ago(200).diagnosed(Coding::icd10("I10")));
        let found = run.measured(systolic, 70, Provenance::Clinician);
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
        let mut run = Run::of(adult());
        assert_eq!(
            words(&run.answers(systolic, diastolic, &symptoms)),
            expected,
            "{systolic}/{diastolic} {symptoms:?}"
        );
    }
}

#[test]
fn too_high_once_twice_and_after_the_referral() {
    let mut run = Run::of(adult());
    let ended =
        |code: &str, end| Event::RequestEnded(RequestReport { code: code.to_owned(), end, at: START, outcome: vec![] });
    let once = run.answers(150, 80, &[]);
    match &once[..] {
        [Directive::ScheduleTask(task)] => assert_eq!(task.due, plus_days(START, 14)),
        other => panic!("{other:?}"),
    }
    let twice = run.answers(150, 80, &[]);
    match &twice[..] {
        [Directive::Refer(referral)] => {
            assert_eq!((referral.attend_by, referral.recontact_days), (plus_days(START, 14), Some(14)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(run.stage, "review");
    assert_eq!(words(&run.answers(150, 80, &[])), NOTHING, "the referral is on its way");
    assert_eq!(words(&run.tell(ended("uncontrolled", RequestEnd::Fulfilled))), NOTHING);
    let after = run.answers(150, 80, &[]);
    assert_eq!(words(&after), ["team of 3"]);
    assert_eq!(words(&run.answers(150, 80, &[])), NOTHING, "one team at a time");
    assert_eq!(words(&run.tell(ended("resistant", RequestEnd::Fulfilled))), ["note", "task recheck"]);
    // Well in between: it is counted anew.
    run.answers(150, 80, &[]);
    assert_eq!(words(&run.answers(120, 70, &[])), NOTHING);
    assert_eq!(run.stage, "controlled");
    assert_eq!(words(&run.answers(150, 80, &[])), ["task recheck"]);
}

#[test]
fn who_does_not_answer_is_called() {
    let unanswered = || {
        let report =
            RequestReport { code: hypertension::FORM.to_owned(), end: RequestEnd::Lapsed, at: START, outcome: vec![] };
        Event::RequestEnded(report)
    };
    let mut run = Run::of(adult());
    assert_eq!(words(&run.tell(unanswered())), NOTHING);
    run.answers(150, 80, &[]);
    assert_eq!(words(&run.tell(unanswered())), ["task call"]);
}

#[test]
fn kidneys_and_potassium() {
    let critical = ["refer potassium", "alert POTASSIUM_CRITICAL within 15"];
    for (code, value, unit, expected) in [
        (code::potassium(), "5.9", "mmol/L", vec![]),
        (code::potassium(), "6.0", "mmol/L", critical.to_vec()),
        (code::potassium(), "6.1", "mmol/L", critical.to_vec()),
        (code::egfr(), "31", "mL/min/{1.73_m2}", vec![]),
        (code::egfr(), "30", "mL/min/{1.73_m2}", vec![]),
        (code::egfr(), "29", "mL/min/{1.73_m2}", vec!["refer nephrology"]),
    ] {
        let mut run = Run::of(adult());
        assert_eq!(words(&run.result(code.clone(), value, unit, Provenance::Laboratory)), expected, "{value}");
        let typed = run.result(code, value, unit, Provenance::SelfReported);
        assert_eq!(words(&typed), NOTHING, "what is typed is no result");
    }
}

#[test]
fn the_state_of_the_first_version_is_taken_over() {
    let first = State { version: 1, data: vec![2, 1] };
    let moved = Hypertension::migrate(first, "review".to_owned()).expect("taken");
    assert_eq!((moved.state.version, moved.stage.as_str()), (2, "review"));
    let mut run = Run { patient: adult(), state: Some(moved.state.clone()), stage: moved.stage, now: START };
    assert_eq!(words(&run.answers(150, 80, &[])), ["team of 3"], "it was referred");
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
