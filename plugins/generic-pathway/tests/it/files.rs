//! The files that ship: each number below, at and above it.

use xinglin_sdk::{pathway::AnswerValue, testing::Patient, types::Coding};

use super::*;

const ASTHMA_COPD: &str = include_str!("../../../../examples/pathways/asthma-copd.yaml");
const CKD: &str = include_str!("../../../../examples/pathways/ckd.yaml");
const GOUT: &str = include_str!("../../../../examples/pathways/gout.yaml");
const LIPIDS: &str = include_str!("../../../../examples/pathways/lipids.yaml");
const DISCHARGE: &str = include_str!("../../../../examples/pathways/post-discharge-30-days.yaml");
/// Name, text, and how the names of their tests begin.
pub const ALL: [(&str, &str, &str); 5] = [
    ("asthma-copd", ASTHMA_COPD, "asthma_and_copd"),
    ("ckd", CKD, "ckd_"),
    ("gout", GOUT, "gout_"),
    ("lipids", LIPIDS, "lipid_"),
    ("post-discharge-30-days", DISCHARGE, "thirty_days_after_discharge"),
];
const EGFR: &str = "mL/min/{1.73_m2}";

fn with(code: &str) -> Patient {
    Patient::aged(60).days_ago(100).diagnosed(Coding::icd10(code))
}

/// Alerts of one measurement, by code and value.
#[track_caller]
fn measured(text: &str, diagnosis: &str, rows: &[(&str, &str, &str, &[&str])]) {
    for (code, value, unit, alerts) in rows {
        let mut run = enrol(text, with(diagnosis));
        run.observe(loinc(code), value, unit);
        assert_eq!(run.alerts(), *alerts, "{code} {value} {unit}");
    }
}

/// Answers that are all no, but for these.
fn answers<'a>(no: &[&'a str], other: &[(&'a str, AnswerValue)]) -> Vec<(&'a str, AnswerValue)> {
    let kept = no.iter().filter(|item| other.iter().all(|(code, _)| code != *item));
    kept.map(|item| (*item, AnswerValue::Boolean(false))).chain(other.iter().cloned()).collect()
}

const YES: AnswerValue = AnswerValue::Boolean(true);

/// Answers that are not no, and the alerts.
type Row<'a> = (Vec<(&'a str, AnswerValue)>, &'a [&'a str]);

/// Alerts of one answer.
#[track_caller]
fn answered(text: &str, diagnosis: &str, form: &str, no: &[&str], rows: &[Row<'_>]) {
    for (other, alerts) in rows {
        let mut run = enrol(text, with(diagnosis));
        run.answer(form, answers(no, other));
        assert_eq!(run.alerts(), *alerts, "{other:?}");
    }
}

#[test]
fn each_takes_its_patients_and_nobody_is_left_alone() {
    for (text, diagnosis, id) in [
        (ASTHMA_COPD, "J44.9", "asthma-copd"),
        (CKD, "N18.3", "ckd"),
        (GOUT, "M10.0", "gout"),
        (LIPIDS, "E78.0", "lipids"),
        (DISCHARGE, "I50.0", "post-discharge-30-days"),
    ] {
        assert_eq!(screen(text, &with(diagnosis)), "eligible", "{id}");
        assert_eq!(screen(text, &with("E11.9")), "ineligible: NO_DIAGNOSIS", "{id}");
        assert_eq!(screen(text, &with(diagnosis).diagnosed(Coding::icd10("O24"))), "offline: PREGNANCY", "{id}");
        let minor = Patient::aged(17).diagnosed(Coding::icd10(diagnosis));
        assert_eq!(screen(text, &minor), "ineligible: UNDER_AGE", "{id}");
        let mut run = enrol(text, with(diagnosis));
        assert_eq!(run.definition().code, id);
        // A patient who never answers: somebody is told, and somebody comes again.
        for _ in 0..24 {
            run.advance(15);
            assert!(run.closed().is_some() || !run.open_tasks().is_empty(), "{id}");
        }
        assert!(!run.alerts().is_empty(), "{id}");
    }
}

#[test]
fn gout_values() {
    measured(
        GOUT,
        "M10.0",
        &[
            ("14933-6", "179", "umol/L", &["URATE_TOO_LOW"]),
            ("14933-6", "180", "umol/L", &[]),
            ("14933-6", "359.9", "umol/L", &[]),
            ("14933-6", "360", "umol/L", &["URATE_ABOVE_TARGET"]),
            ("14933-6", "6.05", "mg/dL", &[]),
            ("14933-6", "6.06", "mg/dL", &["URATE_ABOVE_TARGET"]),
            ("14933-6", "539.9", "umol/L", &["URATE_ABOVE_TARGET"]),
            ("14933-6", "540", "umol/L", &["URATE_VERY_HIGH"]),
            ("98979-8", "29.9", EGFR, &["KIDNEY_LOW"]),
            ("98979-8", "30", EGFR, &[]),
            ("1742-6", "119", "U/L", &[]),
            ("1742-6", "120", "U/L", &["ALT_HIGH"]),
            ("1742-6", "121", "U/L", &["ALT_HIGH"]),
        ],
    );
}

#[test]
fn gout_answers() {
    let no = ["flare", "fever", "rash", "tophi"];
    let days = |days| AnswerValue::Integer(days);
    answered(
        GOUT,
        "M10.0",
        "follow-up",
        &no,
        &[
            (vec![("missed-days", days(1))], &[]),
            (vec![("missed-days", days(2))], &["DOSES_MISSED"]),
            (vec![("missed-days", days(3))], &["DOSES_MISSED"]),
            (vec![("missed-days", days(8))], &["ANSWER_NOT_UNDERSTOOD"]),
            (vec![("flare", YES)], &["FLARE"]),
            (vec![("fever", YES)], &[]),
            (vec![("flare", YES), ("fever", YES)], &["HOT_JOINT_WITH_FEVER"]),
            (vec![("rash", YES)], &["RASH_ON_TREATMENT"]),
        ],
    );
    let mut run = enrol(GOUT, with("M10.0"));
    run.answer("follow-up", answers(&no, &[("rash", YES)]));
    assert_eq!((run.stage(), run.holds()), ("offline", vec!["rash-on-treatment"]));
    assert_eq!(run.referrals().len(), 1);
    run.advance(7);
    assert!(run.open_tasks().contains(&"recontact"));
    run.release("rash-on-treatment");
    assert_eq!(run.stage(), "titration");
    // With tophi the target is lower: a note at 300, none below.
    for (value, notes) in [("299.9", 0), ("300", 1), ("359", 1)] {
        let mut run = enrol(GOUT, with("M10.0"));
        run.answer("follow-up", answers(&no, &[("tophi", YES)]));
        run.observe(loinc("14933-6"), value, "umol/L");
        let note = |directive: &&xinglin_sdk::pathway::Directive| {
            matches!(directive, xinglin_sdk::pathway::Directive::ProposeNote(_))
        };
        assert_eq!(run.journal().iter().map(|(_, directive)| directive).filter(note).count(), notes, "{value}");
    }
}

#[test]
fn gout_twice_on_target_is_maintenance_and_once_off_it_is_not() {
    let mut run = enrol(GOUT, with("M10.0"));
    run.advance(28);
    run.observe(loinc("14933-6"), "359", "umol/L");
    assert_eq!(run.stage(), "titration");
    run.advance(28);
    run.observe(loinc("14933-6"), "340", "umol/L");
    assert_eq!(run.stage(), "maintenance");
    run.advance(180);
    run.observe(loinc("14933-6"), "360", "umol/L");
    assert_eq!(run.stage(), "titration");
}

#[test]
fn ckd_values() {
    measured(
        CKD,
        "N18.3",
        &[
            ("2823-3", "2.9", "mmol/L", &["POTASSIUM_LOW"]),
            ("2823-3", "3.0", "mmol/L", &[]),
            ("2823-3", "5.4", "mmol/L", &[]),
            ("2823-3", "5.5", "mmol/L", &["POTASSIUM_MILD"]),
            ("2823-3", "5.9", "mmol/L", &["POTASSIUM_MILD"]),
            ("2823-3", "6.0", "mmol/L", &["POTASSIUM_MODERATE"]),
            ("2823-3", "6.4", "mmol/L", &["POTASSIUM_MODERATE"]),
            ("2823-3", "6.5", "mmol/L", &["POTASSIUM_SEVERE"]),
            ("2823-3", "6.6", "meq/L", &["POTASSIUM_SEVERE"]),
            ("8480-6", "179", "mm[Hg]", &[]),
            ("8480-6", "180", "mm[Hg]", &["PRESSURE_CRITICAL"]),
            ("8462-4", "109", "mm[Hg]", &[]),
            ("8462-4", "110", "mm[Hg]", &["PRESSURE_CRITICAL"]),
            ("98979-8", "30", EGFR, &[]),
            ("98979-8", "29", EGFR, &["REFER_LOW_EGFR"]),
            ("9318-7", "299", "mg/g", &[]),
            ("9318-7", "300", "mg/g", &["REFER_ALBUMINURIA"]),
            ("9318-7", "33.9", "mg/mmol", &[]),
            ("9318-7", "34", "mg/mmol", &["REFER_ALBUMINURIA"]),
        ],
    );
    // A fall of more than 20 % within a year.
    for (value, alerts) in [("48.1", vec![]), ("48", vec![]), ("47.9", vec!["EGFR_FALLS"])] {
        let mut run = enrol(CKD, with("N18.3"));
        run.observe(loinc("98979-8"), "60", EGFR);
        run.advance(170);
        let before = run.alerts().len();
        run.observe(loinc("98979-8"), value, EGFR);
        assert_eq!(run.alerts()[before..], alerts[..], "{value}");
    }
    // After a year the first value is too old to compare with.
    let mut run = enrol(CKD, with("N18.3"));
    run.observe(loinc("98979-8"), "60", EGFR);
    run.advance(366);
    run.observe(loinc("98979-8"), "40", EGFR);
    assert!(!run.alerts().contains(&"EGFR_FALLS"));
}

#[test]
fn ckd_answers_and_stages() {
    let no = ["little-urine", "breathless", "painkillers"];
    answered(
        CKD,
        "N18.3",
        "follow-up",
        &no,
        &[
            (vec![], &[]),
            (vec![("little-urine", YES)], &["URINE_OR_BREATH"]),
            (vec![("breathless", YES)], &["URINE_OR_BREATH"]),
            (vec![("painkillers", YES)], &["NEPHROTOXIC"]),
            (vec![("systolic", quantity("180", "mm[Hg]"))], &["PRESSURE_CRITICAL"]),
        ],
    );
    let mut run = enrol(CKD, with("N18.3"));
    run.observe(loinc("98979-8"), "29", EGFR);
    assert_eq!(run.stage(), "high-risk");
    run.observe(loinc("98979-8"), "31", EGFR);
    assert_eq!(run.stage(), "high-risk", "albuminuria is not known");
    run.observe(loinc("9318-7"), "200", "mg/g");
    assert_eq!(run.stage(), "steady");
    // Two systolic values at 130 or more within 90 days.
    for (first, second, notes) in [("130", "130", 1), ("129", "135", 0), ("135", "129", 0)] {
        let mut run = enrol(CKD, with("N18.3"));
        run.observe(loinc("8480-6"), first, "mm[Hg]");
        run.advance(5);
        let asked = run.observe(loinc("8480-6"), second, "mm[Hg]");
        let note =
            |one: &&xinglin_sdk::pathway::Directive| matches!(one, xinglin_sdk::pathway::Directive::ProposeNote(_));
        assert_eq!(asked.iter().filter(note).count(), notes, "{first} {second}");
    }
}

#[test]
fn lipid_values() {
    measured(
        LIPIDS,
        "E78.0",
        &[
            ("22748-8", "2.59", "mmol/L", &[]),
            ("22748-8", "2.6", "mmol/L", &["LDL_ABOVE_GOAL"]),
            ("22748-8", "2.61", "mmol/L", &["LDL_ABOVE_GOAL"]),
            ("22748-8", "4.89", "mmol/L", &["LDL_ABOVE_GOAL"]),
            ("22748-8", "4.9", "mmol/L", &["LDL_SEVERE", "LDL_ABOVE_GOAL"]),
            ("14927-8", "5.6", "mmol/L", &[]),
            ("14927-8", "5.61", "mmol/L", &["TRIGLYCERIDES_HIGH"]),
            ("1742-6", "119", "U/L", &[]),
            ("1742-6", "120", "U/L", &["ALT_HIGH"]),
            ("2157-6", "1999", "U/L", &[]),
            ("2157-6", "2000", "U/L", &["CK_CRITICAL"]),
            ("2157-6", "2001", "U/L", &["CK_CRITICAL"]),
        ],
    );
    // With atherosclerotic disease the goal is 1.8.
    for (value, alerts, stage) in [
        ("1.79", vec![], "steady"),
        ("1.8", vec!["LDL_ABOVE_GOAL_ASCVD"], "start"),
        ("2.6", vec!["LDL_ABOVE_GOAL_ASCVD"], "start"),
    ] {
        let mut run = enrol(LIPIDS, with("E78.0").diagnosed(Coding::icd10("I25.1")));
        run.observe(loinc("22748-8"), value, "mmol/L");
        assert_eq!((run.alerts(), run.stage()), (alerts, stage), "{value}");
    }
    let mut run = enrol(LIPIDS, with("E78.0"));
    run.observe(loinc("22748-8"), "2.5", "mmol/L");
    assert_eq!(run.stage(), "steady");
    run.observe(loinc("22748-8"), "2.6", "mmol/L");
    assert_eq!(run.stage(), "start");
}

#[test]
fn lipid_answers() {
    let no = ["muscle-pain", "dark-urine", "belly-pain", "chest-pain"];
    answered(
        LIPIDS,
        "E78.0",
        "follow-up",
        &no,
        &[
            (vec![], &[]),
            (vec![("muscle-pain", YES)], &["MUSCLE_PAIN"]),
            (vec![("dark-urine", YES)], &[]),
            (vec![("muscle-pain", YES), ("dark-urine", YES)], &["RHABDOMYOLYSIS"]),
            (vec![("chest-pain", YES)], &["ACUTE_SYMPTOMS"]),
            (vec![("belly-pain", YES)], &["ACUTE_SYMPTOMS"]),
            (vec![("missed-days", AnswerValue::Integer(1))], &[]),
            (vec![("missed-days", AnswerValue::Integer(2))], &["DOSES_MISSED"]),
        ],
    );
}

#[test]
fn asthma_and_copd() {
    measured(
        ASTHMA_COPD,
        "J44.9",
        &[
            ("59408-5", "89", "%", &["OXYGEN_CRITICAL"]),
            ("59408-5", "90", "%", &["OXYGEN_LOW"]),
            ("59408-5", "92", "%", &["OXYGEN_LOW"]),
            ("59408-5", "92.1", "%", &[]),
            ("2708-6", "89", "%", &["OXYGEN_CRITICAL"]),
        ],
    );
    let no = ["breathless-rest", "worse", "day-symptoms", "night-waking", "reliever"];
    let score = |score| ("cat-score", AnswerValue::Integer(score));
    answered(
        ASTHMA_COPD,
        "J45.9",
        "control",
        &no,
        &[
            (vec![score(9)], &[]),
            (vec![score(10)], &["CAT_HIGH"]),
            (vec![score(11)], &["CAT_HIGH"]),
            (vec![score(41)], &["ANSWER_NOT_UNDERSTOOD"]),
            (vec![("breathless-rest", YES)], &["BREATHLESS_AT_REST"]),
            (vec![("worse", YES)], &["EXACERBATION"]),
            (vec![("day-symptoms", YES), ("night-waking", YES)], &[]),
            (vec![("day-symptoms", YES), ("night-waking", YES), ("reliever", YES)], &["NOT_CONTROLLED"]),
        ],
    );
    for (value, days, alerts) in [
        ("321", 10, vec![]),
        ("320", 10, vec!["PEAK_FLOW_FALLS"]),
        ("319", 10, vec!["PEAK_FLOW_FALLS"]),
        ("300", 15, vec![]),
    ] {
        let mut run = enrol(ASTHMA_COPD, with("J45.9"));
        run.observe(loinc("19935-6"), "400", "L/min");
        run.advance(days);
        let before = run.alerts().len();
        run.observe(loinc("19935-6"), value, "L/min");
        assert_eq!(run.alerts()[before..], alerts[..], "{value}");
    }
    let mut run = enrol(ASTHMA_COPD, with("J44.9"));
    run.advance(111);
    assert_eq!(run.stage(), "close");
    run.advance(1);
    assert_eq!(run.stage(), "steady");
    run.answer("control", answers(&no, &[("worse", YES)]));
    assert_eq!(run.stage(), "close", "after an exacerbation closely again");
}

#[test]
fn thirty_days_after_discharge() {
    measured(
        DISCHARGE,
        "J18.9",
        &[
            ("8310-5", "37.9", "Cel", &[]),
            ("8310-5", "38.0", "Cel", &["FEVER"]),
            ("8310-5", "38.1", "Cel", &["FEVER"]),
            ("59408-5", "89", "%", &["OXYGEN_CRITICAL"]),
            ("59408-5", "90", "%", &[]),
            ("8480-6", "179", "mm[Hg]", &[]),
            ("8480-6", "180", "mm[Hg]", &["PRESSURE_CRITICAL"]),
            ("8462-4", "109", "mm[Hg]", &[]),
            ("8462-4", "110", "mm[Hg]", &["PRESSURE_CRITICAL"]),
        ],
    );
    let no = ["emergency", "worse", "wound", "readmitted"];
    let medicines = |code: &str| {
        let system = "urn:xinglin:pathway:xinglin.post-discharge-30-days:check:medicines";
        ("medicines", AnswerValue::Choice(Coding::new(system, code)))
    };
    answered(
        DISCHARGE,
        "I50.0",
        "check",
        &no,
        &[
            (vec![medicines("as-told")], &[]),
            (vec![medicines("unclear")], &["MEDICINES_UNCLEAR"]),
            (vec![medicines("stopped")], &["MEDICINES_UNCLEAR"]),
            (vec![("worse", YES)], &["FEELS_WORSE"]),
            (vec![("emergency", YES)], &["EMERGENCY_SIGN"]),
            (vec![("wound", YES)], &["WOUND"]),
        ],
    );
    // More than 2 kg in 3 days, with heart failure only.
    for (diagnosis, value, days, alerts) in [
        ("I50.0", "72", 2, vec![]),
        ("I50.0", "72.1", 2, vec!["WEIGHT_GAIN"]),
        ("I50.0", "72.1", 4, vec![]),
        ("J18.9", "72.1", 2, vec![]),
    ] {
        let mut run = enrol(DISCHARGE, with(diagnosis));
        run.observe(loinc("29463-7"), "70", "kg");
        run.advance(days);
        let before = run.alerts().len();
        run.observe(loinc("29463-7"), value, "kg");
        assert_eq!(run.alerts()[before..], alerts[..], "{diagnosis} {value} {days}");
    }
    let mut run = enrol(DISCHARGE, with("I50.0"));
    run.advance(29);
    assert!(run.closed().is_none());
    run.advance(1);
    assert_eq!(run.closed().map(|reason| reason.code.as_str()), Some("COMPLETED"));
    let mut run = enrol(DISCHARGE, with("I50.0"));
    run.answer("check", answers(&no, &[("readmitted", YES)]));
    assert_eq!(run.closed().map(|reason| reason.code.as_str()), Some("READMITTED"));
}
