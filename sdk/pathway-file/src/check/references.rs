//! Codes: those of the file refer to each other, those of terminologies fit their units.

use std::collections::BTreeSet;

use super::{Found, Name};
use crate::{
    condition::{Comparison, Condition, Operator, Term, Value},
    known,
    model::{Citation, Kind, Pathway, Question},
};

pub(super) fn check(pathway: &Pathway, found: &mut Found) {
    head(pathway, found);
    codes(pathway, found);
    templates(pathway, found);
    measures(pathway, found);
    for (path, _, condition) in pathway.all_conditions() {
        refers(pathway, &path, condition, found);
    }
    asked(pathway, found);
    sources(pathway, found);
}

fn head(pathway: &Pathway, found: &mut Found) {
    let parts: Vec<&str> = pathway.id.split('.').collect();
    if !(2..=8).contains(&parts.len()) || pathway.id.len() > 64 || !parts.iter().all(|part| is_lower(part)) {
        let what = format!("`{}` is no id: publisher and pathway in lower case, such as `acme.gout`", pathway.id);
        found.add(Name::CodeMalformed, "id", what);
    }
    let numbers: Vec<&str> = pathway.version.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() < 10 && part.bytes().all(|b| b.is_ascii_digit());
    if numbers.len() != 3 || !numbers.iter().all(is_number) {
        found.add(Name::CodeMalformed, "version", format!("`{}` is no version: write 1.0.0", pathway.version));
    }
    if !matches!(pathway.compartment.as_deref(), None | Some("hiv" | "mental-health")) {
        found.add(Name::CodeMalformed, "compartment", "a compartment is `hiv` or `mental-health`");
    }
    for (path, text) in [("publisher", &pathway.publisher), ("licence", &pathway.licence)] {
        if text.trim().is_empty() || text.len() > 200 {
            found.add(Name::CodeMalformed, path, format!("`{path}` has 1 to 200 bytes"));
        }
    }
    if pathway.conditions.is_empty() {
        found.add(Name::CodeMalformed, "conditions", "name the diagnoses that make a patient a candidate");
    }
    if pathway.stages.is_empty() {
        found.add(Name::StageUnknown, "stages", "a pathway has a first stage");
    }
}

/// Lower case with hyphens.
fn is_lower(code: &str) -> bool {
    (1..=40).contains(&code.len())
        && code.starts_with(|c: char| c.is_ascii_lowercase())
        && !code.ends_with('-')
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Upper snake case.
fn is_upper(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Codes that the plugin makes of two: of messages to the patient.
fn templates(pathway: &Pathway, found: &mut Found) {
    /// What the host takes.
    const LONGEST: usize = 64;
    let every = pathway.rules.iter().enumerate().map(|(index, rule)| (format!("rules[{index}].code"), &rule.code));
    let staged = pathway.stages.iter().enumerate().flat_map(|(at, stage)| {
        let rules = stage.rules.iter().enumerate();
        let tasks = stage.tasks.iter().enumerate();
        let rules = rules.map(move |(index, rule)| (format!("stages[{at}].rules[{index}].code"), &rule.code));
        rules.chain(tasks.map(move |(index, task)| (format!("stages[{at}].tasks[{index}].code"), &task.code)))
    });
    for (path, code) in every.chain(staged) {
        if pathway.code().len() + 1 + code.len() > LONGEST {
            let what = format!("`{}.{code}` is longer than {LONGEST}: shorten one", pathway.code());
            found.add(Name::CodeMalformed, path, what);
        }
    }
}

fn codes(pathway: &Pathway, found: &mut Found) {
    let mut lower: Vec<(&str, String, &str)> = Vec::new();
    let mut upper: Vec<(&str, String, &str)> = Vec::new();
    for (at, stage) in pathway.stages.iter().enumerate() {
        lower.push(("stage", format!("stages[{at}].code"), &stage.code));
        for (index, task) in stage.tasks.iter().enumerate() {
            lower.push(("task", format!("stages[{at}].tasks[{index}].code"), &task.code));
        }
        for (index, rule) in stage.rules.iter().enumerate() {
            upper.push(("rule", format!("stages[{at}].rules[{index}].code"), &rule.code));
        }
        for (index, exit) in stage.exit.iter().enumerate() {
            let path = format!("stages[{at}].exit[{index}]");
            match (&exit.to, &exit.close) {
                (Some(_), None) => {}
                (None, Some(code)) if is_upper(code) => {}
                (None, Some(code)) => {
                    let what = format!("`{code}` is no reason: upper case with underscores, such as `GOAL_REACHED`");
                    found.add(Name::CodeMalformed, format!("{path}.close"), what);
                }
                _ => found.add(Name::StageUnknown, path, "an exit leads `to` a stage, or `close`s: give one of both"),
            }
        }
    }
    for (index, rule) in pathway.rules.iter().enumerate() {
        upper.push(("rule", format!("rules[{index}].code"), &rule.code));
    }
    for (list, exclusions) in [("refuse", &pathway.enrolment.refuse), ("offline", &pathway.enrolment.offline)] {
        for (index, exclusion) in exclusions.iter().enumerate() {
            upper.push(("exclusion", format!("enrolment.{list}[{index}].code"), &exclusion.code));
        }
    }
    for (at, questionnaire) in pathway.questionnaires.iter().enumerate() {
        lower.push(("questionnaire", format!("questionnaires[{at}].code"), &questionnaire.code));
        let mut items = BTreeSet::new();
        for (index, question) in questionnaire.questions.iter().enumerate() {
            let path = format!("questionnaires[{at}].questions[{index}]");
            if !items.insert(question.code.as_str()) {
                found.add(Name::CodeDuplicate, &path, format!("the question `{}` is there twice", question.code));
            }
            if !is_lower(&question.code) {
                found.add(Name::CodeMalformed, &path, lower_case(&question.code));
            }
            answers(pathway, question, &path, found);
        }
    }
    for (what, path, code) in &lower {
        if !is_lower(code) {
            found.add(Name::CodeMalformed, path, format!("{what}: {}", lower_case(code)));
        }
    }
    for (what, path, code) in &upper {
        if !is_upper(code) {
            let text = format!("{what} `{code}`: upper case with underscores, such as `URATE_HIGH`");
            found.add(Name::CodeMalformed, path, text);
        }
    }
    let mut seen = BTreeSet::new();
    for (what, path, code) in lower.into_iter().chain(upper) {
        if !seen.insert((what, code)) {
            found.add(Name::CodeDuplicate, path, format!("the {what} `{code}` is there twice: rename one"));
        }
    }
}

fn lower_case(code: &str) -> String {
    format!("`{code}`: lower case with hyphens, at most 40, such as `first-visit`")
}

fn answers(pathway: &Pathway, question: &Question, path: &str, found: &mut Found) {
    let mut choices = BTreeSet::new();
    for choice in &question.choices {
        if !choices.insert(choice.code.as_str()) {
            found.add(Name::CodeDuplicate, format!("{path}.choices"), format!("`{}` is there twice", choice.code));
        }
    }
    if (question.kind == Kind::Choice) != (question.choices.len() >= 2) {
        found.add(Name::ValueDoesNotFit, path, "a `choice` has two `choices` or more, and nothing else has any");
    }
    if (question.kind == Kind::Quantity) != question.unit.is_some() {
        found.add(Name::ThresholdWithoutUnit, path, "a `quantity` has a `unit`, and nothing else has one");
    }
    let Some(code) = &question.records_as else { return };
    match (pathway.measure(code), &question.unit) {
        (None, _) => {
            let what = format!("`{code}` is not declared: add it to `measures`");
            found.add(Name::MeasureUnknown, format!("{path}.records_as"), what);
        }
        (Some(measure), Some(unit)) if *unit != measure.unit => {
            let what = format!("the answer is in `{unit}`, and {code} is in `{}`: ask in that", measure.unit);
            found.add(Name::UnitDoesNotFit, format!("{path}.unit"), what);
        }
        _ => {}
    }
}

fn measures(pathway: &Pathway, found: &mut Found) {
    let mut seen = BTreeSet::new();
    for (index, measure) in pathway.measures.iter().enumerate() {
        let path = format!("measures[{index}]");
        for code in std::iter::once(&measure.code).chain(&measure.also) {
            if !seen.insert(code.as_str()) {
                found.add(Name::CodeDuplicate, format!("{path}.code"), format!("the measure `{code}` is there twice"));
            }
            if let Some(known) = known::spelled(code) {
                let what = format!(
                    "the host gives {} under {} in `{}`, never under {code}: use that code",
                    known.name, known.code, known.unit
                );
                found.add(Name::UnitDoesNotFit, format!("{path}.code"), what);
            }
        }
        if measure.unit.trim().is_empty() {
            found.add(Name::ThresholdWithoutUnit, format!("{path}.unit"), "say in which UCUM unit; `1` if in none");
        }
        if let Some(known) = known::known(&measure.code).filter(|known| known.unit != measure.unit) {
            let what = format!("{} ({}) is in `{}`, not in `{}`", known.code, known.name, known.unit, measure.unit);
            found.add(Name::UnitDoesNotFit, format!("{path}.unit"), what);
        }
    }
}

/// What a condition refers to, and whether its values fit.
fn refers(pathway: &Pathway, path: &str, condition: &Condition, found: &mut Found) {
    for comparison in condition.expression.comparisons() {
        let Comparison { term, operator, value, .. } = comparison;
        if let Some(code) = term.measured() {
            measured(pathway, path, code, comparison, found);
            continue;
        }
        let ordered = !matches!(operator, Operator::Equal | Operator::Unequal);
        let fits = match (term, value) {
            (Term::Answer { questionnaire, item }, value) => {
                answered(pathway, path, questionnaire, item, value, found);
                !ordered || matches!(value, Value::Number(..))
            }
            (Term::Missed(task), value) => {
                let known = pathway.stages.iter().flat_map(|stage| &stage.tasks).any(|known| known.code == *task);
                if !known {
                    found.add(Name::TaskUnknown, path, format!("there is no task `{task}`"));
                }
                matches!(value, Value::Truth(_)) && !ordered
            }
            (Term::DaysInStage | Term::DaysEnrolled | Term::AgeYears, Value::Number(number, None)) => {
                number.digits() == 0
            }
            (Term::Sex, Value::Text(sex)) => {
                matches!(sex.as_str(), "female" | "male" | "other" | "unknown") && !ordered
            }
            (Term::Diagnosis { .. } | Term::Medication { .. } | Term::Held, Value::Truth(_)) => !ordered,
            _ => false,
        };
        if !fits {
            let what = format!("{term} cannot be compared like this: numbers by their size, all else by = and !=");
            found.add(Name::ValueDoesNotFit, path, what);
        }
    }
}

fn measured(pathway: &Pathway, path: &str, code: &str, comparison: &Comparison, found: &mut Found) {
    let Some(measure) = pathway.measure(code) else {
        let what = format!("`{code}` is not declared: add it to `measures`, with title and unit");
        return found.add(Name::MeasureUnknown, path, what);
    };
    match (&comparison.term, &comparison.value) {
        (Term::Trend { .. }, Value::Text(trend)) if matches!(trend.as_str(), "rising" | "falling") => {}
        (Term::Trend { .. }, _) => {
            found.add(Name::ValueDoesNotFit, path, "a trend is 'rising' or 'falling'");
        }
        (term, Value::Number(_, None)) => {
            let unit = if matches!(term, Term::Change { .. }) { "%" } else { measure.unit.as_str() };
            found.add(Name::ThresholdWithoutUnit, path, format!("{term}: add the unit, such as '{unit}'"));
        }
        (Term::Change { .. }, Value::Number(_, Some(unit))) => {
            if unit != "%" {
                found.add(Name::UnitDoesNotFit, path, "a change is in '%'");
            }
        }
        (term, Value::Number(number, Some(unit))) => {
            if measure.own(*number, unit, matches!(term, Term::Delta { .. })).is_none() {
                let what = format!(
                    "{term} is in `{}`, and nothing says what `{unit}` is in it: correct it, or add it to `convert`",
                    measure.unit
                );
                found.add(Name::UnitDoesNotFit, path, what);
            }
        }
        (term, _) => found.add(Name::ValueDoesNotFit, path, format!("{term} is a number with a unit")),
    }
}

fn answered(pathway: &Pathway, path: &str, questionnaire: &str, item: &str, value: &Value, found: &mut Found) {
    if pathway.questionnaire(questionnaire).is_none() {
        return found.add(Name::QuestionnaireUnknown, path, format!("there is no questionnaire `{questionnaire}`"));
    }
    let Some(question) = pathway.question(questionnaire, item) else {
        return found.add(Name::ItemUnknown, path, format!("`{questionnaire}` has no question `{item}`"));
    };
    match (question.kind, value) {
        (Kind::Boolean, Value::Truth(_)) | (Kind::Integer, Value::Number(_, None)) | (Kind::Text, Value::Text(_)) => {}
        (Kind::Choice, Value::Text(code)) => {
            if !question.choices.iter().any(|choice| choice.code == *code) {
                found.add(Name::ItemUnknown, path, format!("`{item}` has no choice `{code}`"));
            }
        }
        (Kind::Quantity, Value::Number(_, None)) => {
            found.add(Name::ThresholdWithoutUnit, path, format!("the answer `{item}` has a unit: add it"));
        }
        (Kind::Quantity, Value::Number(_, unit)) if unit == &question.unit => {}
        (Kind::Quantity, Value::Number(..)) => {
            let own = question.unit.as_deref().unwrap_or_default();
            found.add(Name::UnitDoesNotFit, path, format!("the answer `{item}` is in `{own}`"));
        }
        (kind, _) => {
            found.add(
                Name::ValueDoesNotFit,
                path,
                format!("the answer `{item}` is of kind {kind:?}: compare with that"),
            );
        }
    }
}

/// Questionnaires and tests that tasks and rules ask for; each questionnaire is asked by something.
fn asked(pathway: &Pathway, found: &mut Found) {
    let mut asked = BTreeSet::new();
    let mut wanted: Vec<(String, &Option<String>, &Vec<String>)> = Vec::new();
    for (index, rule) in pathway.rules.iter().enumerate() {
        wanted.push((format!("rules[{index}]"), &rule.ask, &rule.lab));
    }
    for (at, stage) in pathway.stages.iter().enumerate() {
        for (index, task) in stage.tasks.iter().enumerate() {
            wanted.push((format!("stages[{at}].tasks[{index}]"), &task.ask, &task.lab));
        }
        for (index, rule) in stage.rules.iter().enumerate() {
            wanted.push((format!("stages[{at}].rules[{index}]"), &rule.ask, &rule.lab));
        }
    }
    for (path, ask, lab) in wanted {
        if let Some(code) = ask {
            asked.insert(code.as_str());
            if pathway.questionnaire(code).is_none() {
                found.add(
                    Name::QuestionnaireUnknown,
                    format!("{path}.ask"),
                    format!("there is no questionnaire `{code}`"),
                );
            }
        }
        for code in lab {
            if pathway.measure(code).is_none() {
                let what = format!("`{code}` is not declared, so its result would not be seen: add it to `measures`");
                found.add(Name::MeasureUnknown, format!("{path}.lab"), what);
            }
        }
    }
    for (at, questionnaire) in pathway.questionnaires.iter().enumerate() {
        if !asked.contains(questionnaire.code.as_str()) {
            let what = format!("nothing asks `{}`: ask it in a task or a rule, or remove it", questionnaire.code);
            found.add(Name::NotUsed, format!("questionnaires[{at}]"), what);
        }
    }
}

/// All places of a citation, whether there is one or not, where there must be one.
pub(super) fn citations(pathway: &Pathway) -> Vec<(String, Option<&Citation>)> {
    let mut all = Vec::new();
    let ages = &pathway.enrolment;
    all.push(("enrolment".to_owned(), ages.citation.as_ref()));
    for (list, exclusions) in [("refuse", &ages.refuse), ("offline", &ages.offline)] {
        for (index, exclusion) in exclusions.iter().enumerate() {
            all.push((format!("enrolment.{list}[{index}]"), exclusion.citation.as_ref()));
        }
    }
    for (index, rule) in pathway.rules.iter().enumerate() {
        all.push((format!("rules[{index}]"), rule.citation.as_ref()));
    }
    for (at, stage) in pathway.stages.iter().enumerate() {
        let path = format!("stages[{at}]");
        for (index, task) in stage.tasks.iter().enumerate() {
            all.push((format!("{path}.tasks[{index}]"), task.citation.as_ref()));
        }
        for (index, rule) in stage.rules.iter().enumerate() {
            all.push((format!("{path}.rules[{index}]"), rule.citation.as_ref()));
        }
        for (index, exit) in stage.exit.iter().enumerate() {
            all.push((format!("{path}.exit[{index}]"), exit.citation.as_ref()));
        }
    }
    all
}

fn sources(pathway: &Pathway, found: &mut Found) {
    let mut used = BTreeSet::new();
    let all = citations(pathway);
    for (path, citation) in &all {
        match citation {
            None => {
                let what = "whoever reads it must be able to look it up: add `citation: {source: …, section: …}`";
                found.add(Name::NumberWithoutCitation, path, what);
            }
            Some(citation) => {
                used.insert(citation.source.as_str());
            }
        }
    }
    let questionnaires =
        pathway.questionnaires.iter().enumerate().filter_map(|(at, questionnaire)| {
            Some((format!("questionnaires[{at}]"), questionnaire.citation.as_ref()?))
        });
    let conversions = pathway.measures.iter().enumerate().flat_map(|(at, measure)| {
        measure.convert.iter().filter_map(move |factor| Some((format!("measures[{at}]"), factor.citation.as_ref()?)))
    });
    let more: Vec<_> = questionnaires.chain(conversions).collect();
    let given = all.iter().filter_map(|(path, citation)| Some((path, (*citation)?)));
    for (path, citation) in given.chain(more.iter().map(|(path, citation)| (path, *citation))) {
        used.insert(citation.source.as_str());
        if !pathway.sources.contains_key(&citation.source) {
            let what = format!("there is no source `{}`: add it to `sources`", citation.source);
            found.add(Name::SourceUnknown, format!("{path}.citation"), what);
        }
    }
    for (key, source) in &pathway.sources {
        let path = format!("sources.{key}");
        if source.title.trim().is_empty() || !(1900..=2100).contains(&source.year) {
            found.add(Name::NumberWithoutCitation, &path, "a source has a title and the year of its edition");
        }
        if !used.contains(key.as_str()) {
            found.add(Name::NotUsed, path, format!("nothing cites `{key}`: remove it"));
        }
    }
}
