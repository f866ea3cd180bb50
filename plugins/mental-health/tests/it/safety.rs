//! The suicide branch.

use mental_health::{MentalHealth, numbers::ACUTE_MINUTES};
use xinglin_sdk::{
    clinical::{Observation, ObservationValue},
    follow_up::{AnswerValue, Destination, Directive, Provenance, Role},
    testing::{ContactEnd, Host, START},
    time::{DAY, MINUTE, plus_days},
    types::{Attribute, AttributeValue, Coding, Decimal, Quantity},
};

use crate::{Form, Run, adult, asq, codes, danger, enrolled, give, messages, minor, pass, phq9};

const HOUR: i64 = 60 * MINUTE;
const CONTACT: &str = "SUICIDE_RISK";

fn cssrs(risk: &str) -> Form {
    let value = AnswerValue::Choice(Coding::new("urn:xinglin:mental-health", format!("c-ssrs-{risk}")));
    Form::new("c-ssrs", vec![("c-ssrs-risk", value)])
}

/// Of another system, a minute ago.
fn item_9(run: &Run, value: ObservationValue) -> Observation {
    let mut observation = run.patient.measurement(Coding::loinc("44260-8"), "0", "1");
    observation.value = value;
    observation.effective = Some(run.now() - MINUTE);
    observation
}

fn after(minutes: i64) -> Run {
    let mut run = enrolled();
    run.advance_to(START + minutes * MINUTE);
    run
}

#[test]
fn the_suicide_branch_by_answer() {
    for (form, minutes) in [
        (phq9(9, 0), None),
        (phq9(9, 1), Some(239)),
        (phq9(9, 2), Some(5)),
        (phq9(9, 3), Some(5)),
        (asq([false; 5]), None),
        (asq([true, false, false, false, false]), Some(239)),
        (asq([false, true, false, false, false]), Some(239)),
        (asq([false, false, true, false, false]), Some(239)),
        (asq([false, false, false, true, false]), Some(239)),
        (asq([true, true, false, false, false]), Some(239)),
        (asq([true, false, false, false, true]), Some(5)),
        (cssrs("none"), None),
        (cssrs("low"), Some(239)),
        (cssrs("moderate"), Some(239)),
        (cssrs("high"), Some(5)),
    ] {
        let mut run = enrolled();
        let directives = give(&mut run, form.clone());
        let found = danger(&run);
        assert_eq!(found.map(|(minutes, _)| minutes), minutes, "{form:?}");
        let acute = minutes == Some(5);
        if let Some((_, contact)) = found {
            assert_eq!((contact.owner, contact.inform_kin, contact.locks_visit), (Role::Doctor, acute, acute));
            assert_eq!(contact.helplines, ["12356", "120"]);
            assert_eq!(contact.recontact_hours, if acute { vec![24, 72, 168] } else { vec![] });
            assert_eq!(messages(&directives)[0].template, "emergency-help");
        }
        assert!(!directives.iter().any(|one| matches!(one, Directive::Contact(_))), "the safeguard has: {form:?}");
        assert_eq!(run.is_locked(), acute);
        assert_eq!(run.holds(), if acute { vec!["suicide-risk"] } else { vec![] }, "{form:?}");
        assert_eq!(run.open_requests().contains(&"c-ssrs"), minutes.is_some() && form.code != "c-ssrs", "{form:?}");
        let stage = match minutes {
            Some(5) => "crisis",
            Some(_) => "safety-watch",
            None => "treatment",
        };
        assert_eq!(run.stage(), stage, "{form:?}");
    }
}

#[test]
fn an_acute_answer_reaches_everybody_at_once() {
    let mut run = enrolled();
    let directives = give(&mut run, phq9(12, 3));
    assert_eq!(codes(&directives), ["PHQ9_REVIEW"], "danger is the contact's");
    let text = &messages(&directives)[0];
    for shown in &text.fallback {
        assert!(shown.text.contains("12356") && shown.text.contains("120"), "{}", shown.text);
    }
    assert_eq!(run.referrals()[0].destination, Destination::Emergency);
    let interview = directives.iter().find_map(|one| match one {
        Directive::Ask(question) if question.questionnaire == "c-ssrs" => Some(question.respondent),
        _ => None,
    });
    assert_eq!(interview, Some(Role::Doctor), "staff rate it on the licensed form");
    assert!(run.task("guardian-stay").is_none(), "an adult");

    let mut child = Run::enrol(minor());
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
        let mut run = Run::enrol_on(host, adult());
        let directives = give(&mut run, phq9(12, 2));
        let text = &messages(&directives)[0].fallback;
        assert!(text[0].text.contains(zh) && text[1].text.contains(en), "{settings:?}: {text:?}");
        assert!(!text[0].text.contains('{') && !text[1].text.contains('{'), "{text:?}");
    }
}

#[test]
fn an_institution_may_only_be_faster() {
    for (key, set, item, expected) in [
        ("acute-minutes", 3_i64, 2, 3),
        ("acute-minutes", 6, 2, 5),
        ("acute-minutes", 0, 2, 1),
        ("concern-minutes", 60, 1, 60),
        ("concern-minutes", 240, 1, 239),
        ("concern-minutes", -5, 1, 239),
    ] {
        let host = Host::of::<MentalHealth>().setting(key, set);
        let mut run = Run::enrol_on(host, adult());
        give(&mut run, phq9(12, item));
        assert_eq!(danger(&run).map(|(minutes, _)| minutes), Some(expected), "{key} {set}");
    }
}

#[test]
fn the_same_news_twice_is_one_until_somebody_has_spoken_with_the_patient() {
    let mut run = after(1);
    let observation = item_9(&run, ObservationValue::Coded(vec![Coding::loinc("LA6571-9")]));
    run.observed(observation, Provenance::Device);
    assert_eq!((danger(&run), run.referrals().len()), (None, 1), "the host's own list asks for the contact");
    pass(&mut run);
    let again = give(&mut run, phq9(12, 3));
    assert_eq!((codes(&again), messages(&again).len()), (vec!["PHQ9_REVIEW"], 0));
    assert!(give(&mut run, asq([true, false, false, false, false])).is_empty(), "nothing worse");
    assert_eq!((run.contacts().len(), run.referrals().len()), (1, 1));

    run.end_contact(CONTACT, ContactEnd::Safe);
    pass(&mut run);
    assert!(!messages(&give(&mut run, asq([true, false, false, false, true]))).is_empty(), "it is new to who has");
    assert_eq!(danger(&run).map(|(minutes, _)| minutes), Some(5));

    let mut worse = enrolled();
    give(&mut worse, phq9(9, 1));
    pass(&mut worse);
    give(&mut worse, phq9(9, 2));
    assert_eq!(
        (danger(&worse).map(|(minutes, _)| minutes), worse.holds().len()),
        (Some(5), 1),
        "worse is never held back"
    );
}

#[test]
fn contact_again_after_24_and_72_hours_and_7_days() {
    let mut run = enrolled();
    give(&mut run, phq9(12, 2));
    run.advance_to(START + HOUR);
    run.end_contact(CONTACT, ContactEnd::HandedOver);
    let spoken = run.now();
    let asq_asked = |run: &Run| {
        run.journal()
            .iter()
            .filter(|(at, one)| *at > spoken && crate::asked(std::slice::from_ref(one)) == ["asq"])
            .count()
    };
    for (count, hours) in [(1, 24), (2, 72), (3, 168)] {
        run.advance_to(spoken + hours * HOUR - 1);
        assert_eq!((run.contacts().len(), asq_asked(&run)), (0, count - 1), "{hours}");
        run.advance_to(spoken + hours * HOUR);
        assert_eq!((run.contacts()[0].code.as_str(), asq_asked(&run)), ("SUICIDE_RISK_RECONTACT", count), "{hours}");
        run.end_contact("SUICIDE_RISK_RECONTACT", ContactEnd::Safe);
        give(&mut run, asq([false; 5]));
    }
    assert_eq!(run.stage(), "crisis", "until a doctor lifts the hold");
    run.release("suicide-risk");
    assert_eq!(run.stage(), "treatment");
    run.advance(60);
    assert!(run.contacts().is_empty());
}

#[test]
fn what_is_to_be_asked_again_is_not_ticked_away() {
    let mut run = enrolled();
    give(&mut run, phq9(12, 2));
    run.release("suicide-risk");
    assert_eq!(run.stage(), "safety-watch");
    run.end_contact(CONTACT, ContactEnd::Safe);
    assert_eq!(run.stage(), "safety-watch", "for a week");
    run.complete("asq-24h");
    run.decline("asq-72h");
    assert_eq!(run.task("asq-24h").map(|task| task.due), Some(plus_days(START, 1)));
    assert_eq!(run.task("asq-72h").map(|task| task.due), Some(plus_days(START, 3)));
    run.advance(7);
    assert_eq!(run.stage(), "treatment");

    let mut mistaken = enrolled();
    give(&mut mistaken, asq([true, false, false, false, true]));
    mistaken.end_contact(CONTACT, ContactEnd::Mistaken);
    assert!(!mistaken.open_requests().contains(&"c-ssrs") && mistaken.task("asq-24h").is_none());
    assert_eq!(mistaken.stage(), "crisis", "a doctor lifts the hold");
}

#[test]
fn a_referral_that_is_not_attended_is_reported() {
    for (minutes, reported) in [(-1, false), (0, true), (1, true)] {
        let mut run = enrolled();
        give(&mut run, phq9(12, 2));
        run.advance_to(plus_days(START, 1) + minutes * MINUTE);
        assert_eq!(run.alert("REFERRAL_LAPSED").map(|alert| alert.sla_minutes), reported.then_some(60), "{minutes}");
        let mut run = enrolled();
        let no = || AnswerValue::Boolean(false);
        give(&mut run, Form::new("check-in", vec![("psychosis", AnswerValue::Boolean(true)), ("mania", no())]));
        run.advance_to(plus_days(START, 14) + minutes * MINUTE);
        assert_eq!(run.alerts().contains(&"REFERRAL_LAPSED"), reported, "{minutes}");
    }
    let mut run = enrolled();
    give(&mut run, phq9(12, 2));
    run.fulfil("emergency", vec![]);
    run.advance(20);
    assert!(!run.alerts().contains(&"REFERRAL_LAPSED"), "attended");
}

#[test]
fn only_a_doctor_lets_online_care_go_on() {
    let mut run = enrolled();
    for form in [phq9(12, 2), phq9(0, 0), asq([false; 5]), cssrs("none")] {
        give(&mut run, form);
        pass(&mut run);
    }
    assert_eq!((run.holds(), run.stage()), (vec!["suicide-risk"], "crisis"), "a good answer releases nothing");
}

#[test]
fn item_9_of_any_system_is_judged() {
    let score = |value: &str, unit: &str| {
        ObservationValue::Quantity(Quantity::new(value.parse::<Decimal>().expect("a decimal"), unit))
    };
    let (clear, concern, acute) = ((false, 0), (true, 0), (true, 1));
    for (value, told_and_held) in [
        (ObservationValue::Integer(0), clear),
        (ObservationValue::Integer(1), concern),
        (ObservationValue::Integer(2), acute),
        // What cannot be read is treated as a risk.
        (ObservationValue::Integer(4), concern),
        (ObservationValue::Integer(-1), concern),
        (score("3.0", "{score}"), acute),
        (score("1.5", "{score}"), concern),
        (score("1", "mg"), concern),
        (ObservationValue::Coded(vec![Coding::loinc("LA6569-3")]), concern),
        (ObservationValue::Coded(vec![Coding::loinc("LA6568-5")]), clear),
        (ObservationValue::Coded(vec![Coding::snomed("373066001")]), concern),
        (ObservationValue::Boolean(true), concern),
        (ObservationValue::Text("often".to_owned()), concern),
        (ObservationValue::Absent, concern),
    ] {
        let mut run = after(1);
        let observation = item_9(&run, value.clone());
        let directives = run.observed(observation, Provenance::Clinician);
        assert_eq!((!messages(&directives).is_empty(), run.holds().len()), told_and_held, "{value:?}");
        // The host's own list has asked for it.
        assert!(!directives.iter().any(|one| matches!(one, Directive::Contact(_))), "{value:?}");
    }
    // In a panel, of the future, and of an unknown time.
    let mut run = enrolled();
    let panel = run.patient.panel(Coding::loinc("44249-1"), &[(Coding::loinc("44260-8"), "2", "{score}")]);
    run.observed(panel, Provenance::Clinician);
    assert_eq!(run.holds().len(), acute.1);
    let mut run = enrolled();
    let mut later = item_9(&run, ObservationValue::Integer(3));
    later.effective = Some(run.now() + 1);
    let told = run.observed(later, Provenance::Clinician);
    assert_eq!((!messages(&told).is_empty(), run.holds().len()), concern);
    let mut run = enrolled();
    let mut undated = item_9(&run, ObservationValue::Integer(3));
    undated.effective = None;
    undated.attributes.push(Attribute { key: "xinglin.later".to_owned(), value: AttributeValue::Boolean(true) });
    run.observed(undated, Provenance::Clinician);
    assert_eq!(run.holds().len(), acute.1);
}

#[test]
fn self_harm_on_record_is_as_acute_as_an_acute_answer() {
    for code in [Coding::icd10("X78.1"), Coding::icd10("R45.81"), Coding::snomed("6471006")] {
        let mut run = enrolled();
        run.patient = run.patient.clone().diagnosed(code.clone());
        assert!(danger(&run).is_none(), "nobody has heard of it");
        run.advance_to(run.now() + 3 * DAY);
        let (minutes, contact) = danger(&run).expect("somebody speaks with the patient");
        assert_eq!(
            (i64::from(minutes), contact.locks_visit, contact.inform_kin),
            (ACUTE_MINUTES.value, true, true),
            "{code:?}"
        );
        assert_eq!((run.holds(), run.stage()), (vec!["suicide-risk"], "crisis"));
        let referral = run.referrals()[0];
        assert_eq!((referral.code.as_str(), &referral.destination), ("emergency", &Destination::Emergency));
        // Once: somebody has spoken with the patient, and a doctor has released it.
        run.end_contact("SUICIDE_RISK", ContactEnd::Safe);
        run.fulfil("emergency", vec![]);
        run.release("suicide-risk");
        run.advance(20);
        assert!(run.holds().is_empty() && run.referrals().len() == 1, "{code:?}");
    }
}

#[test]
fn signs_and_diagnoses_of_psychosis_and_mania_stop_online_care() {
    let signs = |psychosis: bool, mania: bool| {
        let yes = AnswerValue::Boolean;
        Form::new("check-in", vec![("psychosis", yes(psychosis)), ("mania", yes(mania))])
    };
    for (form, alert, hold) in [
        (signs(false, false), None, None),
        (signs(true, false), Some("PSYCHOSIS_SIGNS"), Some("psychosis")),
        (signs(false, true), Some("MANIA_SIGNS"), Some("mania")),
    ] {
        let mut run = enrolled();
        let directives = give(&mut run, form.clone());
        assert_eq!(codes(&directives), alert.into_iter().collect::<Vec<_>>());
        assert_eq!(directives.iter().any(|one| matches!(one, Directive::StopVisit(_))), hold.is_some());
        assert_eq!(run.holds(), hold.into_iter().collect::<Vec<_>>(), "{form:?}");
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
        run.advance_to(run.now() + 3 * DAY);
        assert_eq!(run.holds(), [hold], "by the record, at the next event");
        run.release(hold);
        run.advance(20);
        assert!(run.holds().is_empty(), "once");
    }
}
