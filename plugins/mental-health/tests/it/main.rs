//! The pathway on the simulator.

mod before;
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
    follow_up::{Alert, AnswerValue, Contact, Directive, Message},
    testing::{Ended, FollowUpRun, Patient, START},
    time::{DAY, MINUTE},
    types::{Coding, Decimal, Quantity},
};

type Run = FollowUpRun<MentalHealth>;

/// A questionnaire, answered.
#[derive(Debug, Clone)]
struct Form {
    code: &'static str,
    answers: Vec<(String, AnswerValue)>,
}

impl Form {
    fn new(code: &'static str, answers: Vec<(&str, AnswerValue)>) -> Self {
        Self { code, answers: answers.into_iter().map(|(link, value)| (link.to_owned(), value)).collect() }
    }

    /// With this answer, or none, in place of another.
    fn with(mut self, link: &str, value: Option<AnswerValue>) -> Self {
        self.answers.retain(|(known, _)| known != link);
        self.answers.extend(value.map(|value| (link.to_owned(), value)));
        self
    }

    fn given(&self) -> Vec<(&str, AnswerValue)> {
        self.answers.iter().map(|(link, value)| (link.as_str(), value.clone())).collect()
    }
}

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
    Run::enrol(adult())
}

fn often(score: i64) -> AnswerValue {
    let codes = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"];
    AnswerValue::Choice(Coding::loinc(codes[usize::try_from(score).expect("a score")]))
}

fn minutes(value: i64) -> AnswerValue {
    AnswerValue::Quantity(Quantity::new(Decimal::whole(value), "min"))
}

/// Answers of items `prefix`1 to `prefix`n that add up to a total.
fn spread(prefix: &str, items: i64, mut total: i64) -> Vec<(String, AnswerValue)> {
    let answers = (1..=items).map(|item| {
        let score = total.min(3);
        total -= score;
        (format!("{prefix}{item}"), often(score))
    });
    answers.collect()
}

/// A PHQ-9 of this total, with item 9.
fn phq9(total: i64, item_9: i64) -> Form {
    let mut answers = spread("phq-", 8, total - item_9);
    answers.push(("phq-9".to_owned(), often(item_9)));
    Form { code: "phq-9", answers }
}

fn gad7(total: i64) -> Form {
    Form { code: "gad-7", answers: spread("gad-", 7, total) }
}

/// The ASQ, with these answers; whether it is now is asked after a yes.
fn asq(yes: [bool; 5]) -> Form {
    let asked = if yes[..4].contains(&true) { 5 } else { 4 };
    let answers = (1..).zip(yes).take(asked).map(|(item, yes)| (format!("asq-{item}"), AnswerValue::Boolean(yes)));
    Form { code: "asq", answers: answers.collect() }
}

fn give(run: &mut Run, form: Form) -> Vec<Directive> {
    run.answer(form.code, form.given())
}

/// The contact with the patient in danger, with its minutes.
fn danger(run: &Run) -> Option<(u32, &Contact)> {
    let contact = run.contacts().into_iter().find(|contact| contact.code == "SUICIDE_RISK")?;
    let left = (run.contact_by(&contact.code)? - run.now()) / MINUTE;
    Some((u32::try_from(left).expect("in the future"), contact))
}

/// A minute passes: what is answered then is another answer.
fn pass(run: &mut Run) {
    run.advance_to(run.now() + MINUTE);
}

/// Both scales, without item 9.
fn score(run: &mut Run, total: i64) {
    give(run, phq9(total, 0));
    give(run, gad7(0));
}

/// The patient answers whatever else is asked: nothing is wrong.
fn reassure(run: &mut Run) {
    let no = || AnswerValue::Boolean(false);
    for (form, links) in [("check-in", &["psychosis", "mania"][..]), ("asq", &["asq-1", "asq-2", "asq-3", "asq-4"])] {
        if run.open_requests().contains(&form) {
            run.answer(form, links.iter().map(|link| (*link, no())).collect());
        }
    }
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
            Directive::Ask(question) => Some(question.questionnaire.as_str()),
            _ => None,
        })
        .collect()
}

/// Why the pathway closed the enrolment.
fn closed(run: &Run) -> Option<&str> {
    match run.ended()? {
        Ended::Closed(reason) => Some(reason.code.as_str()),
        Ended::Departed(_) => None,
    }
}
