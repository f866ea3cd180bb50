//! Answers to questionnaires, and series of devices.

use std::collections::BTreeSet;

use super::{
    FollowUpRun,
    form::{Form, Given, given},
    hears_of, is_layman,
    judge::may_answer,
    open::Asked,
};
use crate::{
    Plugin,
    clinical::{Observation, ObservationValue},
    follow_up::{
        Answer, AnswerValue, Directive, Event, FollowUp, Point, Provenance, RequestEnd, Response, Role, Series,
    },
    time::Instant,
    types::{Coding, Quantity},
};

const MOST_POINTS: usize = 2_000;

/// From then on a patient answers personally, not by a guardian.
const DISCRETION_YEARS: u32 = 14;

impl<P: FollowUp + Plugin> FollowUpRun<P> {
    /// The patient answers a questionnaire now; a question that takes several answers comes several times.
    ///
    /// In the order of the host: safeguards open their contacts; answers that are observations, and scores, are recorded
    /// and told as observed; then the answers; then that the question ended, if it was asked of who answers: those of the
    /// guardian of a child under fourteen are the child's. Returns the directives of all.
    ///
    /// # Panics
    /// If the host would refuse the answers, or a step.
    #[track_caller]
    pub fn answer(&mut self, questionnaire: &str, answers: Vec<(&str, AnswerValue)>) -> Vec<Directive> {
        self.answer_by(Role::Patient, questionnaire, answers)
    }

    /// The same by somebody else: a guardian, or staff who interview.
    ///
    /// # Panics
    /// As [`answer`](Self::answer).
    #[track_caller]
    pub fn answer_by(
        &mut self,
        author: Role,
        questionnaire: &str,
        answers: Vec<(&str, AnswerValue)>,
    ) -> Vec<Directive> {
        let answered = self.try_answer(author, questionnaire, answers);
        answered.unwrap_or_else(|fault| panic!("the host refuses the answers to `{questionnaire}`: {fault}"))
    }

    /// The same of answers that the host may refuse. Safeguards act all the same.
    ///
    /// # Errors
    /// Why it refuses them: nothing is recorded or told.
    ///
    /// # Panics
    /// If there is no such questionnaire, or the host would refuse a step.
    #[track_caller]
    pub fn try_answer(
        &mut self,
        author: Role,
        questionnaire: &str,
        answers: Vec<(&str, AnswerValue)>,
    ) -> Result<Vec<Directive>, String> {
        let mut given_now: Vec<Answer> = Vec::new();
        for (link_id, value) in answers {
            match given_now.iter_mut().find(|answer| answer.link_id == link_id) {
                Some(answer) => answer.values.push(value),
                None => {
                    given_now.push(Answer { link_id: link_id.to_owned(), values: vec![value], at: self.now, author })
                }
            }
        }
        let known = self.definition.questionnaires.iter().find(|known| known.code == questionnaire);
        let known = known.unwrap_or_else(|| panic!("the definition has no questionnaire `{questionnaire}`")).clone();
        let form = Form(&known);
        let values: Given<'_> = given(&given_now);
        form.safeguards(&values).for_each(|contact| self.open.contact(contact, self.now));
        may_answer(author)?;
        let answers = form.response(given_now, self.now)?;
        if self.ended.is_some() {
            return Err("the enrolment has ended".to_owned());
        }
        let mut recorded: Vec<(Coding, ObservationValue)> = Vec::new();
        for answer in &answers {
            if let Some(code) = form.item(&answer.link_id).and_then(|item| item.records_as.as_ref()) {
                recorded.extend(answer.values.iter().map(|value| (code.clone(), observed(value))));
            }
        }
        recorded.extend(
            form.scores(&answers).into_iter().map(|(code, sum)| (code.clone(), ObservationValue::Integer(sum))),
        );
        // Before the pathway is told, which may ask again.
        let was_asked = match self.open.requests.get(questionnaire).map(|request| &request.asked) {
            Some(Asked::Question { respondent }) if *respondent == author => true,
            Some(Asked::Question { respondent: Role::Patient }) if author == Role::Guardian => {
                self.patient.snapshot(self.now).age_years().is_some_and(|age| age < DISCRETION_YEARS)
            }
            _ => false,
        };
        if was_asked {
            self.open.requests.remove(questionnaire);
        }
        let provenance = if is_layman(author) { Provenance::SelfReported } else { Provenance::Clinician };
        let mut directives = Vec::new();
        for (code, value) in recorded {
            let (effective, components, attributes) = (Some(self.now), Vec::new(), Vec::new());
            let observation = Observation { code: vec![code], value, components, effective, attributes };
            directives.extend(self.observed(observation, provenance));
        }
        directives.extend(self.tell(Event::Answered(Response { questionnaire: known.code.clone(), answers })));
        if was_asked {
            directives.extend(self.ended_request(known.code.clone(), RequestEnd::Fulfilled, Vec::new()));
        }
        Ok(directives)
    }

    /// A device sends many values at once: they come oldest first, each moment once, if the pathway needs the code. They
    /// are not in the snapshot.
    ///
    /// # Panics
    /// If there are none, or more than 2,000.
    #[track_caller]
    pub fn stream(&mut self, code: Coding, unit: &str, values: &[(Instant, &str)]) -> Vec<Directive> {
        assert!((1..=MOST_POINTS).contains(&values.len()), "a series of no value, or of more than {MOST_POINTS}");
        let mut seen = BTreeSet::new();
        let once = values.iter().filter(|(at, _)| seen.insert(*at));
        let mut points: Vec<Point> =
            once.map(|(at, value)| Point { at: *at, value: super::super::decimal(value) }).collect();
        points.sort_by_key(|point| point.at);
        let duplicates = u32::try_from(values.len() - points.len()).unwrap_or(u32::MAX);
        if !hears_of(&self.definition, std::slice::from_ref(&code)) {
            return Vec::new();
        }
        let series = Series { code, unit: unit.to_owned(), points, duplicates, implausible: 0 };
        self.tell(Event::Streamed(series))
    }
}

/// What a pathway sees of an answer that is recorded. FHIR observations have no date: a day is a text of that form. Of a
/// moment no rule sees the value.
fn observed(value: &AnswerValue) -> ObservationValue {
    match value {
        AnswerValue::Boolean(yes) => ObservationValue::Boolean(*yes),
        AnswerValue::Integer(number) => ObservationValue::Integer(*number),
        AnswerValue::Decimal(number) => ObservationValue::Quantity(Quantity::new(*number, "")),
        AnswerValue::Date(day) => ObservationValue::Text(format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)),
        AnswerValue::Moment(_) => ObservationValue::Absent,
        AnswerValue::Text(text) => ObservationValue::Text(text.clone()),
        AnswerValue::Quantity(quantity) => ObservationValue::Quantity(quantity.clone()),
        AnswerValue::Choice(choice) => ObservationValue::Coded(vec![choice.clone()]),
    }
}
