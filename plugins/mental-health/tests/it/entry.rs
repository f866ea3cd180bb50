//! Who may enter, and what the definition says.

use mental_health::MentalHealth;
use xinglin_sdk::{
    clinical::{ConditionStatus, OmissionReason, Section},
    follow_up::{
        AnswerKind, DataNeed, Definition, Departure, Eligibility, Error, Event, FollowUp, Reason, State,
        migration::Migration as _,
    },
    testing::{Host, Patient, START, assert_follow_up_needs_declared, data_needs},
    types::{Coding, LocalizedText},
};

use crate::{adult, minor, sleepless};

fn definition() -> Definition {
    Host::of::<MentalHealth>().call(MentalHealth::describe)
}

fn screen(patient: &Patient) -> Result<String, Error> {
    let mut host = Host::of::<MentalHealth>();
    let snapshot = patient.snapshot_for(&data_needs::<MentalHealth>(), START);
    let codes = |reasons: Vec<Reason>| reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(" ");
    Ok(match host.call(|| MentalHealth::screen(snapshot, START))? {
        Eligibility::Eligible => "eligible".to_owned(),
        Eligibility::Ineligible(reasons) => format!("ineligible: {}", codes(reasons)),
        Eligibility::ReferOffline(reasons) => format!("offline: {}", codes(reasons)),
    })
}

#[test]
fn who_may_enter() {
    let of = |years| Patient::aged(years).diagnosed(Coding::icd10("F33.1"));
    for (patient, expected) in [
        (adult(), "eligible"),
        (sleepless(), "eligible"),
        (minor(), "eligible"),
        (of(11), "offline: TOO_YOUNG"),
        (of(12), "eligible"),
        (of(13), "eligible"),
        (Patient::aged(40).diagnosed(Coding::snomed("197480006")), "eligible"),
        (Patient::aged(40).diagnosed(Coding::icd10("E11.9")), "ineligible: NO_DIAGNOSIS"),
        (
            Patient::aged(40).with_condition(Coding::icd10("F32.1"), ConditionStatus::Resolved),
            "ineligible: NO_DIAGNOSIS",
        ),
        (adult().diagnosed(Coding::icd10("F20.0")), "offline: PSYCHOSIS"),
        (adult().diagnosed(Coding::icd10("F31.3")), "offline: BIPOLAR"),
        (adult().with_condition(Coding::icd10("F31.7"), ConditionStatus::Remission), "offline: BIPOLAR"),
        (Patient::aged(40).diagnosed(Coding::icd10("F32.3")), "offline: PSYCHOSIS"),
        (adult().diagnosed(Coding::icd10("X70")), "offline: SUICIDAL_INTENT"),
        (adult().with_condition(Coding::icd10("X70"), ConditionStatus::Resolved), "eligible"),
    ] {
        assert_eq!(screen(&patient).as_deref(), Ok(expected), "{patient:?}");
    }
}

#[test]
fn silence_is_not_absence() {
    let unknown_age = Patient::of_unknown_age().diagnosed(Coding::icd10("F32.1"));
    assert!(matches!(screen(&unknown_age), Err(Error::MissingData(_))));
    let withheld = adult().withheld(Section::Conditions, OmissionReason::Consent);
    assert!(matches!(screen(&withheld), Err(Error::MissingData(_))));
}

#[test]
fn the_manifest_declares_all_that_the_definition_asks_for() {
    assert_follow_up_needs_declared::<MentalHealth>();
    assert!(definition().data_needs.contains(&DataNeed::Conditions));
    let manifest = <MentalHealth as xinglin_sdk::Plugin>::MANIFEST;
    assert!(manifest.contains("\ncompartment = \"mental-health\"\n"), "or it sees nothing");
}

fn both(text: &LocalizedText) {
    let languages: Vec<&str> = text.iter().map(|one| one.language.as_str()).collect();
    assert_eq!(languages, ["zh-CN", "en"], "{text:?}");
    assert!(text.iter().all(|one| !one.text.trim().is_empty()), "{text:?}");
    assert!(text[1].text.is_ascii() || text[1].text.contains(['—', '–']), "{}", text[1].text);
}

#[test]
fn the_definition_speaks_both_languages_and_has_no_licensed_text() {
    let definition = definition();
    both(&definition.title);
    definition.stages.iter().for_each(|stage| both(&stage.title));
    for questionnaire in &definition.questionnaires {
        both(&questionnaire.title);
        assert!(questionnaire.citation.is_some(), "{}", questionnaire.code);
        questionnaire.items.iter().for_each(|item| both(&item.text));
    }
    let items = |code: &str| {
        let found = definition.questionnaires.iter().find(|one| one.code == code);
        found.map(|one| one.items.len()).expect("a questionnaire")
    };
    assert_eq!([items("phq-9"), items("gad-7"), items("asq")], [10, 7, 5]);
    assert_eq!([items("isi"), items("c-ssrs")], [1, 1], "slots");
    let phq9 = definition.questionnaires.iter().find(|one| one.code == "phq-9").expect("the PHQ-9");
    let item_9 = &phq9.items[8];
    assert_eq!(item_9.records_as, Some(Coding::loinc("44260-8")));
    assert!(phq9.items[..9].iter().all(|item| item.required) && !phq9.items[9].required);
    assert!(matches!(&item_9.kind, AnswerKind::Choice(choices) if choices.len() == 4));
}

#[test]
fn a_state_of_a_later_version_is_refused() {
    let snapshot = adult().snapshot(START);
    let state = State { version: 5, data: Vec::new() };
    let mut host = Host::of::<MentalHealth>();
    let leaves = Event::Departed(Departure::Withdrawn);
    let answer = host.call(|| MentalHealth::step(Some(state.clone()), leaves, snapshot, START));
    assert!(matches!(answer, Err(Error::BadState(_))));
    assert!(matches!(MentalHealth::migrate(state, "treatment".to_owned()), Err(Error::BadState(_))));
}
