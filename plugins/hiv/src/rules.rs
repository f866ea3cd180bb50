//! Every number, with its source and its test. The code uses these constants; the table is the same.

use std::fmt::Write as _;

use crate::sources::{self, Source};

/// Risk is looked for over so many months.
pub const RISK_MONTHS: i64 = 6;
/// A risk that was low is asked again after so many days.
pub const RISK_AGAIN: i64 = 180;
/// Copies/mL below which a partner is suppressed.
pub const PARTNER_SUPPRESSED: i64 = 200;
/// Adults, in years.
pub const ADULT: i64 = 18;

/// Hours within which PEP is begun, this one included.
pub const PEP_WINDOW: i64 = 72;
/// Hours within which it is best begun.
pub const PEP_BEST: i64 = 24;
/// Hours that the Chinese guideline prefers.
pub const PEP_PREFERRED: i64 = 2;
/// Days of the course.
pub const PEP_COURSE: i64 = 28;
/// Hours after which somebody makes contact.
pub const PEP_CONTACT: i64 = 24;
/// Days on which adherence is asked.
pub const PEP_CHECKS: [i64; 5] = [1, 3, 7, 14, 28];
/// Weeks of tests.
pub const PEP_TESTS: [i64; 2] = [4, 12];
/// Weeks of tests in China.
pub const PEP_TESTS_CHINA: [i64; 4] = [4, 8, 12, 24];
/// Hours ago, beyond which an answer cannot be right.
pub const HOURS_PLAUSIBLE: i64 = 180 * 24;

/// mL/min: least clearance for TDF/FTC.
pub const PREP_CLEARANCE: i64 = 60;
/// Days to the first test.
pub const PREP_FIRST_TEST: i64 = 30;
/// Days for which a negative test holds.
pub const PREP_TEST: i64 = 90;
/// Days to the first creatinine.
pub const PREP_FIRST_KIDNEY: i64 = 90;
/// Days between later ones.
pub const PREP_KIDNEY: i64 = 180;
/// Days after the last exposure before it is stopped.
pub const PREP_STOP: i64 = 7;

/// Days to the first viral load after a start or a switch.
pub const LOAD_FIRST: i64 = 28;
/// Days between viral loads that are not undetectable.
pub const LOAD_DETECTABLE: i64 = 90;
/// Days between later ones, after two years.
pub const LOAD_LATER: i64 = 180;
/// Days in two years.
pub const TWO_YEARS: i64 = 730;
/// Copies/mL: from here on adherence is reviewed; below is undetectable.
pub const LOAD_LOW: i64 = 50;
/// Copies/mL: above, it is repeated.
pub const LOAD_HIGH: i64 = 200;
/// Days within which it is repeated.
pub const LOAD_REPEAT: i64 = 28;
/// Days after a start or switch from which two high ones are a failure.
pub const FAILURE_FROM: i64 = 168;

/// Days to the first CD4 count after the baseline.
pub const CD4_FIRST: i64 = 90;
/// Cells/uL: a baseline below it is counted more often.
pub const CD4_BASELINE: i64 = 300;
/// Days, to year 2, after a low baseline.
pub const CD4_OFTEN: i64 = 90;
/// Days, to year 2, otherwise.
pub const CD4_SELDOM: i64 = 180;
/// Days, after year 2.
pub const CD4_LATER: i64 = 365;
/// Cells/uL: above, it is optional after year 2.
pub const CD4_OPTIONAL: i64 = 500;
/// Cells/uL: below, prophylaxis is reviewed.
pub const CD4_PROPHYLAXIS: i64 = 200;

/// Percent of days covered, below which a pharmacist calls.
pub const COVERED: i64 = 95;
/// Days over which it is counted.
pub const COVERED_DAYS: i64 = 180;
/// Days below which it is not counted.
pub const COVERED_LEAST: i64 = 28;
/// Hours without medicine, above which a pharmacist calls.
pub const GAP_HOURS: i64 = 48;
/// Days between questions about it.
pub const ADHERENCE_EVERY: i64 = 28;

/// Days of PHQ-9 and GAD-7; the last interval repeats.
pub const SCALES: [i64; 4] = [0, 28, 84, 180];
/// Days between later ones.
pub const SCALES_LATER: i64 = 180;
/// PHQ-9: a doctor reviews.
pub const PHQ9_REVIEW: i64 = 10;
/// PHQ-9: the same day.
pub const PHQ9_TODAY: i64 = 20;
/// GAD-7: a counsellor reviews.
pub const GAD7_REVIEW: i64 = 10;
/// GAD-7: severe, a doctor reviews.
pub const GAD7_SEVERE: i64 = 15;
/// PHQ-9, item 9: a clinician assesses safety.
pub const ITEM9_ASSESS: i64 = 1;
/// Within fewer minutes than these.
pub const ASSESS_MINUTES: i64 = 240;
/// PHQ-9, item 9: a person makes contact.
pub const ITEM9_CONTACT: i64 = 2;
/// Within so many minutes.
pub const CONTACT_MINUTES: i64 = 5;
/// Hours after which contact is made again.
pub const CONTACT_AGAIN: [i64; 3] = [24, 72, 168];

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// What it says.
    pub rule: &'static str,
    /// Its numbers.
    pub numbers: &'static [i64],
    /// Their unit.
    pub unit: &'static str,
    /// Where they are from.
    pub source: Source,
    /// The test in `tests/pathway.rs` with rows below, at and above.
    pub test: &'static str,
}

macro_rules! rules {
    ($($rule:literal [$($number:expr),+] $unit:literal $source:ident $test:literal;)*) => {
        /// All rules.
        pub static RULES: &[Rule] = &[$(Rule {
            rule: $rule, numbers: &[$($number),+], unit: $unit, source: sources::$source, test: $test,
        }),*];
    };
}

rules! {
    "Pathway for adults" [ADULT] "a" PROJECT "adults_may_enter";
    "Any of five items is a high risk; asked over" [RISK_MONTHS] "mo" RISK "any_of_five_items_is_a_high_risk";
    "A partner suppressed below, for 6 months, is no risk" [PARTNER_SUPPRESSED] "copies/mL" RISK "any_of_five_items_is_a_high_risk";
    "Low risk: asked again after" [RISK_AGAIN] "d" PROJECT "any_of_five_items_is_a_high_risk";
    "PEP begins within" [PEP_WINDOW] "h" PEP "the_clock_stops_after_72_hours";
    "PEP best begins within" [PEP_BEST] "h" PEP "the_clock_rings_at_24_and_72_hours";
    "PEP preferably begins within" [PEP_PREFERRED] "h" PEP_CHINA "the_clock_stops_after_72_hours";
    "An exposure longer ago cannot be right" [HOURS_PLAUSIBLE] "h" PROJECT "an_answer_that_cannot_be_right_moves_no_clock";
    "PEP lasts" [PEP_COURSE] "d" PEP "a_course_is_28_days";
    "Contact after" [PEP_CONTACT] "h" PEP_FOLLOW_UP "a_course_is_walked_for_180_days";
    "Adherence to PEP is asked on days" [PEP_CHECKS[0], PEP_CHECKS[1], PEP_CHECKS[2], PEP_CHECKS[3], PEP_CHECKS[4]] "d" PROJECT "a_course_is_walked_for_180_days";
    "Tests after PEP in weeks" [PEP_TESTS[0], PEP_TESTS[1]] "wk" PEP_FOLLOW_UP "a_course_is_walked_for_180_days";
    "Tests after an exposure in China in weeks" [PEP_TESTS_CHINA[0], PEP_TESTS_CHINA[1], PEP_TESTS_CHINA[2], PEP_TESTS_CHINA[3]] "wk" PEP_CHINA "a_hospital_chooses_the_weeks_of_tests";
    "TDF/FTC needs a clearance of at least" [PREP_CLEARANCE] "mL/min" PREP "clearance_below_60_stops_prevention";
    "PrEP: first test after" [PREP_FIRST_TEST] "d" PREP_FOLLOW_UP "the_first_test_is_after_a_month";
    "PrEP: a negative test holds for" [PREP_TEST] "d" PREP_FOLLOW_UP "an_overdue_test_blocks_renewal";
    "PrEP: first creatinine after" [PREP_FIRST_KIDNEY] "d" PREP_FOLLOW_UP "prevention_is_walked_for_180_days";
    "PrEP: creatinine every" [PREP_KIDNEY] "d" PREP_FOLLOW_UP "prevention_is_walked_for_180_days";
    "PrEP is stopped after the last exposure by" [PREP_STOP] "d" PREP_USE "prevention_stops_seven_days_after_the_last_exposure";
    "Viral load after start or switch" [LOAD_FIRST] "d" VIRAL_LOAD "viral_load_has_its_days";
    "Viral load to undetectable, and above 200, every" [LOAD_DETECTABLE] "d" VIRAL_LOAD "viral_load_has_its_days";
    "Viral load and CD4: the first two years are" [TWO_YEARS] "d" VIRAL_LOAD "viral_load_has_its_days";
    "Viral load after that, undetectable, every" [LOAD_LATER] "d" VIRAL_LOAD "viral_load_has_its_days";
    "Adherence is reviewed from" [LOAD_LOW] "copies/mL" FAILURE "viral_load_has_three_levels";
    "Viral load is repeated above" [LOAD_HIGH] "copies/mL" FAILURE "viral_load_has_three_levels";
    "A high viral load is repeated within" [LOAD_REPEAT] "d" PROJECT "a_high_viral_load_is_repeated_in_28_days";
    "Two viral loads above 200 in a row are a failure from" [FAILURE_FROM] "d" FAILURE "two_high_ones_after_week_24_are_a_failure";
    "CD4 after start" [CD4_FIRST] "d" CD4 "cd4_has_its_days";
    "CD4 baseline is low below" [CD4_BASELINE] "/uL" CD4 "cd4_has_its_days";
    "CD4 to year 2 after a low, another baseline" [CD4_OFTEN, CD4_SELDOM] "d" CD4 "cd4_has_its_days";
    "CD4 after two years, of 300 or more, every" [CD4_LATER] "d" CD4 "cd4_has_its_days";
    "CD4 after two years is optional above" [CD4_OPTIONAL] "/uL" CD4 "cd4_has_its_days";
    "Prophylaxis is reviewed below" [CD4_PROPHYLAXIS] "/uL" PROPHYLAXIS "cd4_below_200_reviews_prophylaxis";
    "A pharmacist calls when days covered are below" [COVERED] "%" PROJECT "days_covered_below_95_percent";
    "Days covered are counted over, at least" [COVERED_DAYS, COVERED_LEAST] "d" PROJECT "days_covered_below_95_percent";
    "A pharmacist calls after a gap of more than" [GAP_HOURS] "h" PROJECT "a_gap_of_more_than_48_hours";
    "Adherence to ART is asked every" [ADHERENCE_EVERY] "d" PROJECT "treatment_is_walked_for_180_days";
    "PHQ-9 and GAD-7 on days" [SCALES[0], SCALES[1], SCALES[2], SCALES[3]] "d" PROJECT "treatment_is_walked_for_180_days";
    "PHQ-9 and GAD-7 later every" [SCALES_LATER] "d" PROJECT "treatment_is_walked_for_180_days";
    "PHQ-9: a doctor reviews from" [PHQ9_REVIEW] "points" PHQ9 "scores_have_their_readers";
    "PHQ-9: the same day from" [PHQ9_TODAY] "points" PROJECT "scores_have_their_readers";
    "GAD-7: a counsellor, a doctor reviews from" [GAD7_REVIEW, GAD7_SEVERE] "points" GAD7 "scores_have_their_readers";
    "PHQ-9 item 9: safety is assessed from" [ITEM9_ASSESS] "points" PROJECT "the_ninth_item_reaches_a_person";
    "The safety assessment takes fewer minutes than" [ASSESS_MINUTES] "min" PROJECT "the_ninth_item_reaches_a_person";
    "PHQ-9 item 9: a person makes contact from" [ITEM9_CONTACT] "points" PROJECT "the_ninth_item_reaches_a_person";
    "The contact is made within" [CONTACT_MINUTES] "min" PROJECT "the_ninth_item_reaches_a_person";
    "Contact is made again after" [CONTACT_AGAIN[0], CONTACT_AGAIN[1], CONTACT_AGAIN[2]] "h" PROJECT "the_ninth_item_reaches_a_person";
}

/// The table of `docs/clinical/hiv.md`.
pub fn table() -> String {
    let mut table = String::from("| rule | number | source | test |\n|---|---|---|---|\n");
    for Rule { rule, numbers, unit, source, test } in RULES {
        let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
        let _ = writeln!(table, "| {rule} | {} {unit} | {} | `{test}` |", numbers.join(", "), source.citation());
    }
    table
}
