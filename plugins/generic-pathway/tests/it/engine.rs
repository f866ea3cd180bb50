//! How a file is executed, on the file of `xinglin-pathway-file`'s own tests.

use xinglin_sdk::{
    clinical::{Component, ObservationValue, OmissionReason, Section},
    pathway::{AnswerValue, Directive, Error, Event, Pathway as _, ReleaseBy, Role, Severity, State, TaskRef},
    testing::{Host, Patient, START, assert_needs_declared},
    time::{DAY, plus_days},
    types::{Coding, Decimal, Quantity},
};

use super::*;

const FILE: &str = include_str!("../../../../sdk/pathway-file/tests/good.yaml");

fn patient() -> Patient {
    Patient::aged(60).days_ago(400).diagnosed(Coding::icd10("I10.x")).measured(
        loinc("98979-8"),
        "70",
        "mL/min/{1.73_m2}",
    )
}

fn run() -> Run {
    enrol(FILE, patient())
}

fn choice(code: &str) -> AnswerValue {
    AnswerValue::Choice(Coding::new("urn:xinglin:pathway:acme.pressure:visit:mood", code))
}

fn day(run: &Run, task: &str) -> Option<i64> {
    run.task(task).map(|task| (task.due - START) / DAY)
}

#[test]
fn without_a_file_it_takes_nobody() {
    let mut host = Host::of::<GenericPathway>();
    assert_eq!(host.call(GenericPathway::describe).code, "generic-pathway");
    let snapshot = patient().snapshot(START);
    let answer = host.call(|| GenericPathway::screen(snapshot, START));
    assert!(matches!(answer, Err(Error::Other(why)) if why.contains("xinglin pathway build")));
    assert_needs_declared_of_nothing();
}

fn assert_needs_declared_of_nothing() {
    // The empty component asks for less than its manifest.
    load(file(FILE).pathway);
    let needs = Host::of::<GenericPathway>().call(GenericPathway::describe).data_needs;
    assert_eq!(needs.len(), 2, "conditions and observations: {needs:?}");
    let _ = assert_needs_declared::<GenericPathway>;
}

#[test]
fn who_may_enter() {
    let base = || Patient::aged(60).days_ago(10).diagnosed(Coding::icd10("I10"));
    let kidney = |value: &str| base().measured(loinc("98979-8"), value, "mL/min/{1.73_m2}");
    for (patient, expected) in [
        (patient(), "eligible"),
        (kidney("15"), "eligible"),
        (kidney("14.9"), "ineligible: NOT_ADULT_KIDNEY"),
        (base(), "missing"),
        (
            Patient::aged(17).diagnosed(Coding::icd10("I10")).measured(loinc("98979-8"), "70", "mL/min/{1.73_m2}"),
            "ineligible: UNDER_AGE",
        ),
        (Patient::of_unknown_age().diagnosed(Coding::icd10("I10")), "missing"),
        (Patient::aged(60).measured(loinc("98979-8"), "70", "mL/min/{1.73_m2}"), "ineligible: NO_DIAGNOSIS"),
        (patient().diagnosed(Coding::icd10("O24.4")), "offline: PREGNANT"),
        (patient().withheld(Section::Conditions, OmissionReason::Consent), "missing"),
    ] {
        assert_eq!(screen(FILE, &patient), expected);
    }
}

#[test]
fn tasks_come_due_ask_are_done_missed_and_come_again() {
    let mut run = run();
    assert_eq!((run.stage(), day(&run, "visit")), ("start", Some(0)));
    run.advance(0);
    assert!(run.journal().iter().any(|(_, directive)| *directive == Directive::Ask("visit".to_owned())));
    run.advance(3);
    run.answer("visit", vec![("chest-pain", AnswerValue::Boolean(false))]);
    assert_eq!(day(&run, "visit"), Some(14), "answered, so planned anew");
    run.advance(26);
    assert_eq!(run.stage(), "steady", "the timer of day 28 ended the stage");
    assert!(run.task("visit").is_none());
    assert_eq!(day(&run, "kidney"), Some(28 + 180));

    run.advance(28 + 180 - 29);
    assert!(run.journal().iter().any(|(_, d)| *d == Directive::RequestLab(vec![loinc("98979-8")])));
    run.observe(loinc("98979-8"), "66", "mL/min/{1.73_m2}");
    assert_eq!(day(&run, "kidney"), Some(28 + 360));

    run.advance_to(plus_days(START, 28 + 360 + 31));
    assert_eq!(run.alerts(), ["KIDNEY_MISSED"]);
    let alert = run.alert("KIDNEY_MISSED").expect("an alert");
    assert_eq!((alert.owner, alert.severity, alert.sla_minutes), (Role::Nurse, Severity::Info, 4320));
    assert_eq!(day(&run, "kidney"), Some(28 + 540), "a missed one comes again");
    run.advance_to(plus_days(START, 28 + 540 + 31));
    assert_eq!(run.alerts(), ["KIDNEY_MISSED", "KIDNEY_MISSED"], "and is told again");
}

#[test]
fn a_test_is_done_by_its_result_not_by_saying_so() {
    let mut run = run();
    run.advance(28 + 181);
    run.complete("kidney");
    assert_eq!(run.alerts(), [""; 0]);
    assert!(run.open_tasks().contains(&"result.kidney"), "{:?}", run.open_tasks());
    run.advance(40);
    assert_eq!(run.alerts(), ["KIDNEY_MISSED"]);

    let mut run = self::run();
    run.advance(28 + 181);
    run.complete("kidney");
    run.observe(loinc("98979-8"), "66", "mL/min/{1.73_m2}");
    assert!(!run.open_tasks().contains(&"result.kidney"));
    run.advance(100);
    assert_eq!(run.alerts(), [""; 0]);
    // What the patient typed is no result.
    let mut run = self::run();
    run.advance(28 + 181);
    let mut typed = run.patient.measurement(loinc("98979-8"), "66", "mL/min/{1.73_m2}");
    typed.attributes.push(xinglin_sdk::types::Attribute::new("xinglin.self-reported", true));
    run.observed(typed);
    run.advance(40);
    assert_eq!(run.alerts(), ["KIDNEY_MISSED"]);
}

#[test]
fn timers_are_not_done_by_saying_so() {
    let mut run = run();
    run.advance(5);
    run.complete("day.28");
    assert_eq!(day(&run, "day.28"), Some(28), "the day is still to come");
    run.advance(23);
    assert_eq!(run.stage(), "steady");
    // Somebody looked for the result, and there was none: the test comes again.
    run.advance(181);
    run.complete("kidney");
    run.complete("result.kidney");
    assert_eq!((day(&run, "kidney"), day(&run, "result.kidney")), (Some(28 + 360), None));
}

#[test]
fn a_rule_fires_when_it_becomes_true_and_again_at_each_value_it_looks_at() {
    let mut run = run();
    run.observe(loinc("8480-6"), "150", "mm[Hg]");
    assert_eq!(run.alerts(), ["PRESSURE_HIGH"]);
    run.observe(loinc("98979-8"), "60", "mL/min/{1.73_m2}");
    run.advance(10);
    assert_eq!(run.alerts().len(), 1, "nothing new about the pressure");
    run.observe(loinc("8480-6"), "151", "mm[Hg]");
    assert_eq!(run.alerts().len(), 2);
    run.observe(loinc("8480-6"), "120", "mm[Hg]");
    assert_eq!(run.alerts().len(), 2);
    let text = &run.alert("PRESSURE_HIGH").expect("an alert").message[1].text;
    assert_eq!(text, "Pressure is high. Systolic pressure: 151 mm[Hg].");
}

#[test]
fn a_critical_value_stops_refers_once_and_waits_for_the_doctor() {
    let mut run = run();
    for value in ["179.9", "180"] {
        run.observe(loinc("8480-6"), value, "mm[Hg]");
    }
    assert_eq!(run.alerts(), ["PRESSURE_HIGH", "PRESSURE_CRITICAL"]);
    assert_eq!(run.holds(), ["pressure-critical"]);
    assert_eq!(run.referrals().len(), 1);
    let release = run.journal().iter().find_map(|(_, directive)| match directive {
        Directive::HoldPrescribing(hold) => Some(hold.release),
        _ => None,
    });
    assert_eq!(release, Some(ReleaseBy::Doctor));
    run.observe(loinc("8480-6"), "185", "mm[Hg]");
    assert_eq!((run.alerts().len(), run.referrals().len()), (3, 1), "one referral is followed up");
    run.advance(15);
    run.observe(loinc("8480-6"), "185", "mm[Hg]");
    assert_eq!(run.referrals().len(), 2);
    assert!(run.messages().iter().all(|message| message.template == "pressure.pressure-critical"));
    run.release("pressure-critical");
}

#[test]
fn units_are_converted_exactly_or_a_person_is_told() {
    // Above 0.54 mmol/L; the file says that one mmol/L is 1000 µmol/L, the SDK what one mg/dL is.
    for (value, unit, alerts) in [
        ("540", "umol/L", vec![]),
        ("540.1", "umol/L", vec!["URATE_HIGH"]),
        ("0.54", "mmol/L", vec![]),
        ("0.5401", "mmol/L", vec!["URATE_HIGH"]),
        ("9.07", "mg/dL", vec![]),
        ("9.08", "mg/dL", vec!["URATE_HIGH"]),
        ("9.08", "mg/dl", vec!["MEASUREMENT_NOT_UNDERSTOOD"]),
        ("9.08", "", vec!["MEASUREMENT_NOT_UNDERSTOOD"]),
    ] {
        let mut run = run();
        run.advance(30);
        run.observe(loinc("14933-6"), value, unit);
        assert_eq!(run.alerts(), alerts, "{value} {unit}");
    }
    // The unreadable one does not hide behind an older value, nor block what comes after.
    let mut run = run();
    run.observe(loinc("8480-6"), "190", "kPa?");
    assert_eq!(run.alerts(), ["MEASUREMENT_NOT_UNDERSTOOD"]);
    run.observe(loinc("8480-6"), "190", "mm[Hg]");
    assert_eq!(run.alerts(), ["MEASUREMENT_NOT_UNDERSTOOD", "PRESSURE_CRITICAL"]);
    // 24 kPa is 180.01488 mmHg.
    let mut run = self::run();
    run.observe(loinc("8480-6"), "24", "kPa");
    assert_eq!(run.alerts(), ["PRESSURE_CRITICAL"]);
}

#[test]
fn answers_of_another_kind_or_out_of_bounds_are_told_and_do_not_count() {
    let answers = |mood: AnswerValue, falls: AnswerValue| {
        vec![("chest-pain", AnswerValue::Boolean(false)), ("mood", mood), ("falls", falls)]
    };
    for (mood, falls, alerts) in [
        (choice("unwell"), AnswerValue::Integer(2), vec!["URATE_HIGH"]),
        (choice("unwell"), AnswerValue::Integer(1), vec![]),
        (choice("well"), AnswerValue::Integer(2), vec![]),
        (choice("unwell"), AnswerValue::Integer(51), vec!["ANSWER_NOT_UNDERSTOOD"]),
        (choice("unwell"), AnswerValue::Integer(-1), vec!["ANSWER_NOT_UNDERSTOOD"]),
        (choice("unwell"), quantity("2", "1"), vec!["ANSWER_NOT_UNDERSTOOD"]),
        (choice("no-such"), AnswerValue::Integer(2), vec!["ANSWER_NOT_UNDERSTOOD"]),
        (AnswerValue::Text("unwell".to_owned()), AnswerValue::Integer(2), vec!["ANSWER_NOT_UNDERSTOOD"]),
    ] {
        let mut run = run();
        run.advance(30);
        run.answer("visit", answers(mood, falls));
        assert_eq!(run.alerts(), alerts);
    }
}

#[test]
fn three_values_in_a_row_end_it() {
    let mut run = run();
    run.advance(30);
    for value in ["129", "128"] {
        run.observe(loinc("8480-6"), value, "mm[Hg]");
    }
    assert!(run.closed().is_none());
    run.observe(loinc("8480-6"), "127", "mm[Hg]");
    assert_eq!(run.closed().map(|reason| reason.code.as_str()), Some("STEADY"));
}

#[test]
fn a_value_is_found_in_a_panel() {
    let text = FILE
        .replace("en: Systolic pressure}, unit: 'mm[Hg]'", "en: Systolic pressure}, unit: 'mm[Hg]', panels: [85354-9]");
    let mut run = enrol(&text, patient());
    let mut panel = run.patient.measurement(loinc("85354-9"), "0", "1");
    panel.value = ObservationValue::Absent;
    let value = ObservationValue::Quantity(Quantity::new(Decimal::whole(181), "mm[Hg]"));
    panel.components = vec![Component { code: vec![loinc("8480-6")], value }];
    run.observed(panel);
    assert_eq!(run.alerts(), ["PRESSURE_CRITICAL"]);
}

#[test]
fn a_panel_that_nobody_understands_is_told_once() {
    let ckd = include_str!("../../../../examples/pathways/ckd.yaml");
    let mut run = enrol(ckd, Patient::aged(60).days_ago(10).diagnosed(Coding::icd10("N18.3")));
    let mut panel = run.patient.measurement(loinc("85354-9"), "0", "1");
    panel.value = ObservationValue::Absent;
    let part = |code: &str| {
        let value = ObservationValue::Quantity(Quantity::new(Decimal::whole(24), "bar"));
        Component { code: vec![loinc(code)], value }
    };
    panel.components = vec![part("8480-6"), part("8462-4")];
    run.observed(panel);
    assert_eq!(run.alerts(), ["MEASUREMENT_NOT_UNDERSTOOD"]);
}

#[test]
fn after_a_long_pause_there_is_no_flood() {
    let mut run = run();
    run.advance(30);
    let before = run.journal().len();
    let state = run.state().cloned();
    // The host was down for ten years: one event, one answer.
    let now = plus_days(START, 3_650);
    let event = Event::TaskDue(TaskRef { code: "kidney".to_owned(), due: plus_days(START, 208) });
    let outcome = GenericPathway::step(state, event, run.patient.snapshot(now), now).expect("an outcome");
    assert!(outcome.directives.len() < 5, "{:?}", outcome.directives);
    assert_eq!(run.journal().len(), before);
}

#[test]
fn who_leaves_is_let_go_and_a_foreign_state_is_refused() {
    let mut run = run();
    let state = run.state().cloned().expect("a state");
    run.step(Event::Withdrawn);
    assert_eq!(run.closed().map(|reason| reason.code.as_str()), Some("WITHDRAWN"));

    let snapshot = patient().snapshot(START);
    let newer = State { version: 2, data: state.data.clone() };
    let cut = State { version: 1, data: state.data[..5].to_vec() };
    for bad in [newer, cut] {
        let answer = GenericPathway::step(Some(bad), Event::Withdrawn, snapshot.clone(), START);
        assert!(matches!(answer, Err(Error::BadState(_))));
    }
    load(file(&FILE.replace("code: start", "code: begin")).pathway);
    let answer = GenericPathway::step(Some(state), Event::Withdrawn, snapshot, START);
    assert!(matches!(answer, Err(Error::BadState(why)) if why.contains("no stage `start`")));
}

#[test]
fn unknown_events_tasks_and_questionnaires_are_passed_over() {
    let mut run = run();
    let before = run.state().cloned();
    let task = TaskRef { code: "of-an-older-file".to_owned(), due: START };
    for event in [
        Event::TaskDue(task.clone()),
        Event::TaskDone(task),
        Event::AlertAcknowledged("X".to_owned()),
        Event::HoldReleased("x".to_owned()),
        Event::Other(Vec::new()),
    ] {
        assert_eq!(run.step(event), []);
    }
    assert_eq!(run.state().cloned(), before);
}
