//! Who may enter, and who leaves.

use diabetes::{
    Diabetes,
    numbers::{ADULT, DIAGNOSIS_DAYS, KETOACIDOSIS_DAYS, URGENT_DAYS},
};
use xinglin_sdk::{
    clinical::{ConditionStatus, OmissionReason, Section},
    follow_up::{Departure, Directive, Eligibility, Error, Event, FollowUp as _, Reason, Role, Severity},
    testing::{Ended, Host, Patient, START, assert_follow_up_needs_declared, data_needs},
    types::{Coding, LocalizedText},
};

use crate::{Run, day, enrolled, meter, patient, referred, report};

fn screen(patient: &Patient) -> Result<String, Error> {
    let snapshot = patient.snapshot_for(&data_needs::<Diabetes>(), START);
    let codes = |reasons: Vec<Reason>| reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(" ");
    Ok(match Host::of::<Diabetes>().call(|| Diabetes::screen(snapshot, START))? {
        Eligibility::Eligible => "eligible".to_owned(),
        Eligibility::Ineligible(reasons) => format!("ineligible: {}", codes(reasons)),
        Eligibility::ReferOffline(reasons) => format!("offline: {}", codes(reasons)),
    })
}

#[test]
fn who_may_enter() {
    let adult = || Patient::aged(58).days_ago(30);
    let aged = |years: i64| Patient::aged(u32::try_from(years).expect("an age")).diagnosed(Coding::icd10("E11.9"));
    let snomed = Coding::snomed("44054006");
    let ketoacidosis =
        |days| patient().days_ago(days).with_condition(Coding::icd10("E11.1"), ConditionStatus::Resolved);
    let recent = KETOACIDOSIS_DAYS.value;
    for (patient, expected) in [
        (aged(ADULT.value - 1), "ineligible: UNDER_AGE"),
        (aged(ADULT.value), "eligible"),
        (aged(ADULT.value + 1), "eligible"),
        (patient(), "eligible"),
        (adult().diagnosed(snomed.clone()), "eligible"),
        (adult().with_condition(snomed.clone(), ConditionStatus::Remission), "eligible"),
        (adult().with_condition(snomed, ConditionStatus::Resolved), "ineligible: NO_DIAGNOSIS"),
        (adult(), "ineligible: NO_DIAGNOSIS"),
        (adult().diagnosed(Coding::snomed("714628002")), "ineligible: NO_DIAGNOSIS"),
        (patient().diagnosed(Coding::snomed("72892002")), "offline: PREGNANCY"),
        (patient().diagnosed(Coding::icd10("O24.4")), "offline: PREGNANCY"),
        (patient().diagnosed(Coding::icd10("E10.9")), "offline: SUSPECTED_TYPE_1"),
        (ketoacidosis(recent - 1), "offline: RECENT_KETOACIDOSIS"),
        (ketoacidosis(recent), "offline: RECENT_KETOACIDOSIS"),
        (ketoacidosis(recent + 1), "eligible"),
    ] {
        assert_eq!(screen(&patient).as_deref(), Ok(expected), "{patient:?}");
    }
}

#[test]
fn a_diagnosis_that_is_made_later_stops_online_care() {
    for (code, alert, days) in [
        (Coding::icd10("O24.4"), "PREGNANCY", DIAGNOSIS_DAYS),
        (Coding::icd10("E10.9"), "SUSPECTED_TYPE_1", DIAGNOSIS_DAYS),
        (Coding::icd10("E11.1"), "RECENT_KETOACIDOSIS", URGENT_DAYS),
    ] {
        let mut run = enrolled();
        run.advance(9);
        assert!(run.holds().is_empty());
        run.patient = run.patient.clone().diagnosed(code);
        let directives = meter(&mut run, "6.1");
        assert_eq!(run.alerts(), [alert]);
        let raised = run.alert(alert).expect("an alert");
        assert_eq!((raised.owner, raised.severity), (Role::Doctor, Severity::Critical));
        assert_eq!((run.holds(), run.stage()), (vec!["diagnosis"], "offline"), "{alert}");
        assert_eq!(referred(&run, &directives), [("diagnosis".to_owned(), days.value)], "{alert}");
        // Nobody went: soon.
        run.advance(days.value);
        assert_eq!(run.request_ends("diagnosis").map(day), Some(9 + days.value + URGENT_DAYS.value));
        // A doctor has decided: it is known.
        run.fulfil("diagnosis", vec![]);
        run.release("diagnosis");
        meter(&mut run, "6.1");
        run.advance(30);
        assert_eq!((run.alerts().iter().filter(|one| **one == alert).count(), run.holds().len()), (1, 0), "{alert}");
    }
    // One code, two reasons: the nearer deadline.
    let mut run = enrolled();
    run.patient = run.patient.clone().diagnosed(Coding::icd10("E10.1"));
    let directives = meter(&mut run, "6.1");
    assert_eq!(referred(&run, &directives), [("diagnosis".to_owned(), URGENT_DAYS.value)]);
    // Another one is news.
    let mut run = enrolled();
    run.patient = run.patient.clone().diagnosed(Coding::icd10("O24.4"));
    meter(&mut run, "6.1");
    run.patient = run.patient.clone().diagnosed(Coding::icd10("E10.1"));
    let directives = meter(&mut run, "6.2");
    assert_eq!(run.alerts(), ["PREGNANCY", "SUSPECTED_TYPE_1", "RECENT_KETOACIDOSIS"]);
    assert_eq!(referred(&run, &directives), [("diagnosis".to_owned(), URGENT_DAYS.value)]);
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
    assert_follow_up_needs_declared::<Diabetes>();
}

#[test]
fn the_patient_may_leave() {
    for (how, code) in [(Departure::Withdrawn, "WITHDRAWN"), (Departure::Transferred, "TRANSFERRED")] {
        let mut run = enrolled();
        let directives = run.depart(how);
        assert!(matches!(&directives[..], [Directive::Close(reason)] if reason.code == code), "{directives:?}");
        assert_eq!(run.ended(), Some(&Ended::Departed(how)));
        assert_eq!(run.open_tasks(), Vec::<&str>::new());
    }
}

#[test]
fn what_is_new_to_this_version_is_passed_over() {
    let mut run = enrolled();
    assert!(run.step(Event::Other(Vec::new())).is_empty());
    assert!(run.step(Event::Resumed(START)).is_empty());
    assert!(run.step(Event::AlertAcknowledged("GLUCOSE_CRITICAL_HIGH".to_owned())).is_empty());
    let unknown = xinglin_sdk::follow_up::TaskRef { code: "from-a-later-version".to_owned(), due: START };
    assert!(run.step(Event::TaskDue(unknown)).is_empty());
}

#[test]
fn texts_are_in_both_languages() {
    let both = |text: &LocalizedText| ["zh-CN", "en"].iter().all(|wanted| text.iter().any(|t| t.language == *wanted));
    let definition = Diabetes::describe();
    assert!(both(&definition.title) && definition.stages.iter().all(|stage| both(&stage.title)));
    for questionnaire in &definition.questionnaires {
        assert!(both(&questionnaire.title) && questionnaire.items.iter().all(|item| both(&item.text)));
    }
}

#[test]
fn a_message_names_no_disease_and_no_value() {
    let mut run: Run = enrolled();
    meter(&mut run, "3.2");
    meter(&mut run, "20");
    report(&mut run, "8480-6", "200", "mm[Hg]");
    let answers = vec![
        ("glucose", crate::quantity("6.1", "mmol/L")),
        ("needed-help", xinglin_sdk::follow_up::AnswerValue::Boolean(true)),
    ];
    run.answer("recheck", answers);
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
