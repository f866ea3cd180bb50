//! Eligibility for enrolment. No diagnosis is needed: who was exposed has none.

use xinglin_sdk::{
    clinical::{Section, Snapshot},
    follow_up::{Eligibility, Error, Reason},
    time::Instant,
    types::zh_en,
};

use crate::{chart::Chart, numbers::ADULT, sources::Source};

/// Whether the patient may be enrolled.
pub fn screen(snapshot: &Snapshot, now: Instant) -> Result<Eligibility, Error> {
    let Some(age) = snapshot.age_years() else {
        return Err(Error::MissingData(zh_en("缺少出生日期。", "The birth date is not known.")));
    };
    if !snapshot.is_complete_but_for_compartments(Section::Conditions) {
        return Err(Error::MissingData(zh_en(
            "看不到完整的诊断,无法判断随访类别;疑有暴露者不得等待,请立即线下就诊。",
            "Not all diagnoses are visible. Whoever may have been exposed does not wait: face-to-face care now.",
        )));
    }
    let mut offline = Vec::new();
    if i64::from(age) < ADULT.value {
        offline.push(Reason {
            code: "UNDER_AGE".to_owned(),
            message: zh_en(
                "未满18周岁,由监护人陪同线下就诊;疑有暴露者须立即就诊(72小时内)。",
                "Under 18: face-to-face care with a guardian, at once after an exposure (within 72 hours).",
            ),
            citation: Source::Project.citation(),
        });
    }
    if (Chart { snapshot, now }).is_pregnant() {
        offline.push(Reason {
            code: "PREGNANCY".to_owned(),
            message: zh_en(
                "妊娠,由专科线下管理;疑有暴露者须立即就诊(72小时内)。",
                "Pregnant: face-to-face specialist care, at once after an exposure (within 72 hours).",
            ),
            citation: Source::Project.citation(),
        });
    }
    Ok(if offline.is_empty() { Eligibility::Eligible } else { Eligibility::ReferOffline(offline) })
}
