//! A patient who was enrolled by version 1.0 of this plugin, and stays.

use mental_health::MentalHealth;
use xinglin_sdk::{
    follow_up::{Acts, Directive, Event, Hold, ReleaseBy, Role, State, Task},
    panel::{Block, Viewer},
    testing::{ContactEnd, Host, START},
    time::{DAY, Instant, plus_days},
    types::{Citation, Coding, zh_en},
};

use crate::{Run, adult, danger, day_of, phq9};

/// What version 1.0.0 wrote (state version 2): depression and insomnia, enrolled at `START`; PHQ-9 18 and GAD-7 12 on that
/// day; the plan signed by the doctor; PHQ-9 12 with 2 in item 9 on day 10.
const STATE: &[u8] = &[
    128, 128, 130, 226, 136, 210, 163, 6, 1, 128, 128, 130, 226, 136, 210, 163, 6, 0, 0, 1, 0, 0, 1, 36, 1, 24, 0, 0,
    0, 0, 1, 0, 0, 1, 1, 128, 128, 208, 136, 174, 132, 164, 6, 1, 3, 14, 114, 101, 99, 111, 110, 116, 97, 99, 116, 45,
    49, 54, 56, 104, 13, 114, 101, 99, 111, 110, 116, 97, 99, 116, 45, 50, 52, 104, 13, 114, 101, 99, 111, 110, 116,
    97, 99, 116, 45, 55, 50, 104, 1, 0, 0, 0, 0, 0, 0, 0, 1, 14, 112, 108, 97, 110, 45, 116, 104, 101, 114, 97, 112,
    105, 115, 116, 0, 0, 0, 0, 3, 0, 128, 128, 130, 226, 136, 210, 163, 6, 36, 1, 128, 128, 130, 226, 136, 210, 163, 6,
    24, 0, 128, 128, 208, 136, 174, 132, 164, 6, 24,
];

fn task(code: &str, owner: Role, due: Instant, window_days: u32) -> Directive {
    let title = zh_en("任务", "Task");
    let window_minutes = window_days * 24 * 60;
    Directive::ScheduleTask(Task { code: code.to_owned(), title, owner, due, window_minutes, repeat: None })
}

/// On day 10, before the new version hears of anything.
fn taken_over() -> Run {
    let day = |days| plus_days(START, days);
    let asked = [
        Directive::Hold(Hold {
            code: "suicide-risk".to_owned(),
            stops: Acts::PRESCRIBE | Acts::APPROVE | Acts::CHARGE | Acts::DISPENSE,
            medicines: vec![],
            reason: zh_en("暂停", "Stopped"),
            release: ReleaseBy::Doctor,
            citation: Citation::new("A source", 2026),
        }),
        task("safety-assessment", Role::Doctor, day(10) + DAY / 6, 1),
        task("contact-kin", Role::Nurse, day(11), 1),
        task("recontact-24h", Role::Doctor, day(11), 1),
        task("recontact-72h", Role::Doctor, day(13), 1),
        task("recontact-168h", Role::Doctor, day(17), 1),
        task("plan-therapist", Role::Psychotherapist, day(12), 7),
        task("cbti-1", Role::Psychotherapist, day(12), 3),
        task("scales-14", Role::Patient, day(14), 3),
        task("sleep-diary", Role::Patient, day(11), 0),
        task("sleep-week", Role::Psychotherapist, day(14), 0),
    ];
    let patient = adult().diagnosed(Coding::icd10("F51.0"));
    let state = State { version: 2, data: STATE.to_vec() };
    let mut run = Run::migrating(Host::of::<MentalHealth>(), patient, (state, "crisis"), &asked);
    run.advance_to(day(10));
    run
}

#[test]
fn what_version_1_asked_for_is_asked_for_in_the_words_of_this_one() {
    let mut run = taken_over();
    run.step(Event::Resumed(plus_days(START, 9)));
    assert_eq!((run.stage(), run.holds()), ("crisis", vec!["suicide-risk"]));
    assert_eq!(danger(&run).map(|(minutes, _)| minutes), Some(5), "nobody had taken up the alert");
    assert_eq!(run.open_requests(), ["shared-plan"], "it was not signed by both");
    for gone in ["safety-assessment", "contact-kin", "plan-therapist"] {
        assert!(run.task(gone).is_none(), "{gone}");
    }
    let repeats =
        ["sleep-diary", "sleep-week"].map(|task| run.task(task).and_then(|task| task.repeat).map(|one| one.every_days));
    assert_eq!(repeats, [Some(1), Some(7)]);
    assert_eq!((day_of(&run, "sleep-week"), day_of(&run, "scales-14"), day_of(&run, "cbti-1")), (14, 14, 12));
    assert!(run.step(Event::Other(vec![])).is_empty(), "once");
}

#[test]
fn who_was_to_be_contacted_again_is() {
    let mut run = taken_over();
    run.step(Event::Resumed(plus_days(START, 9)));
    run.end_contact("SUICIDE_RISK", ContactEnd::Safe);
    run.complete("recontact-72h");
    run.advance_to(plus_days(START, 11));
    assert!(danger(&run).is_some(), "the task of a day was not done");
    assert!(run.open_requests().contains(&"asq"));
    assert!(run.contacts().iter().any(|contact| contact.code == "SUICIDE_RISK"));
    run.end_contact("SUICIDE_RISK", ContactEnd::Safe);
    run.advance_to(plus_days(START, 17) - 1);
    assert!(danger(&run).is_none());
    run.advance_to(plus_days(START, 17));
    assert!(danger(&run).is_some());
}

#[test]
fn its_programme_goes_on() {
    let mut run = taken_over();
    run.advance_to(plus_days(START, 12));
    run.complete("cbti-1");
    assert_eq!(day_of(&run, "cbti"), 19, "and then by itself");
    run.advance_to(plus_days(START, 14));
    assert!(run.open_requests().contains(&"phq-9") && day_of(&run, "scales-28") == 28);
    run.advance_to(plus_days(START, 56));
    crate::give(&mut run, phq9(17, 0));
    assert!(run.alerts().contains(&"NO_RESPONSE"), "it knows the first total");
}

#[test]
fn its_totals_are_drawn_before_anything_happens() {
    let run = taken_over();
    let blocks = run.panel(Viewer::Patient).expect("a panel");
    let points = blocks.iter().filter_map(|block| match block {
        Block::Series(series) => Some(series.points.iter().map(|point| point.value.unscaled).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(points.collect::<Vec<_>>(), [vec![18, 12], vec![12]]);
    // State version 1 is the same without the totals.
    let first = State { version: 1, data: STATE[..STATE.len() - 31].to_vec() };
    let mut run = Run::migrating(Host::of::<MentalHealth>(), adult(), (first, "crisis"), &[]);
    run.step(Event::Other(vec![]));
    assert_eq!(run.stage(), "crisis");
}
