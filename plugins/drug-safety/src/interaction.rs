//! Interactions between pairs of ingredients.

use xinglin_sdk::{
    prescribing::{Finding, Severity},
    types::zh_en,
};

use crate::{
    Case,
    drug::Drug,
    finding,
    table::{INTERACTIONS, Ingredient, Interaction},
};

/// One finding for each pair and rule, with at least one of the two on the order.
pub fn check(case: &Case) -> Vec<Finding> {
    let lines: Vec<(u32, &Drug)> = case.lines().collect();
    // A current medication that is ordered again is in the order already.
    let on_order = |ingredient: &Ingredient| case.ordered.iter().any(|drug| drug.holds(ingredient));
    let taken: Vec<&Ingredient> =
        case.taken.iter().flat_map(|drug| &drug.ingredients).copied().filter(|i| !on_order(i)).collect();

    let mut findings: Vec<Finding> = Vec::new();
    let mut report = |rule: &Interaction, first: &Ingredient, second: &Ingredient, lines: Vec<u32>| {
        let found = describe(rule, first, second, lines);
        if !findings.contains(&found) {
            findings.push(found);
        }
    };
    for rule in INTERACTIONS.iter().filter(|rule| case.diabetic || !rule.only_with_diabetes) {
        for (index, (line, drug)) in lines.iter().enumerate() {
            for ingredient in &drug.ingredients {
                for (other_line, other) in lines.iter().skip(index + 1) {
                    for second in other.ingredients.iter().filter(|second| applies(rule, ingredient, second)) {
                        report(rule, ingredient, second, vec![*line, *other_line]);
                    }
                }
                for second in taken.iter().filter(|second| applies(rule, ingredient, second)) {
                    report(rule, ingredient, second, vec![*line]);
                }
            }
        }
    }
    findings
}

fn applies(rule: &Interaction, first: &Ingredient, second: &Ingredient) -> bool {
    let both = |a: &Ingredient, b: &Ingredient| a.is_any(rule.a) && b.is_any(rule.b);
    both(first, second) || both(second, first)
}

fn describe(rule: &Interaction, first: &Ingredient, second: &Ingredient, lines: Vec<u32>) -> Finding {
    Finding {
        suggestion: rule.advice.localized(),
        citation: rule.source.citation(),
        ..finding(
            rule.code,
            if rule.contraindicated { Severity::Critical } else { Severity::Warning },
            zh_en(
                format!("{}+{}:{}", first.name.zh, second.name.zh, rule.text.zh),
                format!("{} + {}: {}", first.name.en, second.name.en, rule.text.en),
            ),
            lines,
        )
    }
}
