//! Medicines that an age forbids.

use xinglin_sdk::{
    prescribing::{Finding, Severity},
    types::zh_en,
};

use crate::{Case, finding, table::AGES};

/// Findings for each line, and one if the age is unknown.
pub fn check(case: &Case) -> Vec<Finding> {
    let Some(months) = case.snapshot.subject.age_months else {
        return vec![Finding {
            suggestion: zh_en("请补录出生日期。", "Record the date of birth."),
            ..finding(
                "AGE_UNKNOWN",
                Severity::Warning,
                zh_en(
                    "患者年龄未知,未核对年龄禁忌,剂量按成人核对。",
                    "The age is unknown: limits by age were not checked, doses were checked as an adult's.",
                ),
                Vec::new(),
            )
        }];
    };
    case.parts()
        .flat_map(|(line, _, ingredient)| AGES.iter().map(move |row| (line, ingredient, row)))
        .filter(|(_, ingredient, row)| (row.from..row.below).contains(&months) && ingredient.is_any(row.members))
        .map(|(line, ingredient, row)| Finding {
            citation: row.source.citation(),
            ..finding(
                if row.below == u32::MAX { "AGE_TOO_OLD" } else { "AGE_TOO_YOUNG" },
                row.level.severity(),
                zh_en(
                    format!("{}:{}", ingredient.name.zh, row.text.zh),
                    format!("{}: {}", ingredient.name.en, row.text.en),
                ),
                vec![line.number],
            )
        })
        .collect()
}
