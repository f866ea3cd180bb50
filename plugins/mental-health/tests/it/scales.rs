//! Cadence, review, response, remission.

use mental_health::numbers::{MAINTENANCE_AGAIN, MAINTENANCE_LAST};
use xinglin_sdk::{
    clinical::ObservationValue,
    follow_up::{Directive, Event, FollowUp as _, Provenance, Role, Severity, TaskRef},
    testing::{Host, START},
    time::{DAY, plus_days},
    types::Coding,
};

use crate::{Run, asked, codes, day_of, enrolled, gad7, give, minor, phq9, score};

/// Days on which the PHQ-9 was asked.
fn days_asked(run: &Run) -> Vec<i64> {
    let asked = run.journal().iter().filter(|(_, one)| asked(std::slice::from_ref(one)) == ["phq-9"]);
    asked.map(|(at, _)| (at - START) / DAY).collect()
}

#[test]
fn the_cadence_of_the_scales() {
    let mut run = enrolled();
    let first = run.journal().iter().map(|(_, one)| one.clone()).collect::<Vec<_>>();
    assert_eq!(asked(&first), ["phq-9", "gad-7", "check-in", "asq"]);
    for day in [0, 14, 28, 42, 56, 70, 84, 112, 140, 168, 196] {
        run.advance_to(plus_days(START, day) - 1);
        assert!(days_asked(&run).iter().all(|asked| *asked < day.max(1)), "before day {day}");
        run.advance_to(plus_days(START, day));
        score(&mut run, 7);
        crate::reassure(&mut run);
    }
    assert_eq!(days_asked(&run), [0, 14, 28, 42, 56, 70, 84, 112, 140, 168, 196]);
    assert!(!run.alerts().contains(&"SCALES_MISSED"));
    assert_eq!(day_of(&run, "scales-224"), 224);
}

#[test]
fn scales_that_nobody_answers() {
    let mut run = enrolled();
    score(&mut run, 7);
    run.advance_to(plus_days(START, 14));
    give(&mut run, phq9(7, 0));
    run.advance_to(plus_days(START, 17) - 1);
    let again: Vec<_> = run.reminders().iter().filter(|(at, _)| *at > plus_days(START, 14)).collect();
    let (gad, signs) = (("gad-7", 1), ("check-in", 1));
    for (form, times) in [("phq-9", 0), gad, signs] {
        assert_eq!(again.iter().filter(|(_, again)| again == form).count(), times, "only what is missing: {form}");
    }
    assert!(!run.alerts().iter().skip(1).any(|code| *code == "SCALES_MISSED"), "{:?}", run.alerts());
    run.advance_to(plus_days(START, 17));
    assert_eq!(run.alert("SCALES_MISSED").map(|alert| alert.owner), Some(Role::HealthManager));

    let mut never = enrolled();
    never.advance_to(plus_days(START, 3) - 1);
    assert!(never.alerts().is_empty());
    never.advance_to(plus_days(START, 3));
    assert_eq!(never.alerts(), ["SCALES_MISSED"], "those of the first day too, once for all of a day");
    never.advance(97);
    let missed = never.alerts().iter().filter(|code| **code == "SCALES_MISSED").count();
    assert_eq!(missed, 7);
}

#[test]
fn what_is_only_ticked_stays() {
    let mut run = enrolled();
    score(&mut run, 7);
    run.complete("scales-14");
    assert_eq!(day_of(&run, "scales-14"), 14, "before its day");
    run.decline("scales-14");
    assert_eq!(day_of(&run, "scales-14"), 14);
    run.advance_to(plus_days(START, 14));
    assert_eq!(day_of(&run, "scales-28"), 28);
    assert!(run.open_requests().contains(&"phq-9"));
}

#[test]
fn after_a_long_stop_one_set_is_asked() {
    let mut run = enrolled();
    run.advance_to(plus_days(START, 13));
    let late = TaskRef { code: "scales-14".to_owned(), due: plus_days(START, 14) };
    let now = plus_days(START, 400);
    let (state, snapshot) = (run.state().cloned(), run.patient.snapshot(now));
    let step = || mental_health::MentalHealth::step(state, Event::TaskDue(late), snapshot, now);
    let outcome = Host::of::<mental_health::MentalHealth>().call(step).expect("decided");
    let planned = outcome.directives.iter().filter_map(|one| match one {
        Directive::ScheduleTask(task) => Some((task.due - START) / DAY),
        _ => None,
    });
    assert_eq!(planned.collect::<Vec<_>>(), [420]);
}

#[test]
fn totals_that_a_doctor_reviews() {
    for (total, expected) in [
        (9, None),
        (10, Some(("PHQ9_REVIEW", 4320))),
        (11, Some(("PHQ9_REVIEW", 4320))),
        (19, Some(("PHQ9_REVIEW", 4320))),
        (20, Some(("PHQ9_SEVERE", 6 * 60))),
        (21, Some(("PHQ9_SEVERE", 6 * 60))),
    ] {
        let mut run = enrolled();
        run.advance_to(START + 10 * DAY / 24); // 18:00 in Beijing
        let directives = give(&mut run, phq9(total, 0));
        let found: Vec<_> =
            crate::alerts(&directives).iter().map(|alert| (alert.code.as_str(), alert.sla_minutes)).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{total}");
    }
    for (total, expected) in [(9, vec![]), (10, vec!["GAD7_REVIEW"]), (11, vec!["GAD7_REVIEW"])] {
        assert_eq!(codes(&give(&mut enrolled(), gad7(total))), expected, "{total}");
    }
}

#[test]
fn the_tenth_item_is_told_and_not_scored() {
    let mut run = enrolled();
    let difficult = xinglin_sdk::follow_up::AnswerValue::Choice(Coding::loinc("LA6575-0"));
    let directives = give(&mut run, phq9(9, 0).with("phq-10", Some(difficult)));
    let notes: Vec<_> = directives
        .iter()
        .filter_map(|one| match one {
            Directive::ProposeNote(text) => Some([text[0].text.as_str(), text[1].text.as_str()]),
            _ => None,
        })
        .collect();
    let total = ["PHQ-9 9/27(轻度)。", "PHQ-9 9/27 (mild)."];
    assert_eq!(notes, [total, ["PHQ-9 功能影响:极度困难。", "PHQ-9, effect on life: Extremely difficult."]]);
    assert!(codes(&directives).is_empty());
}

fn after(first: i64, day: i64, total: i64) -> Run {
    let mut run = enrolled();
    score(&mut run, first);
    run.advance_to(plus_days(START, day));
    score(&mut run, total);
    run
}

#[test]
fn no_response_at_day_56() {
    for (first, total, conference) in [
        (20, 9, false),
        (20, 10, false), // half
        (20, 11, true),
        (21, 10, false),
        (21, 11, true), // 47.6 %
        (9, 9, false),  // too low to judge
        (10, 6, true),
        (11, 6, true),
        (10, 5, false),
    ] {
        let run = after(first, 56, total);
        assert_eq!(run.alerts().contains(&"NO_RESPONSE"), conference, "{first} → {total}");
        let team = run.journal().iter().find_map(|(_, one)| match one {
            Directive::Convene(team) if team.code == "no-response" => Some(team),
            _ => None,
        });
        assert_eq!(team.map(|team| team.participants.len()), conference.then_some(3), "{first} → {total}");
        assert_eq!(run.open_requests().contains(&"no-response"), conference);
    }
}

#[test]
fn no_response_is_judged_from_day_56() {
    for (day, judged) in [(55, false), (56, true), (57, true)] {
        assert_eq!(after(18, day, 18).alerts().contains(&"NO_RESPONSE"), judged, "day {day}");
    }
    let mut run = after(18, 56, 18);
    run.advance(14);
    score(&mut run, 18);
    assert_eq!(run.alerts().iter().filter(|code| **code == "NO_RESPONSE").count(), 1, "once");
}

#[test]
fn a_conference_is_followed_up() {
    let mut run = enrolled();
    run.fulfil("shared-plan", vec![]);
    score(&mut run, 18);
    run.advance_to(plus_days(START, 56));
    score(&mut run, 18);
    let missing = |run: &Run| run.alerts().iter().filter(|code| **code == "MDT_OPINION_MISSING").count();
    run.advance_to(plus_days(START, 63) - 1);
    assert_eq!(missing(&run), 0);
    run.advance_to(plus_days(START, 63));
    assert_eq!(missing(&run), 1);
    assert_eq!(run.alert("MDT_OPINION_MISSING").map(|alert| alert.owner), Some(Role::Doctor));
    assert_eq!(run.request_ends("no-response"), Some(plus_days(START, 70)), "still wanted");
    assert!(!run.open_requests().contains(&"shared-plan"));
    run.fulfil("no-response", vec![]);
    assert!(run.open_requests().contains(&"shared-plan"), "a plan to sign anew");
}

#[test]
fn two_remissions_lead_to_maintenance() {
    for (total, apart, maintained) in [
        (4, 27, false),
        (4, 28, true),
        (4, 29, true),
        (5, 28, false), // not below 5
        (6, 28, false),
    ] {
        let mut run = after(14, 28, total);
        run.advance(apart);
        score(&mut run, total);
        assert_eq!(run.stage() == "maintenance", maintained, "{total}, {apart} days apart");
        assert_eq!(run.alerts().contains(&"REMISSION"), maintained);
    }
    let mut broken = after(14, 28, 4);
    for total in [6, 4] {
        broken.advance(14);
        score(&mut broken, total);
    }
    assert_eq!(broken.stage(), "treatment", "not in remission in between");
    let mut never = after(3, 28, 3);
    never.advance(28);
    score(&mut never, 3);
    assert_eq!(never.stage(), "treatment", "who was never ill is in no remission");
}

fn maintained() -> Run {
    let mut run = after(14, 28, 4);
    run.advance(28);
    score(&mut run, 2);
    run
}

#[test]
fn maintenance_ends_by_a_recent_phq9() {
    let end = 56 + 90;
    for (before, closes) in
        [(MAINTENANCE_LAST.value - 1, true), (MAINTENANCE_LAST.value, true), (MAINTENANCE_LAST.value + 1, false)]
    {
        let mut run = maintained();
        run.advance_to(plus_days(START, end - before));
        score(&mut run, 4);
        run.advance_to(plus_days(START, end));
        assert_eq!(crate::closed(&run).is_some(), closes, "{before} days before");
        if closes {
            continue;
        }
        assert_eq!((run.stage(), run.open_requests().contains(&"phq-9")), ("maintenance", true), "asked again");
        assert!(!run.alerts().contains(&"MAINTENANCE_NOT_KEPT"));
        let again = end + MAINTENANCE_AGAIN.value;
        run.advance_to(plus_days(START, again) - 1);
        assert!(run.ended().is_none());
        run.advance_to(plus_days(START, again));
        assert!(run.ended().is_none() && run.open_requests().contains(&"phq-9"), "nobody answers: again");
        score(&mut run, 3);
        run.advance(MAINTENANCE_AGAIN.value);
        assert_eq!(crate::closed(&run), Some("REMISSION_MAINTAINED"));
    }
}

#[test]
fn an_older_total_changes_nothing() {
    let mut run = maintained();
    run.advance(1);
    let mut late = run.patient.clone().days_ago(2).measurement(Coding::loinc("44261-6"), "12", "{score}");
    late.effective = Some(run.now() - 2 * DAY);
    let told = run.observed(late.clone(), Provenance::Clinician);
    assert_eq!(codes(&told), ["PHQ9_REVIEW"], "a doctor reads it");
    assert_eq!(run.stage(), "maintenance");
    late.effective = Some(run.now());
    run.observed(late, Provenance::Clinician);
    assert_eq!(run.stage(), "treatment", "a newer one counts");
}

#[test]
fn maintenance_ends_after_90_days() {
    let maintained = || {
        let mut run = maintained();
        run.advance(75);
        score(&mut run, 3);
        run
    };
    let mut run = maintained();
    assert_eq!(day_of(&run, "maintenance-end"), 56 + 90);
    run.complete("maintenance-end");
    assert_eq!(day_of(&run, "maintenance-end"), 56 + 90, "not before");
    run.advance_to(plus_days(START, 146) - 1);
    assert!(run.ended().is_none());
    run.advance_to(plus_days(START, 146));
    assert_eq!(crate::closed(&run), Some("REMISSION_MAINTAINED"));

    for (total, stage, closes) in
        [(4, "maintenance", true), (5, "maintenance", false), (9, "maintenance", false), (10, "treatment", false)]
    {
        let mut run = maintained();
        run.advance(10);
        score(&mut run, total);
        assert_eq!(run.stage(), stage, "{total}");
        run.advance_to(plus_days(START, 147));
        assert_eq!(run.ended().is_some(), closes, "{total}");
    }
    let mut danger = maintained();
    danger.advance(14);
    give(&mut danger, phq9(4, 2));
    danger.advance(2);
    assert!(danger.ended().is_none(), "nobody in danger is let go");
}

#[test]
fn a_total_out_of_bounds_or_of_the_future_is_none() {
    for (code, most, alert) in [("44261-6", 27, "PHQ9_SEVERE"), ("70274-6", 21, "GAD7_REVIEW")] {
        for (value, counts) in [(most - 1, true), (most, true), (most + 1, false), (-1, false)] {
            let mut run = enrolled();
            let found = run.observe(Coding::loinc(code), &value.to_string(), "{score}", Provenance::Clinician);
            assert_eq!(codes(&found).contains(&alert), counts, "{code} {value}");
        }
        let mut run = enrolled();
        run.advance(1);
        for (at, counts) in [
            (Some(run.now() + 1), false),
            (Some(run.now()), true),
            (Some(START), true),
            (Some(START - 1), false),
            (Some(plus_days(START, -3653)), false),
            (None, false),
        ] {
            let mut observation = run.patient.measurement(Coding::loinc(code), "20", "{score}");
            observation.effective = at;
            let found = run.observed(observation, Provenance::Clinician);
            assert_eq!(codes(&found).contains(&alert), counts, "{code} at {at:?}");
        }
        for value in
            [ObservationValue::Text("20".to_owned()), ObservationValue::Boolean(true), ObservationValue::Absent]
        {
            let mut observation = run.patient.measurement(Coding::loinc(code), "20", "{score}");
            observation.value = value;
            assert!(run.observed(observation, Provenance::Clinician).is_empty(), "{code}");
        }
    }
}

#[test]
fn severity_of_each_alert() {
    let run = after(20, 56, 20);
    for code in ["PHQ9_SEVERE", "NO_RESPONSE"] {
        assert_eq!(run.alert(code).map(|alert| (alert.severity, alert.owner)), Some((Severity::Warning, Role::Doctor)));
    }
    let mut child = Run::enrol(minor());
    assert!(give(&mut child, phq9(12, 0)).iter().any(|one| matches!(one, Directive::RaiseAlert(_))), "whoever answers");
}
