//! Targets, HbA1c, and what follows from them.

use diabetes::{
    Diabetes,
    numbers::{
        DIASTOLIC_GOAL, FASTING_LEAST, FASTING_MOST, HBA1C_GOAL, HBA1C_OFF_DAYS, HBA1C_ON_DAYS, HBA1C_REGIMEN,
        HBA1C_RELAXED, HBA1C_STRICT, LDL_GOAL, LDL_GOAL_ASCVD, LIPIDS_AGAIN_DAYS, OTHER_MOST, REMISSION_DAYS,
        REMISSION_HBA1C, SYSTOLIC_GOAL,
    },
};
use xinglin_sdk::{
    clinical::{ConditionStatus, MedicationStatus, OmissionReason, Section},
    follow_up::{AnswerValue, Provenance},
    testing::{Host, Patient},
    types::{Coding, Decimal},
};

use crate::{
    Run, answers, around, day, day_of, enrolled, hba1c, notes, patient, quantity, referred, report, requested,
};

fn frail() -> Patient {
    patient().diagnosed(Coding::snomed("248279007"))
}

/// The day of the next HbA1c after one of this value.
fn next_hba1c(host: Host, patient: Patient, value: &str) -> i64 {
    let mut run = Run::enrol_on(host, patient);
    report(&mut run, "4548-4", value, "%");
    day_of(&run, "hba1c")
}

fn host() -> Host {
    Host::of::<Diabetes>()
}

#[test]
fn goals_of_hba1c() {
    let young = || Patient::aged(45).days_ago(900).diagnosed(Coding::icd10("E11.9"));
    let strict = || host().setting("strict-before-years", 50);
    for (number, of) in [
        (HBA1C_GOAL, &(|value: &str| next_hba1c(host(), patient(), value)) as &dyn Fn(&str) -> i64),
        (HBA1C_GOAL, &|value| next_hba1c(host(), young(), value)),
        (HBA1C_RELAXED, &|value| next_hba1c(host(), frail(), value)),
        (HBA1C_RELAXED, &|value| next_hba1c(host(), patient().diagnosed(Coding::icd10("R54")), value)),
        // By age, as the hospital sets it.
        (HBA1C_RELAXED, &|value| next_hba1c(host().setting("frail-from-years", 58), patient(), value)),
        (HBA1C_GOAL, &|value| next_hba1c(host().setting("frail-from-years", 65), patient(), value)),
        (HBA1C_STRICT, &|value| next_hba1c(strict(), young(), value)),
        (HBA1C_GOAL, &|value| next_hba1c(host().setting("strict-before-years", 45), young(), value)),
        (HBA1C_GOAL, &|value| next_hba1c(strict(), young().diagnosed(Coding::icd10("N18.3")), value)),
        (HBA1C_GOAL, &|value| next_hba1c(strict(), young().diagnosed(Coding::icd10("I25.1")), value)),
        (HBA1C_RELAXED, &|value| next_hba1c(strict(), young().diagnosed(Coding::icd10("R54")), value)),
    ] {
        let [below, at, above] = around(number, 1);
        for (value, days) in [(below, HBA1C_ON_DAYS), (at, HBA1C_OFF_DAYS), (above, HBA1C_OFF_DAYS)] {
            assert_eq!(of(&value), days.value, "{value} % of {}", number.rule);
        }
    }
}

#[test]
fn goals_of_glucose() {
    let met = |glucose: &str, fasting: bool| {
        let mut run = enrolled();
        let mut all = answers(glucose, "120", "70");
        all[1].1 = AnswerValue::Boolean(fasting);
        run.answer("follow-up", all);
        run.task("visit-extra").is_none()
    };
    let [below, at, above] = around(FASTING_LEAST, 1);
    assert_eq!([below, at, above].map(|value| met(&value, true)), [false, true, true]);
    let [below, at, above] = around(FASTING_MOST, 1);
    assert_eq!([below, at, above].map(|value| met(&value, true)), [true, false, false]);
    let [below, at, above] = around(OTHER_MOST, 1);
    assert_eq!([below, at, above].map(|value| met(&value, false)), [true, false, false]);
    let mut run = Run::enrol_on(host().setting("fasting-maximum", Decimal::whole(8)), patient());
    crate::follow_up(&mut run, "7.5");
    assert!(run.task("visit-extra").is_none(), "a hospital sets its targets");
}

#[test]
fn goals_of_pressure() {
    let met = |systolic: &str, diastolic: &str| {
        let mut run = enrolled();
        run.answer("follow-up", answers("6.1", systolic, diastolic));
        run.task("visit-extra").is_none()
    };
    assert_eq!(around(SYSTOLIC_GOAL, 0).map(|value| met(&value, "70")), [true, false, false]);
    assert_eq!(around(DIASTOLIC_GOAL, 0).map(|value| met("120", &value)), [true, false, false]);
    let mut run = enrolled();
    let off = run.answer(
        "follow-up",
        vec![
            ("glucose", quantity("9.9", "mmol/L")),
            ("needed-help", AnswerValue::Boolean(false)),
            ("systolic", quantity("130", "mm[Hg]")),
        ],
    );
    assert_eq!(
        notes(&off),
        ["Off target: blood pressure 130/– mmHg. Online, adjust medication step by step; no change of regimen."]
    );
}

#[test]
fn goals_of_ldl() {
    let next = |patient: Patient, value: &str, unit: &str| {
        let mut run = Run::enrol(patient);
        let noted = !notes(&report(&mut run, "22748-8", value, unit)).is_empty();
        (noted, day_of(&run, "yearly-lipids"))
    };
    let infarction = || patient().with_condition(Coding::icd10("I21.9"), ConditionStatus::Resolved);
    for (number, of) in [(LDL_GOAL, &patient as &dyn Fn() -> Patient), (LDL_GOAL_ASCVD, &infarction)] {
        let [below, at, above] = around(number, 1);
        assert_eq!(next(of(), &below, "mmol/L"), (false, 365));
        for value in [at, above] {
            assert_eq!(next(of(), &value, "mmol/L"), (true, LIPIDS_AGAIN_DAYS.value), "{value}");
        }
    }
    assert!(!next(patient(), "100", "mg/dL").0);
    assert!(next(patient(), "101", "mg/dL").0);
    let mut run = enrolled();
    let typed = run.observe(Coding::loinc("22748-8"), "5", "mmol/L", Provenance::SelfReported);
    assert!(typed.is_empty(), "what is typed is no result");
}

#[test]
fn hba1c_is_measured_again() {
    let mut run = enrolled();
    assert_eq!(day_of(&run, "hba1c"), 0, "never measured: at once");
    run.advance(0);
    assert_eq!(requested(&run, "hba1c"), [0]);
    report(&mut run, "4548-4", "7.0", "%");
    assert!(!run.open_requests().contains(&"hba1c"));
    assert_eq!(day_of(&run, "hba1c"), HBA1C_OFF_DAYS.value, "7.0 is not below 7.0");
    report(&mut run, "59261-8", "52", "mmol/mol");
    assert_eq!(day_of(&run, "hba1c"), HBA1C_ON_DAYS.value);
    // Old results displace nothing.
    let late = run.patient.clone().days_ago(400).measurement(hba1c(), "9.1", "%");
    let late = run.observed(late, Provenance::Laboratory);
    assert_eq!((day_of(&run, "hba1c"), notes(&late).len()), (HBA1C_ON_DAYS.value, 0));
    for (days, due) in [(89, 89 + HBA1C_OFF_DAYS.value), (90, 90 + HBA1C_ON_DAYS.value), (91, 91 + HBA1C_ON_DAYS.value)]
    {
        // On target, but a medicine was started at the beginning.
        let mut run = enrolled();
        run.patient.start(Coding::atc("A10BK01"));
        run.advance(days);
        report(&mut run, "4548-4", "6.8", "%");
        assert_eq!(day_of(&run, "hba1c"), due, "{days} days after the change");
    }
    // On target, and a medicine is changed afterwards: 90 days after the change, but not later than without it.
    for (change, due) in
        [(20, 20 + HBA1C_OFF_DAYS.value), (89, 89 + 90), (90, HBA1C_ON_DAYS.value), (91, HBA1C_ON_DAYS.value)]
    {
        let mut run = enrolled();
        report(&mut run, "4548-4", "6.5", "%");
        run.advance(change);
        run.patient.start(Coding::atc("A10BK01"));
        run.advance(1);
        crate::follow_up(&mut run, "6.1");
        assert_eq!(day_of(&run, "hba1c"), due, "changed on day {change}");
    }
    let known = Run::enrol(patient().days_ago(30).measured(hba1c(), "6.5", "%"));
    assert_eq!(day_of(&known, "hba1c"), 150);
    // It comes again for years.
    let mut run = enrolled();
    for year in 1..=3 {
        run.advance(365);
        report(&mut run, "4548-4", "6.5", "%");
        assert_eq!(day_of(&run, "hba1c"), 365 * year + HBA1C_ON_DAYS.value);
    }
}

#[test]
fn a_regimen_is_not_changed_online() {
    let [below, at, above] = around(HBA1C_REGIMEN, 1);
    for (value, needed) in [(below, false), (at, true), (above, true)] {
        let mut run = enrolled();
        let directives = report(&mut run, "4548-4", &value, "%");
        let said = if needed { "step by step only" } else { "no change of regimen" };
        assert!(notes(&directives)[0].contains(said), "{value}: {directives:?}");
        assert_eq!(day_of(&run, "adjust-treatment"), 3, "{value}");
        assert_eq!(run.alerts().contains(&"REGIMEN_CHANGE_NEEDED"), needed, "{value}");
        let wanted = if needed { vec![("regimen".to_owned(), 14)] } else { vec![] };
        assert_eq!(referred(&run, &directives), wanted, "{value}");
        assert!(run.holds().is_empty());
    }
}

#[test]
fn remission_is_watched() {
    let metformin = || Coding::atc("A10BA02");
    let stage = |patient: Patient, value: &str| {
        let mut run = Run::enrol(patient);
        report(&mut run, "4548-4", value, "%");
        assert_eq!(run.alerts().contains(&"REMISSION_CRITERIA_MET"), run.stage() == "remission-watch");
        run.stage().to_owned()
    };
    let stopped = |days| patient().days_ago(days).with_medication(metformin(), MedicationStatus::Stopped);
    let days = REMISSION_DAYS.value;
    let [below, at, above] = around(REMISSION_HBA1C, 1);
    for (patient, value, expected) in [
        (stopped(days - 1), below.as_str(), "initial"),
        (stopped(days), &below, "remission-watch"),
        (stopped(days + 1), &below, "remission-watch"),
        (stopped(days), &at, "initial"),
        (stopped(days), &above, "initial"),
        (patient().taking(metformin()), "6.0", "initial"),
        (patient().taking(Coding::atc("C10AA05")), "6.0", "remission-watch"),
        // Nobody can tell what this medicine is.
        (patient().taking(Coding::rxnorm("860975")), "6.0", "initial"),
        (patient().withheld(Section::Medications, OmissionReason::Compartment), "6.0", "initial"),
    ] {
        assert_eq!(stage(patient, value), expected, "{value}");
    }
    let mut run = Run::enrol(stopped(days));
    report(&mut run, "4548-4", "6.0", "%");
    run.advance(180);
    report(&mut run, "4548-4", "6.7", "%");
    assert_eq!(run.stage(), "maintenance");
    assert!(run.alerts().contains(&"REMISSION_ENDED"));
    assert_eq!(day(run.task("hba1c").expect("a task").due), 360);
}
