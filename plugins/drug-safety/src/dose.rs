//! Doses above the maximum for the age and weight.
//!
//! A dose is compared in the unit of its row. What cannot be compared, and what has no maximum in
//! the table, is said once for the order: silence means that the dose was checked.

use std::cell::OnceCell;

use xinglin_sdk::{
    clinical::Observation,
    prescribing::{Finding, Line, Severity},
    time::days_between,
    types::{Attributes as _, Coding, Decimal, zh_en},
};

use crate::{
    COMPARATOR, Case,
    drug::{Drug, one_dose},
    finding,
    table::{self, DOSES, Dose, Unit},
};

const WEIGHT: [&str; 2] = ["29463-7", "3141-9"];
/// Days after which a weight is outdated; a child grows.
const DAYS_ADULT: i64 = 365;
const DAYS_CHILD: i64 = 180;
const ADULT: u32 = 18 * 12;

/// Findings for each line, and for the order those on what was not checked.
pub fn check(case: &Case) -> Vec<Finding> {
    let months = case.snapshot.subject.age_months.unwrap_or(ADULT);
    let weight = OnceCell::new();
    let weight = || *weight.get_or_init(|| weight_of(case, months));
    let mut findings = Vec::new();
    let (mut without, mut apart) = (Unchecked::default(), Unchecked::default());
    for (line, drug) in case.lines().filter(|(_, drug)| drug.known) {
        let mut rows = maxima(drug).iter().filter(|row| (row.from..row.below).contains(&months)).peekable();
        if rows.peek().is_none() {
            without.add(line, drug);
        }
        for row in rows {
            match one_dose(line, row.unit) {
                Some(once) => findings.extend(exceeded(row, line, drug, once, &weight)),
                None => apart.add(line, drug),
            }
        }
    }
    findings.extend(without.finding(
        "DOSE_NO_MAXIMUM",
        ("表中没有该年龄的最大剂量,未核对剂量", "No maximum for this age in the table, so the dose was not checked"),
    ));
    findings.extend(apart.finding(
        "DOSE_NOT_COMPARED",
        (
            "剂量单位无法换算(规格未知),未核对剂量",
            "The unit of the dose cannot be compared (strength unknown), so it was not checked",
        ),
    ));
    findings
}

/// Of a combination by its own code, otherwise of the ingredient.
fn maxima(drug: &Drug) -> &'static [Dose] {
    let rows = match drug.ingredients.as_slice() {
        [one] => table::find(DOSES, one.atc),
        _ => drug.atc().find_map(|code| table::find(DOSES, code)),
    };
    rows.copied().unwrap_or_default()
}

/// At most one finding: the first maximum that is exceeded.
fn exceeded(
    row: &Dose,
    line: &Line,
    drug: &Drug,
    once: Decimal,
    weight: &dyn Fn() -> Option<Decimal>,
) -> Option<Finding> {
    let name = drug
        .ingredients
        .first()
        .filter(|_| drug.is_single())
        .map_or((&*drug.label, &*drug.label), |only| (only.name.zh, only.name.en));
    let found = |code: &str, severity: Severity, (zh, en): (String, String)| {
        let message = zh_en(format!("{}:{zh}", name.0), format!("{}: {en}", name.1));
        Some(Finding {
            suggestion: zh_en("核对剂量与频次。", "Check dose and frequency."),
            citation: row.source.citation(),
            ..finding(code, severity, message, vec![line.number])
        })
    };
    let daily = once.times(line.doses_per_day);
    let weekly = daily.and_then(|daily| daily.times(Decimal::whole(7)));
    // A weekly dose is given as 1/7 a day, rounded: 1 % is no excess.
    let a_week = |most: Decimal| most.times(Decimal::new(101, 2));
    let often = line.doses_per_day.times(Decimal::whole(7));
    let is_weekly = row.weekly.is(once);
    if is_weekly && often.is_none_or(|times| times > Decimal::new(101, 2)) {
        return found(
            "DOSE_TOO_OFTEN",
            row.level.severity(),
            (
                format!("每周只用一次,医嘱为每日{}次。", line.doses_per_day.normalized()),
                format!("once a week and no more; ordered {} times a day.", line.doses_per_day.normalized()),
            ),
        );
    }
    let unit = shown(row.unit);
    let above = |most: Option<Decimal>, given: Option<Decimal>, (zh, en): (&str, &str)| {
        let most = most?;
        // An amount too large to be counted is too large.
        if given.is_some_and(|given| given <= most) {
            return None;
        }
        let most = most.shown_to(3).normalized();
        let given = given.map_or_else(|| "?".to_owned(), |given| given.shown_to(3).normalized().to_string());
        let words = (
            format!("{zh}最大{most} {},医嘱为{given} {}。", unit.0, unit.0),
            format!("at most {most} {} {en}; ordered {given} {}.", unit.1, unit.1),
        );
        found("DOSE_ABOVE_MAXIMUM", row.level.severity(), words)
    };
    let absolute = above(row.once, Some(once), ("单次", "in one dose"))
        .or_else(|| above(row.day.filter(|_| !is_weekly), daily, ("每日", "a day")))
        .or_else(|| above(row.week.and_then(a_week), weekly, ("每周", "a week")));
    if absolute.is_some() || (row.once_per_kg.is_none() && row.day_per_kg.is_none()) {
        return absolute;
    }
    let Some(kilograms) = weight() else {
        let words = (
            "剂量按体重计算,没有近期体重,未核对。".to_owned(),
            "the dose goes by weight, and there is no recent one: it was not checked.".to_owned(),
        );
        return found("DOSE_WEIGHT_UNKNOWN", Severity::Warning, words);
    };
    let by_weight = |per_kilogram: Option<Decimal>| per_kilogram.and_then(|most| most.times(kilograms));
    above(by_weight(row.once_per_kg), Some(once), ("按体重单次", "in one dose at this weight"))
        .or_else(|| above(by_weight(row.day_per_kg), daily, ("按体重每日", "a day at this weight")))
}

const fn shown(unit: Unit) -> (&'static str, &'static str) {
    match unit {
        Unit::Milligram => ("mg", "mg"),
        Unit::International => ("单位", "units"),
        Unit::Millilitre => ("mL", "mL"),
        Unit::Piece => ("片", "tablets"),
    }
}

/// The newest weight in kilograms: a number, and no bound.
fn weight_of(case: &Case, months: u32) -> Option<Decimal> {
    let days = if months < ADULT { DAYS_CHILD } else { DAYS_ADULT };
    let codes = WEIGHT.map(Coding::loinc);
    let all = codes.iter().flat_map(|code| case.snapshot.history(code));
    let recent = |o: &&Observation| o.effective.is_some_and(|at| days_between(at, case.now) < days);
    let stands = |o: &&Observation| o.quantity().is_some() && o.attributes.value(COMPARATOR).is_none();
    let quantity = all.filter(recent).filter(stands).max_by_key(|o| o.effective)?.quantity()?;
    let kilograms = match quantity.unit.as_str() {
        "kg" => quantity.value,
        "g" => quantity.value.times(Decimal::new(1, 3))?,
        "[lb_av]" => quantity.value.times(Decimal::new(453_592, 6))?,
        _ => return None,
    };
    (kilograms > Decimal::whole(0)).then_some(kilograms)
}

/// Lines whose dose was not checked.
#[derive(Default)]
struct Unchecked<'a> {
    lines: Vec<u32>,
    zh: Vec<&'a str>,
    en: Vec<&'a str>,
}

impl<'a> Unchecked<'a> {
    fn add(&mut self, line: &Line, drug: &'a Drug) {
        if self.lines.contains(&line.number) {
            return;
        }
        self.lines.push(line.number);
        let names = drug.ingredients.first().filter(|_| drug.is_single()).map(|only| only.name);
        self.zh.push(names.map_or(drug.label.as_str(), |name| name.zh));
        self.en.push(names.map_or(drug.label.as_str(), |name| name.en));
    }

    fn finding(self, code: &str, (zh, en): (&str, &str)) -> Option<Finding> {
        if self.lines.is_empty() {
            return None;
        }
        let message = zh_en(format!("{zh}:{}。", self.zh.join("、")), format!("{en}: {}.", self.en.join(", ")));
        Some(finding(code, Severity::Info, message, self.lines))
    }
}
