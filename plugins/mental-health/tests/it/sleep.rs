//! The sleep programme.

use mental_health::MentalHealth;
use xinglin_sdk::{
    follow_up::{AnswerValue, Directive, Event, Role},
    testing::{Host, Patient, START},
    time::{DAY, plus_days},
    types::{Coding, Decimal, Quantity},
};

use crate::{Form, Run, day_of, give, messages, minutes, score, sleepless};

fn night(in_bed: i64, asleep: i64) -> Form {
    Form::new("sleep-diary", vec![("in-bed", minutes(in_bed)), ("asleep", minutes(asleep))])
}

/// Whether an apnoea is treated is asked of who has one.
fn entry(bipolar: bool, epilepsy: bool, apnoea: bool, treated: bool) -> Form {
    let yes = AnswerValue::Boolean;
    let asked = [("bipolar", bipolar), ("epilepsy", epilepsy), ("apnoea", apnoea)];
    let form = Form::new("sleep-entry", asked.map(|(link, said)| (link, yes(said))).to_vec());
    form.with("apnoea-treated", apnoea.then_some(yes(treated)))
}

fn started() -> Run {
    let mut run = Run::enrol(sleepless());
    score(&mut run, 3);
    give(&mut run, entry(false, false, false, false));
    run
}

/// A week of so many nights.
fn week(run: &mut Run, nights: i64, in_bed: i64, asleep: i64) {
    let begin = run.now();
    for day in 1..=7 {
        run.advance_to(plus_days(begin, day) - 1);
        if day <= nights {
            give(run, night(in_bed, asleep));
        }
    }
    run.advance_to(plus_days(begin, 7));
}

fn proposed(run: &Run) -> Option<String> {
    run.task("sleep-window").map(|task| task.title[1].text.clone())
}

#[test]
fn the_diary_is_asked_each_morning() {
    let mut run = started();
    assert_eq!(run.task("sleep-diary").map(|task| task.due), Some(plus_days(START, 1)), "08:00 in Beijing");
    run.advance(10);
    let asked = run.journal().iter().filter(|(_, one)| crate::asked(std::slice::from_ref(one)) == ["sleep-diary"]);
    assert_eq!(asked.count(), 10);
    assert!(!run.notices().iter().any(|(at, _)| *at == plus_days(START, 9)), "no morning is reported to anybody");
    let evening = run.reminders().iter().filter(|(_, form)| form == "sleep-diary").map(|(at, _)| (at - START) % DAY);
    assert!(evening.clone().count() >= 9 && evening.clone().all(|at| at == DAY / 48 * 25), "20:30 in Beijing");
}

#[test]
fn the_time_in_bed_is_proposed_and_agreed_by_a_person() {
    let mut run = started();
    week(&mut run, 7, 500, 400);
    assert_eq!(
        proposed(&run).as_deref(),
        Some("Agree 400 minutes in bed with the patient (efficiency of the week 80 %)")
    );
    run.complete("sleep-window");
    week(&mut run, 7, 400, 364); // 91 %
    assert!(proposed(&run).expect("proposed").starts_with("Agree 415 minutes"));
    run.complete("sleep-window");
    week(&mut run, 7, 415, 370); // 89 %
    assert_eq!(proposed(&run), None, "it stays");
    week(&mut run, 7, 415, 320); // 77 %
    assert!(proposed(&run).expect("proposed").starts_with("Agree 400 minutes"));
    // Nobody agrees it: the next week begins from what was agreed.
    week(&mut run, 7, 415, 320);
    assert!(proposed(&run).expect("proposed").starts_with("Agree 400 minutes"));
}

#[test]
fn a_week_with_few_nights_decides_nothing() {
    for (nights, decides) in [(4, false), (5, true), (6, true)] {
        let mut run = started();
        week(&mut run, nights, 500, 400);
        assert_eq!(proposed(&run).is_some(), decides, "{nights} nights");
        assert_eq!(run.messages().iter().any(|message| message.template == "diary-due"), !decides);
    }
}

#[test]
fn a_night_that_cannot_be_is_none() {
    let quantity = |value: &str, unit: &str| {
        AnswerValue::Quantity(Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit))
    };
    let of = |in_bed: AnswerValue, asleep: AnswerValue| {
        Form::new("sleep-diary", vec![("in-bed", in_bed), ("asleep", asleep)])
    };
    for (form, taken, counts) in [
        (night(1439, 400), true, true),
        (night(1440, 400), true, true),
        (night(1441, 400), false, false),
        (night(500, 500), true, true),
        (night(500, 501), true, false),
        (night(500, 0), true, true),
        (night(0, 0), false, false),
        (night(500, -1), false, false),
        (of(quantity("480.0", "min"), minutes(400)), true, true),
        (of(quantity("480.5", "min"), minutes(400)), true, false),
        (of(quantity("8", "h"), minutes(400)), false, false),
        (of(AnswerValue::Integer(480), minutes(400)), false, false),
        (of(AnswerValue::Text("480".to_owned()), minutes(400)), false, false),
        (night(500, 400).with("asleep", None), false, false),
    ] {
        let mut run = started();
        let before = run.state().cloned();
        let answered = run.try_answer(Role::Patient, form.code, form.given());
        assert_eq!(answered.is_ok(), taken, "{form:?}");
        assert_eq!(run.state().cloned() != before, counts, "{form:?}");
        let told = answered.is_ok_and(|said| messages(&said).iter().any(|one| one.template == "diary-check"));
        assert_eq!(told, taken && !counts, "{form:?}");
    }
}

#[test]
fn a_night_is_entered_once() {
    let mut run = started();
    for _ in 0..100 {
        give(&mut run, night(500, 400));
    }
    run.advance(7);
    assert_eq!(proposed(&run), None, "one night, a hundred times");
    assert!(run.state().expect("a state").data.len() < 200);
}

#[test]
fn six_sessions_of_cbti() {
    let mut run = started();
    for session in 1..=6 {
        assert_eq!(day_of(&run, "cbti"), session * 7);
        run.advance_to(plus_days(START, session * 7 - 4));
        run.complete("cbti");
        assert_eq!(day_of(&run, "cbti"), session * 7, "earlier than its days it was another");
        run.advance_to(plus_days(START, session * 7));
        run.complete("cbti");
    }
    assert!(["cbti", "sleep-diary", "sleep-week"].iter().all(|task| run.task(task).is_none()));
    assert!(!run.open_requests().contains(&"sleep-diary"));
    assert_eq!(run.alerts().iter().filter(|code| **code == "CBTI_COMPLETED").count(), 1);

    let mut missed = started();
    missed.advance(10);
    assert!(missed.alerts().contains(&"CBTI_SESSION_MISSED"));
    assert_eq!(day_of(&missed, "cbti"), 14, "it is held later");
}

#[test]
fn what_excludes_a_restriction_of_sleep() {
    for (code, excluded) in [("G40.2", true), ("G41.0", true), ("G47.3", true), ("I10", false)] {
        let run = Run::enrol(sleepless().diagnosed(Coding::icd10(code)));
        assert_eq!(run.alerts().contains(&"SLEEP_RESTRICTION_EXCLUDED"), excluded, "{code}");
        assert_eq!(run.task("cbti").is_none(), excluded, "{code}");
    }
    for (answers, excluded) in [
        (entry(false, false, false, false), false),
        (entry(true, false, false, false), true),
        (entry(false, true, false, false), true),
        (entry(false, false, true, false), true),
        (entry(false, false, true, true), false),
    ] {
        let mut run = Run::enrol(sleepless());
        give(&mut run, answers.clone());
        assert_eq!(run.alerts().contains(&"SLEEP_RESTRICTION_EXCLUDED"), excluded, "{answers:?}");
        assert_eq!(run.task("sleep-diary").is_none(), excluded, "{answers:?}");
    }
    // Treated, it excludes nothing any more.
    let mut run = Run::enrol(sleepless().diagnosed(Coding::icd10("G47.3")));
    give(&mut run, entry(false, false, true, true));
    assert!(run.task("cbti").is_some());
    // Made during the programme.
    let mut run = started();
    run.patient = run.patient.clone().diagnosed(Coding::icd10("G40.2"));
    run.advance(1);
    assert!(run.task("cbti").is_none() && run.task("sleep-week").is_none());
    let none = Run::enrol(crate::adult());
    assert!(none.task("cbti").is_none(), "without insomnia");
}

#[test]
fn nothing_is_restricted_before_it_is_known_or_while_there_is_danger() {
    let mut unknown = Run::enrol(sleepless());
    assert!(unknown.open_requests().contains(&"sleep-entry"));
    week(&mut unknown, 7, 500, 400);
    assert_eq!(proposed(&unknown), None);

    let mut danger = started();
    give(&mut danger, crate::phq9(9, 2));
    week(&mut danger, 7, 500, 400);
    assert_eq!(proposed(&danger), None);
}

#[test]
fn slots_take_scores_within_bounds() {
    for (value, counts) in [(27, true), (28, true), (29, false), (-1, false)] {
        let mut run = Run::enrol(sleepless());
        let form = Form::new("isi", vec![("isi-total", AnswerValue::Integer(value))]);
        let answered = run.try_answer(Role::Patient, form.code, form.given());
        let noted = answered.is_ok_and(|said| said.iter().any(|one| matches!(one, Directive::ProposeNote(_))));
        assert_eq!(noted, counts, "{value}");
    }
}

#[test]
fn an_institution_sets_the_rhythm_of_sessions() {
    let host = Host::of::<MentalHealth>().setting("session-days", 14_i64);
    let mut run = Run::enrol_on(host, Patient::aged(30).days_ago(9).diagnosed(Coding::icd10("F41.1")));
    run.fulfil("shared-plan", vec![]);
    assert_eq!(run.task("session").map(|task| (task.due - START) / DAY), Some(14));
    assert!(run.step(Event::Other(Vec::new())).is_empty());
}
