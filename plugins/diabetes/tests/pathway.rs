//! The pathway on the simulator.

use diabetes::Diabetes;
use xinglin_sdk::{
    clinical::{Component, ConditionStatus, MedicationStatus, ObservationValue, OmissionReason, Section},
    pathway::{
        AnswerValue, Destination, Directive, Eligibility, Error, Event, Pathway, Role, Severity, State, TaskRef,
    },
    testing::{Host, PathwayRun, Patient, START, assert_needs_declared},
    time::{DAY, plus_days, plus_minutes},
    types::{Attribute, Coding, Decimal, Quantity},
};

fn patient() -> Patient {
    Patient::aged(58).days_ago(900).diagnosed(Coding::icd10("E11.900x001"))
}

fn enrolled() -> PathwayRun<Diabetes> {
    PathwayRun::enrol(patient())
}

fn glucometer() -> Coding {
    Coding::loinc("14743-9")
}

fn quantity(value: &str, unit: &str) -> AnswerValue {
    AnswerValue::Quantity(Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit))
}

fn follow_up(run: &mut PathwayRun<Diabetes>, glucose: &str) -> Vec<Directive> {
    run.answer(
        "follow-up",
        vec![
            ("glucose", quantity(glucose, "mmol/L")),
            ("fasting", AnswerValue::Boolean(true)),
            ("systolic", quantity("124", "mm[Hg]")),
            ("diastolic", quantity("76", "mm[Hg]")),
            ("needed-help", AnswerValue::Boolean(false)),
        ],
    )
}

fn day_of(run: &PathwayRun<Diabetes>, task: &str) -> i64 {
    (run.task(task).unwrap_or_else(|| panic!("no task {task}")).due - START) / DAY
}

// --- who may enter -------------------------------------------------------------

fn screen(patient: &Patient) -> Result<String, Error> {
    let mut host = Host::of::<Diabetes>();
    let needs = host.call(Diabetes::describe).data_needs;
    let snapshot = patient.snapshot_for(&needs, START);
    let codes = |reasons: Vec<xinglin_sdk::pathway::Reason>| {
        reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(" ")
    };
    Ok(match host.call(|| Diabetes::screen(snapshot, START))? {
        Eligibility::Eligible => "eligible".to_owned(),
        Eligibility::Ineligible(reasons) => format!("ineligible: {}", codes(reasons)),
        Eligibility::ReferOffline(reasons) => format!("offline: {}", codes(reasons)),
    })
}

#[test]
fn adults_with_the_diagnosis_may_enter() {
    let adult = || Patient::aged(58).days_ago(30);
    let snomed = Coding::snomed("44054006");
    for (patient, expected) in [
        (patient(), "eligible"),
        (adult().diagnosed(snomed.clone()), "eligible"),
        (adult().with_condition(snomed.clone(), ConditionStatus::Remission), "eligible"),
        (adult().with_condition(snomed, ConditionStatus::Resolved), "ineligible: NO_DIAGNOSIS"),
        (adult(), "ineligible: NO_DIAGNOSIS"),
        (adult().diagnosed(Coding::snomed("714628002")), "ineligible: NO_DIAGNOSIS"),
        (Patient::aged(17).diagnosed(Coding::icd10("E11.9")), "ineligible: UNDER_AGE"),
        (patient().diagnosed(Coding::snomed("72892002")), "offline: PREGNANCY"),
        (patient().diagnosed(Coding::icd10("O24.4")), "offline: PREGNANCY"),
        (patient().diagnosed(Coding::icd10("E10.9")), "offline: SUSPECTED_TYPE_1"),
        (
            patient().days_ago(89).with_condition(Coding::icd10("E11.1"), ConditionStatus::Resolved),
            "offline: RECENT_KETOACIDOSIS",
        ),
        (patient().days_ago(91).with_condition(Coding::icd10("E11.1"), ConditionStatus::Resolved), "eligible"),
    ] {
        assert_eq!(screen(&patient).as_deref(), Ok(expected));
    }
}

#[test]
fn silence_is_not_absence() {
    let unknown_age = Patient::of_unknown_age().diagnosed(Coding::icd10("E11"));
    assert!(matches!(screen(&unknown_age), Err(Error::MissingData(_))));
    let withheld = patient().withheld(Section::Conditions, OmissionReason::Consent);
    assert!(matches!(screen(&withheld), Err(Error::MissingData(_))));
}

#[test]
fn the_manifest_declares_all_that_the_definition_asks_for() {
    assert_needs_declared::<Diabetes>();
}

// --- the calendar --------------------------------------------------------------

#[test]
fn visits_come_close_at_first_and_then_every_90_days() {
    let mut run = enrolled();
    assert_eq!(run.stage(), "initial");
    for day in [7, 14, 28, 56, 84] {
        assert_eq!(day_of(&run, &format!("visit-{day}")), day);
    }
    run.advance(83);
    assert_eq!(run.stage(), "initial");
    run.advance(1);
    assert_eq!(run.stage(), "maintenance");
    assert_eq!(day_of(&run, "visit-174"), 174);
    run.advance(90);
    assert_eq!(day_of(&run, "visit-264"), 264);
    let asked = run.journal().iter().filter(|(_, d)| *d == Directive::Ask("follow-up".to_owned()));
    assert_eq!(asked.map(|(at, _)| (at - START) / DAY).collect::<Vec<_>>(), [0, 7, 14, 28, 56, 84, 174]);
}

#[test]
fn four_face_to_face_visits_a_year() {
    let mut run = enrolled();
    for quarter in 1..=4 {
        assert_eq!(day_of(&run, "offline-visit"), quarter * 90);
        run.advance_to(plus_days(START, quarter * 90));
        run.complete("offline-visit");
    }
    assert!(!run.alerts().contains(&"OFFLINE_VISIT_OVERDUE"));
    run.advance(103);
    assert!(!run.alerts().contains(&"OFFLINE_VISIT_OVERDUE"));
    run.advance(1);
    let alert = run.alert("OFFLINE_VISIT_OVERDUE").expect("an alert");
    assert_eq!(alert.owner, Role::HealthManager);
}

#[test]
fn hba1c_every_90_days_off_target_and_twice_a_year_on_it() {
    let hba1c = || Coding::loinc("4548-4");
    let mut run = enrolled();
    assert_eq!(day_of(&run, "hba1c"), 0, "never measured: at once");
    run.advance(0);
    assert!(run.journal().iter().any(|(_, d)| *d == Directive::RequestLab(vec![hba1c()])));
    run.observe(hba1c(), "7.0", "%");
    assert_eq!(day_of(&run, "hba1c"), 90, "7.0 is not below 7.0");
    run.observe(hba1c(), "52", "mmol/mol");
    assert_eq!(day_of(&run, "hba1c"), 180);

    // On target, but a medicine was started a month ago.
    run.patient.start(Coding::atc("A10BK01"));
    run.advance(30);
    run.observe(hba1c(), "6.8", "%");
    assert_eq!(day_of(&run, "hba1c"), 30 + 90);

    let known = PathwayRun::<Diabetes>::enrol(patient().days_ago(30).measured(hba1c(), "6.5", "%"));
    assert_eq!(day_of(&known, "hba1c"), 150);
}

#[test]
fn an_old_result_does_not_displace_a_newer_one() {
    let mut run = enrolled();
    run.observe(Coding::loinc("4548-4"), "6.5", "%");
    let late = run.patient.clone().days_ago(400).measurement(Coding::loinc("4548-4"), "9.1", "%");
    run.observed(late);
    assert_eq!(day_of(&run, "hba1c"), 180);
}

#[test]
fn five_checks_a_year() {
    let recent = patient().days_ago(100).measured(Coding::loinc("9318-7"), "12", "mg/g");
    let mut run = PathwayRun::<Diabetes>::enrol(recent);
    assert_eq!(day_of(&run, "yearly-uacr"), 265);
    for task in ["yearly-egfr", "yearly-lipids", "yearly-retina", "yearly-foot"] {
        assert_eq!(day_of(&run, task), 28, "{task}");
    }
    run.advance(28);
    let labs = run.journal().iter().filter(|(at, d)| *at > START && matches!(d, Directive::RequestLab(_)));
    assert_eq!(labs.count(), 2, "eGFR and lipids");
    assert_eq!(run.referrals().len(), 2, "retina and foot");
    run.complete("yearly-foot");
    assert_eq!(day_of(&run, "yearly-foot"), 28 + 365);
    run.observe(Coding::loinc("98979-8"), "81", "mL/min/{1.73_m2}");
    assert_eq!(day_of(&run, "yearly-egfr"), 28 + 365);
}

// --- what stops online care ------------------------------------------------------

#[test]
fn a_critical_glucose_stops_online_care() {
    for (value, unit, code) in [
        ("16.7", "mmol/L", "GLUCOSE_CRITICAL_HIGH"),
        ("301", "mg/dL", "GLUCOSE_CRITICAL_HIGH"),
        ("3.9", "mmol/L", "GLUCOSE_CRITICAL_LOW"),
    ] {
        let mut run = enrolled();
        run.observe(glucometer(), value, unit);
        assert_eq!(run.alerts(), [code], "{value} {unit}");
        let alert = run.alert(code).expect("an alert");
        assert_eq!((alert.severity, alert.owner, alert.sla_minutes), (Severity::Critical, Role::Doctor, 15));
        assert_eq!(run.holds(), ["critical-glucose"]);
        assert_eq!(run.stage(), "offline");
        let referral = run.referrals()[0];
        assert_eq!((&referral.destination, referral.recontact_days), (&Destination::Offline(None), Some(14)));
    }
    for value in ["16.6", "4.0"] {
        let mut run = enrolled();
        run.observe(glucometer(), value, "mmol/L");
        assert!(run.alerts().is_empty() && run.holds().is_empty(), "{value}");
    }
}

#[test]
fn a_critical_blood_pressure_stops_online_care() {
    let systolic = || Coding::loinc("8480-6");
    let diastolic = || Coding::loinc("8462-4");
    for (high, low, stops) in [("180", "80", true), ("140", "110", true), ("179", "109", false)] {
        let mut run = enrolled();
        let panel =
            run.patient.panel(Coding::loinc("85354-9"), &[(systolic(), high, "mm[Hg]"), (diastolic(), low, "mm[Hg]")]);
        run.observed(panel);
        assert_eq!(run.holds().contains(&"critical-blood-pressure"), stops, "{high}/{low}");
        assert_eq!(run.alerts().contains(&"BLOOD_PRESSURE_CRITICAL"), stops, "{high}/{low}");
    }
    let mut run = enrolled();
    run.observe(diastolic(), "112", "mm[Hg]");
    assert_eq!(run.stage(), "offline");
}

#[test]
fn only_a_doctor_lets_online_care_go_on() {
    let mut run = enrolled();
    run.observe(glucometer(), "18", "mmol/L");
    run.observe(Coding::loinc("8480-6"), "190", "mm[Hg]");
    run.observe(glucometer(), "7.1", "mmol/L");
    assert_eq!(run.holds(), ["critical-blood-pressure", "critical-glucose"], "a good value releases nothing");
    run.release("critical-glucose");
    assert_eq!(run.stage(), "offline");
    run.release("critical-blood-pressure");
    assert_eq!(run.stage(), "initial");
}

#[test]
fn one_referral_at_a_time() {
    let mut run = enrolled();
    run.observe(glucometer(), "18", "mmol/L");
    run.observe(glucometer(), "19", "mmol/L");
    assert_eq!(run.alerts().len(), 2, "each value rouses a doctor");
    assert_eq!(run.referrals().len(), 1);
    run.patient.stop(&Coding::atc("A10BA02"));
    run.advance(14);
    run.observe(glucometer(), "18", "mmol/L");
    assert_eq!(run.referrals().len(), 2);
}

#[test]
fn an_urgent_referral_is_not_suppressed_by_an_ordinary_one() {
    let mut run = enrolled();
    follow_up(&mut run, "7.2");
    run.advance(7);
    follow_up(&mut run, "7.4");
    assert_eq!(run.referrals().len(), 1, "off target twice: an ordinary one");
    run.advance(1);
    run.observe(glucometer(), "20", "mmol/L");
    let urgent = run.referrals().last().expect("a referral").reason[1].text.clone();
    assert_eq!(run.referrals().len(), 2);
    assert!(urgent.contains("urgent referral"), "{urgent}");
    // The other way round one is enough.
    follow_up(&mut run, "7.2");
    run.advance(1);
    follow_up(&mut run, "7.4");
    assert_eq!(run.referrals().len(), 2);
}

// --- what became of tasks --------------------------------------------------------

#[test]
fn a_follow_up_that_nobody_answers_is_reminded_of_and_then_reported() {
    let mut run = enrolled();
    run.advance(7);
    let reminders = |run: &PathwayRun<Diabetes>| {
        run.messages().iter().filter(|message| message.template == "follow-up-due").count()
    };
    assert_eq!(reminders(&run), 1);
    run.advance(1);
    assert_eq!(reminders(&run), 2, "overdue");
    assert!(run.alerts().is_empty());
    run.advance(2);
    assert_eq!(run.alerts(), ["FOLLOW_UP_MISSED"]);
    assert_eq!(run.alert("FOLLOW_UP_MISSED").map(|alert| alert.owner), Some(Role::HealthManager));

    let mut answered = enrolled();
    answered.advance(7);
    follow_up(&mut answered, "6.5");
    assert!(answered.task("visit-7").is_none(), "nobody waits for it any more");
    answered.advance(5);
    assert_eq!(reminders(&answered), 1);
    assert!(answered.alerts().is_empty());
}

#[test]
fn a_check_without_a_result_is_reported_and_due_again() {
    let mut run = enrolled();
    run.advance(14);
    assert!(run.alerts().contains(&"CHECK_MISSED"), "HbA1c, wanted on the first day");
    assert_eq!(day_of(&run, "hba1c"), 14 + 30);
    run.observe(Coding::loinc("4548-4"), "6.5", "%");
    assert_eq!(day_of(&run, "hba1c"), 14 + 180);
}

#[test]
fn after_a_long_stop_only_visits_to_come_are_planned() {
    let mut run = enrolled();
    let late = TaskRef { code: "visit-84".to_owned(), due: plus_days(START, 84) };
    run.advance(7);
    let snapshot = run.patient.snapshot(plus_days(START, 400));
    let mut host = Host::of::<Diabetes>();
    let state = run.state().cloned();
    let outcome = host.call(|| Diabetes::step(state, Event::TaskDue(late), snapshot, plus_days(START, 400)));
    let planned: Vec<i64> = outcome
        .expect("decided")
        .directives
        .iter()
        .filter_map(|directive| match directive {
            Directive::ScheduleTask(task) => Some((task.due - START) / DAY),
            _ => None,
        })
        .collect();
    assert_eq!(planned, [444], "84 + 4 × 90");
}

/// What the run has planned of a task after somebody ticks it at a day.
fn ticked(run: &mut PathwayRun<Diabetes>, task: &str, day: i64) -> Vec<(String, i64)> {
    run.advance_to(plus_days(START, day));
    let directives = run.complete(task);
    let planned = directives.into_iter().filter_map(|directive| match directive {
        Directive::ScheduleTask(task) => Some((task.code, (task.due - START) / DAY)),
        _ => None,
    });
    planned.collect()
}

#[test]
fn what_is_ticked_early_goes_on_repeating() {
    let taken = || patient().days_ago(30).measured(Coding::loinc("4548-4"), "6.5", "%");
    for (task, day, planned) in [
        // Not in its days: it was another follow-up.
        ("visit-7", 1, ("visit-7", 7)),
        ("visit-84", 80, ("visit-84", 84)),
        // In them, and late.
        ("visit-84", 81, ("visit-174", 174)),
        ("visit-84", 84, ("visit-174", 174)),
        ("visit-84", 87, ("visit-174", 174)),
        ("offline-visit", 1, ("offline-visit", 91)),
        ("offline-visit-missed", 1, ("offline-visit", 90)),
        ("offline-visit-missed", 95, ("offline-visit", 180)),
        // A test is done by its result.
        ("hba1c", 1, ("hba1c", 150)),
        ("hba1c", 149, ("hba1c", 150)),
        ("hba1c", 151, ("hba1c-missed", 164)),
        ("yearly-uacr", 1, ("yearly-uacr", 28)),
        ("yearly-egfr", 29, ("yearly-egfr-missed", 58)),
        ("yearly-lipids", 27, ("yearly-lipids", 28)),
        // An examination is done by whoever was there.
        ("yearly-retina", 20, ("yearly-retina", 20 + 365)),
        ("yearly-foot", 1, ("yearly-foot", 1 + 365)),
    ] {
        let mut run = PathwayRun::<Diabetes>::enrol(taken());
        let found = ticked(&mut run, task, day);
        assert_eq!(found.first(), Some(&(planned.0.to_owned(), planned.1)), "{task} on day {day}: {found:?}");
    }
    let mut run = enrolled();
    ticked(&mut run, "visit-84", 82);
    assert_eq!(run.stage(), "maintenance");
    run.advance_to(plus_days(START, 174));
    assert_eq!(day_of(&run, "visit-264"), 264);
}

#[test]
fn a_test_that_was_only_ticked_is_missed_all_the_same() {
    for (result, alerts) in [(None, vec!["CHECK_MISSED"]), (Some("6.5"), vec![])] {
        let mut run =
            PathwayRun::<Diabetes>::enrol(patient().days_ago(175).measured(Coding::loinc("4548-4"), "6.5", "%"));
        assert_eq!(ticked(&mut run, "hba1c", 6), [("hba1c-missed".to_owned(), 19)]);
        for visit in ["visit-7", "visit-14"] {
            ticked(&mut run, visit, if visit == "visit-7" { 7 } else { 14 });
        }
        if let Some(value) = result {
            run.observe(Coding::loinc("4548-4"), value, "%");
            assert!(run.task("hba1c-missed").is_none());
        }
        run.advance_to(plus_days(START, 19));
        assert_eq!(run.alerts(), alerts);
        assert_eq!(day_of(&run, "hba1c"), if result.is_some() { 14 + 180 } else { 19 + 30 });
    }
}

#[test]
fn a_visit_that_did_not_take_place_is_followed_by_the_next() {
    let mut run = enrolled();
    for quarter in 1..=3 {
        run.advance_to(plus_days(START, quarter * 90 + 14));
        let overdue = run.alerts().iter().filter(|alert| **alert == "OFFLINE_VISIT_OVERDUE").count();
        assert_eq!(i64::try_from(overdue), Ok(quarter));
        assert_eq!(day_of(&run, "offline-visit"), (quarter + 1) * 90);
    }
}

#[test]
fn a_low_value_is_measured_again_whoever_ticks() {
    let mut run = enrolled();
    run.observe(glucometer(), "3.4", "mmol/L");
    let due = plus_minutes(run.now(), 15);
    run.complete("glucose-recheck");
    assert_eq!(run.task("glucose-recheck").map(|task| task.due), Some(due));
}

#[test]
fn an_older_yearly_result_displaces_no_newer_one() {
    let mut run = enrolled();
    run.observe(Coding::loinc("9318-7"), "12", "mg/g");
    let late = run.patient.clone().days_ago(300).measurement(Coding::loinc("9318-7"), "11", "mg/g");
    run.observed(late);
    assert_eq!(day_of(&run, "yearly-uacr"), 365);
}

// --- what a patient reports --------------------------------------------------------

#[test]
fn a_reported_hba1c_is_no_laboratory_result() {
    let mut run = enrolled();
    let answers = |hba1c: &str| {
        vec![
            ("glucose", quantity("6.1", "mmol/L")),
            ("fasting", AnswerValue::Boolean(true)),
            ("hba1c", quantity(hba1c, "%")),
            ("needed-help", AnswerValue::Boolean(false)),
        ]
    };
    let due = day_of(&run, "hba1c");
    for _ in 0..2 {
        let directives = run.answer("follow-up", answers("8.9"));
        let noted = directives.iter().any(|directive| {
            matches!(directive, Directive::ProposeNote(text) if text[1].text.contains("8.9 % by the patient's own account"))
        });
        assert!(noted, "a doctor reads it: {directives:?}");
    }
    assert_eq!(day_of(&run, "hba1c"), due, "still wanted");
    assert!(run.referrals().is_empty() && run.task("visit-extra").is_none(), "it counts for no target");
    run.answer("follow-up", answers("6.0"));
    assert_ne!(run.stage(), "remission-watch");
    run.observe(Coding::loinc("4548-4"), "8.9", "%");
    assert_eq!(day_of(&run, "hba1c"), 90, "the laboratory's is what it is");
}

#[test]
fn a_reported_glucose_is_as_critical_as_a_measured_one() {
    for (value, code) in [("20", "GLUCOSE_CRITICAL_HIGH"), ("1.2", "GLUCOSE_CRITICAL_LOW")] {
        let mut measured = enrolled();
        measured.observe(glucometer(), value, "mmol/L");
        let mut reported = enrolled();
        follow_up(&mut reported, value);
        for run in [&measured, &reported] {
            assert!(run.alerts().contains(&code), "{value}");
            assert_eq!(run.alerts().iter().filter(|alert| **alert == code).count(), 1, "{value}");
            assert_eq!(run.holds(), ["critical-glucose"], "{value}");
        }
    }
}

#[test]
fn a_converted_value_is_shown_as_it_was_sent_too() {
    let mut run = enrolled();
    let mut converted = run.patient.measurement(glucometer(), "16.7053", "mmol/L");
    let sent = Quantity::new(Decimal::whole(301), "mg/dL");
    converted.attributes.push(Attribute::new("xinglin.as-sent", sent));
    run.observed(converted);
    let said = &run.alert("GLUCOSE_CRITICAL_HIGH").expect("an alert").message[1].text;
    assert!(said.starts_with("Glucose 16.7053 mmol/L (301 mg/dL)"), "{said}");
}

#[test]
fn a_value_that_the_host_refused_completes_no_check() {
    let mut run = enrolled();
    let before = day_of(&run, "yearly-uacr");
    let mut refused = run.patient.measurement(Coding::loinc("9318-7"), "1", "mg/g");
    refused.value = ObservationValue::Absent;
    run.observed(refused.clone());
    assert_eq!(day_of(&run, "yearly-uacr"), before, "it could not be measured");
    refused.attributes.push(Attribute::new("xinglin.refused", "MEASUREMENT_IMPLAUSIBLE"));
    run.observed(refused);
    assert_eq!(day_of(&run, "yearly-uacr"), before);
}

#[test]
fn the_host_decides_what_is_news() {
    for days in [6, 8, 90] {
        let mut run = enrolled();
        let late = run.patient.clone().days_ago(days).measurement(glucometer(), "20", "mmol/L");
        run.observed(late);
        assert_eq!(run.alerts(), ["GLUCOSE_CRITICAL_HIGH"], "{days} days old, and told: late or corrected");
    }
}

// --- hypoglycaemia ---------------------------------------------------------------

#[test]
fn level_1_goes_to_a_nurse_today_and_is_measured_again() {
    let mut run = enrolled();
    run.advance_to(START + 10 * DAY / 24); // 18:00 in Beijing
    run.observe(glucometer(), "3.4", "mmol/L");
    assert_eq!(run.alerts(), ["HYPOGLYCAEMIA_LEVEL_1", "GLUCOSE_CRITICAL_LOW"]);
    let alert = run.alert("HYPOGLYCAEMIA_LEVEL_1").expect("an alert");
    assert_eq!((alert.owner, alert.sla_minutes), (Role::Nurse, 6 * 60));
    assert_eq!(run.task("glucose-recheck").map(|task| task.due), Some(plus_minutes(run.now(), 15)));

    run.advance_to(plus_minutes(run.now(), 15));
    let (_, last) = run.journal().last().expect("a directive");
    assert_eq!(*last, Directive::Ask("recheck".to_owned()));
    let answers = vec![("glucose", quantity("5.2", "mmol/L")), ("needed-help", AnswerValue::Boolean(false))];
    run.answer("recheck", answers);
    assert!(run.task("glucose-recheck").is_none());
}

#[test]
fn level_2_goes_to_a_doctor_in_15_minutes() {
    let mut run = enrolled();
    run.observe(glucometer(), "2.9", "mmol/L");
    assert_eq!(run.alerts(), ["HYPOGLYCAEMIA_LEVEL_2", "GLUCOSE_CRITICAL_LOW"]);
    let alert = run.alert("HYPOGLYCAEMIA_LEVEL_2").expect("an alert");
    assert_eq!((alert.owner, alert.sla_minutes), (Role::Doctor, 15));
    // 3.0 is still level 1.
    let mut run = enrolled();
    run.observe(glucometer(), "3.0", "mmol/L");
    assert_eq!(run.alerts(), ["HYPOGLYCAEMIA_LEVEL_1", "GLUCOSE_CRITICAL_LOW"]);
}

#[test]
fn level_3_is_an_emergency_and_relaxes_the_goal() {
    let mut run = enrolled();
    let answers = vec![("glucose", quantity("6.1", "mmol/L")), ("needed-help", AnswerValue::Boolean(true))];
    run.answer("follow-up", answers);
    assert_eq!(run.alerts(), ["HYPOGLYCAEMIA_LEVEL_3", "GLUCOSE_CRITICAL_LOW"]);
    assert_eq!(run.referrals()[0].destination, Destination::Emergency);
    assert_eq!(run.holds(), ["critical-glucose"]);
    run.observe(Coding::loinc("4548-4"), "7.8", "%");
    assert_eq!(day_of(&run, "hba1c"), 180, "below the relaxed 8.0");
}

// --- targets ---------------------------------------------------------------------

#[test]
fn two_visits_off_target_lead_to_a_referral() {
    let mut run = enrolled();
    follow_up(&mut run, "7.0");
    assert_eq!(day_of(&run, "visit-extra"), 14);
    assert!(run.referrals().is_empty());
    run.advance(14);
    follow_up(&mut run, "7.4");
    let referral = run.referrals()[0];
    assert_eq!(referral.recontact_days, Some(14));
    assert!(run.holds().is_empty(), "off target is no emergency");
}

#[test]
fn a_visit_on_target_starts_the_count_again() {
    let mut run = enrolled();
    follow_up(&mut run, "7.0");
    run.advance(7);
    follow_up(&mut run, "6.9");
    run.advance(7);
    follow_up(&mut run, "7.0");
    assert!(run.referrals().is_empty());
}

#[test]
fn a_hospital_sets_its_targets() {
    let host = Host::of::<Diabetes>().setting("fasting-maximum", Decimal::whole(8));
    let mut run = PathwayRun::<Diabetes>::enrol_on(host, patient());
    follow_up(&mut run, "7.5");
    assert!(run.task("visit-extra").is_none());
    let off = run.answer(
        "follow-up",
        vec![
            ("glucose", quantity("9.9", "mmol/L")),
            ("needed-help", AnswerValue::Boolean(false)),
            ("systolic", quantity("130", "mm[Hg]")),
        ],
    );
    let note = off.iter().find_map(|directive| match directive {
        Directive::ProposeNote(text) => Some(text[1].text.as_str()),
        _ => None,
    });
    assert_eq!(
        note,
        Some("Off target: blood pressure 130/– mmHg. Online, adjust medication step by step; no change of regimen.")
    );
}

#[test]
fn ldl_has_a_lower_goal_after_an_infarction() {
    let note = |patient: Patient, value: &str, unit: &str| {
        let mut run = PathwayRun::<Diabetes>::enrol(patient);
        let directives = run.observe(Coding::loinc("22748-8"), value, unit);
        directives.iter().any(|directive| matches!(directive, Directive::ProposeNote(_)))
    };
    assert!(!note(patient(), "2.5", "mmol/L"));
    assert!(note(patient(), "2.6", "mmol/L"));
    assert!(note(patient(), "101", "mg/dL"));
    let infarction = patient().with_condition(Coding::icd10("I21.9"), ConditionStatus::Resolved);
    assert!(note(infarction, "1.8", "mmol/L"));
}

#[test]
fn remission_needs_90_days_without_medicines() {
    let hba1c = || Coding::loinc("4548-4");
    let metformin = || Coding::atc("A10BA02");
    let stage = |patient: Patient, value: &str| {
        let mut run = PathwayRun::<Diabetes>::enrol(patient);
        run.observe(hba1c(), value, "%");
        run.stage().to_owned()
    };
    let stopped = |days| patient().days_ago(days).with_medication(metformin(), MedicationStatus::Stopped);
    assert_eq!(stage(stopped(90), "6.4"), "remission-watch");
    assert_eq!(stage(stopped(89), "6.4"), "initial");
    assert_eq!(stage(stopped(90), "6.5"), "initial");
    assert_eq!(stage(patient().taking(metformin()), "6.0"), "initial");
    assert_eq!(stage(patient().taking(Coding::atc("C10AA05")), "6.0"), "remission-watch");
    // Nobody can tell what this medicine is.
    assert_eq!(stage(patient().taking(Coding::rxnorm("860975")), "6.0"), "initial");
    let withheld = patient().withheld(Section::Medications, OmissionReason::Compartment);
    assert_eq!(stage(withheld, "6.0"), "initial");
}

// --- what cannot be decided --------------------------------------------------------

#[test]
fn a_unit_nobody_knows_is_not_guessed() {
    let mut run = enrolled();
    let before = run.state().cloned();
    let observation = run.patient.measurement(glucometer(), "7.2", "g/L");
    let answer = run.try_step(Event::Observed(observation));
    assert!(matches!(&answer, Err(Error::Other(reason)) if reason == "NOT_UNDERSTOOD: glucose in `g/L`"), "{answer:?}");
    assert_eq!(run.state().cloned(), before);
}

/// What is no amount the host gives to no rule, and tells a person; no rule stumbles over it.
#[test]
fn what_is_no_amount_is_passed_over() {
    let component = || Component { code: vec![glucometer()], value: ObservationValue::Boolean(true) };
    for loinc in ["14743-9", "4548-4", "22748-8", "8480-6", "85354-9"] {
        for (value, components) in [
            (ObservationValue::Coded(vec![Coding::snomed("75540009")]), vec![]),
            (ObservationValue::Boolean(true), vec![]),
            (ObservationValue::Integer(7), vec![]),
            (ObservationValue::Text("Hi".to_owned()), vec![]),
            (ObservationValue::Absent, vec![component()]),
            (ObservationValue::Absent, vec![]),
        ] {
            let mut run = enrolled();
            let mut observation = run.patient.measurement(Coding::loinc(loinc), "7", "1");
            observation.value = value.clone();
            observation.components = components;
            run.observed(observation);
            assert!(run.alerts().is_empty() && run.holds().is_empty(), "{loinc} {value:?}");
        }
    }
}

#[test]
fn a_state_of_another_version_is_refused() {
    let snapshot = patient().snapshot(START);
    let state = State { version: 3, data: Vec::new() };
    let mut host = Host::of::<Diabetes>();
    let answer = host.call(|| Diabetes::step(Some(state), Event::Withdrawn, snapshot, START));
    assert!(matches!(answer, Err(Error::BadState(_))));
}

#[test]
fn what_is_new_to_this_version_is_passed_over() {
    let mut run = enrolled();
    assert!(run.step(Event::Other(Vec::new())).is_empty());
    let unknown = TaskRef { code: "from-a-later-version".to_owned(), due: START };
    assert!(run.step(Event::TaskDue(unknown)).is_empty());
    assert!(run.step(Event::AlertAcknowledged("GLUCOSE_CRITICAL_HIGH".to_owned())).is_empty());
}

#[test]
fn the_patient_may_leave() {
    let mut run = enrolled();
    run.step(Event::Withdrawn);
    assert_eq!(run.closed().map(|reason| reason.code.as_str()), Some("WITHDRAWN"));
}

#[test]
fn a_message_names_no_disease_and_no_value() {
    let mut run = enrolled();
    run.observe(glucometer(), "3.2", "mmol/L");
    run.observe(glucometer(), "20", "mmol/L");
    run.observe(Coding::loinc("8480-6"), "200", "mm[Hg]");
    run.answer("recheck", vec![("needed-help", AnswerValue::Boolean(true))]);
    run.advance(400);
    let kinds: std::collections::BTreeSet<&str> =
        run.messages().iter().map(|message| message.template.as_str()).collect();
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    for message in run.messages() {
        for text in &message.fallback {
            for word in ["糖", "胰岛素", "血压", "diabet", "glucose", "sugar", "insulin", "pressure", "mmol", "3.2"]
            {
                assert!(!text.text.to_lowercase().contains(word), "{}", text.text);
            }
        }
        assert!(message.arguments.is_empty());
    }
}
