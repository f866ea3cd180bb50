//! Interactions between pairs of ingredients.

use xinglin_sdk::{prescribing::Finding, types::zh_en};

use crate::{
    Case, finding,
    table::{INTERACTIONS, Ingredient, Interaction},
};

/// An ingredient in use, on a line of the order or taken.
#[derive(Clone, Copy)]
struct Use {
    ingredient: &'static Ingredient,
    line: Option<u32>,
}

/// One finding for each pair and rule, with at least one of the two on the order.
pub fn check(case: &Case) -> Vec<Finding> {
    let ordered: Vec<Use> =
        case.parts().map(|(line, _, ingredient)| Use { ingredient, line: Some(line.number) }).collect();
    // A current medication that is ordered again is in the order already.
    let on_order = |ingredient: &Ingredient| case.ordered.iter().any(|drug| drug.holds(ingredient));
    let taken = case.taken.iter().flat_map(|drug| &drug.ingredients).filter(|ingredient| !on_order(ingredient));
    let mut all = ordered.clone();
    all.extend(taken.map(|ingredient| Use { ingredient, line: None }));

    let mut findings: Vec<Finding> = Vec::new();
    for (index, first) in ordered.iter().enumerate() {
        for second in all.iter().skip(index + 1).filter(|second| !together(first, second)) {
            for rule in rules(first.ingredient, second.ingredient).filter(|rule| case.is(rule.only)) {
                let found = describe(rule, first, second);
                if !findings.contains(&found) {
                    findings.push(found);
                }
            }
        }
    }
    findings
}

/// Whether they are one product, which is licensed as it is, or one ingredient.
fn together(first: &Use, second: &Use) -> bool {
    first.ingredient.atc == second.ingredient.atc || first.line == second.line
}

/// The rules for a pair, either way round.
pub fn rules(first: &'static Ingredient, second: &'static Ingredient) -> impl Iterator<Item = &'static Interaction> {
    let forward = common(first.a, second.b);
    let backward = common(second.a, first.b).filter(move |rule| !(first.a.contains(rule) && second.b.contains(rule)));
    forward.chain(backward).filter_map(|rule| INTERACTIONS.get(usize::from(rule)))
}

/// What two ascending lists have in common.
fn common(a: &'static [u16], b: &'static [u16]) -> impl Iterator<Item = u16> {
    a.iter().filter(move |rule| b.binary_search(rule).is_ok()).copied()
}

fn describe(rule: &Interaction, first: &Use, second: &Use) -> Finding {
    let (first_name, second_name) = (first.ingredient.name, second.ingredient.name);
    Finding {
        suggestion: rule.advice.localized(),
        citation: rule.source.citation(),
        ..finding(
            rule.code,
            rule.level.severity(),
            zh_en(
                format!("{}+{}:{}", first_name.zh, second_name.zh, rule.text.zh),
                format!("{} + {}: {}", first_name.en, second_name.en, rule.text.en),
            ),
            [first, second].into_iter().filter_map(|one| one.line).collect(),
        )
    }
}
