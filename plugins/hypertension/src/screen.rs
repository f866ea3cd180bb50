//! Eligibility for enrolment.

use xinglin_sdk::{
    clinical::{Section, Snapshot},
    follow_up::{Eligibility, Error, Reason},
    types::{LocalizedText, system, zh_en},
};

use crate::{numbers::ADULT, sources::Source};

/// Whether the patient may be enrolled.
pub fn screen(snapshot: &Snapshot) -> Result<Eligibility, Error> {
    let Some(age) = snapshot.age_years() else {
        return Err(Error::MissingData(zh_en("缺少出生日期。", "The birth date is not known.")));
    };
    if !snapshot.is_complete_but_for_compartments(Section::Conditions) {
        return Err(Error::MissingData(zh_en(
            "看不到完整的诊断,无法判断能否入组。",
            "Not all diagnoses are visible, so nobody can say whether the patient may enter.",
        )));
    }
    let has = |prefix: &str| {
        snapshot
            .active_conditions()
            .any(|condition| condition.code.iter().any(|code| code.under(system::ICD10, prefix)))
    };
    if !has("I10") {
        return Ok(Eligibility::Ineligible(vec![reason(
            "NO_DIAGNOSIS",
            zh_en("没有线下确诊的原发性高血压。", "No essential hypertension diagnosed in a consulting room."),
            Source::InternetCare,
        )]));
    }
    let mut offline = Vec::new();
    if i64::from(age) < ADULT.value {
        let message = zh_en("未满18周岁,需线下诊治。", "Under 18 years of age: face-to-face care.");
        offline.push(reason("MINOR", message, ADULT.source));
    }
    if has("I15") {
        let message = zh_en("继发性高血压,需线下诊治。", "Secondary hypertension: face-to-face care.");
        offline.push(reason("SECONDARY", message, Source::Guideline));
    }
    if has("O") {
        let message =
            zh_en("妊娠期或产褥期,需线下产科诊治。", "Pregnancy or childbed: face-to-face care by an obstetrician.");
        offline.push(reason("PREGNANCY", message, Source::PrimaryCare));
    }
    Ok(if offline.is_empty() { Eligibility::Eligible } else { Eligibility::ReferOffline(offline) })
}

fn reason(code: &str, message: LocalizedText, source: Source) -> Reason {
    Reason { code: code.to_owned(), message, citation: source.citation() }
}
