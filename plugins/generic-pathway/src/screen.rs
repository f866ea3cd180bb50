//! Who may be enrolled.

use xinglin_pathway_file::{
    condition::evaluate,
    model::{Exclusion, Pathway},
};
use xinglin_sdk::{
    clinical::{ConditionStatus, Section, Snapshot},
    pathway::{Eligibility, Error, Reason},
    time::Instant,
    types::{LocalizedText, zh_en},
};

use crate::{
    facts::{Known, under},
    memory::Memory,
    text::{citation, text},
};

/// An exclusion that cannot be judged is no reason to enrol: the answer is that data are missing.
pub fn screen(file: &Pathway, snapshot: &Snapshot, now: Instant) -> Result<Eligibility, Error> {
    let Some(age) = snapshot.age_years() else {
        return Err(Error::MissingData(zh_en("缺少出生日期。", "The birth date is not known.")));
    };
    if !snapshot.is_complete(Section::Conditions) {
        return Err(Error::MissingData(zh_en(
            "看不到完整的诊断,无法判断能否入组。",
            "Not all diagnoses are visible, so nobody can say whether the patient may enter.",
        )));
    }
    let of = |code: &str, message: LocalizedText| Reason {
        code: code.to_owned(),
        message,
        citation: citation(file, file.enrolment.citation.as_ref()),
    };
    let mut refused = Vec::new();
    if let Some(least) = file.enrolment.min_age.filter(|least| age < *least) {
        refused.push(of("UNDER_AGE", zh_en(format!("未满{least}周岁。"), format!("Under {least} years of age."))));
    }
    if let Some(most) = file.enrolment.max_age.filter(|most| age > *most) {
        refused.push(of("OVER_AGE", zh_en(format!("超过{most}周岁。"), format!("Over {most} years of age."))));
    }
    let diagnosed = snapshot.conditions.iter().any(|one| {
        let stands = one.is_active() || one.status == ConditionStatus::Remission;
        stands && file.conditions.iter().any(|code| under(&one.code, &code.system, &code.code))
    });
    if !diagnosed {
        let message = zh_en("没有线下确诊的相应诊断。", "No such diagnosis made in a consulting room.");
        refused.push(of("NO_DIAGNOSIS", message));
    }
    let memory = Memory::new(file, now);
    let known = Known { file, memory: &memory, snapshot, now };
    let entry = file.stages.first().and_then(|first| first.entry.as_ref());
    match entry.map(|entry| evaluate(&entry.expression, &known)) {
        None | Some(Some(true)) => {}
        Some(Some(false)) => {
            refused.push(of("ENTRY_NOT_MET", zh_en("不符合入组条件。", "Does not meet the condition of entry.")));
        }
        Some(None) => {
            return Err(missing(zh_en("缺少判断入组条件的数据。", "Data of the condition of entry are missing.")));
        }
    }
    refused.extend(judge(file, &known, &file.enrolment.refuse)?);
    if !refused.is_empty() {
        return Ok(Eligibility::Ineligible(refused));
    }
    let offline = judge(file, &known, &file.enrolment.offline)?;
    Ok(if offline.is_empty() { Eligibility::Eligible } else { Eligibility::ReferOffline(offline) })
}

const fn missing(text: LocalizedText) -> Error {
    Error::MissingData(text)
}

fn judge(file: &Pathway, known: &Known<'_>, exclusions: &[Exclusion]) -> Result<Vec<Reason>, Error> {
    let mut met = Vec::new();
    for exclusion in exclusions {
        match evaluate(&exclusion.condition.expression, known) {
            Some(true) => met.push(Reason {
                code: exclusion.code.clone(),
                message: text(&exclusion.message),
                citation: citation(file, exclusion.citation.as_ref()),
            }),
            Some(false) => {}
            None => {
                let zh = exclusion.message.zh.as_deref().unwrap_or(&exclusion.code);
                let en = exclusion.message.en.as_deref().unwrap_or(&exclusion.code);
                let text = zh_en(format!("缺少数据,无法排除:{zh}"), format!("Data are missing to rule this out: {en}"));
                return Err(missing(text));
            }
        }
    }
    Ok(met)
}
