//! Yearly checks, and what follows from their results.

use diabetes::numbers::{
    EGFR_REDUCED, EGFR_REVIEW, EGFR_SEVERE, EYES_DAYS, EYES_URGENT_DAYS, FEET_DAYS, FEET_HIGH_DAYS, FEET_LOW_DAYS,
    FEET_MODERATE_DAYS, FEET_ULCER_DAYS, FIRST_CHECK_DAYS, KIDNEY_DAYS, LAPSES, METFORMIN_MINUTES, NEPHROLOGY_DAYS,
    RESULT_DAYS, UACR_AGAIN_DAYS, UACR_RAISED, UACR_SEVERE, UACR_TIMES, YEARLY_DAYS,
};
use xinglin_sdk::{
    clinical::{Observation, ObservationValue},
    follow_up::{Destination, Event, Provenance, Role, Severity, TaskRef},
    testing::{Patient, START},
    time::plus_days,
    types::{Attribute, Coding},
};

use crate::{Run, around, day, day_of, enrolled, notes, patient, referred, report, requested};

const RATE: &str = "mL/min/{1.73_m2}";

/// A patient whose checks are asked for.
fn asked() -> Run {
    let mut run = enrolled();
    run.advance(FIRST_CHECK_DAYS.value);
    run
}

#[test]
fn five_checks_a_year() {
    let recent = patient().days_ago(100).measured(Coding::loinc("9318-7"), "12", "mg/g");
    let mut run = Run::enrol(recent);
    assert_eq!(day_of(&run, "yearly-uacr"), YEARLY_DAYS.value - 100);
    for task in ["yearly-egfr", "yearly-lipids", "yearly-retina", "yearly-foot"] {
        assert_eq!(day_of(&run, task), FIRST_CHECK_DAYS.value, "{task}");
    }
    run.advance_to(plus_days(START, FIRST_CHECK_DAYS.value) - 1);
    let open = |run: &Run| -> Vec<String> {
        let codes = run.open_requests().into_iter().filter(|code| code.starts_with("yearly-"));
        codes.map(str::to_owned).collect()
    };
    assert_eq!(open(&run), Vec::<String>::new());
    run.advance_to(plus_days(START, FIRST_CHECK_DAYS.value));
    assert_eq!(open(&run), ["yearly-egfr", "yearly-foot", "yearly-lipids", "yearly-retina"]);
    for code in open(&run) {
        let ends = run.request_ends(&code).expect("open");
        assert_eq!(day(ends), FIRST_CHECK_DAYS.value + RESULT_DAYS.value);
    }
    // Each is done by its result, and wanted again a year later.
    report(&mut run, "98979-8", "81", RATE);
    report(&mut run, "22748-8", "2.1", "mmol/L");
    run.fulfil("yearly-retina", vec![Coding::loinc("LA18643-9")]);
    run.fulfil("yearly-foot", vec![Coding::new("urn:xinglin:diabetes", "foot-risk-0")]);
    assert_eq!(open(&run), Vec::<String>::new());
    for task in ["yearly-egfr", "yearly-lipids", "yearly-retina", "yearly-foot"] {
        assert_eq!(day_of(&run, task), FIRST_CHECK_DAYS.value + YEARLY_DAYS.value, "{task}");
    }
    // For ever.
    run.advance_to(plus_days(START, 3 * 365));
    assert!(requested(&run, "yearly-egfr").len() >= 3, "{:?}", requested(&run, "yearly-egfr"));
}

#[test]
fn a_check_that_lapses_is_asked_again() {
    let mut run = enrolled();
    run.advance(0);
    let missed = |run: &Run| run.alerts().iter().filter(|code| **code == "CHECK_MISSED").count();
    for lapse in 1..=LAPSES.value + 1 {
        run.advance_to(plus_days(START, lapse * RESULT_DAYS.value) - 1);
        assert_eq!(i64::try_from(requested(&run, "hba1c").len()), Ok(lapse), "before lapse {lapse}");
        run.advance_to(plus_days(START, lapse * RESULT_DAYS.value));
        assert_eq!(i64::try_from(requested(&run, "hba1c").len()), Ok(lapse + 1), "lapse {lapse}");
    }
    assert_eq!(run.alert("CHECK_MISSED").map(|alert| alert.owner), Some(Role::HealthManager));
    report(&mut run, "4548-4", "6.5", "%");
    assert_eq!(day_of(&run, "hba1c"), (LAPSES.value + 1) * RESULT_DAYS.value + 180);

    // The same of a test, of an examination, and of a repeated test; a single lapse is the host's to tell.
    for code in ["yearly-uacr", "yearly-egfr", "yearly-lipids", "yearly-retina", "yearly-foot"] {
        let mut run = asked();
        report(&mut run, "4548-4", "6.5", "%");
        for other in ["yearly-uacr", "yearly-egfr", "yearly-lipids", "yearly-retina", "yearly-foot"] {
            if other != code {
                run.turn_down(other);
            }
        }
        run.advance(RESULT_DAYS.value);
        assert_eq!(missed(&run), 0, "{code}");
        assert!(run.open_requests().contains(&code), "{code} is asked for again");
        run.advance(RESULT_DAYS.value);
        assert_eq!(missed(&run), 1, "{code}");
        assert!(run.open_requests().contains(&code), "{code}, once more");
        // Turned down: next year.
        run.turn_down(code);
        assert_eq!(day_of(&run, code), day(run.now()) + YEARLY_DAYS.value, "{code}");
    }
    let mut run = enrolled();
    report(&mut run, "9318-7", "40", "mg/g");
    run.advance(UACR_AGAIN_DAYS.value);
    assert_eq!(requested(&run, "repeat-uacr"), [90]);
    run.advance(RESULT_DAYS.value);
    assert_eq!(requested(&run, "repeat-uacr"), [90, 120]);
    run.turn_down("repeat-uacr");
    assert_eq!(day_of(&run, "repeat-uacr"), 120 + UACR_AGAIN_DAYS.value);
    let mut run = enrolled();
    run.advance(0);
    run.turn_down("hba1c");
    assert_eq!(day_of(&run, "hba1c"), 90);
}

#[test]
fn what_is_ticked_is_not_done() {
    let mut run = enrolled();
    for task in ["yearly-uacr", "yearly-foot", "hba1c"] {
        let due = day_of(&run, task);
        run.complete(task);
        if due > 0 {
            assert_eq!(day_of(&run, task), due, "{task}");
        }
    }
}

#[test]
fn raised_albumin_is_repeated() {
    let [below, at, above] = around(UACR_RAISED, 0);
    for (value, again) in [(below, false), (at, true), (above, true)] {
        let mut run = asked();
        let directives = report(&mut run, "9318-7", &value, "mg/g");
        assert_eq!(run.task("repeat-uacr").map(|task| day(task.due)), again.then_some(28 + UACR_AGAIN_DAYS.value));
        assert_eq!(notes(&directives).len(), usize::from(again), "{value}");
        assert_eq!(day_of(&run, "yearly-uacr"), 28 + YEARLY_DAYS.value);
    }
    // Confirmed when it is repeated; a nephrologist from 300 mg/g.
    let [below, at, above] = around(UACR_SEVERE, 0);
    for (first, second, nephrologist) in
        [(&at, &below, false), (&below, &at, false), (&at, &at, true), (&above, &above, true)]
    {
        let mut run = asked();
        let once = report(&mut run, "9318-7", first, "mg/g");
        assert!(referred(&run, &once).is_empty(), "once says little");
        run.advance(UACR_AGAIN_DAYS.value);
        assert!(run.open_requests().contains(&"repeat-uacr"));
        let twice = report(&mut run, "14959-1", second, "mg/g");
        assert!(!run.open_requests().contains(&"repeat-uacr"));
        let wanted = if nephrologist { vec![("nephrology".to_owned(), NEPHROLOGY_DAYS.value)] } else { vec![] };
        assert_eq!(referred(&run, &twice), wanted, "{first} and {second}");
        assert!(notes(&twice)[0].contains("repeatedly"), "{twice:?}");
        assert_eq!(
            day_of(&run, "yearly-uacr"),
            day(run.now()) + KIDNEY_DAYS.value,
            "from {} times on",
            UACR_TIMES.value
        );
        assert!(run.task("repeat-uacr").is_none());
    }
    // A correction of the same day is not a repetition; a low one in between starts again.
    let mut run = asked();
    report(&mut run, "9318-7", "35", "mg/g");
    assert!(notes(&report(&mut run, "9318-7", "36", "mg/g"))[0].contains("repeated within"));
    run.advance(30);
    report(&mut run, "9318-7", "12", "mg/g");
    assert!(run.task("repeat-uacr").is_none());
    run.advance(30);
    assert!(notes(&report(&mut run, "9318-7", "36", "mg/g"))[0].contains("repeated within"));
    // In the other unit, and as a bound.
    let mut run = asked();
    report(&mut run, "9318-7", "3.4", "mg/mmol");
    assert!(run.task("repeat-uacr").is_some());
    let mut run = asked();
    let mut bound = run.patient.measurement(Coding::loinc("9318-7"), "30", "mg/g");
    bound.attributes.push(Attribute::new("xinglin.comparator", "<"));
    run.observed(bound, Provenance::Laboratory);
    assert!(run.task("repeat-uacr").is_none() && !run.open_requests().contains(&"yearly-uacr"));
    let typed = asked().observe(Coding::loinc("9318-7"), "500", "mg/g", Provenance::SelfReported);
    assert!(typed.is_empty(), "what is typed is no result");
}

#[test]
fn filtration_falls() {
    let metformin = || patient().taking(Coding::atc("A10BA02"));
    let combined = || patient().taking(Coding::atc("A10BD07"));
    let other = || patient().taking(Coding::atc("A10BK01"));
    let [below, at, above] = around(EGFR_SEVERE, 0);
    let nephrologist = vec![("nephrology".to_owned(), NEPHROLOGY_DAYS.value)];
    for (value, referrals, severity) in
        [(below, nephrologist, Severity::Critical), (at, vec![], Severity::Warning), (above, vec![], Severity::Warning)]
    {
        for (patient, taken) in [(metformin(), true), (combined(), true), (other(), false)] {
            let mut run = Run::enrol(patient);
            let directives = report(&mut run, "98979-8", &value, RATE);
            assert_eq!(referred(&run, &directives), referrals, "{value}");
            assert!(notes(&directives)[0].contains("metformin"), "{directives:?}");
            let alert = run.alert("METFORMIN_KIDNEYS");
            let wanted = taken.then_some((severity, Role::Doctor, METFORMIN_MINUTES.minutes()));
            assert_eq!(alert.map(|alert| (alert.severity, alert.owner, alert.sla_minutes)), wanted, "{value}");
            assert_eq!(day_of(&run, "yearly-egfr"), KIDNEY_DAYS.value);
        }
    }
    let [below, at, above] = around(EGFR_REVIEW, 0);
    for (value, alerts) in [(below, true), (at, false), (above, false)] {
        let mut run = Run::enrol(metformin());
        report(&mut run, "98979-8", &value, RATE);
        assert_eq!(run.alerts().contains(&"METFORMIN_KIDNEYS"), alerts, "{value}");
    }
    let [below, at, above] = around(EGFR_REDUCED, 0);
    for (value, days) in [(below, KIDNEY_DAYS), (at, YEARLY_DAYS), (above, YEARLY_DAYS)] {
        let mut run = enrolled();
        let directives = report(&mut run, "98979-8", &value, RATE);
        assert_eq!(day_of(&run, "yearly-egfr"), days.value, "{value}");
        assert_eq!(notes(&directives).is_empty(), days == YEARLY_DAYS, "{value}");
    }
    // A nephrologist has seen the patient: not each time; but when it gets worse again.
    let mut run = enrolled();
    report(&mut run, "98979-8", "25", RATE);
    run.fulfil("nephrology", vec![]);
    run.advance(1);
    let again = report(&mut run, "98979-8", "24", RATE);
    assert!(referred(&run, &again).is_empty());
    run.advance(1);
    report(&mut run, "98979-8", "35", RATE);
    run.advance(1);
    let worse = report(&mut run, "98979-8", "25", RATE);
    assert_eq!(referred(&run, &worse).len(), 1);
}

#[test]
fn creatinine_is_as_good_as_a_filtration_rate() {
    // A woman of 58: 200 µmol/L are 25 mL/min/1.73 m² by CKD-EPI 2021.
    for (code, value, unit) in [("14682-9", "200", "umol/L"), ("2160-0", "2.26", "mg/dL")] {
        let mut run = asked();
        let directives = report(&mut run, code, value, unit);
        assert_eq!(referred(&run, &directives).len(), 1, "{value} {unit}");
        assert!(notes(&directives)[0].contains("CKD-EPI 2021"), "{directives:?}");
        assert!(!run.open_requests().contains(&"yearly-egfr"), "it is the result");
        assert_eq!(day_of(&run, "yearly-egfr"), 28 + KIDNEY_DAYS.value);
    }
    // Where the laboratory gives the rate too, that counts.
    let mut run = asked();
    report(&mut run, "98979-8", "27", RATE);
    let both = report(&mut run, "14682-9", "200", "umol/L");
    assert!(both.is_empty(), "{both:?}");
    let mut unknown = Run::enrol(
        Patient::aged(58).sex(xinglin_sdk::clinical::Sex::Unknown).days_ago(9).diagnosed(Coding::icd10("E11")),
    );
    unknown.advance(28);
    report(&mut unknown, "14682-9", "200", "umol/L");
    assert!(unknown.open_requests().contains(&"yearly-egfr"), "nothing can be said");
}

fn graded(run: &Run, eye: &str, code: Coding) -> Observation {
    let mut observation = run.patient.measurement(Coding::loinc(eye), "1", "1");
    observation.value = ObservationValue::Coded(vec![code]);
    observation
}

#[test]
fn findings_of_the_eyes() {
    let own = |code| Coding::new("urn:xinglin:diabetes", code);
    let (none, soon, at_once) = (
        vec![],
        vec![("ophthalmology".to_owned(), EYES_DAYS.value)],
        vec![("ophthalmology".to_owned(), EYES_URGENT_DAYS.value)],
    );
    for (code, wanted, noted) in [
        (Coding::loinc("LA18643-9"), &none, 0),
        (Coding::loinc("LA18644-7"), &none, 1),
        (Coding::loinc("LA18645-4"), &soon, 1),
        (Coding::loinc("LA18646-2"), &at_once, 0),
        (Coding::loinc("LA18648-8"), &at_once, 0),
        (Coding::snomed("312903003"), &none, 1),
        (Coding::snomed("312904009"), &soon, 1),
        (Coding::snomed("312912001"), &soon, 1),
        (Coding::snomed("59276001"), &at_once, 0),
        (Coding::icd10("E11.3"), &soon, 1),
        (own("retina-normal"), &none, 0),
        (own("retina-mild"), &none, 1),
        (own("retina-moderate"), &soon, 1),
        (own("retina-severe"), &at_once, 0),
        // Nobody knows what it says: a doctor reads it.
        (own("something-else"), &none, 1),
    ] {
        // Recorded when the examination took place, or graded by a device.
        let mut run = asked();
        let recorded = run.fulfil("yearly-retina", vec![code.clone()]);
        let mut device = asked();
        let observation = graded(&device, "71490-7", code.clone());
        let told = device.observed(observation, Provenance::Device);
        for (run, directives) in [(&run, &recorded), (&device, &told)] {
            assert_eq!((&referred(run, directives), notes(directives).len()), (wanted, noted), "{code:?}");
            assert!(!run.open_requests().contains(&"yearly-retina"));
            assert_eq!(day_of(run, "yearly-retina"), 28 + YEARLY_DAYS.value);
        }
    }
    let mut run = asked();
    let unsaid = run.fulfil("yearly-retina", vec![]);
    assert!(notes(&unsaid)[0].contains("without a coded finding"));
    let referral =
        |run: &Run| run.referrals().iter().rfind(|one| one.code == "yearly-retina").map(|one| one.destination.clone());
    assert!(
        matches!(referral(&run), Some(Destination::Offline(Some(department))) if department.code == "ophthalmology")
    );
    // Nobody went: once more.
    let mut run = asked();
    run.fulfil("yearly-retina", vec![Coding::loinc("LA18645-4")]);
    run.advance(EYES_DAYS.value);
    assert!(run.open_requests().contains(&"ophthalmology"));
}

#[test]
fn findings_of_the_feet() {
    let own = |code| Coding::new("urn:xinglin:diabetes", code);
    let foot = |days: i64| vec![("foot-care".to_owned(), days)];
    for (code, wanted, again) in [
        (own("foot-risk-0"), vec![], YEARLY_DAYS),
        (own("foot-risk-1"), foot(FEET_DAYS.value), FEET_LOW_DAYS),
        (own("foot-risk-2"), foot(FEET_DAYS.value), FEET_MODERATE_DAYS),
        (own("foot-risk-3"), foot(FEET_DAYS.value), FEET_HIGH_DAYS),
        (own("foot-ulcer"), foot(FEET_ULCER_DAYS.value), FEET_HIGH_DAYS),
        (Coding::snomed("371087003"), foot(FEET_ULCER_DAYS.value), FEET_HIGH_DAYS),
        (Coding::icd10("E11.4"), foot(FEET_DAYS.value), FEET_LOW_DAYS),
        (Coding::icd10("L97"), foot(FEET_ULCER_DAYS.value), FEET_HIGH_DAYS),
    ] {
        let mut run = asked();
        let directives = run.fulfil("yearly-foot", vec![code.clone()]);
        assert_eq!(referred(&run, &directives), wanted, "{code:?}");
        let due = (day(run.now()) + again.value).max(day(run.now()) + FIRST_CHECK_DAYS.value);
        assert_eq!(day_of(&run, "yearly-foot"), due, "{code:?}");
    }
    // Of several findings the gravest counts.
    let mut run = asked();
    let directives = run.fulfil("yearly-foot", vec![own("foot-risk-0"), own("foot-ulcer")]);
    assert_eq!(referred(&run, &directives), foot(FEET_ULCER_DAYS.value));
    let mut run = asked();
    let unsaid = run.fulfil("yearly-foot", vec![]);
    assert!(notes(&unsaid)[0].contains("without a coded finding"));
}

#[test]
fn a_grave_finding_is_not_swallowed_by_a_mild_one() {
    let own = |code| Coding::new("urn:xinglin:diabetes", code);
    for (examination, (mild, grave), referral, alert, (days, urgent_days)) in [
        ("yearly-foot", ("foot-risk-1", "foot-ulcer"), "foot-care", "FOOT_ULCER", (FEET_DAYS, FEET_ULCER_DAYS)),
        (
            "yearly-retina",
            ("retina-moderate", "retina-severe"),
            "ophthalmology",
            "RETINOPATHY_SEVERE",
            (EYES_DAYS, EYES_URGENT_DAYS),
        ),
    ] {
        let mut run = asked();
        let examine = |run: &mut Run, found: &'static str| {
            if !run.open_requests().contains(&examination) {
                let due = run.task(examination).expect("the next").due;
                run.step(Event::TaskDue(TaskRef { code: examination.to_owned(), due }));
            }
            run.fulfil(examination, vec![own(found)])
        };
        let told = examine(&mut run, mild);
        assert_eq!(referred(&run, &told), [(referral.to_owned(), days.value)]);
        assert!(!run.alerts().contains(&alert));
        let told = examine(&mut run, grave);
        assert_eq!(referred(&run, &told), [(referral.to_owned(), urgent_days.value)]);
        assert_eq!(run.alert(alert).map(|alert| alert.owner), Some(Role::Doctor));
        assert_eq!(run.request_ends(referral).map(day), Some(day(run.now()) + urgent_days.value), "the nearer");
        let told = examine(&mut run, mild);
        assert!(referred(&run, &told).is_empty(), "it is on its way");
        // Nobody went: as urgent as it was.
        run.advance(urgent_days.value);
        assert_eq!(run.request_ends(referral).map(day), Some(day(run.now()) + urgent_days.value));
        // Seen: what is found then is counted anew.
        run.fulfil(referral, vec![]);
        let told = examine(&mut run, mild);
        assert_eq!(referred(&run, &told), [(referral.to_owned(), days.value)]);
        run.advance(days.value);
        assert_eq!(run.request_ends(referral).map(day), Some(day(run.now()) + days.value));
    }
}

#[test]
fn an_older_result_displaces_no_newer_one_and_a_refused_value_is_none() {
    let mut run = enrolled();
    report(&mut run, "9318-7", "12", "mg/g");
    let late = run.patient.clone().days_ago(300).measurement(Coding::loinc("9318-7"), "11", "mg/g");
    run.observed(late, Provenance::Laboratory);
    assert_eq!(day_of(&run, "yearly-uacr"), YEARLY_DAYS.value);
    // It could not be measured, or the host refused it: asked for again.
    for refused in [false, true] {
        let mut run = asked();
        let mut absent = run.patient.measurement(Coding::loinc("9318-7"), "1", "mg/g");
        absent.value = ObservationValue::Absent;
        if refused {
            absent.attributes.push(Attribute::new("xinglin.refused", "MEASUREMENT_IMPLAUSIBLE"));
        }
        let directives = run.observed(absent, Provenance::Laboratory);
        assert!(notes(&directives)[0].contains("no result on record"), "{directives:?}");
        assert_eq!(day_of(&run, "yearly-uacr"), 28 + RESULT_DAYS.value);
    }
}
