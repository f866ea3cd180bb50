//! A glucose sensor, from the event to what is told. Its limits are tested beside their arithmetic.

use diabetes::numbers::BACK_HOURS;
use xinglin_sdk::{
    follow_up::{Directive, Role},
    testing::Patient,
    time::{DAY, Instant, MINUTE, china},
    types::Coding,
};

use crate::{Run, enrolled, notes, patient};

/// A day of a sensor, one value every 15 minutes, the last a quarter of an hour before midnight; told the day after.
fn stream_day(run: &mut Run, of: impl Fn(usize) -> &'static str) -> Vec<Directive> {
    let midnight = china::midnight(china::day(run.now()) + 1);
    let quarter = |number: usize| midnight - DAY + Instant::try_from(number).expect("few") * 15 * MINUTE;
    let values: Vec<(Instant, &str)> = (0..96).map(|number| (quarter(number), of(number))).collect();
    run.advance_to(midnight + DAY / 4);
    run.stream(Coding::loinc("105272-9"), "mmol/L", &values)
}

/// Days of a sensor, in each of which so many of 96 values are other ones.
fn days(patient: Patient, days: i64, (others, other): (usize, &'static str)) -> (Run, Vec<Directive>) {
    let mut run = Run::enrol(patient);
    let mut all = Vec::new();
    for _ in 0..days {
        all.extend(stream_day(&mut run, |number| if number % 96 < others { other } else { "7.1" }));
    }
    (run, all)
}

#[test]
fn a_fortnight_is_summed_up_for_the_doctor() {
    let (run, directives) = days(patient(), 14, (24, "11.2"));
    let summaries: Vec<&str> =
        notes(&directives).into_iter().filter(|note| note.starts_with("Glucose sensor")).collect();
    assert_eq!(
        summaries,
        ["Glucose sensor, last 14 days: in range 75.0 %, <3.9 mmol/L 0.0 %, <3.0 mmol/L 0.0 %, >13.9 mmol/L 0.0 %, \
          coefficient of variation 21.8 %, mean 8.1 mmol/L."]
    );
    assert!(!run.alerts().contains(&"SENSOR_OFF_TARGET"), "{:?}", run.alerts());

    let (run, _) = days(patient(), 14, (40, "11.2"));
    let alert = run.alert("SENSOR_OFF_TARGET").expect("an alert");
    assert_eq!(alert.owner, Role::HealthManager);
    assert!(alert.message[1].text.contains("time in range 58.3 %"), "{:?}", alert.message);
    let frail = patient().diagnosed(Coding::icd10("R54"));
    let (run, _) = days(frail, 14, (40, "11.2"));
    assert!(!run.alerts().contains(&"SENSOR_OFF_TARGET"), "of the frail more than half is enough");
    let (run, directives) = days(patient(), 9, (40, "11.2"));
    assert!(run.alerts().is_empty() && notes(&directives).is_empty(), "too little to say anything");
}

#[test]
fn what_it_says_of_now_is_judged_as_any_value() {
    for (minutes, stops) in [(29, true), (30, true), (31, false)] {
        let mut run = enrolled();
        run.advance(1);
        let last = run.now() - minutes * MINUTE;
        let values = [(last - 5 * MINUTE, "5.1"), (last, "3.4")];
        run.stream(Coding::loinc("105272-9"), "mmol/L", &values);
        assert!(run.alerts().contains(&"HYPOGLYCAEMIA_LEVEL_1"), "{minutes} minutes ago");
        assert_eq!((run.stage() == "offline", run.task("glucose-recheck").is_some()), (stops, stops));
    }
    let mut run = enrolled();
    let now = run.now();
    run.stream(Coding::loinc("99504-3"), "mg/dL", &[(now, "301")]);
    assert_eq!(run.alerts(), ["GLUCOSE_CRITICAL_HIGH"]);
}

#[test]
fn a_sensor_that_sends_late_hides_nothing() {
    let sent = |run: &mut Run, values: &[(i64, &str)]| {
        let now = run.now();
        let values: Vec<(Instant, &str)> =
            values.iter().map(|(minutes, value)| (now - minutes * MINUTE, *value)).collect();
        run.stream(Coding::loinc("105272-9"), "mmol/L", &values)
    };
    let hours = BACK_HOURS.value * 60;
    for (minutes, told) in [(hours - 1, true), (hours, false), (hours + 1, false)] {
        let mut run = enrolled();
        run.advance(2);
        sent(&mut run, &[(minutes, "17.2"), (60, "6.1")]);
        assert_eq!(run.alerts().contains(&"GLUCOSE_CRITICAL_HIGH"), told, "{minutes} minutes ago");
        assert!(run.holds().is_empty(), "nobody knows how it is now");
    }
    // Both ends, the worst of each once; then only what is new.
    let mut run = enrolled();
    run.advance(2);
    sent(&mut run, &[(300, "16.8"), (290, "22.4"), (200, "3.4"), (190, "2.7"), (60, "6.1"), (45, "6.4")]);
    let told = ["HYPOGLYCAEMIA_LEVEL_2", "GLUCOSE_CRITICAL_LOW", "GLUCOSE_CRITICAL_HIGH", "SENSOR_VERY_LOW"];
    assert_eq!(run.alerts(), told);
    assert!(run.alert("GLUCOSE_CRITICAL_HIGH").is_some_and(|alert| alert.message[1].text.contains("22.4")));
    assert!(run.task("glucose-recheck").is_none());
    sent(&mut run, &[(290, "22.4"), (45, "6.4"), (35, "6.5")]);
    assert_eq!(run.alerts().len(), told.len());
    // It sent nothing for three days: since then, however long ago.
    run.advance(3);
    sent(&mut run, &[(2 * 24 * 60, "17.1"), (60, "6.1")]);
    assert_eq!(run.alerts().len(), told.len() + 1);
}

#[test]
fn the_worst_values_of_a_meter_that_sends_its_memory_are_judged() {
    let sent = |values: &[&str]| {
        let mut run = enrolled();
        run.advance(9);
        let from = run.now() - 3 * DAY;
        let at = |number: usize| from + Instant::try_from(number).expect("few") * DAY / 8;
        let values: Vec<(Instant, &str)> =
            values.iter().enumerate().map(|(number, value)| (at(number), *value)).collect();
        run.stream(crate::glucometer(), "mmol/L", &values);
        run
    };
    let of = |worst: &'static [&'static str], last: &'static str| {
        let others = ["6.1", "7.2", "8.8", "5.9", "6.3", "7.7", "9.1", "6.6", "6.0", "7.4"];
        [&others[..5], worst, &others[5..], &[last]].concat()
    };
    for (worst, alerts) in [
        (&["16.6", "4.0"][..], &[][..]),
        (&["16.7", "16.9"], &["GLUCOSE_CRITICAL_HIGH"]),
        (&["3.9"], &["GLUCOSE_CRITICAL_LOW"]),
        (&["3.5", "2.9", "3.8", "16.8"], &["HYPOGLYCAEMIA_LEVEL_2", "GLUCOSE_CRITICAL_LOW", "GLUCOSE_CRITICAL_HIGH"]),
    ] {
        let run = sent(&of(worst, "6.2"));
        assert_eq!(run.alerts(), alerts, "{worst:?}");
        assert_eq!(run.stage() == "offline", !alerts.is_empty(), "{worst:?}");
        assert!(run.task("glucose-recheck").is_none(), "it was measured again: {worst:?}");
    }
    let run = sent(&of(&["3.5"], "3.6"));
    assert!(run.task("glucose-recheck").is_some(), "low at last");
    // Few values of a meter are no course of a sensor.
    let mut quiet = enrolled();
    quiet.advance(9);
    assert_eq!(sent(&of(&["6.0"], "6.2")).state(), quiet.state());
}

#[test]
fn episodes_of_very_low_values_are_told() {
    let mut run = enrolled();
    let directives = stream_day(&mut run, |number| if number == 20 { "2.8" } else { "6.1" });
    assert!(
        matches!(&directives[..], [Directive::RaiseAlert(alert)] if alert.code == "SENSOR_VERY_LOW"),
        "{directives:?}"
    );
    let quiet = stream_day(&mut run, |_| "6.1");
    assert!(quiet.is_empty(), "{quiet:?}");
}

#[test]
fn what_is_not_understood_is_not_summed_up() {
    let mut run = enrolled();
    let before = run.state().cloned();
    let now = run.now();
    run.stream(Coding::loinc("105272-9"), "g/L", &[(now, "1.1")]);
    assert_eq!(run.alerts(), ["UNIT_NOT_UNDERSTOOD"]);
    assert_eq!(run.state().cloned(), before);
    // Something else of a device is none of its business.
    let other = run.stream(Coding::loinc("8867-4"), "/min", &[(now, "70")]);
    assert!(other.is_empty());
}
