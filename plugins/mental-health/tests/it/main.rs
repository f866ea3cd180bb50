//! The pathway on the simulator.

mod document;
mod entry;
mod input;
mod minors;
mod panel;
mod plan;
mod safety;
mod scales;
mod sleep;
mod walks;

use mental_health::MentalHealth;
use xinglin_sdk::{
    pathway::{Alert, Answer, AnswerValue, Directive, Event, Message, Response},
    testing::{PathwayRun, Patient, START},
    time::DAY,
    types::{Coding, Decimal, Quantity},
};

type Run = PathwayRun<MentalHealth>;

fn adult() -> Patient {
    Patient::aged(34).days_ago(200).diagnosed(Coding::icd10("F32.1"))
}

fn sleepless() -> Patient {
    Patient::aged(46).days_ago(200).diagnosed(Coding::icd10("F51.0"))
}

fn minor() -> Patient {
    Patient::aged(15).days_ago(200).diagnosed(Coding::icd10("F32.1"))
}

fn enrolled() -> Run {
    PathwayRun::enrol(adult())
}

fn often(score: i64) -> AnswerValue {
    let codes = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"];
    AnswerValue::Choice(Coding::loinc(codes[usize::try_from(score).expect("a score")]))
}

fn minutes(value: i64) -> AnswerValue {
    AnswerValue::Quantity(Quantity::new(Decimal::whole(value), "min"))
}

/// Answers of items `prefix`1 to `prefix`n that add up to a total.
fn spread(prefix: &str, items: i64, mut total: i64) -> Vec<Answer> {
    let answers = (1..=items).map(|item| {
        let score = total.min(3);
        total -= score;
        Answer { link_id: format!("{prefix}{item}"), value: often(score) }
    });
    answers.collect()
}

/// A PHQ-9 of this total, with item 9.
fn phq9(total: i64, item_9: i64) -> Response {
    let mut answers = spread("phq-", 8, total - item_9);
    answers.push(Answer { link_id: "phq-9".to_owned(), value: often(item_9) });
    Response { questionnaire: "phq-9".to_owned(), answers }
}

fn gad7(total: i64) -> Response {
    Response { questionnaire: "gad-7".to_owned(), answers: spread("gad-", 7, total) }
}

/// The ASQ, with these answers.
fn asq(yes: [bool; 5]) -> Response {
    let answers =
        (1..).zip(yes).map(|(item, yes)| Answer { link_id: format!("asq-{item}"), value: AnswerValue::Boolean(yes) });
    Response { questionnaire: "asq".to_owned(), answers: answers.collect() }
}

fn give(run: &mut Run, response: Response) -> Vec<Directive> {
    run.step(Event::Answered(response))
}

/// Both scales, without item 9.
fn score(run: &mut Run, total: i64) {
    give(run, phq9(total, 0));
    give(run, gad7(0));
}

fn day_of(run: &Run, task: &str) -> i64 {
    (run.task(task).unwrap_or_else(|| panic!("no task {task}")).due - START) / DAY
}

fn alerts(directives: &[Directive]) -> Vec<&Alert> {
    directives
        .iter()
        .filter_map(|directive| match directive {
            Directive::RaiseAlert(alert) => Some(alert),
            _ => None,
        })
        .collect()
}

fn codes(directives: &[Directive]) -> Vec<&str> {
    alerts(directives).into_iter().map(|alert| alert.code.as_str()).collect()
}

fn messages(directives: &[Directive]) -> Vec<&Message> {
    directives
        .iter()
        .filter_map(|directive| match directive {
            Directive::SendMessage(message) => Some(message),
            _ => None,
        })
        .collect()
}

fn asked(directives: &[Directive]) -> Vec<&str> {
    directives
        .iter()
        .filter_map(|directive| match directive {
            Directive::Ask(questionnaire) => Some(questionnaire.as_str()),
            _ => None,
        })
        .collect()
}
