//! Rules: who looks, how soon, what they ask for, and whether they agree with each other.

use super::{
    Found, Name,
    patient::{Search, search, variables},
};
use crate::model::{Action, Pathway, Rule, Severity};

/// A critical alert is taken up within a day: a project default.
const MAX_CRITICAL_MINUTES: u32 = 24 * 60;
/// What the host takes.
const MAX_SLA_MINUTES: u32 = 30 * 24 * 60;
const MAX_RECONTACT_DAYS: u16 = 366;

pub(super) fn check(pathway: &Pathway, found: &mut Found) {
    for (path, rule) in all(pathway) {
        one(pathway, &path, rule, found);
    }
    for (path, _, condition) in pathway.all_conditions() {
        truth(pathway, &path, &condition.expression, found);
    }
    pairs(pathway, found);
}

fn all(pathway: &Pathway) -> Vec<(String, &Rule)> {
    let every = pathway.rules.iter().enumerate().map(|(index, rule)| (format!("rules[{index}]"), rule));
    let staged = pathway.stages.iter().enumerate().flat_map(|(at, stage)| {
        stage.rules.iter().enumerate().map(move |(index, rule)| (format!("stages[{at}].rules[{index}]"), rule))
    });
    every.chain(staged).collect()
}

fn one(pathway: &Pathway, path: &str, rule: &Rule, found: &mut Found) {
    for action in &rule.action {
        if Action::of(action).is_some() {
            continue;
        }
        let prescribes = ["prescri", "dispens", "medicat", "drug", "refill", "renew", "开方", "处方"];
        let at = format!("{path}.action");
        if prescribes.iter().any(|word| action.to_lowercase().contains(word)) {
            let what = format!("`{action}`: a pathway never prescribes; write a `note` for the doctor");
            found.add(Name::ActionPrescribes, at, what);
        } else {
            let known = Action::ALL.map(|(code, _)| code).join(", ");
            found.add(Name::ActionUnknown, at, format!("there is no action `{action}`; there are {known}"));
        }
    }
    if rule.action.is_empty() {
        found.add(Name::ActionIncomplete, format!("{path}.action"), "say what is done, for example `[alert]`");
    }
    let refers = [Action::ReferOffline, Action::ReferEmergency, Action::ReferTeam];
    for (action, missing, key) in [
        (Action::Ask, rule.ask.is_none(), "ask: QUESTIONNAIRE"),
        (Action::RequestLab, rule.lab.is_empty(), "lab: [CODE]"),
        (Action::MessagePatient, rule.patient.is_none(), "patient: {zh-CN: …, en: …}"),
    ] {
        if rule.does(action) && missing {
            found.add(Name::ActionIncomplete, path, format!("the action needs `{key}`"));
        }
    }
    if rule.ask.is_some() && !rule.does(Action::Ask)
        || !rule.lab.is_empty() && !rule.does(Action::RequestLab)
        || rule.patient.is_some() && !rule.does(Action::MessagePatient)
        || rule.recontact_days.is_some() && !refers.iter().any(|action| rule.does(*action))
    {
        found.add(Name::ActionIncomplete, path, "`ask`, `lab`, `patient` or `recontact_days` without its action");
    }
    if rule.recontact_days.is_some_and(|days| days > MAX_RECONTACT_DAYS) {
        found.add(Name::ActionIncomplete, path, format!("`recontact_days` is at most {MAX_RECONTACT_DAYS}"));
    }
    if rule.does(Action::Alert) {
        alert(pathway, path, rule, found);
    }
    if rule.severity == Some(Severity::Critical) {
        let stops = [&refers[..], &[Action::StopOnline]].concat().into_iter().any(|action| rule.does(action));
        if !stops {
            let what = "a critical value ends online care at once: add `stop_online` or a referral";
            found.add(Name::CriticalWithoutStop, path, what);
        }
        if rule.sla_min.is_some_and(|minutes| minutes > MAX_CRITICAL_MINUTES) {
            let what = format!("a critical alert cannot wait: at most {MAX_CRITICAL_MINUTES} minutes");
            found.add(Name::CriticalTooSlow, format!("{path}.sla_min"), what);
        }
    }
}

fn alert(pathway: &Pathway, path: &str, rule: &Rule, found: &mut Found) {
    if rule.actor.is_none() {
        found.add(Name::AlertWithoutOwner, path, "say who must look: `actor: doctor`");
    }
    if !rule.sla_min.is_some_and(|minutes| (1..=MAX_SLA_MINUTES).contains(&minutes)) {
        let what = format!("say within how many minutes, 1 to {MAX_SLA_MINUTES}: `sla_min: 15`");
        found.add(Name::AlertWithoutSla, path, what);
    }
    if rule.severity.is_none() {
        found.add(Name::AlertWithoutSeverity, path, "say how bad it is: `severity: info`, `warning` or `critical`");
    }
    match rule.escalate.as_deref().or(pathway.escalate.as_deref()) {
        Some("hospital") => {}
        Some(other) => {
            let what = format!("`escalate: {other}`: there is the ladder of the hospital only, `hospital`");
            found.add(Name::AlertWithoutEscalation, path, what);
        }
        None => found.add(Name::AlertWithoutEscalation, path, "say who is next: `escalate: hospital`"),
    }
}

/// Whether a condition can be true at all, and false.
fn truth(pathway: &Pathway, path: &str, expression: &crate::condition::Expression, found: &mut Found) {
    match search(pathway, &[expression], |patient| patient.fulfils(expression) == Some(true)) {
        Search::Found(example) => {
            if let Search::None = search(pathway, &[expression], |patient| patient.fulfils(expression) == Some(false)) {
                let what = "every patient fulfils it of whom enough is known: correct the threshold, or remove it";
                found.with(Name::RuleAlwaysTrue, path, what, example);
            }
        }
        Search::None => found.add(Name::RuleNeverTrue, path, "no patient can fulfil it: correct it, or remove it"),
        Search::TooMany => found.add(Name::ConditionTooLarge, path, "too many values to search: split the rule"),
    }
}

/// Rules that can fire together: of one stage, and those of every stage.
fn pairs(pathway: &Pathway, found: &mut Found) {
    let all = all(pathway);
    for (index, (path, rule)) in all.iter().enumerate() {
        for (other_path, other) in &all[index + 1..] {
            let staged =
                |path: &str| path.split('.').next().filter(|first| first.starts_with("stages")).map(str::to_owned);
            if let (Some(a), Some(b)) = (staged(path), staged(other_path))
                && a != b
            {
                continue;
            }
            pair(pathway, rule, (other_path, other), found);
        }
    }
}

fn pair(pathway: &Pathway, rule: &Rule, (path, other): (&str, &Rule), found: &mut Found) {
    let both = [&rule.condition.expression, &other.condition.expression];
    let stops = |rule: &Rule| rule.does(Action::StopOnline) || rule.does(Action::PauseOnline);
    let resumes = |rule: &Rule| rule.does(Action::ResumeOnline);
    let opposed = stops(rule) && resumes(other) || resumes(rule) && stops(other);
    let alerts = rule.does(Action::Alert) && other.does(Action::Alert);
    let same = alerts && variables(pathway, &both[..1]) == variables(pathway, &both[1..]);
    if !opposed && !same {
        return;
    }
    let name = if opposed { Name::RulesContradict } else { Name::RulesOverlap };
    match search(pathway, &both, |patient| both.iter().all(|one| patient.fulfils(one) == Some(true))) {
        Search::Found(example) => {
            let what = if opposed {
                format!(
                    "`{}` stops online prescribing and `{}` releases it, or the reverse: exclude one",
                    rule.code, other.code
                )
            } else {
                format!("`{}` and `{}` alert about the same values at once: add a bound to one", rule.code, other.code)
            };
            found.with(name, format!("{path}.if"), what, example);
        }
        Search::None => {}
        Search::TooMany => {
            let what = format!("too many values to compare it with `{}`: split the rule", rule.code);
            found.add(Name::ConditionTooLarge, format!("{path}.if"), what);
        }
    }
}
