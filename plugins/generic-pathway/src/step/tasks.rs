//! Tasks: one occurrence of each is planned; when it is done, answered, resulted or missed, the next.

use xinglin_pathway_file::{
    condition::{Operator, Term, Value},
    model::{self, Stage},
};
use xinglin_sdk::{
    clinical::Observation,
    pathway::{Directive, Message, Role, TaskRef},
    time::{DAY, Instant, days_between, plus_days},
    types::{Coding, zh_en},
};

use super::{Step, Touched};
use crate::{
    memory::{Planned, SoFar},
    text::{role, text},
};

/// Before the code of a task: its result is awaited. No code of a file has a dot.
const RESULT: &str = "result.";
/// Before a number: a day of the stage that some condition compares with.
const DAY_OF_STAGE: &str = "day.";
/// The same of the enrolment.
const DAY_ENROLLED: &str = "enrolled.";

impl<'a> Step<'a> {
    /// Plans the tasks of the stage, and a timer for each day that a condition waits for.
    pub(super) fn begin_stage(&mut self) {
        self.memory.tasks.clear();
        let Some(stage) = self.stage() else { return };
        for task in &stage.tasks {
            self.plan(task, self.memory.since.saturating_sub(1));
        }
        for (prefix, from, day) in self.days(stage) {
            self.plan_day(prefix, from, day);
        }
    }

    fn plan_day(&mut self, prefix: &str, from: Instant, day: i64) {
        let due = plus_days(from, day);
        if due > self.now {
            let title = zh_en(format!("第{day}天:复核随访阶段"), format!("Day {day}: review the stage of follow-up"));
            self.schedule(&format!("{prefix}{day}"), title, Role::HealthManager, due, 0);
        }
    }

    /// Ends the tasks and timers of the stage.
    pub(super) fn cancel_stage(&mut self) {
        let Some(stage) = self.stage() else { return };
        for (code, planned) in std::mem::take(&mut self.memory.tasks) {
            self.cancel(&code);
            if planned.so_far == SoFar::Claimed {
                self.cancel(&format!("{RESULT}{code}"));
            }
        }
        for (prefix, from, day) in self.days(stage) {
            if plus_days(from, day) > self.now {
                self.cancel(&format!("{prefix}{day}"));
            }
        }
    }

    /// Days on which a condition of the stage may become true by time alone.
    fn days(&self, stage: &Stage) -> Vec<(&'static str, Instant, i64)> {
        let rules = self.file.rules.iter().chain(&stage.rules).map(|rule| &rule.condition);
        let conditions = rules.chain(stage.exit.iter().map(|exit| &exit.condition));
        let mut days = Vec::new();
        for comparison in conditions.flat_map(|condition| condition.expression.comparisons()) {
            let (prefix, from) = match comparison.term {
                Term::DaysInStage => (DAY_OF_STAGE, self.memory.since),
                Term::DaysEnrolled => (DAY_ENROLLED, self.memory.enrolled),
                _ => continue,
            };
            let Value::Number(number, None) = &comparison.value else { continue };
            let Some((day, 0)) = number.parts() else { continue };
            let day = match comparison.operator {
                Operator::AtLeast | Operator::Equal | Operator::Below => day,
                Operator::Above | Operator::AtMost | Operator::Unequal => day.saturating_add(1),
            };
            if !days.contains(&(prefix, from, day)) {
                days.push((prefix, from, day));
            }
        }
        days
    }

    /// Plans the first occurrence after a moment that is not past.
    fn plan(&mut self, task: &'a model::Task, after: Instant) {
        let after = after.max(self.now.saturating_sub(1));
        match next(task, self.memory.since, after) {
            Some(due) => {
                self.memory.tasks.insert(task.code.clone(), Planned { due, so_far: SoFar::Waiting });
                let owner = task.actor.map_or(Role::HealthManager, role);
                self.schedule(&task.code, text(&task.title), owner, due, task.window_days.unwrap_or(0));
            }
            None => {
                if self.memory.tasks.remove(&task.code).is_some() {
                    self.cancel(&task.code);
                }
            }
        }
    }

    fn task(&self, code: &str) -> Option<(&'a model::Task, Planned)> {
        let task = self.stage()?.tasks.iter().find(|task| task.code == code)?;
        Some((task, *self.memory.tasks.get(code)?))
    }

    pub(super) fn task_due(&mut self, code: &str) {
        if let Some(code) = code.strip_prefix(RESULT) {
            return self.task_missed(code);
        }
        let Some((task, planned)) = self.task(code) else { return };
        self.memory.tasks.insert(code.to_owned(), Planned { so_far: SoFar::Due, ..planned });
        if let Some(questionnaire) = &task.ask {
            self.ask(questionnaire);
        }
        if !task.lab.is_empty() {
            let tests = task.lab.iter().map(|code| Coding::loinc(code.as_str())).collect();
            self.directives.push(Directive::RequestLab(tests));
        }
        self.remind(task);
        // A bare timer: nothing will be told of it.
        if task.window_days.unwrap_or(0) == 0 {
            self.plan(task, planned.due);
        }
    }

    /// It can still be done in time: the patient is asked again.
    pub(super) fn task_overdue(&mut self, code: &str) {
        let Some((task, planned)) = self.task(code) else { return };
        if planned.so_far != SoFar::Due {
            return;
        }
        match (&task.patient, &task.ask) {
            (Some(_), _) => self.remind(task),
            (None, Some(questionnaire)) => self.ask(questionnaire),
            (None, None) => {}
        }
    }

    pub(super) fn task_missed(&mut self, code: &str) {
        let Some((task, planned)) = self.task(code) else { return };
        self.memory.missed.insert(code.to_owned());
        self.touched.insert(Touched::Task(code.to_owned()));
        self.plan(task, planned.due);
    }

    /// Somebody says that it is done. A test is done by its result, not by saying so.
    pub(super) fn task_done(&mut self, done: &TaskRef) {
        if let Some(code) = done.code.strip_prefix(RESULT) {
            // Somebody looked, and there was none: it comes again.
            if let Some((task, planned)) = self.task(code).filter(|(_, planned)| planned.so_far == SoFar::Claimed) {
                self.finish(task, planned);
            }
            return;
        }
        // A day does not come sooner by saying so.
        let stage = self.stage();
        for (prefix, from, day) in stage.map(|stage| self.days(stage)).unwrap_or_default() {
            if done.code == format!("{prefix}{day}") {
                return self.plan_day(prefix, from, day);
            }
        }
        let Some((task, planned)) = self.task(&done.code) else { return };
        if done.due < planned.due {
            // A missed one, done late.
            self.memory.missed.remove(&done.code);
        } else if task.lab.is_empty() {
            self.finish(task, planned);
        } else {
            self.memory.tasks.insert(done.code.clone(), Planned { so_far: SoFar::Claimed, ..planned });
            let end = plus_days(planned.due, i64::from(task.window_days.unwrap_or(0))).max(plus_days(self.now, 1));
            let side = |text: &Option<String>| text.clone().unwrap_or_default();
            let title = zh_en(
                format!("核对是否有结果:{}", side(&task.title.zh)),
                format!("Check whether there is a result: {}", side(&task.title.en)),
            );
            self.schedule(&format!("{RESULT}{}", done.code), title, Role::HealthManager, end, 0);
        }
    }

    /// A laboratory result does the tasks that wait for it.
    pub(super) fn result_came(&mut self, measure: &str, observation: &Observation) {
        let at = observation.effective.unwrap_or(self.now);
        let Some(stage) = self.stage() else { return };
        for task in &stage.tasks {
            let waits = task.lab.iter().any(|code| self.file.measure(code).is_some_and(|known| known.code == measure));
            if waits {
                self.came(task, at);
            }
        }
    }

    /// An answer does the tasks that asked for it.
    pub(super) fn answer_came(&mut self, questionnaire: &str) {
        let Some(stage) = self.stage() else { return };
        for task in stage.tasks.iter().filter(|task| task.ask.as_deref() == Some(questionnaire)) {
            self.came(task, self.now);
        }
    }

    /// What is as old as a window before it was due counts for the next one only.
    fn came(&mut self, task: &'a model::Task, at: Instant) {
        let Some(planned) = self.memory.tasks.get(&task.code).copied() else { return };
        let window = i64::from(task.window_days.unwrap_or(0));
        if at >= plus_days(planned.due, -window) {
            self.finish(task, planned);
        } else if at >= plus_days(self.now, -window) {
            self.memory.missed.remove(&task.code);
        }
    }

    fn finish(&mut self, task: &'a model::Task, planned: Planned) {
        if planned.so_far == SoFar::Claimed {
            self.cancel(&format!("{RESULT}{}", task.code));
        }
        self.memory.missed.remove(&task.code);
        self.plan(task, planned.due);
    }

    fn remind(&mut self, task: &model::Task) {
        if let Some(said) = &task.patient {
            self.directives.push(Directive::SendMessage(Message {
                template: format!("{}.{}", self.file.code(), task.code),
                arguments: Vec::new(),
                fallback: text(said),
            }));
        }
    }
}

/// The first occurrence after a moment. After a long pause what was due meanwhile is left out.
fn next(task: &model::Task, since: Instant, after: Instant) -> Option<Instant> {
    let passed = days_between(since, after);
    if let Some(every) = task.every_days.map(i64::from).filter(|every| *every > 0) {
        let turn = passed.div_euclid(every).saturating_add(1).max(1);
        return Some(since.saturating_add(turn.saturating_mul(every).saturating_mul(DAY)));
    }
    task.at_days.iter().map(|day| plus_days(since, i64::from(*day))).find(|due| *due > after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(every_days: Option<u32>, at_days: &[u32]) -> model::Task {
        model::Task {
            code: "t".to_owned(),
            title: model::Text::default(),
            actor: None,
            every_days,
            at_days: at_days.to_vec(),
            window_days: Some(1),
            ask: None,
            lab: Vec::new(),
            patient: None,
            citation: None,
        }
    }

    #[test]
    fn occurrences_are_counted_from_the_beginning_of_the_stage() {
        let days = |task: &model::Task, after: Instant| next(task, 0, after).map(|due| due / DAY);
        let every = task(Some(30), &[]);
        assert_eq!(days(&every, -1), Some(30), "the first one is not on day 0");
        assert_eq!(days(&every, 30 * DAY - 1), Some(30));
        assert_eq!(days(&every, 30 * DAY), Some(60));
        assert_eq!(days(&every, 365 * DAY), Some(390), "after a long pause, one");
        let at = task(None, &[0, 7, 28]);
        assert_eq!(days(&at, -1), Some(0));
        assert_eq!(days(&at, 0), Some(7));
        assert_eq!(days(&at, 28 * DAY), None);
    }
}
