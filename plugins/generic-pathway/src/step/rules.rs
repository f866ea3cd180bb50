//! Rules and exits.

use xinglin_pathway_file::{
    condition::{Condition, Term, evaluate},
    model::{Action, Exit, Rule},
};
use xinglin_sdk::{
    pathway::{Alert, Destination, Directive, Hold, Message, Referral, ReleaseBy, Role, Severity},
    types::{Coding, LocalizedText, zh_en},
};

use super::{Step, Touched};
use crate::{
    facts,
    text::{citation, role, severity, text},
};

/// Of a rule without one; a file that was checked has none.
const DEFAULT_MINUTES: u32 = 60;
/// Days after which a referral without `recontact_days` may be repeated: a project default.
const DEFAULT_RECONTACT: u16 = 14;

impl<'a> Step<'a> {
    pub(super) fn fire_rules(&mut self) {
        let Some(stage) = self.stage() else { return };
        let every = self.file.rules.iter().map(|rule| (format!("*/{}", rule.code), rule));
        let own = stage.rules.iter().map(|rule| (format!("{}/{}", stage.code, rule.code), rule));
        for (key, rule) in every.chain(own) {
            match evaluate(&rule.condition.expression, &self.known()) {
                Some(true) => {
                    let is_new = self.memory.firing.insert(key);
                    if (is_new || self.touches(&rule.condition)) && self.fired.insert(&rule.code) {
                        self.fire(rule);
                    }
                }
                Some(false) => {
                    self.memory.firing.remove(&key);
                }
                None => {}
            }
        }
    }

    /// The first exit whose condition is fulfilled, with that of the stage behind it.
    pub(super) fn open_exit(&self) -> Option<&'a Exit> {
        let known = self.known();
        let is_true = |condition: &Condition| evaluate(&condition.expression, &known) == Some(true);
        self.stage()?.exit.iter().find(|exit| {
            let behind = exit.to.as_deref().map(|to| self.file.stage(to));
            let enters = match behind {
                Some(Some(stage)) => stage.entry.as_ref().is_none_or(is_true),
                Some(None) => false,
                None => exit.close.is_some(),
            };
            enters && is_true(&exit.condition)
        })
    }

    /// Whether the event brought something that the condition looks at.
    fn touches(&self, condition: &Condition) -> bool {
        condition.expression.terms().any(|term| {
            let touched = match term {
                Term::Answer { questionnaire, .. } => Touched::Questionnaire(questionnaire.clone()),
                Term::Missed(task) => Touched::Task(task.clone()),
                term => match term.measured().and_then(|code| self.file.measure(code)) {
                    Some(measure) => Touched::Measure(measure.code.clone()),
                    None => return false,
                },
            };
            self.touched.contains(&touched)
        })
    }

    fn fire(&mut self, rule: &'a Rule) {
        let said = self.with_values(rule);
        let cited = citation(self.file, rule.citation.as_ref());
        let hold = rule.code.to_ascii_lowercase().replace('_', "-");
        for action in rule.actions() {
            let directive = match action {
                Action::Alert => Directive::RaiseAlert(Alert {
                    code: rule.code.clone(),
                    severity: rule.severity.map_or(Severity::Warning, severity),
                    message: said.clone(),
                    owner: rule.actor.map_or(Role::Doctor, role),
                    sla_minutes: rule.sla_min.unwrap_or(DEFAULT_MINUTES),
                    citation: cited.clone(),
                }),
                Action::StopOnline | Action::PauseOnline => {
                    let doctors = action == Action::StopOnline;
                    self.memory.holds.insert(hold.clone(), doctors);
                    Directive::HoldPrescribing(Hold {
                        code: hold.clone(),
                        reason: said.clone(),
                        release: if doctors { ReleaseBy::Doctor } else { ReleaseBy::Pathway },
                        citation: cited.clone(),
                    })
                }
                Action::ResumeOnline => {
                    let own: Vec<String> = self
                        .memory
                        .holds
                        .iter()
                        .filter(|(_, doctors)| !**doctors)
                        .map(|(code, _)| code.clone())
                        .collect();
                    for code in own {
                        self.memory.holds.remove(&code);
                        self.directives.push(Directive::ReleasePrescribing(code));
                    }
                    continue;
                }
                Action::ReferOffline => match self.refer(rule, Destination::Offline(None), &said) {
                    Some(directive) => directive,
                    None => continue,
                },
                Action::ReferEmergency => match self.refer(rule, Destination::Emergency, &said) {
                    Some(directive) => directive,
                    None => continue,
                },
                Action::ReferTeam => match self.refer(rule, Destination::Multidisciplinary, &said) {
                    Some(directive) => directive,
                    None => continue,
                },
                Action::Note => Directive::ProposeNote(said.clone()),
                Action::MessagePatient => match &rule.patient {
                    Some(patient) => Directive::SendMessage(Message {
                        template: format!("{}.{hold}", self.file.code()),
                        arguments: Vec::new(),
                        fallback: text(patient),
                    }),
                    None => continue,
                },
                Action::Ask => {
                    if let Some(questionnaire) = &rule.ask {
                        self.ask(questionnaire);
                    }
                    continue;
                }
                Action::RequestLab if rule.lab.is_empty() => continue,
                Action::RequestLab => {
                    Directive::RequestLab(rule.lab.iter().map(|code| Coding::loinc(code.as_str())).collect())
                }
            };
            self.directives.push(directive);
        }
    }

    /// A referral, unless the last one of this rule is still followed up.
    fn refer(&mut self, rule: &Rule, destination: Destination, said: &LocalizedText) -> Option<Directive> {
        if self.memory.referred.get(&rule.code).is_some_and(|until| self.now < *until) {
            return None;
        }
        let until = self.days_from_now(rule.recontact_days.unwrap_or(DEFAULT_RECONTACT));
        self.memory.referred.insert(rule.code.clone(), until);
        Some(Directive::Refer(Referral {
            destination,
            reason: said.clone(),
            recontact_days: rule.recontact_days,
            citation: citation(self.file, rule.citation.as_ref()),
        }))
    }

    /// The message for staff, with the newest values that the condition looks at, as they were sent.
    fn with_values(&self, rule: &Rule) -> LocalizedText {
        let mut shown: Vec<(&str, &str, String)> = Vec::new();
        for code in rule.condition.expression.terms().filter_map(Term::measured) {
            let Some(measure) = self.file.measure(code) else { continue };
            let newest = self.snapshot.observations.iter().find(|one| facts::is_of(one, measure));
            let Some(quantity) = newest.and_then(|newest| facts::quantity(newest, measure)) else { continue };
            let value = match newest.and_then(|newest| newest.as_sent()) {
                Some(sent) => format!("{quantity} ({sent})"),
                None => quantity.to_string(),
            };
            let (zh, en) = (measure.title.zh.as_deref(), measure.title.en.as_deref());
            let one = (zh.unwrap_or_default(), en.unwrap_or_default(), value);
            if !shown.contains(&one) {
                shown.push(one);
            }
        }
        let side = |text: &Option<String>| text.clone().unwrap_or_default();
        let (mut zh, mut en) = (side(&rule.message.zh), side(&rule.message.en));
        for (zh_name, en_name, value) in shown {
            zh.push_str(&format!(" {zh_name} {value}。"));
            en.push_str(&format!(" {en_name}: {value}."));
        }
        zh_en(zh, en)
    }
}
