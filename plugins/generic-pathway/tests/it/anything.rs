//! Whatever happens to a patient: no panic, nothing that the host refuses, and somebody comes back.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};
use xinglin_pathway_file::model::{Kind, Pathway, Question};
use xinglin_sdk::pathway::Directive;

use super::*;

/// What the host takes of one step.
const MOST_DIRECTIVES: usize = 64;
const LONGEST_CODE: usize = 64;

#[derive(Debug, Clone)]
enum Happens {
    Days(i64),
    Measured(Index, i64, Index),
    Answered(Index, Vec<Index>),
    Done(Index),
    Released(Index),
}

fn happens() -> impl Strategy<Value = Happens> {
    let index = any::<Index>;
    prop_oneof![
        4 => (0_i64..120).prop_map(Happens::Days),
        4 => (index(), -5_i64..3_000, index()).prop_map(|(code, value, unit)| Happens::Measured(code, value, unit)),
        4 => (index(), proptest::collection::vec(index(), 12)).prop_map(|(which, how)| Happens::Answered(which, how)),
        1 => index().prop_map(Happens::Done),
        2 => index().prop_map(Happens::Released),
    ]
}

fn answer(pathway: &Pathway, form: &str, question: &Question, how: &Index) -> AnswerValue {
    let number = i64::try_from(how.index(60)).unwrap_or(0) - 5;
    match question.kind {
        Kind::Boolean => AnswerValue::Boolean(how.index(2) == 0),
        Kind::Integer => AnswerValue::Integer(number),
        Kind::Text => AnswerValue::Text("x".repeat(how.index(500))),
        Kind::Quantity => quantity(&number.to_string(), question.unit.as_deref().unwrap_or_default()),
        Kind::Choice => {
            let system = format!("urn:xinglin:pathway:{}:{form}:{}", pathway.id, question.code);
            let choice = &question.choices[how.index(question.choices.len())];
            AnswerValue::Choice(Coding::new(system, choice.code.as_str()))
        }
    }
}

/// As `Enrolment::accept` of the host.
fn taken(directives: &[Directive]) {
    assert!(directives.len() <= MOST_DIRECTIVES, "{} directives", directives.len());
    let mut seen = BTreeSet::new();
    for (at, directive) in directives.iter().enumerate() {
        let (what, code) = match directive {
            Directive::ScheduleTask(task) => ("task", task.code.as_str()),
            Directive::CancelTask(code) => ("cancelled", code.as_str()),
            Directive::Ask(code) => ("ask", code.as_str()),
            Directive::RaiseAlert(alert) => {
                assert!((1..=43_200).contains(&alert.sla_minutes));
                ("alert", alert.code.as_str())
            }
            Directive::SendMessage(message) => {
                assert!(message.template.len() <= LONGEST_CODE);
                continue;
            }
            Directive::Close(_) => {
                assert_eq!(at + 1, directives.len(), "nothing after the end");
                continue;
            }
            _ => continue,
        };
        assert!(code.len() <= LONGEST_CODE && seen.insert((what, code)), "{what} {code} comes twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_course_of_events_panics_or_leaves_the_patient_alone(
        which in 0_usize..5,
        course in proptest::collection::vec(happens(), 1..25),
    ) {
        let (_, text, _) = files::ALL[which];
        let pathway = file(text).pathway;
        let diagnosis = pathway.conditions[0].code.clone();
        let mut run = enrol(text, Patient::aged(60).days_ago(100).diagnosed(Coding::icd10(diagnosis)));
        for event in course {
            if run.closed().is_some() {
                break;
            }
            let answered = matches!(event, Happens::Answered(..));
            let directives = match event {
                Happens::Days(days) => {
                    run.advance(days);
                    Vec::new()
                }
                Happens::Measured(code, value, unit) => {
                    let measure = &pathway.measures[code.index(pathway.measures.len())];
                    let unit = [measure.unit.as_str(), "mg/dL", "", "mmol/L"][unit.index(4)];
                    run.observe(loinc(&measure.code), &value.to_string(), unit)
                }
                Happens::Answered(form, how) => {
                    let form = &pathway.questionnaires[form.index(pathway.questionnaires.len())];
                    let answers = form.questions.iter().zip(&how);
                    let answers = answers.map(|(question, how)| {
                        (question.code.as_str(), answer(&pathway, &form.code, question, how))
                    });
                    run.answer(&form.code, answers.collect())
                }
                Happens::Done(task) => {
                    let open: Vec<String> = run.open_tasks().iter().map(|code| (*code).to_owned()).collect();
                    if open.is_empty() { Vec::new() } else { run.complete(&open[task.index(open.len())]) }
                }
                Happens::Released(hold) => {
                    let holds: Vec<String> = run.holds().iter().map(|code| (*code).to_owned()).collect();
                    if holds.is_empty() { Vec::new() } else { run.release(&holds[hold.index(holds.len())]) }
                }
            };
            // An answer that is recorded is several steps.
            if !answered {
                taken(&directives);
            }
            prop_assert!(run.closed().is_some() || !run.open_tasks().is_empty(), "nobody would come back");
            prop_assert!(run.state().is_some_and(|state| state.data.len() < 16 * 1024));
        }
    }
}
