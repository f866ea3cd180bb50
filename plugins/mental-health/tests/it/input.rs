//! Bad input: nothing is made of it, and nobody is left alone.

use xinglin_sdk::{
    pathway::{Answer, AnswerValue, Event, Response, TaskRef},
    testing::START,
    types::{Coding, Decimal, Quantity},
};

use crate::{codes, enrolled, give, often, phq9};

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
        for (mut response, link) in [(phq9(24, 0), "phq-2"), (crate::gad7(20), "gad-2")] {
            let questionnaire = response.questionnaire.clone();
            response.answers.retain(|answer| answer.link_id != link);
            response.answers.extend(value.clone().map(|value| Answer { link_id: link.to_owned(), value }));
            let mut run = enrolled();
            let directives = give(&mut run, response);
            assert_eq!(codes(&directives), ["ANSWERS_UNREADABLE"], "{link} {value:?}");
            assert_eq!(crate::asked(&directives), [questionnaire.as_str()], "asked again");
        }
    }
    let mut run = enrolled();
    let mut twice = phq9(24, 0);
    twice.answers.push(Answer { link_id: "phq-1".to_owned(), value: often(0) });
    assert_eq!(codes(&give(&mut run, twice)), ["ANSWERS_UNREADABLE"]);
}

#[test]
fn what_is_new_to_this_version_is_passed_over() {
    let mut run = enrolled();
    let empty = |questionnaire: &str| Response { questionnaire: questionnaire.to_owned(), answers: Vec::new() };
    let task = |code: &str| TaskRef { code: code.to_owned(), due: START };
    for event in [
        Event::Other(Vec::new()),
        Event::Answered(empty("of-a-later-version")),
        Event::AlertAcknowledged("OF_A_LATER_VERSION".to_owned()),
        Event::HoldReleased("of-a-later-version".to_owned()),
        Event::TaskDue(task("of-a-later-version")),
        Event::TaskDone(task("of-a-later-version")),
        Event::TaskDue(task("recontact-24h")),
        Event::TaskDone(task("cbti-99999999999999999999")),
        Event::TaskDone(task("cbti-3")),
        Event::TaskDue(task("maintenance-end")),
    ] {
        assert!(run.step(event.clone()).is_empty(), "{event:?}");
    }
    for (questionnaire, expected) in [
        ("phq-9", vec!["SAFETY_ITEM_UNREADABLE", "ANSWERS_UNREADABLE"]),
        ("asq", vec!["SAFETY_ITEM_UNREADABLE"]),
        ("c-ssrs", vec!["SAFETY_ITEM_UNREADABLE"]),
        ("check-in", vec!["SAFETY_ITEM_UNREADABLE"]),
    ] {
        assert_eq!(codes(&give(&mut enrolled(), empty(questionnaire))), expected, "an empty {questionnaire}");
    }
}

#[test]
fn the_same_answer_a_hundred_times_floods_nobody() {
    let mut run = enrolled();
    for _ in 0..100 {
        give(&mut run, phq9(9, 2));
    }
    assert_eq!(run.alerts(), ["SUICIDE_RISK_ACUTE"]);
    assert_eq!((run.messages().len(), run.referrals().len()), (1, 1));
}

#[test]
fn the_patient_may_leave() {
    let mut run = enrolled();
    give(&mut run, phq9(9, 2));
    run.step(Event::Withdrawn);
    assert_eq!(run.closed().map(|reason| reason.code.as_str()), Some("WITHDRAWN"));
    assert_eq!(run.holds(), ["suicide-risk"], "a doctor's hold stays");
}
