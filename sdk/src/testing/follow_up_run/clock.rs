//! The clock: what comes due by itself, in order.

use super::{
    FollowUpRun,
    open::{Coming, Told},
};
use crate::{
    Plugin,
    follow_up::{Directive, Event, FollowUp, RequestEnd, Task, TaskEnd, TaskRef, TaskReport},
    time::{Instant, plus_days},
};

impl<P: FollowUp + Plugin> FollowUpRun<P> {
    /// Advances the clock by days. On the way tasks come due, are overdue and missed, and come again; questions are asked
    /// once more; requests lapse; contacts are made again.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    #[track_caller]
    pub fn advance(&mut self, days: i64) {
        self.advance_to(plus_days(self.now, days));
    }

    /// Advances the clock to a time.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    #[track_caller]
    pub fn advance_to(&mut self, end: Instant) {
        while let Some((at, coming)) = self.open.next(end) {
            self.set_clock(self.now.max(at));
            match coming {
                Coming::Task(at) => self.tell_of_task(at),
                Coming::Request(code) => {
                    if self.open.pass(&code, self.now).is_some() {
                        self.ended_request(code, RequestEnd::Lapsed, Vec::new());
                    }
                }
                Coming::Recontact(at) => self.open.recontact(at, self.now),
            }
        }
        self.set_clock(end.max(self.now));
    }

    /// The plugin is disabled for so many days: nothing reaches it. Then it is told since when, and of what came due
    /// meanwhile.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    #[track_caller]
    pub fn rest(&mut self, days: i64) -> Vec<Directive> {
        let since = self.now;
        self.set_clock(plus_days(since, days));
        let directives = self.tell(Event::Resumed(since));
        self.advance(0);
        directives
    }

    fn set_clock(&mut self, now: Instant) {
        self.now = now;
        self.patient.advance_to(now);
    }

    #[track_caller]
    fn tell_of_task(&mut self, at: usize) {
        let Some((task, told)) = self.open.tell(at, self.now) else { return };
        let task = reference(&task);
        let ended = |end| TaskReport { task: task.clone(), end, at: self.now };
        let event = match told {
            Told::Due => Event::TaskDue(task),
            Told::Overdue => Event::TaskEnded(ended(TaskEnd::Overdue)),
            Told::Missed => Event::TaskEnded(ended(TaskEnd::Missed)),
        };
        self.tell(event);
    }

    #[track_caller]
    pub(super) fn end_task(&mut self, code: &str, end: TaskEnd) -> Vec<Directive> {
        let task = self.open.take_task(code, self.now).unwrap_or_else(|| panic!("no open task `{code}`"));
        let first = task.repeat.map_or(self.now, |repeat| plus_days(task.due, -i64::from(repeat.every_days)));
        assert!(end != TaskEnd::Done || first <= self.now, "too early: the repetition before `{code}` is not due yet");
        self.tell(Event::TaskEnded(TaskReport { task: reference(&task), end, at: self.now }))
    }
}

fn reference(task: &Task) -> TaskRef {
    TaskRef { code: task.code.clone(), due: task.due }
}
