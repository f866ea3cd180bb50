//! Patients whom version 1.0 of the contract enrolled: they stay, and what it scheduled goes on.

use std::collections::BTreeSet;

use diabetes::Diabetes;
use xinglin_sdk::{
    follow_up::{Directive, Error, Event, Repetition, Role, State, Task, migration::Migration as _},
    panel::Viewer,
    testing::{Host, START},
    time::plus_days,
    types::zh_en,
};

use crate::{Run, day, day_of, meter, patient, report, requested};

/// As version 1.0.0 of this plugin wrote it.
fn left(enrolled_days_ago: i64, maintenance: bool, unanswered: &[&str]) -> State {
    let holds = BTreeSet::from([0_u32]);
    let unanswered: BTreeSet<String> = unanswered.iter().map(|code| (*code).to_owned()).collect();
    let referred = Some(plus_days(START, 3));
    pathway_kit::write(
        &(
            plus_days(START, -enrolled_days_ago),
            maintenance,
            1_u8,
            holds,
            referred,
            referred,
            false,
            true,
            false,
            unanswered,
        ),
        2,
    )
    .expect("written")
}

/// A task as 1.0 has it.
fn task(code: &str, due: i64, window_days: u32) -> Directive {
    Directive::ScheduleTask(Task {
        code: code.to_owned(),
        title: zh_en("随访", "Follow-up"),
        owner: Role::Patient,
        due: plus_days(START, due),
        window_minutes: window_days * 24 * 60,
        repeat: None,
    })
}

/// Enrolled 100 days ago.
fn taken_over() -> Run {
    let asked = [
        task("visit-174", 74, 3),
        task("offline-visit", 80, 14),
        task("offline-visit-missed", 94, 0),
        task("hba1c", 20, 14),
        task("yearly-uacr", 30, 30),
        task("yearly-foot", 30, 30),
    ];
    Run::migrating(Host::of::<Diabetes>(), patient(), (left(100, true, &[]), "offline"), &asked)
}

#[test]
fn a_patient_stays_enrolled_with_what_was_known() {
    let mut run = taken_over();
    assert!(run.panel(Viewer::Clinician).is_ok(), "also before the first step");
    run.step(Event::Resumed(START));
    assert_eq!(run.state().map(|state| state.version), Some(4));
    assert_eq!(run.stage(), "offline", "the hold is remembered");
    // The referral of then has three days more: what is critical now has one.
    meter(&mut run, "20");
    assert_eq!(run.referrals().len(), 1);
    meter(&mut run, "20");
    assert_eq!(run.referrals().len(), 1);
    run.fulfil("critical-glucose", vec![]);
    run.advance(3);
    // Another person had to help once: the goal is relaxed.
    report(&mut run, "4548-4", "7.8", "%");
    assert_eq!(day_of(&run, "hba1c"), 3 + 180);
}

#[test]
fn what_it_scheduled_goes_on_for_ever() {
    let mut run = taken_over();
    run.advance(0);
    assert!(run.task("medicine-education").is_none(), "nothing happened yet");
    run.step(Event::Resumed(START));
    for task in ["medicine-education", "diet-advice", "monitoring"] {
        assert!(run.task(task).is_some_and(|task| task.repeat.is_some()), "{task}");
    }
    // The next follow-up is the regular one of the same day, not twice.
    assert!(run.task("visit-174").is_none());
    assert_eq!(day_of(&run, "visit-regular"), 74);
    // What was due without a result is asked for, and followed.
    run.advance(34);
    assert_eq!(requested(&run, "hba1c"), [20, 34], "due; and its window is over");
    assert_eq!(requested(&run, "yearly-uacr"), [30]);
    assert!(run.open_requests().contains(&"yearly-foot"));
    // Face to face: missed, told, and again.
    run.advance_to(plus_days(START, 94));
    assert_eq!(run.alerts().iter().filter(|code| **code == "OFFLINE_VISIT_OVERDUE").count(), 1);
    let next = run.task("offline-visit").expect("the next");
    assert_eq!((day(next.due), next.repeat), (170, Some(Repetition { every_days: 90, times: None })));
    run.advance_to(plus_days(START, 700));
    assert!(run.task("offline-visit").is_some_and(|task| task.due > run.now()));
    assert!(run.task("visit-regular").is_some_and(|task| task.due > run.now()));
}

#[test]
fn a_patient_of_the_first_weeks_goes_on_with_them() {
    let asked =
        [task("visit-28", 8, 3), task("visit-56", 36, 3), task("visit-84", 64, 3), task("offline-visit", 70, 14)];
    let mut run =
        Run::migrating(Host::of::<Diabetes>(), patient(), (left(20, false, &["visit-14"]), "offline"), &asked);
    run.advance(8);
    assert!(run.open_requests().contains(&"follow-up"));
    crate::follow_up(&mut run, "6.1");
    assert!(run.task("visit-28").is_none(), "answered");
    assert_eq!(day_of(&run, "visit-regular"), 154);
    run.advance_to(plus_days(START, 70));
    run.complete("offline-visit");
    assert_eq!(day_of(&run, "offline-visit"), 160);
    assert_eq!(
        run.task("offline-visit").map(|task| task.owner),
        Some(Role::Doctor),
        "of the patient's own it becomes one"
    );
}

#[test]
fn what_cannot_be_read_is_no_guess() {
    let migrate = |state: State| Host::of::<Diabetes>().call(|| Diabetes::migrate(state, "initial".to_owned()));
    for state in [
        State { version: 5, data: vec![] },
        State { version: 2, data: vec![1] },
        State { version: 1, data: left(1, false, &[]).data },
    ] {
        assert!(matches!(migrate(state.clone()), Err(Error::BadState(_))), "{state:?}");
    }
    let own = migrate(left(9, false, &[])).expect("taken");
    assert_eq!(migrate(own.state.clone()).map(|again| again.state), Ok(own.state), "its own is taken as it is");
}
