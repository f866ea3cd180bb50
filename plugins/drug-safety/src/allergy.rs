//! Allergies to an ingredient, its group, or cross-reactive ones.

use xinglin_sdk::{
    prescribing::{Finding, Severity},
    types::{Coding, Codings as _, system, zh_en},
};

use crate::{
    Case, drug, finding,
    table::{GROUPS, Group, Ingredient, NOT_MEDICINES},
};

/// Findings, one for each line and reason.
pub fn check(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    for allergy in &case.snapshot.allergies {
        match Allergen::of(&allergy.substance) {
            Allergen::NoMedicine => {}
            Allergen::Unknown => findings.push(not_covered(&allergy.substance)),
            Allergen::Medicine { ingredients, groups } => {
                findings.extend(against_lines(case, &ingredients, &groups));
            }
        }
    }
    // Two records of one allergy give the same finding.
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    once
}

enum Allergen {
    NoMedicine,
    Unknown,
    Medicine { ingredients: Vec<&'static Ingredient>, groups: Vec<&'static Group> },
}

impl Allergen {
    fn of(substance: &[Coding]) -> Self {
        if NOT_MEDICINES.iter().any(|code| substance.has(system::SNOMED, code)) {
            return Self::NoMedicine;
        }
        let ingredients: Vec<_> = substance.iter().flat_map(drug::resolve).collect();
        let named = |group: &&Group| {
            group.snomed.iter().any(|code| substance.has(system::SNOMED, code))
                || group.rxnorm.iter().any(|code| substance.has(system::RXNORM, code))
                || group.members.iter().any(|code| substance.has(system::ATC, code))
                || ingredients.iter().any(|ingredient| ingredient.is_any(group.members))
        };
        let groups: Vec<_> = GROUPS.iter().filter(named).collect();
        if ingredients.is_empty() && groups.is_empty() { Self::Unknown } else { Self::Medicine { ingredients, groups } }
    }
}

fn against_lines(case: &Case, ingredients: &[&'static Ingredient], groups: &[&'static Group]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, drug) in case.lines() {
        for ingredient in &drug.ingredients {
            let name = ingredient.name;
            if ingredients.iter().any(|allergen| allergen.atc == ingredient.atc) {
                findings.push(finding(
                    "ALLERGY_INGREDIENT",
                    Severity::Critical,
                    zh_en(format!("患者对{}过敏。", name.zh), format!("The patient is allergic to {}.", name.en)),
                    vec![line],
                ));
            } else if let Some(group) = groups.iter().find(|group| ingredient.is_any(group.members)) {
                findings.push(Finding {
                    citation: group.source.citation(),
                    ..finding(
                        &format!("ALLERGY_{}", group.code),
                        if group.veto { Severity::Critical } else { Severity::Warning },
                        zh_en(
                            format!("患者有{}过敏史,{}属于该类。", group.name.zh, name.zh),
                            format!(
                                "The patient has an allergy within {}, and {} is one of them.",
                                group.name.en, name.en
                            ),
                        ),
                        vec![line],
                    )
                });
            } else if let Some(group) = groups.iter().find(|group| ingredient.is_any(group.cross)) {
                findings.push(Finding {
                    citation: group.source.citation(),
                    ..finding(
                        &format!("ALLERGY_CROSS_{}", group.code),
                        Severity::Warning,
                        zh_en(
                            format!(
                                "患者有{}过敏史,{}为{},可能交叉过敏。",
                                group.name.zh, name.zh, group.cross_name.zh
                            ),
                            format!(
                                "The patient has an allergy within {}; {} is {} and may cross-react.",
                                group.name.en, name.en, group.cross_name.en
                            ),
                        ),
                        vec![line],
                    )
                });
            }
        }
    }
    findings
}

fn not_covered(substance: &[Coding]) -> Finding {
    let label = substance.label();
    Finding {
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
    }
}
