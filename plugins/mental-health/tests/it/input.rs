//! Bad input: nothing is made of it, and nobody is left alone.

use xinglin_sdk::{
    follow_up::{AnswerValue, Departure, Event, Response, Role, TaskEnd, TaskRef, TaskReport},
    testing::{Ended, START},
    types::{Coding, Decimal, Quantity},
};

use crate::{asq, danger, enrolled, gad7, give, pass, phq9};

#[test]
fn answers_of_the_wrong_kind_make_no_total() {
    for value in [
        None,
        Some(AnswerValue::Integer(3)),
        Some(AnswerValue::Boolean(true)),
        Some(AnswerValue::Text("<b>3</b>".to_owned())),
        Some(AnswerValue::Quantity(Quantity::new(Decimal::whole(3), "1"))),
        Some(AnswerValue::Choice(Coding::loinc("LA6572-7"))),
        Some(AnswerValue::Choice(Coding::new("", "LA6571-9"))),
    ] {
        for (form, link) in [(phq9(24, 0), "phq-2"), (gad7(20), "gad-2")] {
            let form = form.with(link, value.clone());
            let mut run = enrolled();
            let before = run.state().cloned();
            assert!(run.try_answer(Role::Patient, form.code, form.given()).is_err(), "{link} {value:?}");
            assert_eq!((run.state().cloned(), run.alerts().len()), (before, 0), "{link} {value:?}");
        }
    }
}

#[test]
fn what_is_refused_is_heard_all_the_same() {
    for (form, minutes) in [
        (phq9(9, 2).with("phq-1", None), 5),
        (phq9(9, 1).with("phq-1", None), 239),
        (asq([true, false, false, false, false]).with("asq-2", None), 239),
        (asq([false; 5]).with("asq-5", Some(AnswerValue::Boolean(true))), 5),
    ] {
        let mut run = enrolled();
        assert!(run.try_answer(Role::Patient, form.code, form.given()).is_err(), "{form:?}");
        assert_eq!(danger(&run).map(|(minutes, _)| minutes), Some(minutes), "{form:?}");
    }
}

#[test]
fn what_is_new_to_this_version_is_passed_over() {
    let mut run = enrolled();
    let task = |code: &str| TaskRef { code: code.to_owned(), due: START };
    let done = |code: &str| Event::TaskEnded(TaskReport { task: task(code), end: TaskEnd::Done, at: START });
    for event in [
        Event::Other(Vec::new()),
        Event::Answered(Response { questionnaire: "of-a-later-version".to_owned(), answers: Vec::new() }),
        Event::AlertAcknowledged("OF_A_LATER_VERSION".to_owned()),
        Event::HoldReleased("of-a-later-version".to_owned()),
        Event::Resumed(START),
        Event::TaskDue(task("of-a-later-version")),
        done("of-a-later-version"),
        Event::TaskDue(task("recontact-24h")),
        Event::TaskDue(task("asq-24h")),
        done("cbti-3"),
        Event::TaskDue(task("maintenance-end")),
    ] {
        assert!(run.step(event.clone()).is_empty(), "{event:?}");
    }
}

#[test]
fn the_same_answer_a_hundred_times_floods_nobody() {
    let mut run = enrolled();
    for _ in 0..100 {
        give(&mut run, phq9(9, 2));
        pass(&mut run);
    }
    assert!(run.alerts().is_empty() && run.contacts().len() == 1);
    assert_eq!((run.messages().len(), run.referrals().len()), (1, 1));
}

#[test]
fn the_patient_may_leave() {
    let mut run = enrolled();
    give(&mut run, phq9(9, 2));
    run.depart(Departure::Withdrawn);
    assert_eq!(run.ended(), Some(&Ended::Departed(Departure::Withdrawn)));
    assert_eq!(run.holds(), ["suicide-risk"], "a doctor's hold stays");
    assert_eq!(danger(&run).map(|(minutes, _)| minutes), Some(5), "and the contact");
}
