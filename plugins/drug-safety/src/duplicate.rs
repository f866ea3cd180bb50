//! Duplicates: the same ingredient twice, or two medicines of a class of which one
//! suffices.

use xinglin_sdk::{
    prescribing::{Finding, Severity},
    types::zh_en,
};

use crate::{
    Case,
    drug::Drug,
    finding, refill,
    table::{CLASSES, Class, Ingredient, review_rule},
};

/// Findings within the order, and between order and current medications.
pub fn check(case: &Case) -> Vec<Finding> {
    let mut findings = within_order(case);
    findings.extend(already_taken(case));
    findings.extend(CLASSES.iter().filter_map(|class| of_class(case, class)));
    findings
}

fn within_order(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines: Vec<(u32, &Drug)> = case.lines().map(|(line, drug)| (line.number, drug)).collect();
    for (index, (first, drug)) in lines.iter().enumerate() {
        for (second, other) in lines.iter().skip(index + 1) {
            for ingredient in drug.ingredients.iter().filter(|ingredient| other.holds(ingredient)) {
                findings.push(finding(
                    "DUPLICATE_INGREDIENT",
                    Severity::Warning,
                    zh_en(
                        format!("处方内重复:两种药品都含{}。", ingredient.name.zh),
                        format!("Twice in this order: {} is in both.", ingredient.name.en),
                    ),
                    vec![*first, *second],
                ));
            }
        }
    }
    findings
}

/// A current product that is ordered again is a renewal, the purpose of
/// follow-ups. The same ingredient in another product may be an addition.
fn already_taken(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, drug) in case.lines() {
        if case.taken.iter().any(|taken| taken.is_product(drug)) || refill::supply(case, drug).is_some() {
            continue;
        }
        for ingredient in drug.ingredients.iter().filter(|i| case.taken.iter().any(|taken| taken.holds(i))) {
            findings.push(finding(
                "DUPLICATE_ACTIVE_INGREDIENT",
                Severity::Info,
                zh_en(
                    format!("患者正在使用含{}的药品,请确认是续用还是加用。", ingredient.name.zh),
                    format!("The patient takes {} already: renewal or addition?", ingredient.name.en),
                ),
                vec![line.number],
            ));
        }
    }
    findings
}

fn of_class(case: &Case, class: &Class) -> Option<Finding> {
    let is_member = |ingredient: &&&Ingredient| ingredient.is_any(class.members);
    let mut members: Vec<&Ingredient> = Vec::new();
    let mut lines = Vec::new();
    for (line, drug) in case.lines() {
        for ingredient in drug.ingredients.iter().filter(is_member) {
            members.push(ingredient);
            lines.push(line.number);
        }
    }
    if lines.is_empty() {
        return None;
    }
    members.extend(case.taken.iter().flat_map(|drug| &drug.ingredients).filter(is_member));
    members.sort_by_key(|ingredient| ingredient.atc);
    members.dedup_by_key(|ingredient| ingredient.atc);
    if members.len() < 2 {
        return None;
    }
    let zh: Vec<&str> = members.iter().map(|ingredient| ingredient.name.zh).collect();
    let en: Vec<&str> = members.iter().map(|ingredient| ingredient.name.en).collect();
    lines.dedup();
    Some(Finding {
        citation: class.source.as_ref().map_or_else(review_rule, |source| source.citation()),
        ..finding(
            "DUPLICATE_CLASS",
            Severity::Warning,
            zh_en(
                format!("同类重复({}):{}。", class.name.zh, zh.join("、")),
                format!("Two of one class ({}): {}.", class.name.en, en.join(", ")),
            ),
            lines,
        )
    })
}
