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
/// Attributes of an allergy: its text, FHIR's categories separated by blanks, and FHIR's statuses
/// where they are not `active` and `confirmed`.
const TEXT: &str = "xinglin.text";
const CATEGORY: &str = "xinglin.category";
const CLINICAL_STATUS: &str = "xinglin.clinical-status";
const VERIFICATION_STATUS: &str = "xinglin.verification-status";

/// Findings, one for each line and reason. Of what is recorded as past the gravest is a warning.
pub fn check(case: &Case) -> Vec<Finding> {
    let stands =
        |allergy: &&Allergy| !matches!(text_of(allergy, VERIFICATION_STATUS), Some("refuted" | "entered-in-error"));
    let (past, present): (Vec<&Allergy>, Vec<&Allergy>) =
        case.snapshot.allergies.iter().filter(stands).partition(|allergy| is_past(allergy));
    let mut findings: Vec<Finding> = Vec::new();
    // Two records of one allergy give the same finding.
    for one in present.into_iter().flat_map(|allergy| found(case, allergy)) {
        if !findings.contains(&one) {
            findings.push(one);
        }
    }
    let mut told = findings.clone();
    for one in past.into_iter().flat_map(|allergy| found(case, allergy)) {
        if !told.contains(&one) {
            told.push(one.clone());
            findings.push(of_past(one));
        }
    }
    findings
}

fn is_past(allergy: &Allergy) -> bool {
    matches!(text_of(allergy, CLINICAL_STATUS), Some("inactive" | "resolved"))
}

/// Somebody may have been wrong about that: it is said, and stops nothing.
fn of_past(found: Finding) -> Finding {
    let mut found = found;
    if found.severity == Severity::Critical {
        found.severity = Severity::Warning;
    }
    for text in &mut found.message {
        text.text.push_str(match text.language.as_str() {
            "en" => " It is recorded as no longer active: confirm that.",
            _ => "该记录的状态为已不活动,请核实。",
        });
    }
    found
}

fn found(case: &Case, allergy: &Allergy) -> Vec<Finding> {
    match Allergen::of(allergy) {
        Allergen::NoMedicine => Vec::new(),
        Allergen::Unknown(read) => {
            let mut found = against_lines(case, allergy, &read);
            found.push(not_understood(allergy));
            found
        }
        Allergen::Medicine(read) => against_lines(case, allergy, &read),
    }
}

fn text_of<'a>(allergy: &'a Allergy, attribute: &str) -> Option<&'a str> {
    match allergy.attributes.value(attribute) {
        Some(AttributeValue::Text(text)) => Some(text),
        _ => None,
    }
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
        // Without a code, every text must be understood: what one leaves out another may name.
        let mut whole = texts(allergy).next().is_some();
        for text in texts(allergy).filter(|_| !coded) {
            let read = text::read(text);
            ingredients.extend(read.ingredients);
            groups.extend(read.groups);
            whole &= read.whole;
        }
        let understood = coded || no_medicine || whole;
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
    let displays = allergy.substance.iter().filter_map(|coding| coding.display.as_deref());
    text_of(allergy, TEXT).into_iter().chain(displays)
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
    let category = text_of(allergy, CATEGORY).unwrap_or_default();
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
