//! Checks what a pathway proposes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{EndCause, Enrolment, HoldRecord, Left};
use crate::{
    access::{Action, Role},
    code::Code,
    coding::LocalizedText,
    pathway::{
        Alert, Contact, Definition, Directive, Event, Hold, LabRequest, Message, Outcome, Question, Referral,
        ReleaseBy, Role as PathwayRole, State, Stop, Task, Team, Tracked,
    },
    time::Instant,
};

/// Maximum size of a state, in bytes.
const MAX_STATE: usize = 64 * 1024;
/// Maximum number of directives of one step.
const MAX_DIRECTIVES: usize = 100;
/// How many days before its event a task may be due.
const MAX_PAST_DAYS: i64 = 1;
/// How many days ahead a task may be due.
const MAX_FUTURE_DAYS: i64 = 3 * 366;
/// Maximum window of a task, in minutes: a year.
const MAX_WINDOW_MINUTES: u32 = 366 * 24 * 60;
/// How many days ahead the end of a request may be.
const MAX_REQUEST_DAYS: i64 = 366;
/// Maximum number of tests of a laboratory request.
const MAX_TESTS: usize = 50;
/// Number of participants of a team.
const PARTICIPANTS: std::ops::RangeInclusive<usize> = 2..=12;
/// Maximum number of roles that an alert climbs to before the hospital's own.
const MAX_ESCALATION: usize = 8;
/// Maximum number of repetitions of a contact, and of hours until one.
const MAX_RECONTACTS: usize = 10;
const MAX_RECONTACT_HOURS: u16 = 366 * 24;
/// Maximum minutes until an alert must be acknowledged: thirty days.
const MAX_SLA_MINUTES: u32 = 30 * 24 * 60;
/// Maximum days until a referred patient is contacted again.
const MAX_RECONTACT_DAYS: u16 = 366;
/// Maximum length of a code, in characters.
const MAX_CODE: usize = 64;

/// An accepted effect of a proposal, for the host to apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Schedule a timer; an open one of the same code is rescheduled.
    ScheduleTask(Task),
    /// Cancel the open timer of this code, if any.
    CancelTask(String),
    /// Ask for answers to a questionnaire.
    Ask(Question),
    /// Send a message to the patient.
    SendMessage(Message),
    /// Raise an alert.
    RaiseAlert(Alert),
    /// Have somebody speak with the patient.
    Contact(Contact),
    /// Stop treating online.
    StopVisit(Stop),
    /// Record a referral and notify the patient.
    Refer(Referral),
    /// Request a doctor's order of tests.
    RequestLab(LabRequest),
    /// Have several people decide together.
    Convene(Team),
    /// Withdraw the open request of this code, if any.
    WithdrawRequest(String),
    /// Place a hold.
    PlaceHold(Hold),
    /// Release the active hold of this code.
    LiftHold(String),
    /// Store a draft note for the doctor.
    DraftNote(LocalizedText),
    /// Cancel all open timers: the enrolment has ended.
    CancelAllTasks,
    /// Withdraw all open requests: the enrolment has ended.
    WithdrawAllRequests,
}

/// An accepted proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The new state.
    pub state: State,
    /// The new stage.
    pub stage: String,
    /// The effects, in order.
    pub effects: Vec<Effect>,
    /// Why the enrolment ends, if it does.
    pub ended: Option<EndCause>,
    /// Who ended it, if not the pathway.
    pub left: Option<Left>,
}

/// The rule that a proposal violates. Code `PATHWAY_PROPOSAL`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProposalError {
    /// The enrolment has ended.
    #[error("the enrolment has ended")]
    Ended,
    /// The state is too large.
    #[error("the state has {0} bytes; at most {MAX_STATE} are kept")]
    StateTooLarge(usize),
    /// The state has another version than declared.
    #[error("the state is of version {found}, the definition says {declared}")]
    StateVersion {
        /// Version of the state.
        found: u32,
        /// Version in the definition.
        declared: u32,
    },
    /// Unknown stage.
    #[error("the definition has no stage `{0}`")]
    UnknownStage(String),
    /// Unknown questionnaire.
    #[error("the definition has no questionnaire `{0}`")]
    UnknownQuestionnaire(String),
    /// Too many directives.
    #[error("{0} directives; at most {MAX_DIRECTIVES} are taken")]
    TooMany(usize),
    /// Invalid code.
    #[error("`{0}` is empty, too long, or has blanks or control characters")]
    BadCode(String),
    /// A duplicate.
    #[error("{what} `{code}` comes twice")]
    Duplicate {
        /// Kind.
        what: &'static str,
        /// Code.
        code: String,
    },
    /// Due too far in the past or future.
    #[error("task `{0}` is due out of range")]
    TaskDue(String),
    /// The window is too long.
    #[error("task `{0}` has a window of more than {MAX_WINDOW_MINUTES} minutes")]
    TaskWindow(String),
    /// It repeats every zero days, or zero times.
    #[error("task `{0}` repeats every zero days, or zero times")]
    TaskRepetition(String),
    /// The role may not do it.
    #[error("{what} `{code}` is given to a role that may not do it")]
    WrongRole {
        /// Kind.
        what: &'static str,
        /// Code.
        code: String,
    },
    /// Too many roles to climb to.
    #[error("`{0}` climbs to more than {MAX_ESCALATION} roles")]
    Escalation(String),
    /// The end of a request is past, or too far in the future.
    #[error("request `{0}` ends out of range")]
    RequestEnd(String),
    /// Too many requests are open.
    #[error("too many requests of the pathway are open")]
    TooManyRequests,
    /// So many tasks are open that nobody can do them.
    #[error("too many tasks are open")]
    TooManyTasks,
    /// Too few or too many participants, or two the same.
    #[error("team `{0}` has not two to twelve different participants")]
    Participants(String),
    /// The time of a contact, or of its repetitions.
    #[error("contact `{0}` gives no time or too long, or is repeated too often or too late")]
    ContactTime(String),
    /// A hold that stops nothing.
    #[error("hold `{0}` stops nothing")]
    StopsNothing(String),
    /// The deadline of an alert is zero or too long.
    #[error("alert `{0}` gives no time, or more than {MAX_SLA_MINUTES} minutes")]
    AlertDeadline(String),
    /// The recontact period is zero or too long.
    #[error("a referral wants contact after more than {MAX_RECONTACT_DAYS} days")]
    Recontact,
    /// An empty text.
    #[error("{0} has no text")]
    NoText(&'static str),
    /// A request without tests, or with too many.
    #[error("a laboratory request names no test, or more than {MAX_TESTS}")]
    NoTests,
    /// The hold was never placed.
    #[error("this pathway has placed no hold `{0}`")]
    UnknownHold(String),
    /// Only a doctor may release it.
    #[error("hold `{0}` is for a doctor to lift")]
    HoldIsDoctors(String),
    /// A directive after the end.
    #[error("there are directives after `close`")]
    AfterClose,
}

impl ProposalError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::PathwayProposal
    }
}

impl Enrolment {
    /// Checks an outcome. `holds` are all that this pathway has placed on the patient: releasing
    /// one that a doctor has released, or placing one that is active, is allowed and changes
    /// nothing.
    ///
    /// # Errors
    /// The first rule that the outcome violates. Nothing of it is then applied.
    pub fn accept(
        &self,
        definition: &Definition,
        event: &Event,
        outcome: Outcome,
        holds: &[HoldRecord],
        now: Instant,
    ) -> Result<Accepted, ProposalError> {
        if !self.is_active() {
            return Err(ProposalError::Ended);
        }
        let Outcome { state, stage, mut directives } = outcome;
        if state.data.len() > MAX_STATE {
            return Err(ProposalError::StateTooLarge(state.data.len()));
        }
        if state.version != definition.state_version {
            return Err(ProposalError::StateVersion { found: state.version, declared: definition.state_version });
        }
        if !definition.stages.iter().any(|known| known.code == stage) {
            return Err(ProposalError::UnknownStage(stage));
        }
        if directives.len() > MAX_DIRECTIVES {
            return Err(ProposalError::TooMany(directives.len()));
        }
        let withdrawn = matches!(event, Event::Departed(_));
        if withdrawn {
            directives.retain(|directive| matches!(directive, Directive::Close(_)));
        }
        // A timer may come late, after the host was down: what is due after it may be past too.
        let timer = match event {
            Event::TaskDue(task) => Some(task.due.min(now)),
            _ => None,
        };
        let mut judge = Judge::new(self, definition, holds, (timer, now));
        for directive in directives {
            judge.take(directive)?;
        }
        let Judge { mut effects, mut ended, known_holds, .. } = judge;
        if withdrawn {
            ended = Some(EndCause::Withdrawn);
        }
        if ended.is_some() {
            effects.extend(last_effects(known_holds));
        }
        Ok(Accepted { state, stage, effects, ended, left: None })
    }

    /// The enrolment ends without the pathway: it could not be asked, or nothing more may be done for
    /// the patient.
    pub fn leave(&self, holds: &[HoldRecord], cause: EndCause) -> Accepted {
        Accepted {
            state: self.state.clone().unwrap_or(State { version: 0, data: Vec::new() }),
            stage: self.stage.clone(),
            effects: last_effects(self.own(holds)).collect(),
            ended: Some(cause),
            left: None,
        }
    }

    /// Code, releaser and state of the holds of this enrolment.
    fn own(&self, holds: &[HoldRecord]) -> Vec<(String, ReleaseBy, bool)> {
        holds
            .iter()
            .filter(|record| record.enrolment == self.id)
            .map(|record| (record.hold.code.clone(), record.hold.release, record.is_active()))
            .collect()
    }
}

/// What ends with an enrolment: its timers, and the holds that nobody else would lift. A hold that
/// is a doctor's stands until a doctor lifts it.
fn last_effects(holds: Vec<(String, ReleaseBy, bool)>) -> impl Iterator<Item = Effect> {
    holds
        .into_iter()
        .filter(|(_, release, active)| *active && *release == ReleaseBy::Pathway)
        .map(|(code, ..)| Effect::LiftHold(code))
        .chain([Effect::CancelAllTasks, Effect::WithdrawAllRequests])
}

/// Checks the directives in order, with what was seen so far.
struct Judge<'a> {
    definition: &'a Definition,
    now: Instant,
    /// When the event was due, at most `now`.
    told: Instant,
    /// Whether the event is a timer.
    at_timer: bool,
    known_holds: Vec<(String, ReleaseBy, bool)>,
    seen: BTreeSet<(&'static str, String)>,
    effects: Vec<Effect>,
    ended: Option<EndCause>,
}

impl<'a> Judge<'a> {
    fn new(
        enrolment: &Enrolment,
        definition: &'a Definition,
        holds: &[HoldRecord],
        (timer, now): (Option<Instant>, Instant),
    ) -> Self {
        let known_holds = enrolment.own(holds);
        let (told, at_timer) = (timer.unwrap_or(now), timer.is_some());
        Self { definition, now, told, at_timer, known_holds, seen: BTreeSet::new(), effects: Vec::new(), ended: None }
    }

    fn take(&mut self, directive: Directive) -> Result<(), ProposalError> {
        if self.ended.is_some() {
            return Err(ProposalError::AfterClose);
        }
        let effect = match directive {
            Directive::ScheduleTask(task) => self.task(task)?,
            Directive::CancelTask(code) => {
                self.once("cancelled task", &code)?;
                Effect::CancelTask(code)
            }
            Directive::Ask(question) => self.question(question)?,
            Directive::SendMessage(message) => {
                valid_code(&message.template)?;
                has_text("a message", &message.fallback)?;
                Effect::SendMessage(message)
            }
            Directive::RaiseAlert(alert) => {
                self.once("alert", &alert.code)?;
                has_text("an alert", &alert.message)?;
                if !(1..=MAX_SLA_MINUTES).contains(&alert.sla_minutes) {
                    return Err(ProposalError::AlertDeadline(alert.code));
                }
                climbs(("alert", &alert.code), &alert.escalation, Action::AcknowledgeAlert)?;
                Effect::RaiseAlert(alert)
            }
            Directive::Contact(contact) => self.contact(contact)?,
            Directive::StopVisit(stop) => {
                self.once("stop of the visit", &stop.code)?;
                has_text("a stop of the visit", &stop.reason)?;
                Effect::StopVisit(stop)
            }
            Directive::Refer(referral) => {
                has_text("a referral", &referral.reason)?;
                self.tracked(referral.tracked.as_ref())?;
                if referral.recontact_days.is_some_and(|days| days > MAX_RECONTACT_DAYS) {
                    return Err(ProposalError::Recontact);
                }
                Effect::Refer(referral)
            }
            Directive::RequestLab(request) => {
                if !(1..=MAX_TESTS).contains(&request.tests.len()) {
                    return Err(ProposalError::NoTests);
                }
                if let Some((reason, _)) = &request.reason {
                    has_text("a laboratory request", reason)?;
                }
                self.tracked(request.tracked.as_ref())?;
                Effect::RequestLab(request)
            }
            Directive::Convene(team) => self.team(team)?,
            Directive::WithdrawRequest(code) => {
                self.once("withdrawn request", &code)?;
                Effect::WithdrawRequest(code)
            }
            Directive::Hold(hold) => self.hold(hold)?,
            Directive::Release(code) => match self.release(code)? {
                Some(effect) => effect,
                None => return Ok(()),
            },
            Directive::ProposeNote(text) => {
                has_text("a note", &text)?;
                Effect::DraftNote(text)
            }
            Directive::Close(reason) => {
                valid_code(&reason.code)?;
                self.ended = Some(EndCause::Closed(reason));
                return Ok(());
            }
        };
        self.effects.push(effect);
        Ok(())
    }

    fn task(&mut self, task: Task) -> Result<Effect, ProposalError> {
        self.once("task", &task.code)?;
        // At a timer time goes on, or two of them would call each other for ever.
        let earliest = if self.at_timer { self.told.plus_minutes(1) } else { self.told.plus_days(-MAX_PAST_DAYS) };
        let latest = self.now.plus_days(MAX_FUTURE_DAYS);
        if !(earliest..=latest).contains(&task.due) {
            return Err(ProposalError::TaskDue(task.code));
        }
        if task.window_minutes > MAX_WINDOW_MINUTES {
            return Err(ProposalError::TaskWindow(task.code));
        }
        if task.repeat.is_some_and(|repeat| repeat.every_days == 0 || repeat.times == Some(0)) {
            return Err(ProposalError::TaskRepetition(task.code));
        }
        Ok(Effect::ScheduleTask(task))
    }

    fn question(&mut self, question: Question) -> Result<Effect, ProposalError> {
        let code = &question.questionnaire;
        self.once("request", code)?;
        if !self.definition.questionnaires.iter().any(|known| known.code == *code) {
            return Err(ProposalError::UnknownQuestionnaire(question.questionnaire));
        }
        may(("questionnaire", code), question.respondent, Action::AnswerQuestionnaire)?;
        self.ends(code, self.now.plus_minutes(i64::from(question.within_minutes)))?;
        Ok(Effect::Ask(question))
    }

    fn contact(&mut self, contact: Contact) -> Result<Effect, ProposalError> {
        self.once("contact", &contact.code)?;
        contact_fault(&contact)?;
        Ok(Effect::Contact(contact))
    }

    fn team(&mut self, team: Team) -> Result<Effect, ProposalError> {
        self.once("request", &team.code)?;
        has_text("a team", &team.question)?;
        self.ends(&team.code, team.deadline)?;
        let seats: BTreeSet<(Role, Option<(String, String)>)> = team
            .participants
            .iter()
            .map(|one| {
                let discipline = one.discipline.as_ref().map(|code| code.canonical());
                (Role::from(one.role), discipline.map(|code| (code.system, code.code)))
            })
            .collect();
        if !PARTICIPANTS.contains(&team.participants.len()) || seats.len() < team.participants.len() {
            return Err(ProposalError::Participants(team.code));
        }
        for one in &team.participants {
            let staff = Role::from(one.role) != Role::Patient;
            if !staff {
                return Err(ProposalError::WrongRole { what: "team", code: team.code });
            }
        }
        Ok(Effect::Convene(team))
    }

    fn tracked(&mut self, tracked: Option<&Tracked>) -> Result<(), ProposalError> {
        let Some(Tracked { code, by }) = tracked else { return Ok(()) };
        self.once("request", code)?;
        self.ends(code, *by)
    }

    fn ends(&self, code: &str, by: Instant) -> Result<(), ProposalError> {
        let latest = self.now.plus_days(MAX_REQUEST_DAYS);
        if by > self.told && by <= latest { Ok(()) } else { Err(ProposalError::RequestEnd(code.to_owned())) }
    }

    fn hold(&mut self, hold: Hold) -> Result<Effect, ProposalError> {
        self.once("hold", &hold.code)?;
        has_text("a hold", &hold.reason)?;
        if hold.stops.is_empty() {
            return Err(ProposalError::StopsNothing(hold.code));
        }
        // Also one that stands: it may be wider now, and a doctor may be lifting it.
        match self.known_holds.iter_mut().find(|(code, _, active)| *active && *code == hold.code) {
            Some((_, release, _)) if hold.release == ReleaseBy::Doctor => *release = ReleaseBy::Doctor,
            Some(_) => {}
            None => self.known_holds.push((hold.code.clone(), hold.release, true)),
        }
        Ok(Effect::PlaceHold(hold))
    }

    fn release(&mut self, code: String) -> Result<Option<Effect>, ProposalError> {
        self.once("release", &code)?;
        let mut known = self.known_holds.iter_mut().filter(|(known, ..)| *known == code).peekable();
        if known.peek().is_none() {
            return Err(ProposalError::UnknownHold(code));
        }
        match known.find(|(.., active)| *active) {
            None => Ok(None),
            Some((_, ReleaseBy::Doctor, _)) => Err(ProposalError::HoldIsDoctors(code)),
            Some((_, ReleaseBy::Pathway, active)) => {
                *active = false;
                Ok(Some(Effect::LiftHold(code)))
            }
        }
    }

    fn once(&mut self, what: &'static str, code: &str) -> Result<(), ProposalError> {
        valid_code(code)?;
        if self.seen.insert((what, code.to_owned())) {
            Ok(())
        } else {
            Err(ProposalError::Duplicate { what, code: code.to_owned() })
        }
    }
}

fn valid_code(code: &str) -> Result<(), ProposalError> {
    let blank = code.chars().any(|c| c.is_whitespace() || c.is_control());
    if code.is_empty() || blank || code.chars().count() > MAX_CODE {
        return Err(ProposalError::BadCode(code.chars().take(MAX_CODE).collect()));
    }
    Ok(())
}

/// What is wrong with a contact, of a step or a safeguard.
///
/// # Errors
/// The first fault.
pub fn contact_fault(contact: &Contact) -> Result<(), ProposalError> {
    let Contact { code, owner, within_minutes, escalation, recontact_hours, reason, .. } = contact;
    valid_code(code)?;
    // The host makes contacts again under this one.
    let upper = code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if !upper || code.ends_with("_RECONTACT") {
        return Err(ProposalError::BadCode(code.clone()));
    }
    has_text("a contact", reason)?;
    may(("contact", code), *owner, Action::EndSafetyContact)?;
    climbs(("contact", code), escalation, Action::AcknowledgeAlert)?;
    let repeated = recontact_hours.len() <= MAX_RECONTACTS
        && recontact_hours.iter().all(|hours| (1..=MAX_RECONTACT_HOURS).contains(hours));
    match (1..=MAX_SLA_MINUTES).contains(within_minutes) && repeated {
        true => Ok(()),
        false => Err(ProposalError::ContactTime(code.clone())),
    }
}

fn may((what, code): (&'static str, &str), role: PathwayRole, action: Action) -> Result<(), ProposalError> {
    match action.roles().contains(&Role::from(role)) {
        true => Ok(()),
        false => Err(ProposalError::WrongRole { what, code: code.to_owned() }),
    }
}

fn climbs((what, code): (&'static str, &str), to: &[PathwayRole], action: Action) -> Result<(), ProposalError> {
    if to.len() > MAX_ESCALATION {
        return Err(ProposalError::Escalation(code.to_owned()));
    }
    to.iter().try_for_each(|role| may((what, code), *role, action))
}

fn has_text(what: &'static str, text: &LocalizedText) -> Result<(), ProposalError> {
    if text.is_empty() { Err(ProposalError::NoText(what)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{self, NOW},
        pathway::{Departure, Destination, HeldAct, Participant, Repetition, Role},
    };

    fn ask(questionnaire: &str) -> Directive {
        Directive::Ask(Question {
            questionnaire: questionnaire.into(),
            respondent: Role::Patient,
            within_minutes: 60,
            reported: true,
        })
    }

    fn judge(directives: Vec<Directive>) -> Result<Accepted, ProposalError> {
        judge_with(directives, &[])
    }

    fn judge_with(directives: Vec<Directive>, holds: &[HoldRecord]) -> Result<Accepted, ProposalError> {
        let outcome = fixture::outcome(directives);
        fixture::enrolment().accept(&fixture::definition(), &Event::Enrolled, outcome, holds, NOW)
    }

    fn task(code: &str, due: Instant) -> Directive {
        Directive::ScheduleTask(Task {
            code: code.into(),
            title: fixture::text("复查"),
            owner: Role::Patient,
            due,
            window_minutes: 7 * 24 * 60,
            repeat: None,
        })
    }

    fn alert(sla_minutes: u32) -> Directive {
        Directive::RaiseAlert(Alert { sla_minutes, ..fixture::alert() })
    }

    fn hold(code: &str, release: ReleaseBy) -> Directive {
        Directive::Hold(Hold { code: code.into(), release, ..fixture::hold() })
    }

    fn close() -> Directive {
        Directive::Close(fixture::reason("REMISSION"))
    }

    #[test]
    fn takes_a_sound_outcome_whole_and_in_order() {
        let accepted = judge(vec![
            hold("GLUCOSE", ReleaseBy::Doctor),
            alert(15),
            task("visit-7", NOW.plus_days(7)),
            ask("glucose"),
            Directive::CancelTask("old".into()),
        ])
        .expect("sound");
        assert_eq!(accepted.effects.len(), 5);
        assert!(matches!(accepted.effects[0], Effect::PlaceHold(_)));
        let after = fixture::enrolment().advanced(&accepted, NOW);
        assert!(after.is_active() && after.stage == "active");
        assert_eq!(after.state, Some(accepted.state));
    }

    #[test]
    fn state_and_stage_are_the_definitions() {
        let refuse = |change: fn(&mut Outcome)| {
            let mut outcome = fixture::outcome(vec![]);
            change(&mut outcome);
            fixture::enrolment()
                .accept(&fixture::definition(), &Event::Enrolled, outcome, &[], NOW)
                .expect_err("broken")
        };
        assert_eq!(refuse(|o| o.state.data = vec![0; MAX_STATE + 1]), ProposalError::StateTooLarge(MAX_STATE + 1));
        assert_eq!(refuse(|o| o.state.version = 9), ProposalError::StateVersion { found: 9, declared: 1 });
        assert_eq!(refuse(|o| o.stage = "nowhere".into()), ProposalError::UnknownStage("nowhere".into()));
        assert_eq!(refuse(|o| o.directives = vec![alert(1); 101]), ProposalError::TooMany(101));
        assert_eq!(ProposalError::AfterClose.code(), Code::PathwayProposal);
    }

    #[test]
    fn codes_are_codes_and_come_once() {
        let duplicate = |what: &'static str, code: &str| ProposalError::Duplicate { what, code: code.into() };
        let due = NOW.plus_days(1);
        assert_eq!(judge(vec![task("a", due), task("a", due)]).err(), Some(duplicate("task", "a")));
        assert_eq!(judge(vec![alert(1), alert(1)]).err(), Some(duplicate("alert", "GLUCOSE_HIGH")));
        assert_eq!(judge(vec![ask("glucose"), ask("glucose")]).err(), Some(duplicate("request", "glucose")));
        let unknown = judge(vec![ask("phq-9")]).err();
        assert_eq!(unknown, Some(ProposalError::UnknownQuestionnaire("phq-9".into())));
        for bad in ["", "two words", "tab\t", &"x".repeat(65)] {
            assert!(matches!(judge(vec![task(bad, due)]), Err(ProposalError::BadCode(_))), "{bad:?}");
        }
        // Cancelling and rescheduling a timer: one code, two directives.
        assert!(judge(vec![Directive::CancelTask("a".into()), task("a", due)]).is_ok());
    }

    #[test]
    fn times_are_within_reason() {
        assert!(judge(vec![task("a", NOW.plus_hours(-23))]).is_ok());
        assert_eq!(judge(vec![task("a", NOW.plus_hours(-25))]).err(), Some(ProposalError::TaskDue("a".into())));
        assert_eq!(judge(vec![task("a", NOW.plus_days(2000))]).err(), Some(ProposalError::TaskDue("a".into())));
        assert_eq!(judge(vec![alert(0)]).err(), Some(ProposalError::AlertDeadline("GLUCOSE_HIGH".into())));
        assert!(judge(vec![alert(1)]).is_ok());
        assert!(judge(vec![alert(MAX_SLA_MINUTES + 1)]).is_err());
    }

    #[test]
    fn a_timer_that_comes_late_may_schedule_what_is_past_too() {
        let late = Event::TaskDue(crate::pathway::TaskRef { code: "visit-84".into(), due: NOW.plus_days(-280) });
        let judge = |days: i64| {
            let outcome = fixture::outcome(vec![task("visit-174", NOW.plus_days(days))]);
            fixture::enrolment().accept(&fixture::definition(), &late, outcome, &[], NOW)
        };
        assert!(judge(-190).is_ok());
        assert_eq!(judge(-282).err(), Some(ProposalError::TaskDue("visit-174".into())));
    }

    #[test]
    fn what_only_the_pathway_would_lift_ends_with_it() {
        let placed = |code: &str, by| HoldRecord {
            hold: Hold { code: code.into(), release: by, ..fixture::hold() },
            ..fixture::hold_record()
        };
        let holds = [placed("own", ReleaseBy::Pathway), placed("doctors", ReleaseBy::Doctor)];
        let last = [Effect::LiftHold("own".into()), Effect::CancelAllTasks, Effect::WithdrawAllRequests];
        assert_eq!(judge_with(vec![close()], &holds).expect("closed").effects, last);
        assert_eq!(
            fixture::enrolment().leave(&holds, EndCause::Withdrawn).effects,
            last,
            "also if the pathway cannot be asked"
        );
    }

    #[test]
    fn a_pathway_lifts_only_its_own_holds_that_are_not_the_doctors() {
        let release = |code: &str| Directive::Release(code.into());
        let placed = |by| HoldRecord { hold: Hold { release: by, ..fixture::hold() }, ..fixture::hold_record() };
        let code = fixture::hold().code;

        assert_eq!(judge(vec![release(&code)]).err(), Some(ProposalError::UnknownHold(code.clone())));
        let doctors = judge_with(vec![release(&code)], &[placed(ReleaseBy::Doctor)]);
        assert_eq!(doctors.err(), Some(ProposalError::HoldIsDoctors(code.clone())));
        let own = judge_with(vec![release(&code)], &[placed(ReleaseBy::Pathway)]).expect("its own");
        assert_eq!(own.effects, [Effect::LiftHold(code.clone())]);

        let mut strangers = placed(ReleaseBy::Pathway);
        strangers.enrolment = crate::id::EnrolmentId::from_u128(999);
        assert!(judge_with(vec![release(&code)], &[strangers]).is_err());

        let lifted = placed(ReleaseBy::Doctor).release_by(&fixture::doctor(), "复测正常".into(), NOW).expect("lifted");
        assert_eq!(judge_with(vec![release(&code)], &[lifted]).expect("no fault").effects, []);
    }

    #[test]
    fn a_standing_hold_may_be_placed_again_and_is_lifted_once() {
        let again = judge_with(vec![Directive::Hold(fixture::hold())], &[fixture::hold_record()]);
        assert_eq!(again.expect("no fault").effects, [Effect::PlaceHold(fixture::hold())]);
    }

    #[test]
    fn nothing_follows_the_end() {
        assert_eq!(judge(vec![close(), alert(1)]).err(), Some(ProposalError::AfterClose));
        let accepted = judge(vec![alert(1), close()]).expect("closed");
        assert_eq!(accepted.effects.last(), Some(&Effect::WithdrawAllRequests));
        let ended = fixture::enrolment().advanced(&accepted, NOW);
        let refused = ended.accept(&fixture::definition(), &Event::Enrolled, fixture::outcome(vec![]), &[], NOW);
        assert_eq!(refused.err(), Some(ProposalError::Ended));
    }

    #[test]
    fn whoever_leaves_has_left() {
        let outcome = fixture::outcome(vec![alert(1)]);
        let accepted = fixture::enrolment()
            .accept(&fixture::definition(), &Event::Departed(Departure::Withdrawn), outcome, &[], NOW)
            .expect("withdrawn");
        assert_eq!(accepted.effects, [Effect::CancelAllTasks, Effect::WithdrawAllRequests]);
        assert_eq!(accepted.ended, Some(EndCause::Withdrawn));
    }

    #[test]
    fn texts_say_something() {
        let silent = Directive::ProposeNote(LocalizedText::default());
        assert_eq!(judge(vec![silent]).err(), Some(ProposalError::NoText("a note")));
        let lab = LabRequest { tracked: None, tests: vec![], reason: None };
        assert_eq!(judge(vec![Directive::RequestLab(lab)]).err(), Some(ProposalError::NoTests));
    }

    fn contact() -> Contact {
        Contact {
            code: "SUICIDE_RISK".into(),
            owner: Role::Doctor,
            within_minutes: 5,
            escalation: vec![Role::Psychotherapist],
            helplines: Vec::new(),
            inform_kin: false,
            locks_visit: true,
            recontact_hours: vec![24, 72, 168],
            reason: fixture::text("联系患者"),
            citation: fixture::alert().citation,
        }
    }

    fn team(participants: Vec<Participant>) -> Directive {
        Directive::Convene(Team {
            code: "mdt".into(),
            question: fixture::text("方案"),
            participants,
            deadline: NOW.plus_days(14),
            citation: fixture::alert().citation,
        })
    }

    fn seat(role: Role) -> Participant {
        Participant { role, discipline: None, responsibility: LocalizedText::default() }
    }

    #[test]
    fn what_is_given_to_somebody_is_given_to_who_may_do_it() {
        let fault = |change: fn(&mut Contact)| {
            let mut contact = contact();
            change(&mut contact);
            judge(vec![Directive::Contact(contact)]).err()
        };
        let wrong = |what| Some(ProposalError::WrongRole { what, code: "SUICIDE_RISK".into() });
        for code in ["suicide-risk", "SUICIDE_RISK_RECONTACT"] {
            let contact = Contact { code: code.into(), ..contact() };
            let refused = judge(vec![Directive::Contact(contact)]).err();
            assert_eq!(refused, Some(ProposalError::BadCode(code.into())), "{code}");
        }
        let time = Some(ProposalError::ContactTime("SUICIDE_RISK".into()));
        assert_eq!(fault(|_| ()), None);
        assert_eq!(fault(|it| it.owner = Role::Assistant), wrong("contact"));
        assert_eq!(fault(|it| it.escalation = vec![Role::Patient]), wrong("contact"));
        assert_eq!(
            fault(|it| it.escalation = vec![Role::Nurse; 9]),
            Some(ProposalError::Escalation("SUICIDE_RISK".into()))
        );
        assert_eq!(fault(|it| it.within_minutes = 0), time);
        assert_eq!(fault(|it| it.recontact_hours = vec![0]), time);
        assert_eq!(fault(|it| it.recontact_hours = vec![1; 11]), time);
        assert_eq!(fault(|it| it.reason = LocalizedText::default()), Some(ProposalError::NoText("a contact")));
        let asked = Directive::Ask(Question {
            questionnaire: "glucose".into(),
            respondent: Role::Pharmacist,
            within_minutes: 60,
            reported: true,
        });
        let refused = ProposalError::WrongRole { what: "questionnaire", code: "glucose".into() };
        assert_eq!(judge(vec![asked]).err(), Some(refused));
    }

    #[test]
    fn a_team_is_of_several_different_people() {
        let fault = Some(ProposalError::Participants("mdt".into()));
        assert_eq!(judge(vec![team(vec![seat(Role::Doctor)])]).err(), fault);
        assert_eq!(judge(vec![team(vec![seat(Role::Doctor), seat(Role::Doctor)])]).err(), fault);
        let of_a_discipline = Participant {
            discipline: Some(crate::coding::Coding::new("urn:xinglin:department", "psychiatry")),
            ..seat(Role::Doctor)
        };
        assert!(judge(vec![team(vec![seat(Role::Doctor), of_a_discipline])]).is_ok());
        let patient = judge(vec![team(vec![seat(Role::Doctor), seat(Role::Guardian)])]).err();
        assert_eq!(patient, Some(ProposalError::WrongRole { what: "team", code: "mdt".into() }));
    }

    #[test]
    fn requests_end_within_reason_and_have_codes_of_their_own() {
        let refer = |by: Instant| {
            Directive::Refer(Referral {
                tracked: Some(Tracked { code: "retina".into(), by }),
                destination: Destination::Offline(None),
                reason: fixture::text("眼底检查"),
                recontact_days: None,
                citation: fixture::alert().citation,
            })
        };
        let out = Some(ProposalError::RequestEnd("retina".into()));
        assert_eq!(judge(vec![refer(NOW)]).err(), out);
        assert!(judge(vec![refer(NOW.plus_minutes(1))]).is_ok());
        assert!(judge(vec![refer(NOW.plus_days(366))]).is_ok());
        assert_eq!(judge(vec![refer(NOW.plus_days(367))]).err(), out);
        let twice = judge(vec![refer(NOW.plus_days(1)), refer(NOW.plus_days(2))]).err();
        assert_eq!(twice, Some(ProposalError::Duplicate { what: "request", code: "retina".into() }));
    }

    #[test]
    fn a_hold_stops_something_and_a_task_repeats_sometime() {
        let hold =
            |stops: &[HeldAct]| Directive::Hold(Hold { stops: stops.iter().copied().collect(), ..fixture::hold() });
        let nothing = judge(vec![hold(&[])]).err();
        assert_eq!(nothing, Some(ProposalError::StopsNothing(fixture::hold().code)));
        assert!(judge(vec![hold(&[HeldAct::Dispense])]).is_ok());
        let repeated = |every_days, times| match task("a", NOW) {
            Directive::ScheduleTask(task) => {
                Directive::ScheduleTask(Task { repeat: Some(Repetition { every_days, times }), ..task })
            }
            other => other,
        };
        assert!(judge(vec![repeated(1, None)]).is_ok());
        assert_eq!(judge(vec![repeated(0, None)]).err(), Some(ProposalError::TaskRepetition("a".into())));
        assert_eq!(judge(vec![repeated(1, Some(0))]).err(), Some(ProposalError::TaskRepetition("a".into())));
    }
}
