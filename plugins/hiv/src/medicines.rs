//! The medicines that holds are about, by ATC.

use xinglin_sdk::types::Coding;

use crate::chart::Chart;

/// Fixed combinations and long-acting ones that are given to prevent an infection.
const PREVENTION: [&str; 5] = ["J05AR03", "J05AR12", "J05AR17", "J05AJ04", "J05AX31"];
/// Of them, with tenofovir disoproxil.
const WITH_DISOPROXIL: [&str; 2] = ["J05AR03", "J05AR12"];
/// What is given beside or instead of them in a course after an exposure.
const COURSE: [&str; 11] = [
    "J05AJ01", "J05AJ03", "J05AE10", "J05AR09", "J05AR10", "J05AR14", "J05AR18", "J05AR20", "J05AR22", "J05AR25",
    "J05AR27",
];
/// Tenofovir disoproxil alone.
const DISOPROXIL: &str = "J05AF07";
/// Tenofovir alafenamide alone.
const ALAFENAMIDE: &str = "J05AF13";
/// Emtricitabine and lamivudine.
const PARTNERS: [&str; 2] = ["J05AF09", "J05AF05"];

fn codings(codes: impl IntoIterator<Item = &'static str>) -> Vec<Coding> {
    codes.into_iter().map(Coding::atc).collect()
}

/// Whether it alone, or with others of the kind, treats no infection.
pub fn is_of_prevention(code: &str) -> bool {
    PREVENTION.contains(&code) || PARTNERS.contains(&code) || [DISOPROXIL, ALAFENAMIDE].contains(&code)
}

/// Single medicines that together are prevention. Tenofovir alone treats hepatitis B, and is not held.
fn pair(chart: &Chart<'_>, tenofovir: &'static str) -> Vec<&'static str> {
    let taken: Vec<&'static str> = PARTNERS.into_iter().filter(|code| chart.takes(code)).collect();
    match chart.takes(tenofovir) && !taken.is_empty() {
        true => taken.into_iter().chain([tenofovir]).collect(),
        false => Vec::new(),
    }
}

/// Of prevention.
pub fn prevention(chart: &Chart<'_>) -> Vec<Coding> {
    let mut codes = PREVENTION.to_vec();
    for tenofovir in [DISOPROXIL, ALAFENAMIDE] {
        codes.extend(pair(chart, tenofovir));
    }
    codes.sort_unstable();
    codes.dedup();
    codings(codes)
}

/// Of prevention, those that need a clearance.
pub fn by_kidney(chart: &Chart<'_>) -> Vec<Coding> {
    codings(WITH_DISOPROXIL.into_iter().chain(pair(chart, DISOPROXIL).into_iter().filter(|code| *code == DISOPROXIL)))
}

/// Of prevention and of a course after an exposure: what nobody begins online.
pub fn course(chart: &Chart<'_>) -> Vec<Coding> {
    prevention(chart).into_iter().chain(codings(COURSE)).collect()
}
