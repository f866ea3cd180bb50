//! Stages: each is reached, each goes on or ends by itself, and tasks are due while it lasts.

use std::collections::BTreeSet;

use super::{
    Found, Name,
    patient::{Patient, Search, search, variables},
};
use crate::{
    condition::{Expression, Term, Value},
    model::{Pathway, Stage, Task},
};

/// As far ahead as the host schedules.
const MAX_DAY: u32 = 3 * 366;
const MAX_WINDOW: u16 = 366;
/// Most tasks and timers of a stage: one step ends those of one stage and plans those of another, and
/// the host takes 64 directives of a step.
const MAX_TASKS: usize = 20;

pub(super) fn check(pathway: &Pathway, found: &mut Found) {
    reach(pathway, found);
    for (at, stage) in pathway.stages.iter().enumerate() {
        let ends = certain_end(pathway, stage);
        goes_on(at, stage, ends, found);
        let mut days: Vec<i64> = pathway.rules.iter().flat_map(|rule| days_of(&rule.condition.expression)).collect();
        days.extend(stage.rules.iter().flat_map(|rule| days_of(&rule.condition.expression)));
        days.extend(stage.exit.iter().flat_map(|exit| days_of(&exit.condition.expression)));
        days.sort_unstable();
        days.dedup();
        if stage.tasks.len() + days.len() > MAX_TASKS {
            let what = format!("it has more than {MAX_TASKS} tasks and days that conditions wait for: split the stage");
            found.add(Name::StageTooLarge, format!("stages[{at}]"), what);
        }
        for (index, task) in stage.tasks.iter().enumerate() {
            one_task(&format!("stages[{at}].tasks[{index}]"), task, ends, found);
        }
        exits(pathway, at, stage, found);
    }
}

fn reach(pathway: &Pathway, found: &mut Found) {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = pathway.stages.first().map(|first| first.code.as_str()).into_iter().collect();
    while let Some(code) = next.pop() {
        if !reached.insert(code) {
            continue;
        }
        for exit in pathway.stage(code).map(|stage| stage.exit.as_slice()).unwrap_or_default() {
            let expression = &exit.condition.expression;
            let never = matches!(
                search(pathway, &[expression], |patient| patient.fulfils(expression) == Some(true)),
                Search::None
            );
            next.extend(exit.to.as_deref().filter(|_| !never));
        }
    }
    for (at, stage) in pathway.stages.iter().enumerate() {
        if !reached.contains(stage.code.as_str()) {
            let what = format!("no exit leads to `{}`: add one, or remove the stage", stage.code);
            found.add(Name::StageUnreachable, format!("stages[{at}]"), what);
        }
        for (index, exit) in stage.exit.iter().enumerate() {
            if let Some(to) = exit.to.as_deref().filter(|to| pathway.stage(to).is_none()) {
                found.add(
                    Name::StageUnknown,
                    format!("stages[{at}].exit[{index}].to"),
                    format!("there is no stage `{to}`"),
                );
            }
        }
    }
}

/// The day on which the stage ends by itself, whatever else is known of the patient.
fn certain_end(pathway: &Pathway, stage: &Stage) -> Option<i64> {
    let expressions = stage.exit.iter().map(|exit| &exit.condition.expression);
    let mut days: Vec<i64> = expressions.clone().flat_map(days_of).flat_map(|day| [day, day + 1]).collect();
    days.sort_unstable();
    let ends = |day: &i64| {
        let patient = Patient::after(pathway, *day);
        // A guard of the stage behind the exit may keep the patient here.
        let open = |to: &Option<String>| {
            to.as_deref().is_none_or(|to| pathway.stage(to).is_some_and(|stage| stage.entry.is_none()))
        };
        stage.exit.iter().any(|exit| open(&exit.to) && patient.fulfils(&exit.condition.expression) == Some(true))
    };
    days.into_iter().find(ends)
}

/// Days of the stage that a condition compares with.
fn days_of(expression: &Expression) -> Vec<i64> {
    let days =
        expression.comparisons().into_iter().filter_map(|comparison| match (&comparison.term, &comparison.value) {
            (Term::DaysInStage, Value::Number(number, None)) => number.parts(),
            _ => None,
        });
    days.filter(|(_, scale)| *scale == 0).map(|(day, _)| day).collect()
}

fn goes_on(at: usize, stage: &Stage, ends: Option<i64>, found: &mut Found) {
    let repeats = stage.tasks.iter().any(|task| task.every_days.is_some());
    if repeats || ends.is_some() {
        return;
    }
    let path = format!("stages[{at}]");
    if stage.exit.is_empty() {
        let what = format!("`{}` has no exit and no task with `every_days`: add one of both", stage.code);
        found.add(Name::DeadEnd, path, what);
    } else {
        let what = format!(
            "the exits of `{}` may never open, and then nothing is due any more: add a task with `every_days`, \
             or an exit `if: days_in_stage >= …`",
            stage.code
        );
        found.add(Name::StageWithoutTimer, path, what);
    }
}

fn one_task(path: &str, task: &Task, ends: Option<i64>, found: &mut Found) {
    if task.actor.is_none() {
        found.add(Name::TaskWithoutActor, path, "say who does it: `actor: nurse`");
    }
    let window = task.window_days.unwrap_or(0);
    if window == 0 || window > MAX_WINDOW {
        let what = format!("say how many days late it still counts, 1 to {MAX_WINDOW}: `window_days: 7`");
        found.add(Name::TaskWithoutWindow, path, what);
    }
    let rising = task.at_days.windows(2).all(|pair| pair[0] < pair[1]);
    let days = task.at_days.iter().chain(&task.every_days);
    let too_far = days.clone().any(|day| *day > MAX_DAY);
    if task.every_days.is_some() != task.at_days.is_empty() || task.every_days == Some(0) || !rising || too_far {
        let what = format!("give either `every_days` or rising `at_days`, at most {MAX_DAY}");
        found.add(Name::TaskWithoutDay, path, what);
    }
    let gaps = task.at_days.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).chain(task.every_days);
    if gaps.min().is_some_and(|gap| u32::from(window) >= gap) {
        let what = "its window lasts until it is due again, so that a missed one would not be noticed: shorten it";
        found.add(Name::TaskWindowsOverlap, format!("{path}.window_days"), what);
    }
    if let Some(end) = ends
        && days.clone().any(|day| i64::from(*day) >= end)
    {
        let what = format!("the stage ends on day {end}: it must be due before, or in the next stage");
        found.add(Name::TaskAfterStage, path, what);
    }
}

fn exits(pathway: &Pathway, at: usize, stage: &Stage, found: &mut Found) {
    for (index, exit) in stage.exit.iter().enumerate() {
        let path = format!("stages[{at}].exit[{index}].if");
        let own = &exit.condition.expression;
        for before in &stage.exit[..index] {
            let other = &before.condition.expression;
            let about = [own, other];
            let alone = search(pathway, &about, |p| p.fulfils(own) == Some(true) && p.fulfils(other) != Some(true));
            let possible = search(pathway, &[own], |p| p.fulfils(own) == Some(true));
            if matches!((&alone, possible), (Search::None, Search::Found(_))) {
                let what = format!(
                    "`{}` is true before, whenever it is: put this exit first, or correct it",
                    before.condition
                );
                found.add(Name::ExitNever, &path, what);
                continue;
            }
            let same = variables(pathway, &[own]) == variables(pathway, &[other]);
            if same && (&exit.to, &exit.close) != (&before.to, &before.close) {
                let both = search(pathway, &about, |p| p.fulfils(own) == Some(true) && p.fulfils(other) == Some(true));
                if let Search::Found(example) = both {
                    let what = format!("`{}` is open at the same time, and is taken: exclude one", before.condition);
                    found.with(Name::ExitsOverlap, &path, what, example);
                }
            }
        }
    }
}
