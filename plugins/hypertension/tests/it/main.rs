//! The pathway, step by step.

mod document;
mod rules;

use hypertension::{FORM, Hypertension, code};
use xinglin_sdk::{
    follow_up::{
        Answer, AnswerValue, Directive, Event, FollowUp as _, Outcome, Provenance, Reading, Response, Role, State,
    },
    testing::{Host, Patient, START, data_needs},
    time::Instant,
    types::{Coding, Decimal, Quantity},
};

fn adult() -> Patient {
    Patient::aged(55).days_ago(200).diagnosed(Coding::icd10("I10"))
}

/// A patient in the pathway.
struct Run {
    patient: Patient,
    state: Option<State>,
    stage: String,
    now: Instant,
}

impl Run {
    fn of(patient: Patient) -> Self {
        let mut run = Self { patient, state: None, stage: String::new(), now: START };
        run.tell(Event::Enrolled);
        run
    }

    /// The directives of a step.
    fn tell(&mut self, event: Event) -> Vec<Directive> {
        let mut host = Host::of::<Hypertension>();
        let needs = data_needs::<Hypertension>();
        let (state, snapshot, now) = (self.state.clone(), self.patient.snapshot_for(&needs, self.now), self.now);
        let outcome = host.call(|| Hypertension::step(state, event, snapshot, now)).expect("decided");
        let Outcome { state, stage, directives } = outcome;
        (self.state, self.stage) = (Some(state), stage);
        directives
    }

    /// Measured by whom.
    fn measured(&mut self, systolic: i64, diastolic: i64, provenance: Provenance) -> Vec<Directive> {
        let (systolic, diastolic) = (systolic.to_string(), diastolic.to_string());
        let parts = [(code::systolic(), systolic.as_str(), "mm[Hg]"), (code::diastolic(), &diastolic, "mm[Hg]")];
        let observation = self.patient.panel(code::pressure(), &parts);
        self.tell(Event::Observed(Reading { observation, provenance }))
    }

    fn result(&mut self, code: Coding, value: &str, unit: &str, provenance: Provenance) -> Vec<Directive> {
        let observation = self.patient.measurement(code, value, unit);
        self.tell(Event::Observed(Reading { observation, provenance }))
    }

    /// Typed at home, with symptoms.
    fn answers(&mut self, systolic: i64, diastolic: i64, symptoms: &[&str]) -> Vec<Directive> {
        let quantity = |value| vec![AnswerValue::Quantity(Quantity::new(Decimal::whole(value), "mm[Hg]"))];
        let chosen = symptoms.iter().map(|code| AnswerValue::Choice(Coding::new("urn:xinglin:hypertension", *code)));
        let answer =
            |link_id: &str, values| Answer { link_id: link_id.to_owned(), values, at: self.now, author: Role::Patient };
        let mut answers = vec![answer("systolic", quantity(systolic)), answer("diastolic", quantity(diastolic))];
        if !symptoms.is_empty() {
            answers.push(answer("symptoms", chosen.collect()));
        }
        self.tell(Event::Answered(Response { questionnaire: FORM.to_owned(), answers }))
    }
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
