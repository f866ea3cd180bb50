//! 180 days of four patients.

use std::collections::BTreeSet;

use xinglin_sdk::{
    follow_up::{AnswerValue, Directive, Role},
    testing::{ContactEnd, START},
    time::{DAY, plus_days},
    types::Coding,
};

use crate::{Run, adult, asq, gad7, give, minor, minutes, phq9, reassure, sleepless};

/// Somebody does what comes due, day by day: staff what is theirs at once, the patient the scales.
fn live(run: &mut Run, days: i64, mut each_day: impl FnMut(&mut Run, i64)) {
    let today = (run.now() - START) / DAY;
    for day in today + 1..=days {
        if run.ended().is_some() {
            return;
        }
        run.advance_to(plus_days(START, day));
        each_day(run, day);
        reassure(run);
        if run.ended().is_some() {
            return;
        }
        let staff = run.due_tasks().into_iter().filter(|(_, owner)| *owner != Role::Patient);
        let due: Vec<String> = staff.map(|(task, _)| task.to_owned()).collect();
        for task in due {
            // Timers that nobody ticks.
            let waits = run.due_tasks().iter().any(|(code, _)| *code == task);
            if waits && !["sleep-week", "joint-review", "maintenance-end"].contains(&task.as_str()) {
                run.complete(&task);
            }
        }
        attend(run);
    }
}

/// Staff speak with who is in danger, decide together, and see to referrals.
fn attend(run: &mut Run) {
    let contacts: Vec<String> = run.contacts().into_iter().map(|contact| contact.code.clone()).collect();
    for contact in contacts {
        run.end_contact(&contact, ContactEnd::Safe);
    }
    let forms: Vec<String> = run.definition().questionnaires.iter().map(|known| known.code.clone()).collect();
    let open: Vec<String> = run.open_requests().into_iter().map(str::to_owned).collect();
    for request in open {
        if request == "c-ssrs" {
            let none = AnswerValue::Choice(Coding::new("urn:xinglin:mental-health", "c-ssrs-none"));
            run.answer_by(Role::Doctor, "c-ssrs", vec![("c-ssrs-risk", none)]);
        } else if !forms.contains(&request) {
            run.fulfil(&request, vec![]);
        }
    }
}

/// Whether the scales are awaited.
fn awaited(run: &Run, day: i64) -> bool {
    run.journal()
        .iter()
        .rev()
        .take_while(|(at, _)| (at - START) / DAY == day)
        .any(|(_, one)| crate::asked(std::slice::from_ref(one)) == ["phq-9"])
}

/// What holds of every walk: two languages, a source, no illness in what the patient reads.
fn sound(run: &Run) {
    let neutral = |text: &str| {
        for word in [
            "抑郁", "焦虑", "自杀", "自伤", "失眠", "精神", "心理", "depress", "anxi", "suicid", "insomn", "psych",
            "mental",
        ] {
            assert!(!text.to_lowercase().contains(word), "`{word}` in {text}");
        }
    };
    for (_, directive) in run.journal() {
        let (texts, read_by_patient) = match directive {
            Directive::SendMessage(message) => (&message.fallback, true),
            Directive::ScheduleTask(task) => (&task.title, matches!(task.owner, Role::Patient | Role::Guardian)),
            Directive::RaiseAlert(alert) => {
                assert!(!alert.citation.title.is_empty() && alert.sla_minutes > 0, "{alert:?}");
                (&alert.message, false)
            }
            Directive::Refer(referral) => (&referral.reason, true),
            Directive::Hold(hold) => (&hold.reason, false),
            Directive::Convene(team) => (&team.question, false),
            Directive::Contact(contact) => (&contact.reason, false),
            Directive::ProposeNote(text) => (text, false),
            Directive::Close(reason) => (&reason.message, false),
            _ => continue,
        };
        let languages: Vec<&str> = texts.iter().map(|text| text.language.as_str()).collect();
        assert_eq!(languages, ["zh-CN", "en"], "{directive:?}");
        assert!(texts.iter().all(|text| !text.text.trim().is_empty()));
        if read_by_patient {
            texts.iter().for_each(|text| neutral(&text.text));
        }
    }
    for questionnaire in &run.definition().questionnaires {
        questionnaire.title.iter().for_each(|title| neutral(&title.text));
    }
}

#[test]
fn depression_that_remits() {
    let walk = || {
        let mut run = Run::enrol(adult());
        give(&mut run, phq9(18, 0));
        give(&mut run, gad7(12));
        live(&mut run, 180, |run, day| {
            if awaited(run, day) {
                let total = (18 - day / 4).max(2);
                give(run, phq9(total, 0));
                give(run, gad7((12 - day / 7).max(1)));
            }
        });
        run
    };
    let run = walk();
    sound(&run);
    let kinds: BTreeSet<&str> = run.alerts().into_iter().collect();
    assert_eq!(kinds, BTreeSet::from(["GAD7_REVIEW", "PHQ9_REVIEW", "REMISSION"]));
    assert!(run.holds().is_empty());
    assert_eq!(run.stage(), "maintenance");
    assert_eq!(run.journal(), walk().journal(), "the same again");
}

#[test]
fn depression_that_does_not_respond() {
    let mut run = Run::enrol(adult());
    give(&mut run, phq9(20, 0));
    give(&mut run, gad7(5));
    live(&mut run, 180, |run, day| {
        if awaited(run, day) {
            give(run, phq9(17, 0));
            give(run, gad7(5));
        }
    });
    sound(&run);
    let at = |code: &str| {
        let found =
            run.journal().iter().find(|(_, one)| matches!(one, Directive::RaiseAlert(alert) if alert.code == code));
        found.map(|(at, _)| (at - START) / DAY)
    };
    assert_eq!((at("PHQ9_SEVERE"), at("NO_RESPONSE")), (Some(0), Some(56)));
    assert_eq!(run.stage(), "treatment");
}

#[test]
fn insomnia_that_is_treated() {
    let mut run = Run::enrol(sleepless());
    give(&mut run, phq9(4, 0));
    give(&mut run, gad7(3));
    run.answer("isi", vec![("isi-total", AnswerValue::Integer(19))]);
    let no = || AnswerValue::Boolean(false);
    run.answer("sleep-entry", vec![("bipolar", no()), ("epilepsy", no()), ("apnoea", no())]);
    live(&mut run, 180, |run, day| {
        if run.task("sleep-diary").is_some() {
            // Eight hours at first; then what was agreed, and nearly all of it asleep.
            let in_bed = if day <= 7 { 480 } else { 330 + (day - 8) / 7 * 15 };
            let asleep = if day <= 7 { 320 } else { in_bed * 94 / 100 };
            run.answer("sleep-diary", vec![("in-bed", minutes(in_bed)), ("asleep", minutes(asleep))]);
        }
        if run.open_requests().contains(&"isi") {
            run.answer("isi", vec![("isi-total", AnswerValue::Integer(6))]);
        }
        if awaited(run, day) {
            give(run, phq9(3, 0));
            give(run, gad7(2));
        }
    });
    sound(&run);
    assert_eq!(run.alerts(), ["CBTI_COMPLETED"]);
    let windows = run
        .journal()
        .iter()
        .filter(|(_, one)| matches!(one, Directive::ScheduleTask(task) if task.code == "sleep-window"));
    assert_eq!(windows.count(), 6, "the floor at first, and then more each week");
    assert!(run.task("sleep-diary").is_none());
    assert_eq!(run.stage(), "treatment");
}

#[test]
fn a_minor_in_danger() {
    let mut run = Run::enrol(minor());
    run.complete("guardian-consent");
    give(&mut run, phq9(14, 0));
    give(&mut run, gad7(8));
    live(&mut run, 180, |run, day| {
        if awaited(run, day) {
            give(run, phq9(if day == 28 { 20 } else { 9 }, if day == 28 { 3 } else { 0 }));
            give(run, gad7(8));
            give(run, asq([false; 5]));
        }
        if day == 30 {
            run.release("suicide-risk");
        }
    });
    sound(&run);
    let day = |wanted: fn(&Directive) -> bool| -> Vec<i64> {
        run.journal().iter().filter(|(_, one)| wanted(one)).map(|(at, _)| (at - START) / DAY).collect()
    };
    assert_eq!(day(|one| matches!(one, Directive::ScheduleTask(task) if task.code == "guardian-stay")), [28]);
    assert_eq!(day(|one| matches!(one, Directive::ScheduleTask(task) if task.code == "asq-24h")), [28]);
    assert!(run.contacts().is_empty() && !run.alerts().contains(&"REFERRAL_LAPSED"), "{:?}", run.alerts());
    assert!(run.task("school-status").is_none(), "told by a person");
    assert_eq!(run.stage(), "treatment");
}

#[test]
fn an_acute_answer_that_nobody_takes_up() {
    let mut run = Run::enrol(adult());
    give(&mut run, asq([true, false, true, false, true]));
    run.advance(180);
    sound(&run);
    assert_eq!((run.stage(), run.holds()), ("crisis", vec!["suicide-risk"]), "it does not go away");
    assert!(run.ended().is_none());
    assert!(run.is_locked(), "the host lets it climb until somebody has spoken with the patient");
    assert!(run.alerts().contains(&"REFERRAL_LAPSED") && run.alerts().contains(&"SCALES_MISSED"));
    assert!(run.state().expect("a state").data.len() < 1024);
}
