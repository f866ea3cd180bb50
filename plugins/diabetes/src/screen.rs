//! Eligibility for enrolment.

use xinglin_sdk::{
    clinical::{Condition, ConditionStatus, Section, Snapshot},
    follow_up::{Eligibility, Error, Reason},
    time::{Instant, plus_days},
    types::{Codings as _, LocalizedText, system, zh_en},
};

use crate::{
    numbers::{ADULT, KETOACIDOSIS_DAYS},
    sources::Source,
};

/// A ketoacidosis, not long ago: the most urgent reason.
pub const KETOACIDOSIS: &str = "RECENT_KETOACIDOSIS";

/// Whether the patient may be enrolled.
pub fn screen(snapshot: &Snapshot, now: Instant) -> Result<Eligibility, Error> {
    let Some(age) = snapshot.age_years() else {
        return Err(Error::MissingData(zh_en("缺少出生日期。", "The birth date is not known.")));
    };
    if !snapshot.is_complete_but_for_compartments(Section::Conditions) {
        return Err(Error::MissingData(zh_en(
            "看不到完整的诊断,无法判断能否入组。",
            "Not all diagnoses are visible, so nobody can say whether the patient may enter.",
        )));
    }
    let has = |test: fn(&Condition) -> bool| snapshot.conditions.iter().any(test);

    let mut ineligible = Vec::new();
    if i64::from(age) < ADULT.value {
        ineligible.push(reason("UNDER_AGE", zh_en("未满18周岁。", "Under 18 years of age."), Source::Guideline));
    }
    if !has(is_type_2) {
        ineligible.push(reason(
            "NO_DIAGNOSIS",
            zh_en("没有线下确诊的2型糖尿病诊断。", "No diagnosis of type 2 diabetes made in a consulting room."),
            Source::InternetCare,
        ));
    }
    if !ineligible.is_empty() {
        return Ok(Eligibility::Ineligible(ineligible));
    }

    let offline: Vec<Reason> =
        offline(snapshot, now).into_iter().map(|(code, message, source)| reason(code, message, source)).collect();
    Ok(if offline.is_empty() { Eligibility::Eligible } else { Eligibility::ReferOffline(offline) })
}

/// Why the patient is to be seen face to face: by codes that stay the same, with the source of each rule.
pub fn offline(snapshot: &Snapshot, now: Instant) -> Vec<(&'static str, LocalizedText, Source)> {
    let has = |test: fn(&Condition) -> bool| snapshot.conditions.iter().any(test);
    let mut offline = Vec::new();
    if has(is_pregnancy) {
        offline.push(("PREGNANCY", zh_en("妊娠,需线下诊治。", "Pregnant: face-to-face care."), Source::Guideline));
    }
    if has(is_type_1) {
        offline.push((
            "SUSPECTED_TYPE_1",
            zh_en(
                "有1型糖尿病诊断,分型需线下明确。",
                "Also diagnosed with type 1: the type must be settled face to face.",
            ),
            Source::Guideline,
        ));
    }
    let since = plus_days(now, -KETOACIDOSIS_DAYS.value);
    if snapshot.conditions.iter().any(|condition| is_ketoacidosis(condition) && is_recent(condition, since)) {
        offline.push((
            KETOACIDOSIS,
            zh_en("近期发生过酮症酸中毒。", "Ketoacidosis not long ago."),
            Source::Telemedicine,
        ));
    }
    offline
}

/// Diagnosed, active or in remission.
fn is_type_2(condition: &Condition) -> bool {
    let stands = condition.is_active() || condition.status == ConditionStatus::Remission;
    stands && (condition.code.has_under(system::ICD10, "E11") || condition.code.has(system::SNOMED, "44054006"))
}

fn is_type_1(condition: &Condition) -> bool {
    condition.is_active()
        && (condition.code.has_under(system::ICD10, "E10") || condition.code.has(system::SNOMED, "46635009"))
}

/// Chapter O, supervision and state of pregnancy; pregnancy in SNOMED CT.
fn is_pregnancy(condition: &Condition) -> bool {
    let icd10 = ["O", "Z33", "Z34", "Z35"].iter().any(|prefix| condition.code.has_under(system::ICD10, prefix));
    let snomed = ["77386006", "72892002"].iter().any(|code| condition.code.has(system::SNOMED, code));
    condition.is_active() && (icd10 || snomed)
}

fn is_ketoacidosis(condition: &Condition) -> bool {
    let icd10 =
        ["E10.1", "E11.1", "E13.1", "E14.1"].iter().any(|prefix| condition.code.has_under(system::ICD10, prefix));
    icd10 || condition.code.has(system::SNOMED, "420422005")
}

/// Active, begun after `since`, or of unknown date.
fn is_recent(condition: &Condition, since: Instant) -> bool {
    condition.is_active() || condition.onset.is_none_or(|onset| onset >= since)
}

fn reason(code: &str, message: LocalizedText, source: Source) -> Reason {
    Reason { code: code.to_owned(), message, citation: source.citation() }
}
