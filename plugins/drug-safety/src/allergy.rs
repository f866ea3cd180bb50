//! Allergies to an ingredient, its group, or cross-reactive ones, from codes and from text.

use xinglin_sdk::{
    clinical::{Allergy, Criticality},
    prescribing::{Finding, Severity},
    types::{AttributeValue, Attributes as _, Coding, Codings as _, system, zh_en},
};

use crate::{
    Case, drug, finding,
    table::{GROUPS, Group, Ingredient, Level, NOT_MEDICINES, Source, UNSPECIFIC},
    text::{self, Reading},
};

/// FHIR's codes for absent data: the host's sign of an allergen without a code.
const DATA_ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
/// Attributes of an allergy: its text, and FHIR's categories separated by blanks.
const TEXT: &str = "xinglin.text";
const CATEGORY: &str = "xinglin.category";

/// Findings, one for each line and reason.
pub fn check(case: &Case) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for allergy in &case.snapshot.allergies {
        let found = match Allergen::of(allergy) {
            Allergen::NoMedicine => Vec::new(),
            Allergen::Unknown(read) => {
                let mut found = against_lines(case, allergy, &read);
                found.push(not_understood(allergy));
                found
            }
            Allergen::Medicine(read) => against_lines(case, allergy, &read),
        };
        // Two records of one allergy give the same finding.
        for one in found {
            if !findings.contains(&one) {
                findings.push(one);
            }
        }
    }
    findings
}

enum Allergen {
    NoMedicine,
    /// In whole or in part.
    Unknown(Reading),
    Medicine(Reading),
}

impl Allergen {
    /// By the codes of medicines, otherwise by the text.
    fn of(allergy: &Allergy) -> Self {
        let substance = allergy.substance.as_slice();
        let mut ingredients: Vec<_> = substance.iter().flat_map(drug::resolve).collect();
        let named = |group: &&Group| {
            group.snomed.iter().any(|code| substance.has(system::SNOMED, code))
                || group.rxnorm.iter().any(|code| substance.has(system::RXNORM, code))
                || group.members.iter().any(|code| substance.has(system::ATC, code))
        };
        let mut groups: Vec<_> = GROUPS.iter().filter(named).collect();
        let coded = !ingredients.is_empty() || !groups.is_empty();
        let no_medicine = NOT_MEDICINES.iter().any(|code| substance.has(system::SNOMED, code));
        let mut understood = coded || no_medicine;
        for text in texts(allergy).filter(|_| !coded) {
            let read = text::read(text);
            ingredients.extend(read.ingredients);
            groups.extend(read.groups);
            understood |= read.whole;
        }
        // An ingredient's allergy is one to its groups.
        groups.extend(GROUPS.iter().filter(|group| ingredients.iter().any(|i| i.is_any(group.members))));
        let read = Reading { whole: understood, ingredients, groups };
        match (read.ingredients.is_empty() && read.groups.is_empty(), understood) {
            (_, false) => Self::Unknown(read),
            (true, true) => Self::NoMedicine,
            (false, true) => Self::Medicine(read),
        }
    }
}

/// The text of the concept and the display texts of its codes.
fn texts(allergy: &Allergy) -> impl Iterator<Item = &str> {
    let text = match allergy.attributes.value(TEXT) {
        Some(AttributeValue::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let displays = allergy.substance.iter().filter_map(|coding| coding.display.as_deref());
    text.into_iter().chain(displays)
}

fn against_lines(case: &Case, allergy: &Allergy, read: &Reading) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, _, ingredient) in case.parts() {
        let name = ingredient.name;
        let mut found = |code: &str, severity, source: Option<&Source>, (zh, en): (String, String)| {
            let general = finding(code, severity, zh_en(zh, en), vec![line.number]);
            findings.push(match source {
                Some(source) => Finding { citation: source.citation(), ..general },
                None => general,
            });
        };
        if is_in(ingredient, &read.ingredients) {
            found(
                "ALLERGY_INGREDIENT",
                Severity::Critical,
                None,
                (format!("患者对{}过敏。", name.zh), format!("The patient is allergic to {}.", name.en)),
            );
        } else if let Some(group) = read.groups.iter().find(|group| ingredient.is_any(group.members)) {
            found(
                &format!("ALLERGY_{}", group.code),
                group.level.severity(),
                Some(&group.source),
                (
                    format!("患者有{}过敏史,{}属于该类。", group.name.zh, name.zh),
                    format!("The patient has an allergy within {}, and {} is one of them.", group.name.en, name.en),
                ),
            );
        } else if let Some((group, cross)) = read.groups.iter().find_map(|group| {
            let cross = group.cross.iter().find(|cross| ingredient.is_any(cross.members))?;
            Some((group, cross))
        }) {
            let severity = match cross.level {
                Level::ByCriticality if allergy.criticality != Criticality::High => Severity::Info,
                level => level.severity(),
            };
            found(
                &format!("ALLERGY_CROSS_{}", group.code),
                severity,
                Some(&cross.source),
                (
                    format!("患者有{}过敏史,{}:{}", group.name.zh, name.zh, cross.text.zh),
                    format!("The patient has an allergy within {}; {}: {}", group.name.en, name.en, cross.text.en),
                ),
            );
        }
    }
    findings
}

fn is_in(ingredient: &Ingredient, list: &[&'static Ingredient]) -> bool {
    list.iter().any(|other| other.atc == ingredient.atc)
}

/// An allergen with a code can be looked up: a warning. One without may be the medicine that is
/// ordered, and nobody could know: it stops the order until it has a code. A food or something
/// of the environment is no such danger.
fn not_understood(allergy: &Allergy) -> Finding {
    let says_nothing = |coding: &Coding| {
        coding.system == DATA_ABSENT || (coding.system == system::SNOMED && UNSPECIFIC.contains(&coding.code.as_str()))
    };
    let coded = !allergy.substance.iter().all(says_nothing);
    let category = match allergy.attributes.value(CATEGORY) {
        Some(AttributeValue::Text(category)) => category.as_str(),
        _ => "",
    };
    let mut categories = category.split_whitespace().peekable();
    let harmless = categories.peek().is_some() && categories.all(|one| matches!(one, "food" | "environment"));
    let text = texts(allergy).next();
    let label = text.unwrap_or_else(|| allergy.substance.label());
    if coded || harmless {
        return Finding {
            suggestion: zh_en("请人工核对。", "Check it by hand."),
            ..finding(
                "ALLERGY_NOT_COVERED",
                Severity::Warning,
                zh_en(
                    format!("知识表未收录过敏原“{label}”,未作核对。"),
                    format!("The table does not cover the allergen “{label}”: it was not checked."),
                ),
                Vec::new(),
            )
        };
    }
    let (zh, en) = match text {
        Some(text) => (
            format!("过敏记录“{text}”没有编码且无法识别,补充编码后才能审核。"),
            format!("The allergy “{text}” has no code and is not recognised: it must be coded first."),
        ),
        None => (
            "有一条过敏记录既无编码也无可读的文字,补充编码后才能审核。".to_owned(),
            "There is an allergy with neither a code nor readable text: it must be coded first.".to_owned(),
        ),
    };
    Finding {
        suggestion: zh_en(
            "核实过敏原并编码(SNOMED CT、ATC 或 RxNorm)。",
            "Clarify the allergen and code it (SNOMED CT, ATC or RxNorm).",
        ),
        ..finding("ALLERGY_NOT_CODED", Severity::Critical, zh_en(zh, en), Vec::new())
    }
}
