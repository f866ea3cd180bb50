//! The pathway on the simulator.

mod document;
mod rules;

use hypertension::{FORM, Hypertension, code};
use xinglin_sdk::{
    follow_up::{AnswerValue, Directive, Provenance},
    testing::{FollowUpRun, Patient},
    types::{Coding, Decimal, Quantity},
};

type Run = FollowUpRun<Hypertension>;

fn adult() -> Patient {
    Patient::aged(55).days_ago(200).diagnosed(Coding::icd10("I10"))
}

fn enrolled() -> Run {
    Run::enrol(adult())
}

/// Measured by whom.
fn measured(run: &mut Run, systolic: i64, diastolic: i64, provenance: Provenance) -> Vec<Directive> {
    let (systolic, diastolic) = (systolic.to_string(), diastolic.to_string());
    let parts = [(code::systolic(), systolic.as_str(), "mm[Hg]"), (code::diastolic(), &diastolic, "mm[Hg]")];
    let observation = run.patient.panel(code::pressure(), &parts);
    run.observed(observation, provenance)
}

/// Typed at home, with symptoms.
fn answers(run: &mut Run, systolic: i64, diastolic: i64, symptoms: &[&str]) -> Vec<Directive> {
    let pressure = |value| AnswerValue::Quantity(Quantity::new(Decimal::whole(value), "mm[Hg]"));
    let choice = |code: &str| AnswerValue::Choice(Coding::new("urn:xinglin:hypertension", code));
    let mut answers = vec![
        ("systolic", pressure(systolic)),
        ("diastolic", pressure(diastolic)),
        ("unwell", AnswerValue::Boolean(!symptoms.is_empty())),
        ("forgets", choice("never")),
        ("stops", choice("never")),
    ];
    answers.extend(symptoms.iter().map(|code| ("symptoms", choice(code))));
    run.answer(FORM, answers)
}

/// Short words of directives, for comparison.
fn words(directives: &[Directive]) -> Vec<String> {
    directives
        .iter()
        .map(|directive| match directive {
            Directive::ScheduleTask(task) => format!("task {}", task.code),
            Directive::Ask(question) => format!("ask within {}", question.within_minutes),
            Directive::RaiseAlert(alert) => format!("alert {} within {}", alert.code, alert.sla_minutes),
            Directive::StopVisit(stop) => format!("stop {}", stop.code),
            Directive::Hold(hold) => format!("hold {}", hold.code),
            Directive::Refer(referral) => format!("refer {}", referral.code),
            Directive::RequestLab(request) => format!("laboratory {}", request.code),
            Directive::Convene(team) => format!("team of {}", team.participants.len()),
            Directive::SendMessage(message) => format!("message {}", message.template),
            Directive::ProposeNote(_) => "note".to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}
