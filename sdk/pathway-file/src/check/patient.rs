//! Patients to try conditions on.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::{
    condition::{Answered, Comparison, Expression, Facts, Term, Trend, Value, evaluate},
    model::{Kind, Pathway},
    number::Number,
};

/// Most patients that are tried for one question.
const MOST: usize = 40_000;

/// What is known of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Level {
    Unknown,
    Number(Number),
    Truth(bool),
    Text(String),
}

/// A patient of whom some things are known.
#[derive(Debug, Clone)]
pub(super) struct Patient<'a> {
    pathway: &'a Pathway,
    levels: BTreeMap<Term, Level>,
}

impl<'a> Patient<'a> {
    /// Of whom nothing is known but how long they are in the stage.
    pub(super) fn after(pathway: &'a Pathway, days: i64) -> Self {
        Self { pathway, levels: [(Term::DaysInStage, Level::Number(Number::whole(days)))].into() }
    }

    pub(super) fn fulfils(&self, expression: &Expression) -> Option<bool> {
        evaluate(expression, self)
    }

    fn is_known(&self) -> bool {
        self.levels.values().all(|level| *level != Level::Unknown)
    }

    fn level(&self, term: &Term) -> &Level {
        self.levels.get(&variable(self.pathway, term)).unwrap_or(&Level::Unknown)
    }

    fn number(&self, term: &Term) -> Option<Number> {
        match self.level(term) {
            Level::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// For people: `obs('14743-9') = 16.7 mmol/L, held = true`.
    pub(super) fn shown(&self) -> String {
        let unit = |term: &Term| match term {
            Term::Change { .. } => " %".to_owned(),
            Term::Answer { questionnaire, item } => {
                let question = self.pathway.question(questionnaire, item);
                question.and_then(|question| question.unit.as_ref()).map_or_else(String::new, |unit| format!(" {unit}"))
            }
            term => {
                let measure = term.measured().and_then(|code| self.pathway.measure(code));
                measure.map_or_else(String::new, |measure| format!(" {}", measure.unit))
            }
        };
        let shown = self.levels.iter().map(|(term, level)| match level {
            Level::Unknown => format!("{term} not known"),
            Level::Number(number) => format!("{term} = {number}{}", unit(term)),
            Level::Truth(truth) => format!("{term} = {truth}"),
            Level::Text(text) => format!("{term} = '{text}'"),
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

impl Facts for Patient<'_> {
    fn series(&self, code: &str, laboratory: bool, _: Option<u32>) -> Vec<Option<Number>> {
        let term = Term::Observed { code: code.to_owned(), laboratory };
        self.number(&term).map_or_else(Vec::new, |number| vec![Some(number); 12])
    }

    fn pair(&self, term: &Term) -> Option<(Number, Number)> {
        let number = self.number(term)?;
        match term {
            Term::Change { .. } => Some((number.plus(Number::whole(100))?, Number::whole(100))),
            _ => Some((number, Number::whole(0))),
        }
    }

    fn trend(&self, code: &str, count: u8) -> Option<Trend> {
        match self.level(&Term::Trend { code: code.to_owned(), count }) {
            Level::Text(trend) => Some(match trend.as_str() {
                "rising" => Trend::Rising,
                "falling" => Trend::Falling,
                _ => Trend::Neither,
            }),
            _ => None,
        }
    }

    fn answer(&self, questionnaire: &str, item: &str) -> Option<Answered> {
        let term = Term::Answer { questionnaire: questionnaire.to_owned(), item: item.to_owned() };
        match self.level(&term).clone() {
            Level::Unknown => None,
            Level::Number(number) => Some(Answered::Number(number)),
            Level::Truth(truth) => Some(Answered::Truth(truth)),
            Level::Text(text) => Some(Answered::Code(text)),
        }
    }

    fn truth(&self, term: &Term) -> Option<bool> {
        match self.level(term) {
            Level::Truth(truth) => Some(*truth),
            _ => None,
        }
    }

    fn count(&self, term: &Term) -> Option<i64> {
        self.number(term)?.parts().filter(|(_, scale)| *scale == 0).map(|(whole, _)| whole)
    }

    fn sex(&self) -> Option<String> {
        match self.level(&Term::Sex) {
            Level::Text(sex) => Some(sex.clone()),
            _ => None,
        }
    }

    fn convert(&self, code: &str, number: Number, unit: Option<&str>, difference: bool) -> Option<Number> {
        let measure = self.pathway.measure(code)?;
        measure.own(number, unit.unwrap_or(&measure.unit), difference)
    }
}

/// The variable of a term: all codes of a measure are one, reported or from a laboratory.
pub(super) fn variable(pathway: &Pathway, term: &Term) -> Term {
    let own = |code: &str| pathway.measure(code).map_or_else(|| code.to_owned(), |measure| measure.code.clone());
    match term {
        Term::Observed { code, .. } => Term::Observed { code: own(code), laboratory: false },
        Term::Delta { code, days } => Term::Delta { code: own(code), days: *days },
        Term::Change { code, days } => Term::Change { code: own(code), days: *days },
        Term::Trend { code, count } => Term::Trend { code: own(code), count: *count },
        other => other.clone(),
    }
}

/// The variables of some conditions.
pub(super) fn variables(pathway: &Pathway, expressions: &[&Expression]) -> Vec<Term> {
    let mut all: Vec<Term> = expressions.iter().flat_map(|e| e.terms()).map(|term| variable(pathway, term)).collect();
    all.sort();
    all.dedup();
    all
}

/// What a search found.
pub(super) enum Search {
    /// A patient; of whom all is known, if there is one.
    Found(String),
    /// There is none.
    None,
    /// Too many to try.
    TooMany,
}

/// Searches a patient of whom `test` is true.
pub(super) fn search(pathway: &Pathway, about: &[&Expression], test: impl Fn(&Patient<'_>) -> bool) -> Search {
    let variables = variables(pathway, about);
    let choices: Vec<(Term, Vec<Level>)> =
        variables.into_iter().map(|variable| (variable.clone(), levels(pathway, &variable, about))).collect();
    let size = choices.iter().try_fold(1_usize, |size, (_, levels)| size.checked_mul(levels.len().max(1)));
    let Some(size) = size.filter(|size| *size <= MOST) else { return Search::TooMany };
    let mut partly = None;
    for number in 0..size {
        let mut rest = number;
        let mut patient = Patient { pathway, levels: BTreeMap::new() };
        for (variable, levels) in &choices {
            if let Some(level) = levels.get(rest % levels.len().max(1)) {
                patient.levels.insert(variable.clone(), level.clone());
            }
            rest /= levels.len().max(1);
        }
        if test(&patient) {
            if patient.is_known() {
                return Search::Found(patient.shown());
            }
            partly.get_or_insert_with(|| patient.shown());
        }
    }
    partly.map_or(Search::None, Search::Found)
}

/// The values of a variable that stand for all others.
fn levels(pathway: &Pathway, variable: &Term, about: &[&Expression]) -> Vec<Level> {
    let comparisons: Vec<&Comparison> = about
        .iter()
        .flat_map(|expression| expression.comparisons())
        .filter(|comparison| super::patient::variable(pathway, &comparison.term) == *variable)
        .collect();
    let texts = |more: &[&str]| {
        let mut all: Vec<String> = more.iter().map(|text| (*text).to_owned()).collect();
        for comparison in &comparisons {
            if let Value::Text(text) = &comparison.value
                && !all.contains(text)
            {
                all.push(text.clone());
            }
        }
        all.into_iter().map(Level::Text)
    };
    let mut levels = match variable {
        Term::Sex => texts(&["female", "male", "other", "unknown"]).collect(),
        Term::Trend { .. } => ["rising", "falling", "neither"].map(|text| Level::Text(text.to_owned())).to_vec(),
        Term::Answer { questionnaire, item } => {
            match pathway.question(questionnaire, item).map(|question| question.kind) {
                Some(Kind::Boolean) => vec![Level::Truth(true), Level::Truth(false)],
                Some(Kind::Choice) => {
                    let choices = pathway.question(questionnaire, item).map(|question| question.choices.as_slice());
                    choices.unwrap_or_default().iter().map(|choice| Level::Text(choice.code.clone())).collect()
                }
                Some(Kind::Text) => texts(&["…"]).collect(),
                _ => numbers(pathway, variable, &comparisons),
            }
        }
        term if term.is_truth() => vec![Level::Truth(true), Level::Truth(false)],
        _ => numbers(pathway, variable, &comparisons),
    };
    if matches!(variable, Term::Answer { .. } | Term::AgeYears) || variable.measured().is_some() {
        levels.push(Level::Unknown);
    }
    levels
}

/// Just below, at and just above each constant, as far as the variable can be there.
fn numbers(pathway: &Pathway, variable: &Term, comparisons: &[&Comparison]) -> Vec<Level> {
    let mut limits = Vec::new();
    for comparison in comparisons {
        if let Value::Number(limit, unit) = &comparison.value {
            let measure = variable.measured().and_then(|code| pathway.measure(code));
            limits.extend(match (measure, variable) {
                (Some(measure), Term::Observed { .. } | Term::Delta { .. }) => {
                    let difference = matches!(variable, Term::Delta { .. });
                    measure.own(*limit, unit.as_deref().unwrap_or(&measure.unit), difference)
                }
                _ => Some(*limit),
            });
        }
    }
    let question = match variable {
        Term::Answer { questionnaire, item } => pathway.question(questionnaire, item),
        _ => None,
    };
    let whole = matches!(variable, Term::DaysInStage | Term::DaysEnrolled | Term::AgeYears)
        || question.is_some_and(|question| question.kind == Kind::Integer);
    let digits = if whole { 0 } else { limits.iter().map(|limit| limit.digits()).max().unwrap_or(0).saturating_add(1) };
    let step = Number::step(digits);
    let zero = Some(Number::whole(0));
    let (least, most) = match variable {
        Term::Delta { .. } => (None, None),
        Term::Change { .. } => (Some(Number::whole(-100)), None),
        Term::AgeYears => (zero, Some(Number::whole(130))),
        Term::Answer { .. } => (question.and_then(|q| q.least), question.and_then(|q| q.most)),
        _ => (zero, None),
    };
    let within = |number: &Number| {
        least.is_none_or(|least| number.compare(least) != Some(Ordering::Less))
            && most.is_none_or(|most| number.compare(most) != Some(Ordering::Greater))
    };
    let mut all: Vec<Number> = Vec::new();
    for limit in limits {
        // Of whole numbers, a limit with digits after the point is met by none.
        let at = if whole && limit.digits() > 0 { None } else { Some(limit) };
        for number in [limit.minus(step), at, limit.plus(step)].into_iter().flatten() {
            if within(&number) && !all.contains(&number) {
                all.push(number);
            }
        }
    }
    all.into_iter().map(Level::Number).collect()
}
