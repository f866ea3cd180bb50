//! The suicide branch.

use mental_health::MentalHealth;
use xinglin_sdk::{
    clinical::{Observation, ObservationValue},
    pathway::{Answer, AnswerValue, Destination, Event, Response, Role, Severity},
    testing::{Host, PathwayRun},
    time::{DAY, MINUTE, plus_days, plus_minutes},
    types::{Attribute, AttributeValue, Coding, Decimal, Quantity},
};

use crate::{Run, adult, alerts, asq, codes, enrolled, give, messages, minor, phq9};

const HOUR: i64 = 60 * MINUTE;

fn cssrs(risk: &str) -> Response {
    let value = AnswerValue::Choice(Coding::new("urn:xinglin:mental-health", format!("c-ssrs-{risk}")));
    Response { questionnaire: "c-ssrs".to_owned(), answers: vec![Answer { link_id: "c-ssrs-risk".to_owned(), value }] }
}

fn item_9(run: &Run, value: ObservationValue) -> Observation {
    let mut observation = run.patient.measurement(Coding::loinc("44260-8"), "0", "1");
    observation.value = value;
    observation
}

const CONCERN: (&str, Severity, u32) = ("SUICIDE_RISK", Severity::Warning, 239);
const ACUTE: (&str, Severity, u32) = ("SUICIDE_RISK_ACUTE", Severity::Critical, 5);

#[test]
fn the_suicide_branch_by_answer() {
    for (response, expected) in [
        (phq9(9, 0), None),
        (phq9(9, 1), Some(CONCERN)),
        (phq9(9, 2), Some(ACUTE)),
        (phq9(9, 3), Some(ACUTE)),
        (asq([false; 5]), None),
        (asq([true, false, false, false, false]), Some(CONCERN)),
        (asq([false, true, false, false, false]), Some(CONCERN)),
        (asq([false, false, true, false, false]), Some(CONCERN)),
        (asq([false, false, false, true, false]), Some(CONCERN)),
        (asq([true, true, false, false, false]), Some(CONCERN)),
        (asq([true, false, false, false, true]), Some(ACUTE)),
        (asq([false, false, false, false, true]), Some(ACUTE)),
        (cssrs("none"), None),
        (cssrs("low"), Some(CONCERN)),
        (cssrs("moderate"), Some(CONCERN)),
        (cssrs("high"), Some(ACUTE)),
    ] {
        let mut run = enrolled();
        let directives = give(&mut run, response.clone());
        let found: Vec<_> = alerts(&directives)
            .into_iter()
            .filter(|alert| alert.code.starts_with("SUICIDE"))
            .map(|alert| (alert.code.as_str(), alert.severity, alert.sla_minutes))
            .collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{response:?}");
        assert!(alerts(&directives).iter().all(|alert| alert.owner == Role::Doctor), "{response:?}");
        let acute = expected == Some(ACUTE);
        assert_eq!(run.holds(), if acute { vec!["suicide-risk"] } else { vec![] }, "{response:?}");
        assert_eq!(run.task("recontact-24h").is_some(), acute, "{response:?}");
        assert_eq!(run.task("safety-assessment").is_some(), expected.is_some(), "{response:?}");
        let stage = if acute {
            "crisis"
        } else if expected.is_some() {
            "safety-watch"
        } else {
            "treatment"
        };
        assert_eq!(run.stage(), stage, "{response:?}");
    }
}

#[test]
fn an_acute_answer_reaches_everybody_at_once() {
    let mut run = enrolled();
    let directives = give(&mut run, phq9(12, 3));
    assert_eq!(codes(&directives), ["SUICIDE_RISK_ACUTE", "PHQ9_REVIEW"], "the alert is first");
    let text = &messages(&directives)[0];
    assert_eq!(text.template, "emergency-help");
    for shown in &text.fallback {
        assert!(shown.text.contains("12356") && shown.text.contains("120"), "{}", shown.text);
    }
    assert_eq!(run.referrals()[0].destination, Destination::Emergency);
    let kin = run.task("contact-kin").expect("a task");
    assert_eq!((kin.owner, kin.due), (Role::Nurse, run.now()));
    assert!(run.task("guardian-stay").is_none(), "an adult");

    let mut child: Run = PathwayRun::enrol(minor());
    give(&mut child, asq([true, false, false, false, true]));
    assert_eq!(child.task("guardian-stay").map(|task| task.owner), Some(Role::Guardian), "before any consent");
    assert_eq!(child.stage(), "crisis");
}

#[test]
fn the_emergency_text_is_the_institutions_and_never_empty() {
    for (settings, zh, en) in [
        (vec![], "120", "12356"),
        (vec![("emergency-text-zh", "   "), ("emergency-text-en", "")], "您现在的安全最重要", "Your safety"),
        (vec![("emergency-text-zh", "请打{ambulance}")], "请打120 12356", "12356"),
        (vec![("emergency-text-zh", "请打12000")], "请打12000 120、12356", "12356"),
        (
            vec![("helpline", "021-962525"), ("emergency-text-en", "Call {helpline} or {ambulance}.")],
            "021-962525",
            "Call 021-962525 or 120.",
        ),
        (vec![("helpline", " "), ("ambulance", "")], "12356", "120"),
    ] {
        let mut host = Host::of::<MentalHealth>();
        for (key, value) in &settings {
            host = host.setting(key, *value);
        }
        let mut run: Run = PathwayRun::enrol_on(host, adult());
        let directives = give(&mut run, phq9(12, 2));
        let text = &messages(&directives)[0].fallback;
        assert!(text[0].text.contains(zh) && text[1].text.contains(en), "{settings:?}: {text:?}");
        assert!(!text[0].text.contains('{') && !text[1].text.contains('{'), "{text:?}");
    }
}

#[test]
fn an_institution_may_only_be_faster() {
    for (key, set, code, expected) in [
        ("acute-minutes", 3_i64, "SUICIDE_RISK_ACUTE", 3),
        ("acute-minutes", 6, "SUICIDE_RISK_ACUTE", 5),
        ("acute-minutes", 0, "SUICIDE_RISK_ACUTE", 1),
        ("concern-minutes", 60, "SUICIDE_RISK", 60),
        ("concern-minutes", 240, "SUICIDE_RISK", 239),
        ("concern-minutes", -5, "SUICIDE_RISK", 239),
    ] {
        let host = Host::of::<MentalHealth>().setting(key, set);
        let mut run: Run = PathwayRun::enrol_on(host, adult());
        give(&mut run, phq9(12, if code.ends_with("ACUTE") { 2 } else { 1 }));
        assert_eq!(run.alert(code).map(|alert| alert.sla_minutes), Some(expected), "{key} {set}");
    }
}

#[test]
fn the_same_news_twice_is_one_until_somebody_takes_it_up() {
    let mut run = enrolled();
    let observation = item_9(&run, ObservationValue::Coded(vec![Coding::loinc("LA6571-9")]));
    assert_eq!(codes(&run.step(Event::Observed(observation))), ["SUICIDE_RISK_ACUTE"]);
    let again = give(&mut run, phq9(12, 3));
    assert_eq!(codes(&again), ["PHQ9_REVIEW"], "the host records item 9, and then tells of the answers");
    assert!(messages(&again).is_empty());
    assert!(codes(&give(&mut run, asq([true, false, false, false, false]))).is_empty(), "nothing worse");

    run.step(Event::AlertAcknowledged("SUICIDE_RISK_ACUTE".to_owned()));
    assert_eq!(codes(&give(&mut run, asq([true; 5]))), ["SUICIDE_RISK_ACUTE"], "news to who took it up");
    run.advance_to(plus_minutes(run.now(), 4));
    assert!(codes(&give(&mut run, asq([true; 5]))).is_empty());
    run.advance_to(plus_minutes(run.now(), 1));
    assert_eq!(codes(&give(&mut run, asq([true; 5]))), ["SUICIDE_RISK_ACUTE"], "nobody did within five minutes");

    let mut worse = enrolled();
    give(&mut worse, phq9(9, 1));
    assert_eq!(codes(&give(&mut worse, phq9(9, 2))), ["SUICIDE_RISK_ACUTE"], "worse is never held back");
}

#[test]
fn contact_again_after_24_and_72_hours_and_7_days() {
    let mut run = enrolled();
    let start = run.now();
    give(&mut run, phq9(12, 2));
    for (task, hours) in [("recontact-24h", 24), ("recontact-72h", 72), ("recontact-168h", 168)] {
        let found = run.task(task).expect("a task");
        assert_eq!((found.owner, found.due - start), (Role::Doctor, hours * HOUR), "{task}");
        let before = run.alerts().iter().filter(|code| **code == "RECONTACT_DUE").count();
        run.advance_to(start + hours * HOUR - 1);
        assert_eq!(run.alerts().iter().filter(|code| **code == "RECONTACT_DUE").count(), before, "{task}");
        run.advance_to(start + hours * HOUR);
        assert_eq!(run.alerts().iter().filter(|code| **code == "RECONTACT_DUE").count(), before + 1, "{task}");
        run.complete(task);
    }
    assert!(!run.alerts().contains(&"RECONTACT_MISSED"));
    assert_eq!(run.stage(), "crisis", "until a doctor lifts the hold");
    run.release("suicide-risk");
    assert_eq!(run.stage(), "safety-watch", "and safety was assessed");
    run.complete("safety-assessment");
    assert_eq!(run.stage(), "treatment");
}

#[test]
fn a_recontact_is_not_ticked_away() {
    for (early, stays) in [(13 * HOUR, true), (12 * HOUR + 1, true), (12 * HOUR, false), (11 * HOUR, false)] {
        let mut run = enrolled();
        let due = plus_days(run.now(), 1);
        give(&mut run, phq9(12, 2));
        run.advance_to(due - early);
        run.complete("recontact-24h");
        assert_eq!(run.task("recontact-24h").map(|task| task.due), stays.then_some(due), "{early}");
    }
}

#[test]
fn who_is_not_reached_is_not_forgotten() {
    let mut run = enrolled();
    give(&mut run, phq9(12, 2));
    run.advance_to(plus_minutes(run.now(), 239));
    assert_eq!(run.alert("SAFETY_ASSESSMENT_OVERDUE").map(|alert| alert.severity), Some(Severity::Critical));
    run.advance(5);
    let missed = |run: &Run, code: &str| run.alerts().iter().filter(|alert| **alert == code).count();
    assert!(missed(&run, "RECONTACT_MISSED") >= 2, "{:?}", run.alerts());
    assert!(missed(&run, "SAFETY_ASSESSMENT_OVERDUE") >= 3 && missed(&run, "KIN_NOT_REACHED") >= 2);
    for task in ["recontact-24h", "recontact-72h", "contact-kin", "safety-assessment"] {
        assert!(run.task(task).is_some(), "{task} stays until it is done");
    }
    run.complete("safety-assessment");
    let before = missed(&run, "SAFETY_ASSESSMENT_OVERDUE");
    run.advance(3);
    assert_eq!(missed(&run, "SAFETY_ASSESSMENT_OVERDUE"), before);
}

#[test]
fn only_a_doctor_lets_online_care_go_on() {
    let mut run = enrolled();
    give(&mut run, phq9(12, 2));
    give(&mut run, phq9(0, 0));
    give(&mut run, asq([false; 5]));
    give(&mut run, cssrs("none"));
    assert_eq!((run.holds(), run.stage()), (vec!["suicide-risk"], "crisis"), "a good answer releases nothing");
}

#[test]
fn what_cannot_be_read_about_safety_is_an_alert() {
    let choice = |code: Coding| Some(AnswerValue::Choice(code));
    for value in [
        None,
        Some(AnswerValue::Integer(3)),
        Some(AnswerValue::Boolean(true)),
        Some(AnswerValue::Text("每天".to_owned())),
        Some(AnswerValue::Quantity(Quantity::new(Decimal::whole(2), "{score}"))),
        choice(Coding::loinc("LA6575-0")),
        choice(Coding::snomed("LA6571-9")),
    ] {
        let mut run = enrolled();
        let mut response = phq9(4, 0);
        response.answers.retain(|answer| answer.link_id != "phq-9");
        response.answers.extend(value.clone().map(|value| Answer { link_id: "phq-9".to_owned(), value }));
        let directives = give(&mut run, response);
        assert_eq!(codes(&directives), ["SAFETY_ITEM_UNREADABLE", "ANSWERS_UNREADABLE"], "{value:?}");
        assert_eq!(alerts(&directives)[0].sla_minutes, 239);
        assert!(run.task("safety-assessment").is_some() && run.holds().is_empty(), "{value:?}");
        assert!(crate::asked(&directives).contains(&"phq-9"), "asked again");
    }
    // Twice: the worse counts, and nobody knows which is meant.
    let mut run = enrolled();
    let mut response = phq9(4, 0);
    response.answers.push(Answer { link_id: "phq-9".to_owned(), value: crate::often(3) });
    let found = give(&mut run, response);
    assert_eq!(codes(&found)[..2], ["SUICIDE_RISK_ACUTE", "SAFETY_ITEM_UNREADABLE"]);

    for (missing, yes, expected) in [
        ("asq-2", false, vec!["SAFETY_ITEM_UNREADABLE"]),
        ("asq-2", true, vec!["SUICIDE_RISK", "SAFETY_ITEM_UNREADABLE"]),
        ("asq-5", false, vec![]),
        ("asq-5", true, vec!["SUICIDE_RISK", "SAFETY_ITEM_UNREADABLE"]),
    ] {
        let mut run = enrolled();
        let mut response = asq([yes, false, false, false, false]);
        response.answers.retain(|answer| answer.link_id != missing);
        assert_eq!(codes(&give(&mut run, response)), expected, "{missing} {yes}");
    }
    let mut run = enrolled();
    assert_eq!(codes(&give(&mut run, cssrs("extreme"))), ["SAFETY_ITEM_UNREADABLE"]);
}

#[test]
fn item_9_of_any_system_is_judged() {
    let score = |value: &str, unit: &str| {
        ObservationValue::Quantity(Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit))
    };
    for (value, expected) in [
        (ObservationValue::Integer(0), None),
        (ObservationValue::Integer(1), Some("SUICIDE_RISK")),
        (ObservationValue::Integer(2), Some("SUICIDE_RISK_ACUTE")),
        (ObservationValue::Integer(4), Some("SAFETY_ITEM_UNREADABLE")),
        (ObservationValue::Integer(-1), Some("SAFETY_ITEM_UNREADABLE")),
        (score("3.0", "{score}"), Some("SUICIDE_RISK_ACUTE")),
        (score("1.5", "{score}"), Some("SAFETY_ITEM_UNREADABLE")),
        (score("1", "mg"), Some("SAFETY_ITEM_UNREADABLE")),
        (ObservationValue::Coded(vec![Coding::loinc("LA6569-3")]), Some("SUICIDE_RISK")),
        (ObservationValue::Coded(vec![Coding::loinc("LA6568-5")]), None),
        (ObservationValue::Coded(vec![Coding::snomed("373066001")]), Some("SAFETY_ITEM_UNREADABLE")),
        (ObservationValue::Boolean(true), Some("SAFETY_ITEM_UNREADABLE")),
        (ObservationValue::Text("often".to_owned()), Some("SAFETY_ITEM_UNREADABLE")),
        (ObservationValue::Absent, Some("SAFETY_ITEM_UNREADABLE")),
    ] {
        let mut run = enrolled();
        let observation = item_9(&run, value.clone());
        let directives = run.step(Event::Observed(observation));
        assert_eq!(codes(&directives), expected.into_iter().collect::<Vec<_>>(), "{value:?}");
    }
    // In a panel, of the future, and of an unknown time.
    let mut run = enrolled();
    let panel = run.patient.panel(Coding::loinc("44249-1"), &[(Coding::loinc("44260-8"), "2", "{score}")]);
    assert_eq!(codes(&run.step(Event::Observed(panel))), ["SUICIDE_RISK_ACUTE"]);
    let mut run = enrolled();
    let mut later = item_9(&run, ObservationValue::Integer(3));
    later.effective = Some(run.now() + 1);
    assert_eq!(codes(&run.step(Event::Observed(later))), ["SAFETY_ITEM_UNREADABLE"]);
    let mut run = enrolled();
    let mut undated = item_9(&run, ObservationValue::Integer(3));
    undated.effective = None;
    undated.attributes.push(Attribute { key: "xinglin.later".to_owned(), value: AttributeValue::Boolean(true) });
    assert_eq!(codes(&run.step(Event::Observed(undated))), ["SUICIDE_RISK_ACUTE"]);
}

#[test]
fn signs_and_diagnoses_of_psychosis_and_mania_stop_online_care() {
    let signs = |psychosis: AnswerValue, mania: AnswerValue| Response {
        questionnaire: "check-in".to_owned(),
        answers: vec![
            Answer { link_id: "psychosis".to_owned(), value: psychosis },
            Answer { link_id: "mania".to_owned(), value: mania },
        ],
    };
    let yes = AnswerValue::Boolean;
    for (response, alert, hold) in [
        (signs(yes(false), yes(false)), None, None),
        (signs(yes(true), yes(false)), Some("PSYCHOSIS_SIGNS"), Some("psychosis")),
        (signs(yes(false), yes(true)), Some("MANIA_SIGNS"), Some("mania")),
        (signs(AnswerValue::Integer(1), yes(false)), Some("SAFETY_ITEM_UNREADABLE"), None),
    ] {
        let mut run = enrolled();
        assert_eq!(codes(&give(&mut run, response.clone())), alert.into_iter().collect::<Vec<_>>());
        assert_eq!(run.holds(), hold.into_iter().collect::<Vec<_>>(), "{response:?}");
        assert_eq!(run.referrals().len(), usize::from(hold.is_some()));
        if let Some(hold) = hold {
            assert_eq!(run.stage(), "offline");
            run.release(hold);
            assert_eq!(run.stage(), "treatment");
        }
    }
    for (code, hold) in [("F20.0", "psychosis"), ("F31.1", "mania")] {
        let mut run = enrolled();
        run.patient = run.patient.clone().diagnosed(Coding::icd10(code));
        run.advance_to(run.now() + DAY);
        assert_eq!(run.holds(), [hold], "by the record, at the next event");
        run.release(hold);
        run.advance(20);
        assert!(run.holds().is_empty(), "once");
    }
}
