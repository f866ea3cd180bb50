//! What the host refuses of a step: all of it, if one directive breaks a rule.

use std::collections::BTreeSet;

use super::super::pathway_run::is_stable;
use crate::{
    follow_up::{Acts, Alert, Contact, Definition, Directive, Hold, LabRequest, Question, ReleaseBy, Role, Task, Team},
    time::{Instant, plus_days, plus_minutes},
    types::LocalizedText,
};

const MOST_DIRECTIVES: usize = 100;
const PAST_DAYS: i64 = 1;
const FUTURE_DAYS: i64 = 3 * 366;
const LONGEST_WINDOW: u32 = 366 * 24 * 60;
const REQUEST_DAYS: i64 = 366;
const MOST_TESTS: usize = 50;
const MOST_ESCALATION: usize = 8;
const MOST_RECONTACTS: usize = 10;
const RECONTACT_HOURS: u16 = 366 * 24;
const RECONTACT_DAYS: u16 = 366;
const SLA_MINUTES: u32 = 30 * 24 * 60;
const LONGEST_CODE: usize = 64;

type Judged = Result<(), String>;

/// The directives of one step, in order, with what was seen so far.
pub(super) struct Judge<'a> {
    pub(super) definition: &'a Definition,
    pub(super) now: Instant,
    /// When the event was due, at most `now`.
    pub(super) told: Instant,
    /// Whether the event is a timer.
    pub(super) at_timer: bool,
    /// Code, releaser and state of the holds of the pathway.
    pub(super) holds: Vec<(String, ReleaseBy, bool)>,
    pub(super) seen: BTreeSet<(&'static str, String)>,
    pub(super) closed: bool,
}

impl Judge<'_> {
    pub(super) fn take_all<'d>(&mut self, mut directives: impl ExactSizeIterator<Item = &'d Directive>) -> Judged {
        if directives.len() > MOST_DIRECTIVES {
            return Err(format!("{} directives; at most {MOST_DIRECTIVES} are taken", directives.len()));
        }
        directives.try_for_each(|directive| self.take(directive))
    }

    fn take(&mut self, directive: &Directive) -> Judged {
        if self.closed {
            return Err("there are directives after `close`".to_owned());
        }
        match directive {
            Directive::ScheduleTask(task) => self.task(task),
            Directive::CancelTask(code) => self.once("cancelled task", code),
            Directive::Ask(question) => self.question(question),
            Directive::SendMessage(message) => {
                valid_code(&message.template)?;
                has_text("a message", &message.fallback)
            }
            Directive::RaiseAlert(alert) => self.alert(alert),
            Directive::Contact(contact) => {
                self.once("contact", &contact.code)?;
                contact_fault(contact)
            }
            Directive::StopVisit(stop) => {
                self.once("stop of the visit", &stop.code)?;
                stable(&stop.code)?;
                has_text("a stop of the visit", &stop.reason)
            }
            Directive::Refer(referral) => {
                has_text("a referral", &referral.reason)?;
                self.request(&referral.code, referral.attend_by)?;
                match referral.recontact_days.is_some_and(|days| days > RECONTACT_DAYS) {
                    true => Err(format!("referral `{}`: contact again after more than a year", referral.code)),
                    false => Ok(()),
                }
            }
            Directive::RequestLab(request) => self.tests(request),
            Directive::Convene(team) => self.team(team),
            Directive::WithdrawRequest(code) => self.once("withdrawn request", code),
            Directive::Hold(hold) => self.hold(hold),
            Directive::Release(code) => self.release(code),
            Directive::ProposeNote(text) => has_text("a note", text),
            Directive::Close(reason) => {
                stable(&reason.code)?;
                self.closed = true;
                Ok(())
            }
        }
    }

    fn task(&mut self, task: &Task) -> Judged {
        let code = &task.code;
        self.once("task", code)?;
        // At a timer time goes on, or two of them would call each other for ever.
        let earliest = if self.at_timer { plus_minutes(self.told, 1) } else { plus_days(self.told, -PAST_DAYS) };
        if !(earliest..=plus_days(self.now, FUTURE_DAYS)).contains(&task.due) {
            return Err(format!("task `{code}` is due out of range"));
        }
        if task.window_minutes > LONGEST_WINDOW {
            return Err(format!("task `{code}` has a window of more than a year"));
        }
        match task.repeat.is_some_and(|repeat| repeat.every_days == 0 || repeat.times == Some(0)) {
            true => Err(format!("task `{code}` repeats every zero days, or zero times")),
            false => Ok(()),
        }
    }

    fn question(&mut self, question: &Question) -> Judged {
        let code = &question.questionnaire;
        if !self.definition.questionnaires.iter().any(|known| known.code == *code) {
            return Err(format!("the definition has no questionnaire `{code}`"));
        }
        may_answer(question.respondent).map_err(|fault| format!("questionnaire `{code}` {fault}"))?;
        self.request(code, plus_minutes(self.now, i64::from(question.within_minutes)))
    }

    fn alert(&mut self, alert: &Alert) -> Judged {
        self.once("alert", &alert.code)?;
        stable(&alert.code)?;
        has_text("an alert", &alert.message)?;
        if !(1..=SLA_MINUTES).contains(&alert.sla_minutes) {
            return Err(format!("alert `{}` gives no time, or more than thirty days", alert.code));
        }
        climbs(&alert.code, &alert.escalation)
    }

    fn tests(&mut self, request: &LabRequest) -> Judged {
        if !(1..=MOST_TESTS).contains(&request.tests.len()) {
            return Err(format!("laboratory request `{}` names no test, or more than {MOST_TESTS}", request.code));
        }
        has_text("a laboratory request", &request.reason)?;
        self.request(&request.code, request.by)
    }

    fn team(&mut self, team: &Team) -> Judged {
        has_text("a team", &team.question)?;
        self.request(&team.code, team.deadline)?;
        let seat = |at: usize| {
            let one = &team.participants[at];
            // A guardian acts for the patient.
            let role = if one.role == Role::Guardian { Role::Patient } else { one.role };
            (role, one.discipline.as_ref().map(|code| (&code.system, &code.code)))
        };
        let many = team.participants.len();
        let twice = (0..many).any(|at| (0..at).any(|before| seat(before) == seat(at)));
        if !(2..=12).contains(&many) || twice {
            return Err(format!("team `{}` has not two to twelve different participants", team.code));
        }
        match (0..many).any(|at| seat(at).0 == Role::Patient) {
            true => Err(format!("team `{}` is given to a role that may not decide", team.code)),
            false => Ok(()),
        }
    }

    fn request(&mut self, code: &str, by: Instant) -> Judged {
        self.once("request", code)?;
        match by > self.told && by <= plus_days(self.now, REQUEST_DAYS) {
            true => Ok(()),
            false => Err(format!("request `{code}` ends out of range")),
        }
    }

    fn hold(&mut self, hold: &Hold) -> Judged {
        self.once("hold", &hold.code)?;
        has_text("a hold", &hold.reason)?;
        if hold.stops == Acts::empty() {
            return Err(format!("hold `{}` stops nothing", hold.code));
        }
        match self.holds.iter_mut().find(|(code, _, active)| *active && *code == hold.code) {
            Some((_, release, _)) if hold.release == ReleaseBy::Doctor => *release = ReleaseBy::Doctor,
            Some(_) => {}
            None => self.holds.push((hold.code.clone(), hold.release, true)),
        }
        Ok(())
    }

    fn release(&mut self, code: &str) -> Judged {
        self.once("release", code)?;
        let mut known = self.holds.iter_mut().filter(|(known, ..)| known == code).peekable();
        if known.peek().is_none() {
            return Err(format!("this pathway has placed no hold `{code}`"));
        }
        match known.find(|(.., active)| *active) {
            None => Ok(()),
            Some((_, ReleaseBy::Doctor, _)) => Err(format!("only a doctor may lift the hold `{code}`")),
            Some((_, ReleaseBy::Pathway, active)) => {
                *active = false;
                Ok(())
            }
        }
    }

    fn once(&mut self, what: &'static str, code: &str) -> Judged {
        valid_code(code)?;
        match self.seen.insert((what, code.to_owned())) {
            true => Ok(()),
            false => Err(format!("{what} `{code}` comes twice")),
        }
    }
}

/// What is wrong with a contact, of a step or a safeguard.
pub(super) fn contact_fault(contact: &Contact) -> Judged {
    let Contact { code, owner, within_minutes, escalation, recontact_hours, reason, .. } = contact;
    valid_code(code)?;
    stable(code)?;
    has_text("a contact", reason)?;
    if !matches!(owner, Role::Doctor | Role::Nurse | Role::Psychotherapist) {
        return Err(format!("contact `{code}` is given to a role that may not do it"));
    }
    climbs(code, escalation)?;
    let repeated = recontact_hours.len() <= MOST_RECONTACTS
        && recontact_hours.iter().all(|hours| (1..=RECONTACT_HOURS).contains(hours));
    match (1..=SLA_MINUTES).contains(within_minutes) && repeated {
        true => Ok(()),
        false => Err(format!("contact `{code}` gives no time or too long, or is repeated too often or too late")),
    }
}

/// Roles that the host asks.
pub(super) fn may_answer(role: Role) -> Judged {
    match role {
        Role::Patient
        | Role::Guardian
        | Role::Doctor
        | Role::Nurse
        | Role::HealthManager
        | Role::Counsellor
        | Role::Psychotherapist
        | Role::PublicHealthDoctor => Ok(()),
        Role::Pharmacist | Role::Assistant | Role::Dietitian => {
            Err("is given to a role that may not answer".to_owned())
        }
    }
}

fn climbs(code: &str, to: &[Role]) -> Judged {
    if to.len() > MOST_ESCALATION {
        return Err(format!("`{code}` climbs to more than {MOST_ESCALATION} roles"));
    }
    match to.iter().any(|role| matches!(role, Role::Patient | Role::Guardian)) {
        true => Err(format!("`{code}` climbs to a role that may not take it up")),
        false => Ok(()),
    }
}

fn valid_code(code: &str) -> Judged {
    let blank = code.chars().any(|c| c.is_whitespace() || c.is_control());
    match code.is_empty() || blank || code.chars().count() > LONGEST_CODE {
        true => Err(format!("`{code}` is empty, too long, or has blanks or control characters")),
        false => Ok(()),
    }
}

fn stable(code: &str) -> Judged {
    if is_stable(code) { valid_code(code) } else { Err(format!("`{code}` is not UPPER_SNAKE")) }
}

fn has_text(what: &str, text: &LocalizedText) -> Judged {
    match text.iter().all(|one| one.text.trim().is_empty()) {
        true => Err(format!("{what} has no text")),
        false => Ok(()),
    }
}
