//! Laboratory results. What the patient reports, what the host refused, what has no time or one to come,
//! another unit or an impossible value is no result.

use xinglin_sdk::{
    clinical::{Observation, ObservationValue},
    panel::Bound,
    time::Instant,
    types::{AttributeValue, Attributes as _, Codings as _, Decimal, system},
};

use crate::numbers::{
    LEAST_CREATININE, LEAST_WEIGHT, LOAD_HIGH, LOAD_LOW, MOST_CD4, MOST_CLEARANCE, MOST_CREATININE, MOST_LOAD,
    MOST_WEIGHT,
};

/// HIV antigen and antibody.
pub const HIV_TEST: &str = "56888-1";
/// HIV RNA, copies/mL.
pub const VIRAL_LOAD: &str = "20447-9";
/// CD4 cells per microlitre.
pub const CD4: &str = "24467-3";
/// Hepatitis B surface antigen.
pub const HEPATITIS_B: &str = "5196-1";
/// Creatinine, umol/L.
pub const CREATININE: &str = "14682-9";
/// Clearance by Cockcroft and Gault, mL/min.
pub const CLEARANCE: &str = "35591-7";
/// Body weight, kg.
pub const WEIGHT: &str = "29463-7";
/// Hepatitis C antibody.
pub const HEPATITIS_C: &str = "13955-0";
/// Alanine aminotransferase.
pub const ALT: &str = "1742-6";
/// Syphilis antibody.
pub const SYPHILIS: &str = "24110-9";
/// Choriogonadotropin, for pregnancy.
pub const PREGNANCY: &str = "2106-3";
/// Mutations of reverse transcriptase, for resistance.
pub const RESISTANCE: &str = "45182-3";
/// Results that the pathway reads.
pub const READ: [&str; 7] = [HIV_TEST, VIRAL_LOAD, CD4, HEPATITIS_B, CREATININE, CLEARANCE, WEIGHT];
/// Results that it asks for and leaves to a doctor to read: declared, so that the host sees when they are there.
pub const ORDERED: [&str; 5] = [HEPATITIS_C, ALT, SYPHILIS, PREGNANCY, RESISTANCE];

/// A viral load, by what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Below 50.
    Undetectable,
    /// 50 to 200.
    Low,
    /// Above 200.
    High,
}

/// Of a test for an infection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Not there.
    Negative,
    /// There, or to be confirmed.
    Positive,
}

/// When a usable result was taken.
pub fn taken(observation: &Observation, now: Instant) -> Option<Instant> {
    let is_result = !observation.is_self_reported() && observation.refused().is_none();
    observation.effective.filter(|taken| is_result && *taken <= now)
}

fn comparator(observation: &Observation) -> Option<&str> {
    match observation.attributes.value("xinglin.comparator")? {
        AttributeValue::Text(sign) => Some(sign),
        _ => Some("?"),
    }
}

/// An exact amount in one of these units, within bounds.
fn amount(observation: &Observation, units: &[&str], (least, most): (i64, i64)) -> Option<Decimal> {
    let quantity = observation.quantity()?;
    let known = units.contains(&quantity.unit.as_str())
        && (Decimal::whole(least)..=Decimal::whole(most)).contains(&quantity.value);
    (known && comparator(observation).is_none()).then_some(quantity.value)
}

/// A viral load; a bound only if it is on one side of the levels.
pub fn load(observation: &Observation) -> Option<Load> {
    if found(observation) == Some(Found::Negative) {
        return Some(Load::Undetectable);
    }
    let (low, high) = (Decimal::whole(LOAD_LOW.value), Decimal::whole(LOAD_HIGH.value));
    let quantity = observation.quantity()?;
    let value = quantity.value;
    let known = ["{copies}/mL", "copies/mL", "{Copies}/mL", "[copies]/mL"].contains(&quantity.unit.as_str());
    if !known || !(Decimal::whole(0)..=Decimal::whole(MOST_LOAD.value)).contains(&value) {
        return None;
    }
    match comparator(observation) {
        None if value < low => Some(Load::Undetectable),
        None if value <= high => Some(Load::Low),
        None => Some(Load::High),
        Some("<") if value <= low => Some(Load::Undetectable),
        Some("<=") if value < low => Some(Load::Undetectable),
        Some(">") if value >= high => Some(Load::High),
        Some(">=") if value > high => Some(Load::High),
        Some(_) => None,
    }
}

/// HIV RNA as a sign of an infection: found from the level that counts as detectable, or by the word.
pub fn rna(observation: &Observation) -> Option<Found> {
    match load(observation) {
        Some(Load::Undetectable) => Some(Found::Negative),
        Some(Load::Low | Load::High) => Some(Found::Positive),
        None => found(observation),
    }
}

/// Whether it is a sign of an infection, of whom none is known: the newest or not.
pub fn sign(observation: &Observation) -> Option<Found> {
    let is = |code: &str| observation.code.has(system::LOINC, code);
    (is(HIV_TEST).then(|| found(observation)).flatten()).or_else(|| is(VIRAL_LOAD).then(|| rna(observation)).flatten())
}

/// A viral load that can be judged, as it is drawn: what was not found is below the level that counts as
/// undetectable.
pub fn load_drawn(observation: &Observation) -> Option<(Decimal, Bound)> {
    load(observation)?;
    let bound = match comparator(observation) {
        None => Bound::Exact,
        Some("<" | "<=") => Bound::Below,
        Some(_) => Bound::Above,
    };
    let drawn = observation.quantity().map(|quantity| (quantity.value, bound));
    Some(drawn.unwrap_or((Decimal::whole(LOAD_LOW.value), Bound::Below)))
}

/// CD4 cells per microlitre.
pub fn cd4(observation: &Observation) -> Option<Decimal> {
    amount(observation, &["{cells}/uL", "cells/uL", "/uL", "10*6/L"], (0, MOST_CD4.value))
}

/// Creatinine in umol/L.
pub fn creatinine(observation: &Observation) -> Option<Decimal> {
    amount(observation, &["umol/L"], (LEAST_CREATININE.value, MOST_CREATININE.value))
}

/// Clearance in mL/min.
pub fn clearance(observation: &Observation) -> Option<Decimal> {
    amount(observation, &["mL/min"], (0, MOST_CLEARANCE.value))
}

/// Weight in kg.
pub fn weight(observation: &Observation) -> Option<Decimal> {
    amount(observation, &["kg"], (LEAST_WEIGHT.value, MOST_WEIGHT.value))
}

/// A test that says yes or no: SNOMED CT, LOINC answers, or exactly the word.
pub fn found(observation: &Observation) -> Option<Found> {
    const NEGATIVE: [&str; 4] = ["260385009", "260415000", "131194007", "2667000"];
    const POSITIVE: [&str; 3] = ["10828004", "260373001", "11214006"];
    match &observation.value {
        ObservationValue::Coded(codes) => {
            let is = |snomed: &[&str], answers: &[&str]| {
                snomed.iter().any(|code| codes.has(system::SNOMED, code))
                    || answers.iter().any(|code| codes.has(system::LOINC, code))
            };
            match (is(&POSITIVE, &["LA6576-8", "LA11882-0"]), is(&NEGATIVE, &["LA6577-6", "LA11883-8"])) {
                (true, false) => Some(Found::Positive),
                (false, true) => Some(Found::Negative),
                _ => None,
            }
        }
        ObservationValue::Text(text) => match text.trim().to_lowercase().as_str() {
            "阴性" | "未检出" | "negative" | "non-reactive" | "not detected" => Some(Found::Negative),
            "阳性" | "检出" | "positive" | "reactive" | "detected" => Some(Found::Positive),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an observation says what it is ordered for.
pub fn is_readable(observation: &Observation) -> bool {
    let is = |code: &str| observation.code.has(system::LOINC, code);
    (is(VIRAL_LOAD) && load(observation).is_some())
        || (is(CD4) && cd4(observation).is_some())
        || ((is(HIV_TEST) || is(HEPATITIS_B)) && found(observation).is_some())
        || (is(CREATININE) && creatinine(observation).is_some())
        || (is(CLEARANCE) && clearance(observation).is_some())
        || (is(WEIGHT) && weight(observation).is_some())
}
