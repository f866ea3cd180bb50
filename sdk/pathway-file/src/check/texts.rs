//! Texts: in both languages, plain, and neutral where a patient's lock screen shows them.

use super::{Found, Name};
use crate::model::{Pathway, Role, Rule, Text};

/// What a text on a lock screen must not say, in a pathway of a restricted compartment: lower case.
const RESTRICTED: [(&str, &[&str]); 2] = [
    (
        "hiv",
        &[
            "hiv",
            "aids",
            "艾滋",
            "免疫缺陷",
            "抗病毒",
            "病毒载量",
            "暴露",
            "prep",
            "viral load",
            "antiretroviral",
            "antiviral",
            "exposure",
            "cd4",
        ],
    ),
    (
        "mental-health",
        &[
            "抑郁",
            "焦虑",
            "自杀",
            "自伤",
            "精神",
            "心理",
            "失眠",
            "情绪",
            "depress",
            "anxi",
            "suicid",
            "self-harm",
            "psych",
            "mental",
            "mood",
            "insomnia",
        ],
    ),
];

pub(super) fn check(pathway: &Pathway, found: &mut Found) {
    let words = RESTRICTED.iter().find(|(name, _)| Some(*name) == pathway.compartment.as_deref());
    let words = words.map_or(&[][..], |(_, words)| words);
    for (path, text, shown) in all(pathway) {
        let sides = [("zh-CN", &text.zh), ("en", &text.en)];
        for (language, side) in sides {
            let Some(side) = side.as_ref().filter(|side| !side.trim().is_empty()) else {
                let what = format!("the text in {language} is missing: add it");
                found.add(Name::TextMissingLanguage, &path, what);
                continue;
            };
            if has_markup(side) {
                found.add(Name::TextWithMarkup, &path, "texts are plain: remove tags, entities and control characters");
            }
            let lower = side.to_lowercase();
            if let Some(word) = words.iter().find(|word| shown && lower.contains(**word)) {
                let what = format!("it may be shown on a lock screen, and says `{word}`: write it neutrally");
                found.add(Name::TextRestricted, &path, what);
            }
        }
    }
}

fn has_markup(text: &str) -> bool {
    let tag = text.match_indices('<').any(|(at, _)| {
        text[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'))
    });
    let entity = text.match_indices('&').any(|(at, _)| {
        let rest = &text[at + 1..];
        rest.find(';').is_some_and(|end| {
            (1..=10).contains(&end) && rest[..end].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#')
        })
    });
    tag || entity || text.chars().any(char::is_control)
}

/// All texts that must be there, with their paths, and whether a lock screen may show them.
fn all(pathway: &Pathway) -> Vec<(String, &Text, bool)> {
    let mut all = vec![("title".to_owned(), &pathway.title, false)];
    if pathway.description != Text::default() {
        all.push(("description".to_owned(), &pathway.description, false));
    }
    for (list, exclusions) in [("refuse", &pathway.enrolment.refuse), ("offline", &pathway.enrolment.offline)] {
        for (index, exclusion) in exclusions.iter().enumerate() {
            all.push((format!("enrolment.{list}[{index}].message"), &exclusion.message, false));
        }
    }
    for (index, measure) in pathway.measures.iter().enumerate() {
        all.push((format!("measures[{index}].title"), &measure.title, false));
    }
    for (at, questionnaire) in pathway.questionnaires.iter().enumerate() {
        let path = format!("questionnaires[{at}]");
        // The host tells the patient by its title that it is there.
        all.push((format!("{path}.title"), &questionnaire.title, true));
        for (index, question) in questionnaire.questions.iter().enumerate() {
            let path = format!("{path}.questions[{index}]");
            all.push((format!("{path}.text"), &question.text, false));
            for (index, choice) in question.choices.iter().enumerate() {
                all.push((format!("{path}.choices[{index}].title"), &choice.title, false));
            }
        }
    }
    for (index, rule) in pathway.rules.iter().enumerate() {
        of_rule(&format!("rules[{index}]"), rule, &mut all);
    }
    for (at, stage) in pathway.stages.iter().enumerate() {
        let path = format!("stages[{at}]");
        all.push((format!("{path}.title"), &stage.title, false));
        for (index, task) in stage.tasks.iter().enumerate() {
            let own = matches!(task.actor, Some(Role::Patient | Role::Guardian));
            all.push((format!("{path}.tasks[{index}].title"), &task.title, own));
            if let Some(text) = &task.patient {
                all.push((format!("{path}.tasks[{index}].patient"), text, true));
            }
        }
        for (index, rule) in stage.rules.iter().enumerate() {
            of_rule(&format!("{path}.rules[{index}]"), rule, &mut all);
        }
        for (index, exit) in stage.exit.iter().enumerate() {
            if exit.close.is_some() || exit.message != Text::default() {
                all.push((format!("{path}.exit[{index}].message"), &exit.message, false));
            }
        }
    }
    all
}

fn of_rule<'a>(path: &str, rule: &'a Rule, all: &mut Vec<(String, &'a Text, bool)>) {
    all.push((format!("{path}.message"), &rule.message, false));
    if let Some(text) = &rule.patient {
        all.push((format!("{path}.patient"), text, true));
    }
}
