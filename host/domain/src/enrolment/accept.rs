//! Checks what a pathway proposes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{EndCause, Enrolment, HoldRecord, Left};
use crate::{
    code::Code,
    coding::{Coding, LocalizedText},
    pathway::{Alert, Definition, Directive, Event, Hold, Message, Outcome, Referral, ReleaseBy, State, Task},
    time::Instant,
};

/// Maximum size of a state, in bytes.
const MAX_STATE: usize = 64 * 1024;
/// Maximum number of directives of one step.
const MAX_DIRECTIVES: usize = 64;
/// How many days before its event a task may be due.
const MAX_PAST_DAYS: i64 = 1;
/// How many days ahead a task may be due.
const MAX_FUTURE_DAYS: i64 = 3 * 366;
/// Maximum days of grace of a task.
const MAX_WINDOW_DAYS: u16 = 366;
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
    /// Send this questionnaire to the patient.
    Ask(String),
    /// Send a message to the patient.
    SendMessage(Message),
    /// Raise an alert.
    RaiseAlert(Alert),
    /// Record a referral and notify the patient.
    Refer(Referral),
    /// Request a doctor's order of tests.
    RequestLab(Vec<Coding>),
    /// Place a hold on online prescribing.
    PlaceHold(Hold),
    /// Release the active hold of this code.
    LiftHold(String),
    /// Store a draft note for the doctor.
    DraftNote(LocalizedText),
    /// Cancel all open timers: the enrolment has ended.
    CancelAllTasks,
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
    /// The grace period is too long.
    #[error("task `{0}` has more than {MAX_WINDOW_DAYS} days of grace")]
    TaskWindow(String),
    /// The deadline of an alert is zero or too long.
    #[error("alert `{0}` gives no time, or more than {MAX_SLA_MINUTES} minutes")]
    AlertDeadline(String),
    /// The recontact period is zero or too long.
    #[error("a referral wants contact after more than {MAX_RECONTACT_DAYS} days")]
    Recontact,
    /// An empty text.
    #[error("{0} has no text")]
    NoText(&'static str),
    /// A request without tests.
    #[error("a laboratory request names no test")]
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
        let withdrawn = matches!(event, Event::Withdrawn);
        if withdrawn {
            directives.retain(|directive| matches!(directive, Directive::Close(_)));
        }
        // A timer may come late, after the host was down: what is due after it may be past too.
        let told = match event {
            Event::TaskDue(task) => task.due.min(now),
            _ => now,
        };
        let mut judge = Judge::new(self, definition, holds, (told, now));
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
        .chain([Effect::CancelAllTasks])
}

/// Checks the directives in order, with what was seen so far.
struct Judge<'a> {
    definition: &'a Definition,
    now: Instant,
    /// When the event was due, at most `now`.
    told: Instant,
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
        (told, now): (Instant, Instant),
    ) -> Self {
        let known_holds = enrolment.own(holds);
        Self { definition, now, told, known_holds, seen: BTreeSet::new(), effects: Vec::new(), ended: None }
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
            Directive::Ask(code) => {
                self.once("questionnaire", &code)?;
                if !self.definition.questionnaires.iter().any(|known| known.code == code) {
                    return Err(ProposalError::UnknownQuestionnaire(code));
                }
                Effect::Ask(code)
            }
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
                Effect::RaiseAlert(alert)
            }
            Directive::Refer(referral) => {
                has_text("a referral", &referral.reason)?;
                if referral.recontact_days.is_some_and(|days| days > MAX_RECONTACT_DAYS) {
                    return Err(ProposalError::Recontact);
                }
                Effect::Refer(referral)
            }
            Directive::RequestLab(tests) if tests.is_empty() => return Err(ProposalError::NoTests),
            Directive::RequestLab(tests) => Effect::RequestLab(tests),
            Directive::HoldPrescribing(hold) => match self.hold(hold)? {
                Some(effect) => effect,
                None => return Ok(()),
            },
            Directive::ReleasePrescribing(code) => match self.release(code)? {
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
        let earliest = self.told.plus_days(-MAX_PAST_DAYS);
        let latest = self.now.plus_days(MAX_FUTURE_DAYS);
        if !(earliest..=latest).contains(&task.due) {
            return Err(ProposalError::TaskDue(task.code));
        }
        if task.window_days > MAX_WINDOW_DAYS {
            return Err(ProposalError::TaskWindow(task.code));
        }
        Ok(Effect::ScheduleTask(task))
    }

    fn hold(&mut self, hold: Hold) -> Result<Option<Effect>, ProposalError> {
        self.once("hold", &hold.code)?;
        has_text("a hold", &hold.reason)?;
        if self.known_holds.iter().any(|(code, _, active)| *active && *code == hold.code) {
            return Ok(None);
        }
        self.known_holds.push((hold.code.clone(), hold.release, true));
        Ok(Some(Effect::PlaceHold(hold)))
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

fn has_text(what: &'static str, text: &LocalizedText) -> Result<(), ProposalError> {
    if text.is_empty() { Err(ProposalError::NoText(what)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{self, NOW},
        pathway::{ReleaseBy, Role},
    };

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
            window_days: 7,
        })
    }

    fn alert(sla_minutes: u32) -> Directive {
        Directive::RaiseAlert(Alert { sla_minutes, ..fixture::alert() })
    }

    fn hold(code: &str, release: ReleaseBy) -> Directive {
        Directive::HoldPrescribing(Hold { code: code.into(), release, ..fixture::hold() })
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
            Directive::Ask("glucose".into()),
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
        assert_eq!(refuse(|o| o.directives = vec![alert(1); 65]), ProposalError::TooMany(65));
        assert_eq!(ProposalError::AfterClose.code(), Code::PathwayProposal);
    }

    #[test]
    fn codes_are_codes_and_come_once() {
        let duplicate = |what: &'static str, code: &str| ProposalError::Duplicate { what, code: code.into() };
        let due = NOW.plus_days(1);
        assert_eq!(judge(vec![task("a", due), task("a", due)]).err(), Some(duplicate("task", "a")));
        assert_eq!(judge(vec![alert(1), alert(1)]).err(), Some(duplicate("alert", "GLUCOSE_HIGH")));
        let ask = || Directive::Ask("glucose".into());
        assert_eq!(judge(vec![ask(), ask()]).err(), Some(duplicate("questionnaire", "glucose")));
        let unknown = judge(vec![Directive::Ask("phq-9".into())]).err();
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
        let last = [Effect::LiftHold("own".into()), Effect::CancelAllTasks];
        assert_eq!(judge_with(vec![close()], &holds).expect("closed").effects, last);
        assert_eq!(
            fixture::enrolment().leave(&holds, EndCause::Withdrawn).effects,
            last,
            "also if the pathway cannot be asked"
        );
    }

    #[test]
    fn a_pathway_lifts_only_its_own_holds_that_are_not_the_doctors() {
        let release = |code: &str| Directive::ReleasePrescribing(code.into());
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
    fn a_standing_hold_is_not_placed_twice() {
        let again = judge_with(vec![Directive::HoldPrescribing(fixture::hold())], &[fixture::hold_record()]);
        assert_eq!(again.expect("no fault").effects, []);
    }

    #[test]
    fn nothing_follows_the_end() {
        assert_eq!(judge(vec![close(), alert(1)]).err(), Some(ProposalError::AfterClose));
        let accepted = judge(vec![alert(1), close()]).expect("closed");
        assert_eq!(accepted.effects.last(), Some(&Effect::CancelAllTasks));
        let ended = fixture::enrolment().advanced(&accepted, NOW);
        let refused = ended.accept(&fixture::definition(), &Event::Enrolled, fixture::outcome(vec![]), &[], NOW);
        assert_eq!(refused.err(), Some(ProposalError::Ended));
    }

    #[test]
    fn whoever_leaves_has_left() {
        let outcome = fixture::outcome(vec![alert(1)]);
        let accepted = fixture::enrolment()
            .accept(&fixture::definition(), &Event::Withdrawn, outcome, &[], NOW)
            .expect("withdrawn");
        assert_eq!(accepted.effects, [Effect::CancelAllTasks]);
        assert_eq!(accepted.ended, Some(EndCause::Withdrawn));
    }

    #[test]
    fn texts_say_something() {
        let silent = Directive::ProposeNote(LocalizedText::default());
        assert_eq!(judge(vec![silent]).err(), Some(ProposalError::NoText("a note")));
        assert_eq!(judge(vec![Directive::RequestLab(vec![])]).err(), Some(ProposalError::NoTests));
    }
}
