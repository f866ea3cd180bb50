//! What stops online care.

use diabetes::numbers::{
    DIASTOLIC_CRITICAL, DOCTOR_MINUTES, GLUCOSE_HIGH, GLUCOSE_LOW, LEVEL_2, PRESSURE_MINUTES, RECHECK_ANSWER_MINUTES,
    RECHECK_MINUTES, RECONTACT_DAYS, SAME_DAY_MINUTES, SYSTOLIC_CRITICAL, URGENT_DAYS,
};
use xinglin_sdk::{
    clinical::{Component, ObservationValue},
    follow_up::{Acts, AnswerValue, Destination, Directive, Provenance, Role, Severity},
    testing::{Host, START},
    time::{DAY, MINUTE, plus_minutes},
    types::{Attribute, Coding, Decimal, Quantity},
};

use crate::{Run, around, choice, day, enrolled, follow_up, glucometer, meter, patient, quantity, report};

/// What is asked for when something is critical.
fn stops(directives: &[Directive]) -> Vec<&str> {
    let stops = directives.iter().filter_map(|directive| match directive {
        Directive::StopVisit(stop) => Some(stop.code.as_str()),
        _ => None,
    });
    stops.collect()
}

#[test]
fn a_critical_glucose_stops_online_care() {
    let [below_high, high, above_high] = around(GLUCOSE_HIGH, 1);
    let [_, low, above_low] = around(GLUCOSE_LOW, 1);
    for (value, unit, code) in [
        (high.as_str(), "mmol/L", "GLUCOSE_CRITICAL_HIGH"),
        (&above_high, "mmol/L", "GLUCOSE_CRITICAL_HIGH"),
        ("301", "mg/dL", "GLUCOSE_CRITICAL_HIGH"),
        (&low, "mmol/L", "GLUCOSE_CRITICAL_LOW"),
    ] {
        let mut run = enrolled();
        let directives = run.observe(glucometer(), value, unit, Provenance::Device);
        assert_eq!(run.alerts(), [code], "{value} {unit}");
        let alert = run.alert(code).expect("an alert");
        assert_eq!((alert.severity, alert.owner), (Severity::Critical, Role::Doctor));
        assert_eq!(i64::from(alert.sla_minutes), DOCTOR_MINUTES.value);
        assert_eq!(run.holds(), ["critical-glucose"]);
        let medicine = Coding::atc("A10BA02");
        for act in [Acts::PRESCRIBE, Acts::APPROVE, Acts::CHARGE, Acts::DISPENSE] {
            assert!(run.is_held(act, &medicine), "{act:?}");
        }
        assert_eq!(stops(&directives), [code]);
        assert_eq!(run.stage(), "offline");
        let referral = run.referrals()[0];
        assert_eq!(referral.destination, Destination::Offline(None));
        assert_eq!(day(referral.attend_by), URGENT_DAYS.value);
        assert_eq!(referral.recontact_days.map(i64::from), Some(RECONTACT_DAYS.value));
    }
    for value in [below_high, above_low] {
        let mut run = enrolled();
        let directives = meter(&mut run, &value);
        assert!(directives.is_empty(), "{value}: {directives:?}");
    }
    for minutes in [14, 15, 16] {
        let host = Host::of::<diabetes::Diabetes>().setting("acknowledge-minutes", minutes);
        let mut run = Run::enrol_on(host, patient());
        meter(&mut run, "20");
        let alert = run.alert("GLUCOSE_CRITICAL_HIGH").expect("an alert");
        assert_eq!(i64::from(alert.sla_minutes), minutes, "as the hospital sets it");
    }
}

#[test]
fn a_critical_pressure_stops_online_care() {
    let (systolic, diastolic) = (|| Coding::loinc("8480-6"), || Coding::loinc("8462-4"));
    let [below, at, above] = around(SYSTOLIC_CRITICAL, 0);
    let [low_below, low_at, low_above] = around(DIASTOLIC_CRITICAL, 0);
    for (high, low, critical) in [
        (&below, &low_below, false),
        (&at, &low_below, true),
        (&above, &low_below, true),
        (&below, &low_at, true),
        (&below, &low_above, true),
    ] {
        let mut run = enrolled();
        let panel =
            run.patient.panel(Coding::loinc("85354-9"), &[(systolic(), high, "mm[Hg]"), (diastolic(), low, "mm[Hg]")]);
        let directives = run.observed(panel, Provenance::Clinician);
        assert_eq!(run.holds().contains(&"critical-blood-pressure"), critical, "{high}/{low}");
        assert_eq!(run.alerts().contains(&"BLOOD_PRESSURE_CRITICAL"), critical, "{high}/{low}");
        assert_eq!(stops(&directives).len(), usize::from(critical));
        assert_eq!(run.open_requests().contains(&"critical-blood-pressure"), critical);
    }
    let mut run = enrolled();
    report(&mut run, "8462-4", "112", "mm[Hg]");
    assert_eq!(run.stage(), "offline");
}

#[test]
fn a_critical_pressure_is_told_once() {
    let told = |run: &Run| run.alerts().iter().filter(|code| **code == "BLOOD_PRESSURE_CRITICAL").count();
    for (minutes, times) in
        [(0, 1), (PRESSURE_MINUTES.value - 1, 1), (PRESSURE_MINUTES.value, 1), (PRESSURE_MINUTES.value + 1, 2)]
    {
        let mut run = enrolled();
        let diastolic = run.patient.measurement(Coding::loinc("8462-4"), "112", "mm[Hg]");
        report(&mut run, "8480-6", "190", "mm[Hg]");
        run.advance_to(plus_minutes(run.now(), minutes));
        run.observed(diastolic, Provenance::Device);
        assert_eq!(told(&run), times, "{minutes} minutes later");
        // Measured again.
        run.advance_to(plus_minutes(run.now(), 1));
        report(&mut run, "8462-4", "113", "mm[Hg]");
        assert_eq!(told(&run), times + 1, "another one");
    }
    let mut run = enrolled();
    run.answer("follow-up", crate::answers("6.1", "190", "115"));
    assert_eq!(told(&run), 1, "also of a questionnaire");
}

#[test]
fn only_a_doctor_lets_online_care_go_on() {
    let mut run = enrolled();
    meter(&mut run, "18");
    report(&mut run, "8480-6", "190", "mm[Hg]");
    meter(&mut run, "7.1");
    assert_eq!(run.holds(), ["critical-glucose", "critical-blood-pressure"], "a good value releases nothing");
    run.release("critical-glucose");
    assert_eq!(run.stage(), "offline");
    run.release("critical-blood-pressure");
    assert_eq!(run.stage(), "initial");
}

#[test]
fn an_urgent_referral_is_followed() {
    let urgent = |run: &Run| run.referrals().iter().filter(|referral| referral.code == "critical-glucose").count();
    let told = |run: &Run| run.alerts().iter().filter(|code| **code == "URGENT_REFERRAL_NOT_ATTENDED").count();
    let mut run = enrolled();
    meter(&mut run, "18");
    meter(&mut run, "19");
    assert_eq!(run.alerts().len(), 2, "each value rouses a doctor");
    assert_eq!(urgent(&run), 1, "one referral at a time");
    // A day later nobody has seen the patient.
    run.advance_to(START + URGENT_DAYS.value * DAY - 1);
    assert_eq!(told(&run), 0);
    run.advance_to(START + URGENT_DAYS.value * DAY);
    assert_eq!((told(&run), urgent(&run)), (1, 2));
    let alert = run.alert("URGENT_REFERRAL_NOT_ATTENDED").expect("an alert");
    assert_eq!((alert.severity, alert.owner, alert.sla_minutes), (Severity::Critical, Role::Doctor, 15));
    run.advance(10);
    assert_eq!((told(&run), urgent(&run)), (2, 2), "a doctor decides");
    meter(&mut run, "18");
    assert_eq!(urgent(&run), 3, "a new value is a new danger");
    run.advance(1);
    assert_eq!((told(&run), urgent(&run)), (3, 4), "and is counted anew");
    // Seen: it is over.
    run.fulfil("critical-glucose", vec![]);
    run.advance(5);
    assert_eq!((told(&run), urgent(&run)), (3, 4));
    // Turned down: a doctor is told.
    meter(&mut run, "18");
    run.turn_down("critical-glucose");
    assert_eq!((told(&run), urgent(&run)), (4, 5));
}

#[test]
fn levels_of_hypoglycaemia() {
    let [level_2, level_1, above] = around(LEVEL_2, 1);
    let [low, not_low, _] = around(GLUCOSE_LOW, 1);
    for (value, levels) in [
        (level_2.as_str(), &["HYPOGLYCAEMIA_LEVEL_2", "GLUCOSE_CRITICAL_LOW"][..]),
        (&level_1, &["HYPOGLYCAEMIA_LEVEL_1", "GLUCOSE_CRITICAL_LOW"]),
        (&above, &["HYPOGLYCAEMIA_LEVEL_1", "GLUCOSE_CRITICAL_LOW"]),
        (&low, &["HYPOGLYCAEMIA_LEVEL_1", "GLUCOSE_CRITICAL_LOW"]),
        (&not_low, &["GLUCOSE_CRITICAL_LOW"]),
    ] {
        let mut run = enrolled();
        meter(&mut run, value);
        assert_eq!(run.alerts(), levels, "{value}");
        assert_eq!(run.stage(), "offline", "the event of the national standard in any case");
    }
    let mut run = enrolled();
    meter(&mut run, &level_2);
    let alert = run.alert("HYPOGLYCAEMIA_LEVEL_2").expect("an alert");
    assert_eq!((alert.owner, alert.sla_minutes), (Role::Doctor, 15));
    // Level 1: a nurse, today in Asia/Shanghai, but not in the last minute.
    for (hour, minute, sla) in
        [(18, 0, 6 * 60), (22, 59, 61), (23, 0, 60), (23, 1, SAME_DAY_MINUTES.value), (23, 59, SAME_DAY_MINUTES.value)]
    {
        let mut run = enrolled();
        run.advance_to(START + (hour - 8) * DAY / 24 + minute * MINUTE);
        meter(&mut run, &level_1);
        let alert = run.alert("HYPOGLYCAEMIA_LEVEL_1").expect("an alert");
        assert_eq!((alert.owner, i64::from(alert.sla_minutes)), (Role::Nurse, sla), "{hour}:{minute}");
    }
}

#[test]
fn a_low_glucose_is_measured_again() {
    let mut run = enrolled();
    run.advance(0);
    meter(&mut run, "3.4");
    let due = plus_minutes(run.now(), RECHECK_MINUTES.value);
    assert_eq!(run.task("glucose-recheck").map(|task| task.due), Some(due));
    run.complete("glucose-recheck");
    assert_eq!(run.task("glucose-recheck").map(|task| task.due), Some(due), "not by saying so");
    run.advance_to(due - 1);
    assert!(!run.open_requests().contains(&"recheck"));
    run.advance_to(due);
    assert!(run.open_requests().contains(&"recheck"));
    let mut again = vec![("glucose", quantity("5.2", "mmol/L")), ("needed-help", AnswerValue::Boolean(false))];
    run.answer("recheck", again.clone());
    assert!(run.task("glucose-recheck").is_none() && !run.open_requests().contains(&"recheck"));
    assert!(!run.alerts().contains(&"RECHECK_UNANSWERED"));
    // Still low: once more.
    meter(&mut run, "3.4");
    run.advance_to(plus_minutes(run.now(), RECHECK_MINUTES.value));
    again[0].1 = quantity("3.5", "mmol/L");
    run.answer("recheck", again);
    let due = plus_minutes(run.now(), RECHECK_MINUTES.value);
    assert_eq!(run.task("glucose-recheck").map(|task| task.due), Some(due));
    // Nobody answers.
    let late = plus_minutes(due, RECHECK_ANSWER_MINUTES.value);
    run.advance_to(late - 1);
    assert!(!run.alerts().contains(&"RECHECK_UNANSWERED"));
    run.advance_to(late);
    let alert = run.alert("RECHECK_UNANSWERED").expect("a nurse calls");
    assert_eq!((alert.owner, alert.severity), (Role::Nurse, Severity::Critical));
}

#[test]
fn an_older_value_does_not_end_it() {
    let mut run = enrolled();
    run.advance(1);
    let before = run.patient.measurement(glucometer(), "6.0", "mmol/L");
    run.advance_to(plus_minutes(run.now(), 20));
    meter(&mut run, "3.4");
    let task = run.task("glucose-recheck").map(|task| task.due);
    assert!(task.is_some());
    run.observed(before, Provenance::Device);
    assert_eq!(run.task("glucose-recheck").map(|task| task.due), task, "sent late");
    run.advance_to(plus_minutes(run.now(), 1));
    meter(&mut run, "5.0");
    assert!(run.task("glucose-recheck").is_none());
}

/// The patient reads it, and whoever is shown the referral at a desk.
#[test]
fn a_referral_names_no_disease_and_no_value() {
    let mut run = enrolled();
    meter(&mut run, "20");
    meter(&mut run, "2.9");
    report(&mut run, "8480-6", "190", "mm[Hg]");
    let mut all = crate::answers("8.1", "120", "70");
    all[4].1 = AnswerValue::Boolean(true);
    all.extend([("unwell", AnswerValue::Boolean(true)), ("symptoms", choice("drowsy"))]);
    run.answer("follow-up", all);
    report(&mut run, "4548-4", "9.8", "%");
    report(&mut run, "98979-8", "22", "mL/min/{1.73_m2}");
    let mut graded = run.patient.measurement(Coding::loinc("71490-7"), "1", "1");
    graded.value = ObservationValue::Coded(vec![Coding::loinc("LA18646-2")]);
    run.observed(graded, Provenance::Device);
    run.patient = run.patient.clone().diagnosed(Coding::icd10("O24.4"));
    follow_up(&mut run, "6.1");
    let sent: Vec<&str> = run.referrals().iter().map(|referral| referral.code.as_str()).collect();
    for code in [
        "critical-glucose",
        "critical-blood-pressure",
        "danger-signs",
        "severe-hypoglycaemia",
        "regimen",
        "nephrology",
        "ophthalmology",
        "diagnosis",
    ] {
        assert!(sent.contains(&code), "{code} in {sent:?}");
    }
    let again = sent.len();
    run.advance(1);
    assert!(run.referrals().len() > again, "also of those that lapsed");
    let words = [
        "糖",
        "压",
        "视网膜",
        "足",
        "肾",
        "妊娠",
        "危",
        "glu",
        "press",
        "hypo",
        "retin",
        "foot",
        "kidney",
        "preg",
        "eGFR",
    ];
    for referral in run.referrals() {
        for text in &referral.reason {
            let said = text.text.replace("120", "");
            assert!(!said.contains(|c: char| c.is_ascii_digit()), "{said}");
            assert!(!words.iter().any(|word| said.contains(word)), "{said}");
        }
    }
}

#[test]
fn level_3_is_an_emergency_and_relaxes_the_goal() {
    let mut run = enrolled();
    let answers = vec![("glucose", quantity("6.1", "mmol/L")), ("needed-help", AnswerValue::Boolean(true))];
    run.answer("follow-up", answers);
    assert_eq!(run.alerts(), ["HYPOGLYCAEMIA_LEVEL_3", "GLUCOSE_CRITICAL_LOW"]);
    let destinations: Vec<&Destination> = run.referrals().iter().map(|referral| &referral.destination).collect();
    assert_eq!(destinations, [&Destination::Emergency]);
    assert_eq!(run.holds(), ["critical-glucose"]);
    // Somebody speaks with the patient, with the number of the emergency service, whatever becomes of the plugin.
    let contacts = run.contacts();
    assert_eq!(contacts.len(), 1);
    assert_eq!((contacts[0].code.as_str(), contacts[0].within_minutes), ("HYPOGLYCAEMIA_HELP", 15));
    assert_eq!(contacts[0].helplines, ["120"]);
    assert!(run.is_locked());
    report(&mut run, "4548-4", "7.8", "%");
    assert_eq!(crate::day_of(&run, "hba1c"), 180, "below the relaxed 8.0");
}

#[test]
fn danger_signs_are_as_urgent_as_a_critical_value() {
    let told = |symptoms: &[&str]| {
        let mut run = enrolled();
        let mut all = crate::answers("8.1", "120", "70");
        all.push(("unwell", AnswerValue::Boolean(true)));
        all.extend(symptoms.iter().map(|code| ("symptoms", choice(code))));
        let directives = run.answer("follow-up", all);
        let contacts: Vec<String> = run.contacts().iter().map(|contact| contact.code.clone()).collect();
        (
            run.alerts().contains(&"DANGER_SIGNS"),
            run.holds().contains(&"danger-signs"),
            contacts,
            stops(&directives).len(),
        )
    };
    for sign in ["drowsy", "acetone", "vomiting", "abdomen", "breathing", "heartbeat", "fever", "vision"] {
        let wanted = (true, true, vec!["DIABETES_DANGER_SIGNS".to_owned()], 1);
        assert_eq!(told(&["thirst", sign]), wanted, "{sign}");
    }
    for symptom in ["sweating", "thirst", "numb", "foot"] {
        assert_eq!(told(&[symptom]), (false, false, vec![], 0), "{symptom}");
    }
    // A sore on a foot: somebody looks at it.
    let mut run = enrolled();
    let mut sore = crate::answers("6.1", "120", "70");
    sore.extend([("unwell", AnswerValue::Boolean(true)), ("symptoms", choice("foot"))]);
    run.answer("follow-up", sore);
    assert!(run.open_requests().contains(&"yearly-foot"));
}

#[test]
fn a_reported_glucose_is_as_critical_as_a_measured_one() {
    for (value, code) in [("20", "GLUCOSE_CRITICAL_HIGH"), ("1.2", "GLUCOSE_CRITICAL_LOW")] {
        let mut measured = enrolled();
        meter(&mut measured, value);
        let mut reported = enrolled();
        follow_up(&mut reported, value);
        for run in [&measured, &reported] {
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
    run.observed(converted, Provenance::Device);
    let said = &run.alert("GLUCOSE_CRITICAL_HIGH").expect("an alert").message[1].text;
    assert!(said.starts_with("Glucose 16.7053 mmol/L (301 mg/dL)"), "{said}");
}

#[test]
fn a_unit_nobody_knows_is_not_guessed_and_somebody_is_told() {
    for (code, unit) in [
        ("14743-9", "g/L"),
        ("4548-4", "1"),
        ("22748-8", "g/L"),
        ("8480-6", "kPa"),
        ("9318-7", "g/g"),
        ("98979-8", "mL/min"),
        ("14682-9", "mmol/L"),
    ] {
        let mut run = enrolled();
        let (holds, tasks) = (run.holds().len(), run.open_tasks().len());
        report(&mut run, code, "20", unit);
        assert_eq!(run.alerts(), ["UNIT_NOT_UNDERSTOOD"], "{code} in {unit}");
        let alert = run.alert("UNIT_NOT_UNDERSTOOD").expect("an alert");
        assert_eq!((alert.owner, alert.sla_minutes), (Role::Doctor, 60));
        assert!(alert.message[1].text.contains(&format!("`{unit}`")), "{:?}", alert.message);
        assert_eq!((run.holds().len(), run.open_tasks().len()), (holds, tasks));
        // What comes after it is judged.
        meter(&mut run, "20");
        assert_eq!(run.stage(), "offline");
    }
}

/// What is no amount the host gives to no rule, and tells a person; no rule stumbles over it.
#[test]
fn what_is_no_amount_is_passed_over() {
    let component = || Component { code: vec![glucometer()], value: ObservationValue::Boolean(true) };
    for loinc in ["14743-9", "4548-4", "22748-8", "8480-6", "85354-9", "9318-7", "98979-8", "2160-0"] {
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
            run.observed(observation, Provenance::Laboratory);
            assert!(run.alerts().is_empty() && run.holds().is_empty(), "{loinc} {value:?}");
        }
    }
}

#[test]
fn the_host_decides_what_is_news() {
    for days in [6, 8, 90] {
        let mut run = enrolled();
        let late = run.patient.clone().days_ago(days).measurement(glucometer(), "20", "mmol/L");
        run.observed(late, Provenance::Device);
        assert_eq!(run.alerts(), ["GLUCOSE_CRITICAL_HIGH"], "{days} days old, and told: late or corrected");
    }
}
