//! What is open for the patient: tasks, requests, contacts, holds and alerts, as the host keeps them.

use std::collections::BTreeMap;

use crate::{
    follow_up::{Acts, Alert, Contact, Directive, Hold, LabRequest, Referral, ReleaseBy, Role, Task, Team},
    time::{Instant, MINUTE, plus_days, plus_minutes},
    types::Coding,
};

/// Most open requests of a pathway.
const MOST_REQUESTS: usize = 100;
/// Most tasks of a pathway that are to come.
const MOST_TASKS: usize = 200;
/// Minutes within which a patient is contacted again.
const RECONTACT_MINUTES: u32 = 240;
/// After the code of a contact that is made again.
const AGAIN: &str = "_RECONTACT";

/// What a pathway is told of a task that nobody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    Due,
    Overdue,
    Missed,
}

/// A task that is not done.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) task: Task,
    /// What was told last; nothing before it is due.
    pub(super) told: Option<Told>,
    /// What is told next, and when.
    pub(super) next: Option<(Told, Instant)>,
}

impl Pending {
    fn new(task: Task) -> Self {
        let next = Some((Told::Due, task.due));
        Self { task, told: None, next }
    }

    /// Whether somebody can still do it: a bare timer that went off is over.
    pub(super) fn can_be_done(&self) -> bool {
        self.told.is_none() || self.task.window_minutes > 0
    }
}

/// What is told after `told`. What should have been told before `now` is left out: a clock that jumps tells the last only.
fn next_telling(task: &Task, told: Told, now: Instant) -> Option<(Told, Instant)> {
    let (overdue, deadline) = (plus_days(task.due, 1), plus_minutes(task.due, i64::from(task.window_minutes)));
    match told {
        _ if task.window_minutes == 0 => None,
        Told::Due if now < overdue && overdue < deadline => Some((Told::Overdue, overdue)),
        Told::Due | Told::Overdue => Some((Told::Missed, deadline.max(now))),
        Told::Missed => None,
    }
}

/// The next of the repetitions of a task; what was due before `now` is left out. Asia/Shanghai has no summer time: every
/// 24 hours are the same time of its day.
fn again(task: &Task, now: Instant) -> Option<Task> {
    let mut repeat = task.repeat?;
    let mut due = task.due;
    loop {
        if let Some(times) = &mut repeat.times {
            *times = times.checked_sub(1).filter(|left| *left > 0)?;
        }
        due = plus_days(due, i64::from(repeat.every_days.max(1)));
        if due >= now {
            return Some(Task { due, repeat: Some(repeat), ..task.clone() });
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Question {
        respondent: Role,
    },
    Referral(Referral),
    /// The tests, and those of which a result is there.
    Laboratory(Vec<Coding>, Vec<Coding>),
    Team(Team),
}

impl Asked {
    /// Whether it is the same that is asked for again, though a referral in other words.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Referral(one), Self::Referral(two)) => one.destination == two.destination,
            (Self::Laboratory(one, _), Self::Laboratory(two, _)) => one == two,
            (Self::Team(one), Self::Team(two)) => {
                (&one.question, &one.participants) == (&two.question, &two.participants)
            }
            (one, two) => one == two,
        }
    }

    /// Code of the host's own alert that it lapsed.
    pub(super) const fn lapsed(&self) -> &'static str {
        match self {
            Self::Question { .. } => "QUESTION_UNANSWERED",
            Self::Referral(_) => "REFERRAL_NOT_ATTENDED",
            Self::Laboratory(..) => "LAB_RESULT_MISSING",
            Self::Team(_) => "TEAM_UNDECIDED",
        }
    }
}

/// A request that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) asked: Asked,
    since: Instant,
    pub(super) by: Instant,
    reminded: bool,
}

impl Request {
    /// When the host looks at it: a question is asked once more at half of its time.
    fn look_at(&self) -> Instant {
        match self.asked {
            Asked::Question { .. } if !self.reminded => self.since + (self.by - self.since) / 2,
            _ => self.by,
        }
    }
}

/// A contact that nobody has recorded the end of.
#[derive(Debug, Clone)]
pub(super) struct OpenContact {
    /// Of one that is made again the code ends with `_RECONTACT`.
    pub(super) contact: Contact,
    /// Until when it must take place.
    pub(super) deadline: Instant,
}

impl OpenContact {
    fn is_of(&self, first_code: &str) -> bool {
        self.contact.code.strip_suffix(AGAIN).unwrap_or(&self.contact.code) == first_code
    }
}

/// How a contact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactEnd {
    /// Somebody spoke with the patient, and found no acute danger.
    Safe,
    /// The patient is with an emergency department, 120 or the family.
    HandedOver,
    /// The answer was entered by mistake, or is not the patient's: nobody contacts them again.
    Mistaken,
}

/// What comes next by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coming {
    Task(usize),
    Request(String),
    Recontact(usize),
}

/// Everything that is open.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    pub(super) tasks: Vec<Pending>,
    pub(super) requests: BTreeMap<String, Request>,
    pub(super) contacts: Vec<OpenContact>,
    /// Contacts that are made again, and when.
    recontacts: Vec<(Instant, Contact)>,
    /// Those whose time came while somebody was about to speak with the patient.
    waiting: Vec<Contact>,
    /// With whether they are active.
    pub(super) holds: Vec<(Hold, bool)>,
    pub(super) alerts: Vec<Alert>,
    /// Codes of the host's own alerts.
    pub(super) notices: Vec<(Instant, &'static str)>,
    /// Codes of requests that lapsed when they were asked for again: the pathway is to be told.
    pub(super) overdue: Vec<String>,
    /// Questionnaires that were asked once more.
    pub(super) reminders: Vec<(Instant, String)>,
}

impl Open {
    /// Carries out a directive that was judged.
    ///
    /// # Errors
    /// If too many tasks or requests are open.
    pub(super) fn carry_out(&mut self, directive: &Directive, now: Instant) -> Result<(), String> {
        match directive {
            Directive::ScheduleTask(task) => return self.schedule(task.clone()),
            Directive::CancelTask(code) => self.tasks.retain(|one| one.task.code != *code || one.next.is_none()),
            Directive::Ask(question) => {
                let by = plus_minutes(now, i64::from(question.within_minutes));
                let asked = Asked::Question { respondent: question.respondent };
                return self.request(&question.questionnaire, asked, (now, by));
            }
            Directive::RaiseAlert(alert) if !self.alerts.contains(alert) => self.alerts.push(alert.clone()),
            Directive::Contact(contact) => self.contact(contact, now),
            Directive::Refer(referral) => {
                if referral.recontact_days.is_some() {
                    self.notices.push((now, "RECONTACT"));
                }
                return self.request(&referral.code, Asked::Referral(referral.clone()), (now, referral.attend_by));
            }
            Directive::RequestLab(LabRequest { code, tests, by, .. }) => {
                self.notices.push((now, "LAB_WANTED"));
                return self.request(code, Asked::Laboratory(tests.clone(), Vec::new()), (now, *by));
            }
            Directive::Convene(team) => {
                return self.request(&team.code, Asked::Team(team.clone()), (now, team.deadline));
            }
            Directive::WithdrawRequest(code) => {
                self.requests.remove(code);
            }
            Directive::Hold(hold) => self.hold(hold),
            Directive::Release(code) => self.lift(code),
            Directive::ProposeNote(_) => self.notices.push((now, "NOTE_PROPOSED")),
            Directive::RaiseAlert(_) | Directive::SendMessage(_) | Directive::StopVisit(_) | Directive::Close(_) => {}
        }
        Ok(())
    }

    /// Scheduling a code again moves the task: nobody waits for its last occurrence any more.
    fn schedule(&mut self, task: Task) -> Result<(), String> {
        if self.tasks.iter().filter(|one| one.told.is_none()).count() >= MOST_TASKS {
            return Err("too many tasks are open".to_owned());
        }
        self.tasks.retain(|one| one.task.code != task.code || one.told.is_some());
        self.tasks.iter_mut().filter(|one| one.task.code == task.code).for_each(|one| one.next = None);
        self.tasks.push(Pending::new(task));
        Ok(())
    }

    /// One that stands stops what either stops, and is for a doctor to lift if either is.
    fn hold(&mut self, hold: &Hold) {
        let Some((standing, _)) = self.holds.iter_mut().find(|(one, active)| *active && one.code == hold.code) else {
            return self.holds.push((hold.clone(), true));
        };
        standing.stops = standing.stops | hold.stops;
        if hold.medicines.is_empty() || standing.medicines.is_empty() {
            standing.medicines.clear();
        } else {
            let known = standing.medicines.clone();
            let new = hold.medicines.iter().filter(|code| !known.iter().any(|one| one.same(code)));
            standing.medicines.extend(new.cloned());
        }
        if hold.release == ReleaseBy::Doctor {
            standing.release = ReleaseBy::Doctor;
        }
    }

    /// What is open under the code keeps the nearer deadline, or is replaced; what should have lapsed by now does so
    /// first.
    fn request(&mut self, code: &str, asked: Asked, (now, by): (Instant, Instant)) -> Result<(), String> {
        let mut new = Request { asked, since: now, by, reminded: false };
        match self.requests.remove(code) {
            Some(over) if over.by <= now => {
                self.notices.push((now, over.asked.lapsed()));
                self.overdue.push(code.to_owned());
            }
            Some(standing) if standing.asked.is_same(&new.asked) && standing.by <= by => new = standing,
            Some(standing) if standing.asked.is_same(&new.asked) => new.asked = standing.asked,
            _ => {}
        }
        if self.requests.len() >= MOST_REQUESTS {
            return Err("too many requests of the pathway are open".to_owned());
        }
        self.requests.insert(code.to_owned(), new);
        Ok(())
    }

    /// Of the same code, the shorter time counts.
    pub(super) fn contact(&mut self, contact: &Contact, now: Instant) {
        let deadline = plus_minutes(now, i64::from(contact.within_minutes));
        match self.contacts.iter_mut().find(|open| open.contact.code == contact.code) {
            Some(open) if open.deadline <= deadline => open.contact.locks_visit |= contact.locks_visit,
            Some(open) => {
                let locks_visit = open.contact.locks_visit || contact.locks_visit;
                *open = OpenContact { contact: Contact { locks_visit, ..contact.clone() }, deadline };
            }
            None => self.contacts.push(OpenContact { contact: contact.clone(), deadline }),
        }
    }

    /// Somebody records how a contact ended: it is made again as often as it says, unless it was a mistake. Whether the
    /// pathway is told: not of one that was made again. `None` if none is open.
    pub(super) fn end_contact(&mut self, code: &str, end: ContactEnd, now: Instant) -> Option<bool> {
        let at = self.contacts.iter().position(|open| open.contact.code == code)?;
        let contact = self.contacts.remove(at).contact;
        let first_code = code.strip_suffix(AGAIN).unwrap_or(code);
        let again = Contact {
            code: format!("{first_code}{AGAIN}"),
            within_minutes: RECONTACT_MINUTES,
            locks_visit: false,
            recontact_hours: Vec::new(),
            ..contact.clone()
        };
        let (waited, waiting) = self.waiting.drain(..).partition(|one| one.code == again.code);
        self.waiting = waiting;
        match end {
            ContactEnd::Mistaken => Vec::<Contact>::into_iter(waited).for_each(|one| self.contact(&one, now)),
            ContactEnd::Safe | ContactEnd::HandedOver => {
                let hours = contact.recontact_hours.iter().map(|hours| now + Instant::from(*hours) * 60 * MINUTE);
                self.recontacts.extend(hours.map(|at| (at, again.clone())));
            }
        }
        Some(first_code == code)
    }

    pub(super) fn active_holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|(_, active)| *active).map(|(hold, _)| hold)
    }

    pub(super) fn is_held(&self, act: Acts, medicine: &Coding) -> bool {
        self.active_holds().any(|hold| {
            (hold.stops & act) == act
                && (hold.medicines.is_empty() || hold.medicines.iter().any(|held| held.same(medicine)))
        })
    }

    pub(super) fn lift(&mut self, code: &str) {
        self.holds.iter_mut().filter(|(hold, _)| hold.code == code).for_each(|(_, active)| *active = false);
    }

    /// What ends with the enrolment. A hold that is a doctor's stands, and contacts.
    pub(super) fn end(&mut self) {
        self.tasks.clear();
        self.requests.clear();
        let own = self.holds.iter_mut().filter(|(hold, _)| hold.release == ReleaseBy::Pathway);
        own.for_each(|(_, active)| *active = false);
    }

    /// What comes first by itself, until `end`.
    pub(super) fn next(&self, end: Instant) -> Option<(Instant, Coming)> {
        let tasks = self.tasks.iter().enumerate().filter_map(|(at, one)| Some((one.next?.1, Coming::Task(at))));
        let requests = self.requests.iter().map(|(code, one)| (one.look_at(), Coming::Request(code.clone())));
        let again = self.recontacts.iter().enumerate().map(|(at, (when, _))| (*when, Coming::Recontact(at)));
        tasks.chain(requests).chain(again).filter(|(at, _)| *at <= end).min()
    }

    /// A task is told of; the next of its repetitions is there.
    pub(super) fn tell(&mut self, at: usize, now: Instant) -> Option<(Task, Told)> {
        let pending = self.tasks.get_mut(at)?;
        let (told, _) = pending.next?;
        pending.told = Some(told);
        pending.next = next_telling(&pending.task, told, now);
        let task = pending.task.clone();
        if told == Told::Due {
            self.tasks.extend(again(&task, now).map(Pending::new));
        }
        Some((task, told))
    }

    /// The time of a request has come: it is the one that lapsed, unless it was only asked once more.
    pub(super) fn pass(&mut self, code: &str, now: Instant) -> Option<Request> {
        let request = self.requests.get_mut(code)?;
        if now >= request.by {
            let lapsed = self.requests.remove(code)?;
            self.notices.push((now, lapsed.asked.lapsed()));
            return Some(lapsed);
        }
        request.reminded = true;
        self.reminders.push((now, code.to_owned()));
        None
    }

    pub(super) fn recontact(&mut self, at: usize, now: Instant) {
        let (_, contact) = self.recontacts.remove(at);
        let first_code = contact.code.strip_suffix(AGAIN).unwrap_or_default();
        match self.contacts.iter().any(|open| open.is_of(first_code)) {
            true => self.waiting.push(contact),
            false => self.contact(&contact, now),
        }
    }

    /// Takes a task that somebody does or declines: the last of its code that came due, or the next.
    pub(super) fn take_task(&mut self, code: &str, now: Instant) -> Option<Task> {
        let of_code = self.tasks.iter().enumerate().filter(|(_, one)| one.task.code == code && one.can_be_done());
        let (at, _) = of_code.max_by_key(|(_, one)| (one.told.is_some(), one.task.due))?;
        let Pending { task, told, .. } = self.tasks.remove(at);
        if told.is_none() {
            self.tasks.extend(again(&task, now).map(Pending::new));
        }
        Some(task)
    }

    /// A result is there: the laboratory requests that waited for it alone.
    pub(super) fn result(&mut self, codes: &[Coding]) -> Vec<String> {
        let mut fulfilled = Vec::new();
        for (code, request) in &mut self.requests {
            let Asked::Laboratory(tests, found) = &mut request.asked else { continue };
            let is_new = |test: &&Coding| codes.iter().any(|code| code.same(test)) && !found.contains(test);
            let Some(test) = tests.iter().find(is_new).cloned() else { continue };
            found.push(test);
            if found.len() == tests.len() {
                fulfilled.push(code.clone());
            }
        }
        fulfilled.iter().for_each(|code| drop(self.requests.remove(code)));
        fulfilled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{follow_up::Repetition, time::DAY, types::zh_en};

    fn task(window_days: u32, repeat: Option<Repetition>) -> Task {
        let title = zh_en("随访", "Visit");
        Task {
            code: "visit".into(),
            title,
            owner: Role::Patient,
            due: 0,
            window_minutes: window_days * 24 * 60,
            repeat,
        }
    }

    #[test]
    fn a_task_is_overdue_after_a_day_and_missed_after_its_window() {
        let next = |days, told, now| next_telling(&task(days, None), told, now);
        assert_eq!(next(3, Told::Due, 0), Some((Told::Overdue, DAY)));
        assert_eq!(next(3, Told::Overdue, DAY), Some((Told::Missed, 3 * DAY)));
        assert_eq!(next(3, Told::Missed, 3 * DAY), None);
        assert_eq!(next(1, Told::Due, 0), Some((Told::Missed, DAY)), "one day, one telling");
        assert_eq!(next(0, Told::Due, 0), None, "a timer");
        assert_eq!(next(3, Told::Due, 9 * DAY), Some((Told::Missed, 9 * DAY)), "the last only");
    }

    #[test]
    fn a_repetition_leaves_out_what_is_past_and_ends_after_its_times() {
        let again = |times, now| again(&task(0, Some(Repetition { every_days: 7, times })), now);
        assert_eq!(again(None, 0).map(|task| task.due), Some(7 * DAY));
        assert_eq!(again(None, 8 * DAY).map(|task| task.due), Some(14 * DAY));
        let left = |task: Task| (task.due, task.repeat.and_then(|repeat| repeat.times));
        assert_eq!(again(Some(3), 8 * DAY).map(left), Some((14 * DAY, Some(1))));
        assert_eq!((again(Some(2), 8 * DAY), again(Some(1), 0)), (None, None));
    }
}
