//! Runs a patient through a pathway of 1.1 over time; every directive is carried out as the host would.

mod answer;
mod clock;
mod form;
mod judge;
mod open;
mod request;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

use super::{
    Host, Patient, START,
    manifest::{data_needs, need},
    pathway_run::{check_state, unique},
};
use crate::{
    Plugin,
    clinical::Observation,
    follow_up::{
        Acts, Alert, Contact, DataNeed, Definition, Departure, Directive, Eligibility, Error, Event, FollowUp, Hold,
        Message, Outcome, Provenance, Reading, Reason, Referral, RequestEnd, Role, State, Task,
        migration::{Migrated, Migration},
    },
    pathway,
    time::Instant,
    types::{Attribute, Coding},
};

pub use self::open::ContactEnd;
use self::{form::Form, judge::Judge, open::Open};

type Migrate = fn(State, String) -> Result<Migrated, Error>;

/// One patient, one pathway, a clock.
///
/// Not simulated: units other than those that are asked for, and values that cannot be true, which the real host keeps
/// from a pathway; what the host itself finds in answers about suicide.
#[derive(Debug)]
pub struct FollowUpRun<P> {
    host: Host,
    /// The record. A test may change it between steps.
    pub patient: Patient,
    definition: Definition,
    needs: Vec<pathway::DataNeed>,
    migrate: Option<Migrate>,
    now: Instant,
    state: Option<State>,
    stage: String,
    open: Open,
    /// All directives so far.
    journal: Vec<(Instant, Directive)>,
    ended: Option<Ended>,
    plugin: PhantomData<P>,
}

/// How an enrolment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The pathway closed it.
    Closed(Reason),
    /// The patient left.
    Departed(Departure),
}

impl<P: FollowUp + Plugin> FollowUpRun<P> {
    /// Screens and enrols a patient at [`START`].
    ///
    /// # Panics
    /// If the pathway refuses the patient, or the host would refuse the definition.
    #[track_caller]
    pub fn enrol(patient: Patient) -> Self {
        Self::enrol_on(Host::of::<P>(), patient)
    }

    /// The same with a given host, for example with other settings.
    ///
    /// # Panics
    /// As [`FollowUpRun::enrol`].
    #[track_caller]
    pub fn enrol_on(host: Host, patient: Patient) -> Self {
        let mut run = Self::before(host, patient);
        let snapshot = run.patient.snapshot_for(&run.needs, run.now);
        run.host.about(&run.patient, run.now);
        match run.host.call_twice(|| P::screen(snapshot.clone(), START)) {
            Ok(Eligibility::Eligible) => {}
            other => panic!("the pathway does not take this patient: {other:?}"),
        }
        run.step(Event::Enrolled);
        run
    }

    /// A patient who was enrolled before [`START`], as the pathway has left them: with its state, the stage, and what it
    /// asked for then, which is carried out now.
    ///
    /// # Panics
    /// If the host would refuse the definition.
    #[track_caller]
    pub fn continued(host: Host, patient: Patient, (state, stage): (State, &str), asked: &[Directive]) -> Self {
        let mut run = Self::before(host, patient);
        run.state = Some(state);
        stage.clone_into(&mut run.stage);
        for directive in asked {
            run.open.carry_out(directive, START).expect("at most a hundred requests");
        }
        run
    }

    #[track_caller]
    fn before(mut host: Host, mut patient: Patient) -> Self {
        let definition = host.call_twice(P::describe);
        check::<P>(&definition);
        patient.advance_to(START);
        let needs = definition.data_needs.iter().map(need).collect();
        Self {
            host,
            patient,
            definition,
            needs,
            migrate: None,
            now: START,
            state: None,
            stage: String::new(),
            open: Open::default(),
            journal: Vec::new(),
            ended: None,
            plugin: PhantomData,
        }
    }

    /// Delivers an event. Returns the directives, already carried out.
    ///
    /// # Panics
    /// If the pathway could not decide, or the host would refuse the step.
    #[track_caller]
    pub fn step(&mut self, event: Event) -> Vec<Directive> {
        self.try_step(event).unwrap_or_else(|error| panic!("the pathway could not decide: {error:?}"))
    }

    /// Delivers an event that the pathway may be unable to decide. Nothing is changed then.
    ///
    /// # Errors
    /// The pathway's error, also of its migration.
    ///
    /// # Panics
    /// If the host would refuse the step, or a second call with the same arguments gives another outcome.
    #[track_caller]
    pub fn try_step(&mut self, event: Event) -> Result<Vec<Directive>, Error> {
        assert!(self.ended.is_none(), "the enrolment has ended: {:?}", self.ended);
        let snapshot = self.patient.snapshot_for(&self.needs, self.now);
        self.host.about(&self.patient, self.now);
        let state = self.migrated()?;
        let now = self.now;
        let outcome = self.host.call_twice(|| P::step(state.clone(), event.clone(), snapshot.clone(), now))?;
        let Outcome { state, stage, mut directives } = outcome;
        let stages = self.definition.stages.iter().map(|stage| stage.code.as_str());
        check_state((state.version, state.data.len()), self.definition.state_version, (stages, &stage));
        let departing = match &event {
            Event::Departed(how) => Some(*how),
            _ => None,
        };
        if departing.is_some() {
            directives.retain(|directive| matches!(directive, Directive::Close(_)));
        }
        let told = match &event {
            Event::TaskDue(task) => task.due.min(now),
            _ => now,
        };
        let holds = self.open.holds.iter().map(|(hold, active)| (hold.code.clone(), hold.release, *active)).collect();
        let (definition, seen) = (&self.definition, BTreeSet::new());
        let at_timer = matches!(event, Event::TaskDue(_));
        let judged = Judge { definition, now, told, at_timer, holds, seen, closed: false }.take_all(directives.iter());
        judged.unwrap_or_else(|fault| panic!("the host refuses the step: {fault}"));
        self.state = Some(state);
        self.stage = stage;
        for directive in &directives {
            let carried = self.open.carry_out(directive, now);
            carried.unwrap_or_else(|fault| panic!("the host refuses the step: {fault}"));
            if let Directive::Close(reason) = directive {
                self.ended = Some(Ended::Closed(reason.clone()));
            }
            self.journal.push((now, directive.clone()));
        }
        self.ended = departing.map(Ended::Departed).or(self.ended.take());
        if self.ended.is_some() {
            self.open.end();
        }
        for code in std::mem::take(&mut self.open.overdue) {
            self.ended_request(code, RequestEnd::Lapsed, Vec::new());
        }
        Ok(directives)
    }

    /// What the component makes of a state of another version; as it is, without a migration.
    #[track_caller]
    fn migrated(&mut self) -> Result<Option<State>, Error> {
        let (Some(state), Some(migrate)) = (&self.state, self.migrate) else { return Ok(self.state.clone()) };
        if state.version == self.definition.state_version {
            return Ok(Some(state.clone()));
        }
        let (state, stage) = (state.clone(), self.stage.clone());
        let migrated = self.host.call_twice(|| migrate(state.clone(), stage.clone()))?;
        let known = self.definition.stages.iter().any(|stage| stage.code == migrated.stage);
        assert!(known, "migrated to `{}`, which is not a stage of the definition", migrated.stage);
        let found = migrated.state.version;
        assert_eq!(found, self.definition.state_version, "migrated to another version than the declared one");
        Ok(Some(migrated.state))
    }

    /// An event, unless the enrolment has ended meanwhile.
    #[track_caller]
    fn tell(&mut self, event: Event) -> Vec<Directive> {
        if self.ended.is_some() { Vec::new() } else { self.step(event) }
    }

    /// Adds a measurement.
    #[track_caller]
    pub fn observe(&mut self, code: Coding, value: &str, unit: &str, provenance: Provenance) -> Vec<Directive> {
        let observation = self.patient.measurement(code, value, unit);
        self.observed(observation, provenance)
    }

    /// Adds an observation of any kind, then ends the laboratory requests that waited for it alone, which what a patient
    /// types does not. The pathway is told if
    /// it needs the code or has answers recorded under it, and the record does not say the same of this moment already.
    #[track_caller]
    pub fn observed(&mut self, mut observation: Observation, provenance: Provenance) -> Vec<Directive> {
        if provenance == Provenance::SelfReported {
            observation.attributes.push(Attribute::new("xinglin.self-reported", true));
        }
        let known = self.patient.snapshot(self.now).observations;
        let repeated = known.iter().any(|one| {
            (&one.code, one.effective, &one.value, &one.components)
                == (&observation.code, observation.effective, &observation.value, &observation.components)
        });
        self.patient.record(observation.clone());
        if repeated || !hears_of(&self.definition, &observation.code) {
            return Vec::new();
        }
        // Before the pathway is told, which may ask again.
        let fulfilled = match provenance {
            Provenance::SelfReported => Vec::new(),
            _ => self.open.result(&observation.code),
        };
        let mut directives = self.tell(Event::Observed(Reading { observation, provenance }));
        for code in fulfilled {
            directives.extend(self.ended_request(code, RequestEnd::Fulfilled, Vec::new()));
        }
        directives
    }

    /// Somebody does a task: the last of its code that came due, or the next.
    ///
    /// # Panics
    /// If there is none with this code, or it is a repetition before the one before it was due.
    #[track_caller]
    pub fn complete(&mut self, code: &str) -> Vec<Directive> {
        self.end_task(code, crate::follow_up::TaskEnd::Done)
    }

    /// The patient does not want it, or staff give it up; the next of its repetitions comes all the same.
    ///
    /// # Panics
    /// If there is none with this code.
    #[track_caller]
    pub fn decline(&mut self, code: &str) -> Vec<Directive> {
        self.end_task(code, crate::follow_up::TaskEnd::Declined)
    }

    /// A doctor releases a hold.
    ///
    /// # Panics
    /// If there is none with this code.
    #[track_caller]
    pub fn release(&mut self, hold: &str) -> Vec<Directive> {
        assert!(self.holds().contains(&hold), "no hold `{hold}`");
        self.open.lift(hold);
        self.tell(Event::HoldReleased(hold.to_owned()))
    }

    /// Somebody takes up an alert.
    ///
    /// # Panics
    /// If none with this code is open.
    #[track_caller]
    pub fn acknowledge(&mut self, alert: &str) -> Vec<Directive> {
        let at = self.open.alerts.iter().position(|open| open.code == alert);
        self.open.alerts.remove(at.unwrap_or_else(|| panic!("no open alert `{alert}`")));
        self.tell(Event::AlertAcknowledged(alert.to_owned()))
    }

    /// The patient leaves.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    #[track_caller]
    pub fn depart(&mut self, how: Departure) -> Vec<Directive> {
        self.step(Event::Departed(how))
    }

    /// The current time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The definition of the pathway.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The current stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// The pathway's state.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// How the enrolment ended, if it did.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// The next task of a code; one that came due, if none is to come.
    pub fn task(&self, code: &str) -> Option<&Task> {
        let of_code = self.open.tasks.iter().filter(|one| one.task.code == code && one.can_be_done());
        of_code.min_by_key(|one| (one.told.is_some(), one.task.due)).map(|one| &one.task)
    }

    /// Codes of the tasks that are to come, or can still be done.
    pub fn open_tasks(&self) -> Vec<&str> {
        let codes: BTreeSet<&str> = self.pending().map(|task| task.code.as_str()).collect();
        codes.into_iter().collect()
    }

    /// Codes of the tasks that are due and not done, with whose they are.
    pub fn due_tasks(&self) -> Vec<(&str, Role)> {
        let due = self.pending().filter(|task| task.due <= self.now);
        let once: BTreeMap<&str, Role> = due.map(|task| (task.code.as_str(), task.owner)).collect();
        once.into_iter().collect()
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = &Task> {
        self.open.tasks.iter().filter(|one| one.can_be_done()).map(|one| &one.task)
    }

    /// Codes of the open referrals, laboratory requests, teams and questions.
    pub fn open_requests(&self) -> Vec<&str> {
        self.open.requests.keys().map(String::as_str).collect()
    }

    /// Until when an open request has time.
    pub fn request_ends(&self, code: &str) -> Option<Instant> {
        self.open.requests.get(code).map(|request| request.by)
    }

    /// Questionnaires that were asked once more, and when.
    pub fn reminders(&self) -> &[(Instant, String)] {
        &self.open.reminders
    }

    /// Open contacts, of directives and safeguards.
    pub fn contacts(&self) -> Vec<&Contact> {
        self.open.contacts.iter().map(|open| &open.contact).collect()
    }

    /// Until when an open contact must take place.
    pub fn contact_by(&self, code: &str) -> Option<Instant> {
        self.open.contacts.iter().find(|open| open.contact.code == code).map(|open| open.deadline)
    }

    /// Whether an open contact locks the visit: nothing is prescribed or charged.
    pub fn is_locked(&self) -> bool {
        self.open.contacts.iter().any(|open| open.contact.locks_visit)
    }

    /// Codes of the active holds.
    pub fn holds(&self) -> Vec<&str> {
        self.open.active_holds().map(|hold| hold.code.as_str()).collect()
    }

    /// An active hold.
    pub fn hold(&self, code: &str) -> Option<&Hold> {
        self.open.active_holds().find(|hold| hold.code == code)
    }

    /// Whether a hold stops an act with a medicine.
    pub fn is_held(&self, act: Acts, medicine: &Coding) -> bool {
        self.open.is_held(act, medicine)
    }

    /// Codes of the alerts that the host itself raised, with their times: what lapsed, which tests are wanted, whom to
    /// contact again after a referral, a note that is proposed.
    pub fn notices(&self) -> &[(Instant, &'static str)] {
        &self.open.notices
    }

    /// All directives so far, with their times.
    pub fn journal(&self) -> &[(Instant, Directive)] {
        &self.journal
    }

    /// Codes of all alerts so far, in order.
    pub fn alerts(&self) -> Vec<&str> {
        self.asked(alert).into_iter().map(|alert| alert.code.as_str()).collect()
    }

    /// The last alert with this code.
    pub fn alert(&self, code: &str) -> Option<&Alert> {
        self.asked(alert).into_iter().rfind(|alert| alert.code == code)
    }

    /// All referrals so far.
    pub fn referrals(&self) -> Vec<&Referral> {
        self.asked(|directive| if let Directive::Refer(referral) = directive { Some(referral) } else { None })
    }

    /// All messages to the patient so far.
    pub fn messages(&self) -> Vec<&Message> {
        self.asked(|directive| if let Directive::SendMessage(message) = directive { Some(message) } else { None })
    }

    /// The host, for its log.
    pub fn host(&self) -> &Host {
        &self.host
    }

    fn asked<'a, T>(&'a self, pick: impl Fn(&'a Directive) -> Option<&'a T>) -> Vec<&'a T> {
        self.journal.iter().filter_map(|(_, directive)| pick(directive)).collect()
    }

    pub(super) fn snapshot(&self) -> crate::clinical::Snapshot {
        self.patient.snapshot_for(&self.needs, self.now)
    }
}

impl<P: FollowUp + Migration + Plugin> FollowUpRun<P> {
    /// As [`continued`](Self::continued), with the state of another version, which the component is asked to take over
    /// before its first step.
    ///
    /// # Panics
    /// If the host would refuse the definition.
    #[track_caller]
    pub fn migrating(host: Host, patient: Patient, left: (State, &str), asked: &[Directive]) -> Self {
        Self { migrate: Some(<P as Migration>::migrate), ..Self::continued(host, patient, left, asked) }
    }
}

fn alert(directive: &Directive) -> Option<&Alert> {
    match directive {
        Directive::RaiseAlert(alert) => Some(alert),
        _ => None,
    }
}

/// Whether the pathway is told of an observation with these codes.
fn hears_of(definition: &Definition, codes: &[Coding]) -> bool {
    let needed = definition.data_needs.iter().flat_map(|need| match need {
        DataNeed::Observations(codes) => codes.as_slice(),
        _ => &[],
    });
    let recorded = definition.questionnaires.iter().flat_map(|one| {
        let items = one.items.iter().filter_map(|item| item.records_as.as_ref());
        items.chain(one.scores.iter().map(|score| &score.code))
    });
    needed.chain(recorded).any(|declared| codes.iter().any(|code| code.same(declared)))
}

/// Checks of the host when the plugin is enabled.
#[track_caller]
fn check<P: Plugin>(definition: &Definition) {
    assert!(!definition.stages.is_empty(), "a pathway has a first stage");
    unique("stage", definition.stages.iter().map(|stage| stage.code.as_str()));
    unique("questionnaire", definition.questionnaires.iter().map(|q| q.code.as_str()));
    for questionnaire in &definition.questionnaires {
        if let Some(fault) = Form(questionnaire).fault() {
            panic!("the host refuses the questionnaire `{}`: {fault}", questionnaire.code);
        }
    }
    let declared = data_needs::<P>();
    let known = |wanted: &Coding| {
        let in_need = |need: &pathway::DataNeed| matches!(need, pathway::DataNeed::Observations(codes) if codes.iter().any(|code| code.same(wanted)));
        declared.iter().any(in_need)
    };
    for wanted in &definition.data_needs {
        match wanted {
            DataNeed::Observations(codes) => {
                let unknown = codes.iter().find(|code| !known(code));
                assert!(unknown.is_none(), "plugin.toml does not declare observations of {unknown:?}");
            }
            other => assert!(declared.contains(&need(other)), "plugin.toml does not declare {other:?}"),
        }
    }
}

/// Roles that speak for the patient: what they say is never a laboratory result.
fn is_layman(role: Role) -> bool {
    matches!(role, Role::Patient | Role::Guardian)
}
