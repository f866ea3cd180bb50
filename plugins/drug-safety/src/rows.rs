//! Every row of the tables, as an order that it is for: none is unreachable, and each is reported
//! as its source says.

use std::collections::{BTreeMap, BTreeSet};

use xinglin_sdk::{
    prescribing::{Finding, Line, Order, Review as _, Severity, Verdict},
    testing::{Patient, START, data_needs},
    types::{Coding, Decimal, Quantity},
};

use crate::{
    DrugSafety,
    table::{
        AGES, ATC, Action, BASELINES, CLASSES, DOSES, Dose, GROUPS, INGREDIENTS, INTERACTIONS, Ingredient, LACTATION,
        Level, Only, PREGNANCY, RENAL, Source, Unit, Weekly, ingredients,
    },
};

fn member(members: &[&str]) -> &'static Ingredient {
    INGREDIENTS.iter().find(|ingredient| ingredient.is_any(members)).expect("a member")
}

fn line(number: usize, code: &str, dose: Quantity) -> Line {
    Line {
        number: u32::try_from(number).expect("few"),
        code: vec![Coding::atc(code)],
        ingredients: Vec::new(),
        dose,
        doses_per_day: Decimal::whole(1),
        days: 28,
        route: None,
        attributes: Vec::new(),
    }
}

/// So little that no maximum is exceeded.
fn of(codes: &[&str]) -> Order {
    let least = |(index, code): (usize, &&str)| line(index + 1, code, Quantity::new(Decimal::new(1, 6), "mg"));
    Order {
        diagnoses: vec![Coding::icd10("Z76.0")],
        lines: codes.iter().enumerate().map(least).collect(),
        long_term: false,
        attributes: Vec::new(),
    }
}

fn findings(order: Order, patient: &Patient) -> Vec<Finding> {
    let snapshot = patient.snapshot_for(&data_needs::<DrugSafety>(), START);
    match DrugSafety::review(order, snapshot, START).expect("a verdict") {
        Verdict::Allow => Vec::new(),
        Verdict::Warn(findings) | Verdict::Veto(findings) => {
            assert!(!findings.is_empty(), "a verdict without findings");
            findings
        }
    }
}

fn assert_whole(finding: &Finding, lines: usize) {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    assert!(!finding.code.is_empty() && finding.code.chars().all(upper), "{finding:?}");
    assert!(!finding.citation.title.is_empty() && finding.citation.year >= 1980, "{finding:?}");
    let languages: Vec<&str> = finding.message.iter().map(|text| text.language.as_str()).collect();
    assert_eq!(languages, ["zh-CN", "en"], "{finding:?}");
    assert!(finding.message.iter().all(|text| !text.text.trim().is_empty()), "{finding:?}");
    assert!(finding.lines.iter().all(|line| (1..=lines).contains(&(*line as usize))), "{finding:?}");
}

#[track_caller]
fn assert_found(order: Order, patient: &Patient, code: &str, severity: Severity, what: &str) {
    let lines = order.lines.len();
    let found = findings(order, patient);
    found.iter().for_each(|finding| assert_whole(finding, lines));
    let is_it = |finding: &&Finding| {
        finding.code == code
            && finding.severity == severity
            && finding.message.iter().any(|text| text.text.contains(what))
    };
    assert!(found.iter().any(|finding| is_it(&finding)), "{code} {severity:?} {what} not among {found:#?}");
}

fn with_rate(years: u32, rate: i64) -> Patient {
    let mut patient = Patient::aged(years).days_ago(1);
    let observation = patient.measurement(Coding::loinc("98979-8"), &rate.to_string(), "mL/min/{1.73_m2}");
    patient.record(observation);
    patient
}

fn adult() -> Patient {
    with_rate(40, 95)
}

#[test]
fn every_interaction_is_found_either_way_round_with_the_severity_of_its_source() {
    for (index, rule) in INTERACTIONS.iter().enumerate() {
        let index = u16::try_from(index).expect("few");
        let sides = |list: fn(&Ingredient) -> &'static [u16]| {
            INGREDIENTS.iter().filter(move |ingredient| list(ingredient).contains(&index))
        };
        let (first, second) = sides(|i| i.a)
            .flat_map(|first| sides(|i| i.b).map(move |second| (first, second)))
            .find(|(first, second)| first.atc != second.atc)
            .expect("a pair");
        let mut patient = adult();
        match rule.only {
            Some(Only::Diabetes) => patient = patient.diagnosed(Coding::icd10("E11.9")),
            Some(Only::RenalImpairment) => patient = with_rate(40, 59),
            Some(Only::PreExposureProphylaxis) | None => {}
        }
        for pair in [[first.atc, second.atc], [second.atc, first.atc]] {
            assert_found(of(&pair), &patient, rule.code, rule.level.severity(), rule.text.en);
            assert_found(
                of(&pair[..1]),
                &patient.clone().taking(Coding::atc(pair[1])),
                rule.code,
                rule.level.severity(),
                rule.text.zh,
            );
        }
    }
}

#[test]
fn the_tables_hold_what_they_promise() {
    let mut pairs = BTreeSet::new();
    for first in INGREDIENTS {
        for second in INGREDIENTS.iter().filter(|second| second.atc > first.atc) {
            for rule in crate::interaction::rules(first, second) {
                pairs.insert((first.atc, second.atc, rule.code));
            }
        }
    }
    let distinct: BTreeSet<_> = pairs.iter().map(|(first, second, _)| (first, second)).collect();
    assert!(distinct.len() >= 600, "{} pairs of ingredients", distinct.len());
    assert!(INGREDIENTS.len() >= 250, "{} ingredients", INGREDIENTS.len());
    let doses: usize = DOSES.iter().map(|(_, rows)| rows.len()).sum();
    let rules = RENAL.len() + PREGNANCY.len() + LACTATION.len() + doses;
    assert!(rules >= 120, "{rules} rules of kidneys, pregnancy and dose");
    // A pair of one level is reported once, not by several rows that say the same.
    for (first, second) in distinct {
        let rules: Vec<&str> = pairs.iter().filter(|p| (&p.0, &p.1) == (first, second)).map(|p| p.2).collect();
        assert!(rules.len() <= 3, "{first} {second} {rules:?}");
    }
}

#[test]
fn every_renal_row_is_found_below_its_threshold_and_not_at_it() {
    for row in RENAL {
        let ingredient = member(&[row.atc]);
        let (code, severity) = match row.action {
            Action::Contraindicated => ("RENAL_CONTRAINDICATED", Severity::Critical),
            Action::Avoid => ("RENAL_AVOID", Severity::Warning),
            Action::NotStart => ("RENAL_NOT_START", Severity::Warning),
            Action::Reduce => ("RENAL_REDUCE", Severity::Warning),
            Action::MaxDailyMg(_) => ("RENAL_DOSE_TOO_HIGH", Severity::Warning),
        };
        let mut codes = vec![ingredient.atc];
        if row.only == Some(Only::PreExposureProphylaxis) {
            codes.push("J05AF09");
        }
        let mut order = of(&codes);
        if let Action::MaxDailyMg(most) = row.action {
            order.lines[0].dose = Quantity::new(most.plus(Decimal::new(1, 3)).expect("small"), "mg");
        }
        let below = i64::from(row.below) - 1;
        assert_found(order.clone(), &with_rate(40, below), code, severity, row.text.en);
        let at = findings(order, &with_rate(40, i64::from(row.below)));
        let said = |finding: &Finding| finding.message.iter().any(|text| text.text.contains(row.text.en));
        assert!(!at.iter().any(said), "{} at {}: {at:?}", row.atc, row.below);
    }
}

#[test]
fn every_baseline_asks_anybody_for_renal_function() {
    for row in BASELINES {
        for prefix in row.members {
            let ingredient = member(&[*prefix]);
            let never = Patient::aged(25);
            assert_found(
                of(&[ingredient.atc]),
                &never,
                "RENAL_FUNCTION_UNKNOWN",
                Severity::Warning,
                ingredient.name.en,
            );
        }
    }
}

#[test]
fn every_maximum_holds_and_is_exceeded_by_little() {
    for (atc, rows) in DOSES {
        for row in *rows {
            let Dose { from, unit, .. } = row;
            let mut patient = with_rate(from.div_ceil(12), 95);
            // Ages that are no whole years are between two birthdays of the test's patients.
            if from % 12 != 0 && row.below <= from.div_ceil(12) * 12 {
                continue;
            }
            let weight = patient.measurement(Coding::loinc("29463-7"), "10", "kg");
            patient.record(weight);
            let symbol = match unit {
                Unit::Milligram => "mg",
                Unit::International => "[iU]",
                Unit::Millilitre => "mL",
                Unit::Piece => "{tbl}",
            };
            let seldom = matches!(row.weekly, Weekly::Always | Weekly::Above(_));
            let ten = |most: Option<Decimal>| most.and_then(|most| most.times(Decimal::whole(10)));
            let (day, week) = (row.day.filter(|_| !seldom), row.week.filter(|_| seldom));
            let limits = [row.once, day, week, ten(row.once_per_kg), ten(row.day_per_kg)];
            let most = limits.into_iter().flatten().min().expect("a maximum");
            let give = |amount: Decimal| {
                let mut order = of(&[*atc]);
                order.lines[0].dose = Quantity::new(amount, symbol);
                order.lines[0].doses_per_day = if seldom { Decimal::new(142_857, 6) } else { Decimal::whole(1) };
                order
            };
            let about_dose = |order: Order| {
                findings(order, &patient)
                    .into_iter()
                    .filter(|found| found.code.starts_with("DOSE_"))
                    .collect::<Vec<_>>()
            };
            let at = about_dose(give(most));
            assert!(at.is_empty(), "{atc} {row:?}: {at:?}");
            let more = most.times(Decimal::new(102, 2)).expect("small");
            assert_found(give(more), &patient, "DOSE_ABOVE_MAXIMUM", row.level.severity(), "");
            let weekly = match row.weekly {
                Weekly::Never => continue,
                Weekly::Always | Weekly::Above(_) => most,
                Weekly::Below(amount) => amount.times(Decimal::new(9, 1)).expect("small"),
            };
            let mut daily = give(weekly);
            daily.lines[0].doses_per_day = Decimal::whole(1);
            assert_found(daily, &patient, "DOSE_TOO_OFTEN", row.level.severity(), "");
        }
    }
}

#[test]
fn what_is_counted_in_tablets_of_unknown_strength_stops_nothing() {
    for (atc, rows) in DOSES {
        for row in rows.iter().filter(|row| row.unit == Unit::Piece) {
            assert_eq!(row.level, Level::Major, "{atc}");
        }
    }
}

/// The title of a label or summary of product characteristics, which is of one medicine and names it.
fn label(source: &Source) -> Option<String> {
    let title = source.citation().title;
    let kinds = [" label", " labels", "summary of product characteristics", "summary of product characteristics, EMA"];
    kinds.iter().any(|kind| title.ends_with(kind)).then(|| title.to_lowercase())
}

/// Rows that cite the label of another medicine, each with the reason.
const OF_ANOTHER: [(&str, &str, &str); 4] = [
    ("humulin", "A10AB01", "one label of human insulin, whatever its form"),
    ("humulin", "A10AC01", "one label of human insulin, whatever its form"),
    ("humulin", "A10AD01", "one label of human insulin, whatever its form"),
    ("gentamicin", "J01G", "all aminoglycosides are excreted alike, and measured"),
];

#[test]
fn a_label_is_cited_for_its_own_medicine() {
    let parts = |code: &'static str| -> Vec<&Ingredient> {
        let parts: Vec<_> = ingredients(ATC, code).collect();
        if parts.is_empty() { INGREDIENTS.iter().filter(|one| one.atc.starts_with(code)).collect() } else { parts }
    };
    let doses = DOSES.iter().flat_map(|(code, rows)| rows.iter().map(move |row| (*code, &row.source)));
    let renal = RENAL.iter().map(|row| (row.atc, &row.source));
    let baselines = BASELINES.iter().flat_map(|row| row.members.iter().map(move |code| (*code, &row.source)));
    let mut foreign = Vec::new();
    for (code, source) in doses.chain(renal).chain(baselines) {
        let Some(title) = label(source) else { continue };
        let is_named = |one: &&Ingredient| one.names.iter().any(|name| title.contains(name));
        let known = OF_ANOTHER.iter().any(|(label, atc, _)| title.contains(label) && *atc == code);
        if !parts(code).iter().all(is_named) && !known {
            foreign.push(format!("{code} by {title}"));
        }
    }
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn a_label_of_doses_is_of_one_medicine() {
    let mut medicines: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (code, rows) in DOSES {
        for title in rows.iter().filter_map(|row| label(&row.source)) {
            medicines.entry(title).or_default().insert(code);
        }
    }
    medicines.retain(|title, codes| {
        codes.retain(|code| !OF_ANOTHER.iter().any(|(label, atc, _)| title.contains(label) && atc == code));
        codes.len() > 1
    });
    assert!(medicines.is_empty(), "{medicines:#?}");
}

#[test]
fn every_age_is_found_within_it_and_not_outside() {
    for row in AGES {
        let ingredient = member(row.members);
        // Ages below a year that end within it cannot be told from the year by these patients.
        let years = row.from / 12;
        let code = if row.below == u32::MAX { "AGE_TOO_OLD" } else { "AGE_TOO_YOUNG" };
        assert_found(of(&[ingredient.atc]), &with_rate(years, 95), code, row.level.severity(), row.text.en);
        let outside = if row.below == u32::MAX { years - 1 } else { row.below.div_ceil(12) };
        let found = findings(of(&[ingredient.atc]), &with_rate(outside, 95));
        let said = |finding: &Finding| finding.message.iter().any(|text| text.text.contains(row.text.en));
        assert!(!found.iter().any(said), "{} at {outside}: {found:?}", ingredient.atc);
    }
}

#[test]
fn every_row_of_pregnancy_and_lactation_is_found() {
    for (table, code, diagnosis) in [(PREGNANCY, "PREGNANCY", "Z34.0"), (LACTATION, "LACTATION", "Z39.1")] {
        for row in table {
            let ingredient = member(row.members);
            let patient = with_rate(30, 95).days_ago(20).diagnosed(Coding::icd10(diagnosis));
            assert_found(of(&[ingredient.atc]), &patient, code, row.level.severity(), row.text.en);
            let unknown = findings(of(&[ingredient.atc]), &with_rate(30, 95));
            let asked = unknown.iter().any(|finding| finding.code == "PREGNANCY_UNKNOWN");
            assert_eq!(asked, PREGNANCY.iter().any(|row| row.ask && ingredient.is_any(row.members)), "{row:?}");
        }
    }
}

#[test]
fn every_class_is_a_duplication_of_two_members() {
    for class in CLASSES {
        let members: Vec<_> = INGREDIENTS.iter().filter(|ingredient| ingredient.is_any(class.members)).collect();
        let [first, .., last] = members.as_slice() else { panic!("{} has one member", class.name.en) };
        assert_found(of(&[first.atc, last.atc]), &adult(), "DUPLICATE_CLASS", Severity::Warning, class.name.en);
        let taken = adult().taking(Coding::atc(first.atc));
        assert_found(of(&[last.atc]), &taken, "DUPLICATE_CLASS", Severity::Warning, class.name.zh);
    }
}

#[test]
fn every_allergy_group_forbids_its_members_and_names_what_cross_reacts() {
    for group in GROUPS {
        let severity = group.level.severity();
        // The last: the name of a group may hold the name of its first.
        let ordered = INGREDIENTS.iter().rfind(|ingredient| ingredient.is_any(group.members)).expect("a member");
        let code = format!("ALLERGY_{}", group.code);
        let mut by_name = adult().allergic_to(Coding::new("urn:local", "1").displayed(group.name.zh));
        assert_found(of(&[ordered.atc]), &by_name, &code, severity, group.name.zh);
        by_name = adult().allergic_to(Coding::new("urn:local", "1").displayed(group.name.en));
        assert_found(of(&[ordered.atc]), &by_name, &code, severity, group.name.en);
        for cross in group.cross {
            let earlier: Vec<&str> =
                group.cross.iter().take_while(|c| !std::ptr::eq(*c, cross)).flat_map(|c| c.members).copied().collect();
            let ingredient = INGREDIENTS
                .iter()
                .find(|i| i.is_any(cross.members) && !i.is_any(group.members) && !i.is_any(&earlier))
                .expect("a cross-reactive ingredient");
            let severity = if cross.level == Level::ByCriticality { Severity::Warning } else { cross.level.severity() };
            assert_found(
                of(&[ingredient.atc]),
                &by_name,
                &format!("ALLERGY_CROSS_{}", group.code),
                severity,
                cross.text.en,
            );
        }
    }
}
