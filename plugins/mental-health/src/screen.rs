//! Eligibility for enrolment.

use xinglin_sdk::{
    clinical::{Section, Snapshot},
    follow_up::{Eligibility, Error, Reason},
    types::{LocalizedText, zh_en},
};

use crate::{
    conditions::{BIPOLAR, INSOMNIA, MOOD, PSYCHOSIS, SELF_HARM},
    numbers::YOUNGEST,
    sources::Source,
};

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
    if !MOOD.stands(snapshot) && !INSOMNIA.stands(snapshot) {
        return Ok(Eligibility::Ineligible(vec![reason(
            "NO_DIAGNOSIS",
            zh_en(
                "没有线下确诊的抑郁、焦虑或失眠诊断。",
                "No diagnosis of depression, anxiety or insomnia made in a consulting room.",
            ),
            Source::InternetCare,
        )]));
    }
    let mut offline = Vec::new();
    if i64::from(age) < YOUNGEST.value {
        offline.push(reason(
            "TOO_YOUNG",
            zh_en("未满12周岁,需线下专科诊治。", "Under 12 years of age: a specialist, face to face."),
            YOUNGEST.source,
        ));
    }
    for (group, code, message) in [
        (&PSYCHOSIS, "PSYCHOSIS", zh_en("精神病性障碍,需线下诊治。", "Psychosis: face-to-face care.")),
        (&BIPOLAR, "BIPOLAR", zh_en("躁狂或双相障碍,需线下诊治。", "Mania or bipolar disorder: face-to-face care.")),
    ] {
        if group.stands(snapshot) {
            offline.push(reason(code, message, Source::Project));
        }
    }
    if SELF_HARM.is_active(snapshot) {
        offline.push(reason(
            "SUICIDAL_INTENT",
            zh_en("近期有自伤或自杀意图,需线下处置。", "Recent self-harm or intent: face-to-face care."),
            Source::Project,
        ));
    }
    Ok(if offline.is_empty() { Eligibility::Eligible } else { Eligibility::ReferOffline(offline) })
}

fn reason(code: &str, message: LocalizedText, source: Source) -> Reason {
    Reason { code: code.to_owned(), message, citation: source.citation() }
}
