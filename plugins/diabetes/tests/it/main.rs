//! The pathway on the simulator.

mod checks;
mod critical;
mod document;
mod entry;
mod goals;
mod migration;
mod panel;
mod sensor;
mod team;
mod visits;

use diabetes::{Diabetes, numbers::Number};
use xinglin_sdk::{
    follow_up::{AnswerValue, Directive, Provenance},
    testing::{FollowUpRun, Patient, START},
    time::{DAY, Instant},
    types::{Coding, Decimal, Quantity},
};

type Run = FollowUpRun<Diabetes>;

fn patient() -> Patient {
    Patient::aged(58).days_ago(900).diagnosed(Coding::icd10("E11.900x001"))
}

fn enrolled() -> Run {
    Run::enrol(patient())
}

fn glucometer() -> Coding {
    Coding::loinc("14743-9")
}

fn hba1c() -> Coding {
    Coding::loinc("4548-4")
}

/// One less than a number, the number, and one more, with so many digits after the point.
fn around(number: Number, digits: u8) -> [String; 3] {
    [-1, 0, 1].map(|more| Decimal::new(number.value + more, digits).to_string())
}

/// The laboratory reports.
fn report(run: &mut Run, code: &str, value: &str, unit: &str) -> Vec<Directive> {
    run.observe(Coding::loinc(code), value, unit, Provenance::Laboratory)
}

/// A device of the patient reports a glucose.
fn meter(run: &mut Run, value: &str) -> Vec<Directive> {
    run.observe(glucometer(), value, "mmol/L", Provenance::Device)
}

fn quantity(value: &str, unit: &str) -> AnswerValue {
    AnswerValue::Quantity(Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit))
}

fn choice(code: &str) -> AnswerValue {
    AnswerValue::Choice(Coding::new("urn:xinglin:diabetes", code))
}

/// A follow-up with a fasting glucose and a pressure.
fn answers<'a>(glucose: &str, systolic: &str, diastolic: &str) -> Vec<(&'a str, AnswerValue)> {
    vec![
        ("glucose", quantity(glucose, "mmol/L")),
        ("fasting", AnswerValue::Boolean(true)),
        ("systolic", quantity(systolic, "mm[Hg]")),
        ("diastolic", quantity(diastolic, "mm[Hg]")),
        ("needed-help", AnswerValue::Boolean(false)),
    ]
}

fn follow_up(run: &mut Run, glucose: &str) -> Vec<Directive> {
    run.answer("follow-up", answers(glucose, "124", "76"))
}

/// Days from the start.
fn day(at: Instant) -> i64 {
    (at - START).div_euclid(DAY)
}

/// The day of the next task of a code.
fn day_of(run: &Run, task: &str) -> i64 {
    day(run.task(task).unwrap_or_else(|| panic!("no task {task}")).due)
}

/// English texts of the notes that are proposed.
fn notes(directives: &[Directive]) -> Vec<&str> {
    let notes = directives.iter().filter_map(|directive| match directive {
        Directive::ProposeNote(text) => Some(text[1].text.as_str()),
        _ => None,
    });
    notes.collect()
}

/// Codes of the referrals of a step, with the days until they are attended.
fn referred(run: &Run, directives: &[Directive]) -> Vec<(String, i64)> {
    let referral = |directive: &Directive| match directive {
        Directive::Refer(referral) => Some((referral.code.clone(), (referral.attend_by - run.now()) / DAY)),
        _ => None,
    };
    directives.iter().filter_map(referral).collect()
}

/// Codes of the laboratory requests so far, with their days.
fn requested(run: &Run, code: &str) -> Vec<i64> {
    let of_code = |directive: &Directive| matches!(directive, Directive::RequestLab(request) if request.code == code);
    run.journal().iter().filter(|(_, directive)| of_code(directive)).map(|(at, _)| day(*at)).collect()
}
