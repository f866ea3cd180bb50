//! Follow-ups online and face to face.

use diabetes::numbers::{
    ADJUST_DAYS, ANSWER_DAYS, DIARY_DAYS, OFF_TARGET_DAYS, OFF_TARGET_VISITS, OFFLINE_DAYS, OFFLINE_WINDOW_DAYS,
    ONLINE_DAYS, ONLINE_WINDOW_DAYS, VISIT_1, VISIT_2, VISIT_3, VISIT_4, VISIT_5,
};
use xinglin_sdk::{
    follow_up::{AnswerValue, Directive, Provenance, Role},
    testing::START,
    time::{DAY, plus_days},
};

use crate::{Run, answers, day, day_of, enrolled, follow_up, notes, quantity, referred};

/// Days on which the patient is asked for a follow-up.
fn asked(run: &Run) -> Vec<i64> {
    let follow_up =
        |directive: &Directive| matches!(directive, Directive::Ask(question) if question.questionnaire == "follow-up");
    run.journal().iter().filter(|(_, directive)| follow_up(directive)).map(|(at, _)| day(*at)).collect()
}

#[test]
fn online_follow_ups() {
    let mut run = enrolled();
    let first = [VISIT_1, VISIT_2, VISIT_3, VISIT_4, VISIT_5].map(|number| number.value);
    assert_eq!(first, [7, 14, 28, 56, 84]);
    for day in first {
        assert_eq!(day_of(&run, &format!("visit-{day}")), day);
        run.advance_to(plus_days(START, day) - 1);
        assert!(!asked(&run).contains(&day), "not before day {day}");
        run.advance_to(plus_days(START, day));
        assert!(asked(&run).contains(&day), "day {day}");
        assert_eq!(run.stage(), if day < 84 { "initial" } else { "maintenance" });
    }
    run.advance_to(plus_days(START, 84 + 3 * ONLINE_DAYS.value));
    assert_eq!(asked(&run), [0, 7, 14, 28, 56, 84, 174, 264, 354], "and so on");
    assert_eq!(day_of(&run, "visit-regular"), 444);
    // It goes on after years, also if it is answered each time.
    for year in 2..=4 {
        run.advance_to(plus_days(START, 365 * year));
        follow_up(&mut run, "6.5");
        let next = day_of(&run, "visit-regular");
        assert!((next - 84) % 90 == 0 && next > 365 * year && next <= 365 * year + 90, "{next}");
    }
}

#[test]
fn an_unanswered_follow_up_is_reported() {
    let mut run = enrolled();
    let reminders = |run: &Run| run.messages().iter().filter(|message| message.template == "follow-up-due").count();
    run.advance(VISIT_1.value);
    assert_eq!(reminders(&run), 1);
    run.advance(1);
    assert_eq!(reminders(&run), 2, "overdue");
    run.advance_to(plus_days(START, VISIT_1.value + ONLINE_WINDOW_DAYS.value) - 1);
    assert!(!run.alerts().contains(&"FOLLOW_UP_MISSED"));
    run.advance_to(plus_days(START, VISIT_1.value + ONLINE_WINDOW_DAYS.value));
    assert_eq!(run.alerts(), ["FOLLOW_UP_MISSED"]);
    assert_eq!(run.alert("FOLLOW_UP_MISSED").map(|alert| alert.owner), Some(Role::HealthManager));
    run.advance(1);
    assert_eq!(run.alerts().len(), 1, "once");
    // It can be answered for some days more.
    let ends = run.request_ends("follow-up").expect("still open");
    assert_eq!(day(ends), VISIT_1.value + ANSWER_DAYS.value);

    let mut answered = enrolled();
    answered.advance(7);
    follow_up(&mut answered, "6.5");
    assert!(answered.task("visit-7").is_none(), "nobody waits for it any more");
    assert!(!answered.open_requests().contains(&"follow-up"));
    answered.advance(5);
    assert_eq!(reminders(&answered), 1);
    assert!(answered.alerts().is_empty());
}

#[test]
fn a_follow_up_that_is_ticked_early_stays() {
    for (task, day, stays) in
        [("visit-7", 3, true), ("visit-7", 4, false), ("visit-84", 80, true), ("visit-84", 81, false)]
    {
        let mut run = enrolled();
        run.advance_to(plus_days(START, day));
        run.complete(task);
        assert_eq!(run.task(task).is_some(), stays, "{task} on day {day}");
    }
}

#[test]
fn four_face_to_face_visits_a_year() {
    let mut run = enrolled();
    for quarter in 1..=8 {
        assert_eq!(day_of(&run, "offline-visit"), quarter * OFFLINE_DAYS.value);
        run.advance_to(plus_days(START, quarter * OFFLINE_DAYS.value));
        run.complete("offline-visit");
    }
    assert!(!run.alerts().contains(&"OFFLINE_VISIT_OVERDUE"));
    // What is missed comes again, for ever.
    for quarter in 9..=16 {
        let missed = quarter * OFFLINE_DAYS.value + OFFLINE_WINDOW_DAYS.value;
        let overdue = |run: &Run| run.alerts().iter().filter(|alert| **alert == "OFFLINE_VISIT_OVERDUE").count();
        run.advance_to(plus_days(START, missed) - 1);
        let before = overdue(&run);
        run.advance_to(plus_days(START, missed));
        assert_eq!(overdue(&run), before + 1, "quarter {quarter}");
        assert_eq!(day_of(&run, "offline-visit"), (quarter + 1) * OFFLINE_DAYS.value);
    }
    assert_eq!(run.alert("OFFLINE_VISIT_OVERDUE").map(|alert| alert.owner), Some(Role::HealthManager));
    // Early or late, the next is due a quarter after this one was.
    for days in [OFFLINE_DAYS.value - 20, OFFLINE_DAYS.value, OFFLINE_DAYS.value + OFFLINE_WINDOW_DAYS.value - 1] {
        let mut run = enrolled();
        assert_eq!(run.task("offline-visit").map(|task| task.owner), Some(Role::Doctor), "not the patient's to tick");
        run.advance(days);
        run.complete("offline-visit");
        assert_eq!(day_of(&run, "offline-visit"), 2 * OFFLINE_DAYS.value, "done on day {days}");
        assert_eq!(run.task("offline-visit").map(|task| task.owner), Some(Role::Doctor));
    }
    let mut run = enrolled();
    run.decline("offline-visit");
    assert!(run.alerts().contains(&"OFFLINE_VISIT_DECLINED"));
    assert_eq!(day_of(&run, "offline-visit"), 2 * OFFLINE_DAYS.value);
}

#[test]
fn off_target_once_and_twice() {
    let mut run = enrolled();
    for visit in 1..=OFF_TARGET_VISITS.value + 2 {
        let directives = follow_up(&mut run, "7.2");
        let wanted = match visit % OFF_TARGET_VISITS.value {
            0 if visit == OFF_TARGET_VISITS.value => vec![("off-target".to_owned(), OFF_TARGET_DAYS.value)],
            // The referral is on its way.
            _ => vec![],
        };
        assert_eq!(referred(&run, &directives), wanted, "visit {visit}");
        let today = day(run.now());
        assert_eq!(day_of(&run, "visit-extra"), today + OFF_TARGET_DAYS.value);
        assert_eq!(day_of(&run, "adjust-treatment"), today + ADJUST_DAYS.value);
        assert_eq!(run.request_ends("diary").map(day), Some(DIARY_DAYS.value), "the nearer deadline holds");
        assert!(notes(&directives)[0].contains("no change of regimen"), "{directives:?}");
        run.advance(1);
    }
    let referral = run.referrals()[0];
    assert_eq!(referral.recontact_days, Some(14));
    assert!(run.holds().is_empty(), "off target is no emergency");
    // Nobody went: once more, and then somebody has been told.
    let lapses = |run: &Run| run.referrals().iter().filter(|referral| referral.code == "off-target").count();
    run.advance(OFF_TARGET_DAYS.value);
    assert_eq!(lapses(&run), 2);
    run.advance(2 * OFF_TARGET_DAYS.value);
    assert_eq!(lapses(&run), 2);
}

#[test]
fn a_visit_on_target_starts_the_count_again() {
    let mut run = enrolled();
    for glucose in ["7.0", "6.9", "7.0"] {
        follow_up(&mut run, glucose);
        run.advance(7);
    }
    assert!(run.referrals().is_empty());
}

#[test]
fn an_urgent_referral_is_not_suppressed_by_an_ordinary_one() {
    let mut run = enrolled();
    follow_up(&mut run, "7.2");
    run.advance(7);
    follow_up(&mut run, "7.4");
    assert_eq!(run.open_requests().iter().filter(|code| **code == "off-target").count(), 1);
    run.observe(crate::glucometer(), "20", "mmol/L", Provenance::Device);
    assert!(run.open_requests().contains(&"critical-glucose"));
    // The other way round one is enough.
    let mut run = enrolled();
    run.observe(crate::glucometer(), "20", "mmol/L", Provenance::Device);
    follow_up(&mut run, "7.2");
    follow_up(&mut run, "7.2");
    assert!(!run.open_requests().contains(&"off-target"));
}

#[test]
fn a_reported_hba1c_is_no_laboratory_result() {
    let mut run = enrolled();
    let with_hba1c = |value: &str| {
        let mut all = answers("6.1", "120", "70");
        all.push(("hba1c", quantity(value, "%")));
        all
    };
    run.advance(0);
    let due = run.request_ends("hba1c");
    assert!(due.is_some());
    let directives = run.answer("follow-up", with_hba1c("8.9"));
    assert!(notes(&directives).iter().any(|note| note.contains("8.9 % by the patient's own account")));
    assert_eq!(run.request_ends("hba1c"), due, "still wanted");
    assert!(run.task("visit-extra").is_none(), "it counts for no target");
    run.answer("follow-up", with_hba1c("6.0"));
    assert_ne!(run.stage(), "remission-watch");
    crate::report(&mut run, "4548-4", "8.8", "%");
    assert_eq!(day_of(&run, "hba1c"), 90, "the laboratory's is what it is");
}

#[test]
fn what_cannot_be_is_refused_at_once() {
    let mut run = enrolled();
    for (glucose, systolic, diastolic) in
        [("0.4", "120", "70"), ("60.1", "120", "70"), ("6", "39", "70"), ("6", "301", "70"), ("6", "120", "19")]
    {
        assert!(run.try_answer(Role::Patient, "follow-up", answers(glucose, systolic, diastolic)).is_err());
    }
    for (glucose, systolic, diastolic) in [("0.5", "40", "20"), ("60", "300", "200")] {
        assert!(run.try_answer(Role::Patient, "follow-up", answers(glucose, systolic, diastolic)).is_ok());
    }
}

#[test]
fn the_diary_asks_when_and_how_the_patient_feels() {
    let mut run = enrolled();
    let entry = |context: &str| {
        vec![
            ("glucose", quantity("6.1", "mmol/L")),
            ("context", crate::choice(context)),
            ("needed-help", AnswerValue::Boolean(false)),
        ]
    };
    for context in ["fasting", "before-meal", "after-meal", "bedtime", "other"] {
        let directives = run.answer("diary", entry(context));
        assert!(directives.is_empty(), "{context}: {directives:?}");
        run.advance_to(run.now() + DAY / 24);
    }
    assert!(run.try_answer(Role::Patient, "diary", entry("never")).is_err());
    let without = vec![("glucose", quantity("6.1", "mmol/L")), ("needed-help", AnswerValue::Boolean(false))];
    assert!(run.try_answer(Role::Patient, "diary", without).is_err(), "the context is asked for");
    let mut symptoms = entry("fasting");
    symptoms.push(("symptoms", crate::choice("thirst")));
    assert!(run.try_answer(Role::Patient, "diary", symptoms.clone()).is_err(), "only of who is unwell");
    symptoms.push(("unwell", AnswerValue::Boolean(true)));
    let directives = run.answer("diary", symptoms);
    assert!(notes(&directives)[0].contains("thirst"), "{directives:?}");
}
