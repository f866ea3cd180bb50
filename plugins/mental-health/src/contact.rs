//! Somebody speaks with a patient in danger: what the questionnaires and the pathway ask the host for.

use xinglin_sdk::{
    follow_up::{Contact, Role},
    types::zh_en,
};

use crate::{
    numbers::{RECONTACT_FIRST, RECONTACT_SECOND, RECONTACT_THIRD},
    scales::Level,
    sources::Source,
    tenant,
};

/// The code of what the host itself finds, too: one person speaks with the patient once.
pub const CODE: &str = "SUICIDE_RISK";

/// The contact for danger of this level: for any but acute danger, the assessment of safety.
pub fn contact(level: Level) -> Contact {
    let acute = level == Level::Acute;
    let reason = if acute {
        zh_en(
            "急性自杀风险:请人工联系患者并保持联系,不要结束问诊,转线下急诊。",
            "Acute risk of suicide: contact the patient in person, stay in contact, do not end the visit, and arrange \
             emergency care.",
        )
    } else {
        zh_en(
            "患者的回答提示自杀风险,请完成安全评估。",
            "The patient's answers point to a risk of suicide: assess safety.",
        )
    };
    let again = [RECONTACT_FIRST, RECONTACT_SECOND, RECONTACT_THIRD];
    Contact {
        code: CODE.to_owned(),
        owner: Role::Doctor,
        within_minutes: if acute { tenant::acute_minutes() } else { tenant::concern_minutes() },
        escalation: vec![Role::Psychotherapist, Role::Nurse],
        helplines: tenant::lines(),
        inform_kin: acute,
        locks_visit: acute,
        recontact_hours: if acute { again.map(|after| after.hours()).to_vec() } else { Vec::new() },
        reason,
        citation: Source::Asq.citation(),
    }
}
