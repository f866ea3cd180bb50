//! Whether a patient becomes a member, from when on, and of which risk class.

use scheme::{Reason, calendar, edition::Edition, missing};
use xinglin_sdk::{
    capitation::{Acceptance, Choice, Enrolled, Enrolment, Membership},
    insurance::Error,
    time::Instant,
    types::Coding,
};

use crate::rules::{Class, Scheme};

/// Code system of the risk classes.
pub const CLASSES: &str = "https://xinglin.dev/capitation/risk-class";

/// Two leads never at once.
const DUPLICATE: Reason = Reason {
    code: "CAP_DUPLICATE",
    zh: "患者已有牵头机构,不能再选第二家。",
    en: "The patient has a lead institution, and cannot have a second.",
};
/// One lead for a patient-year.
const TOO_EARLY: Reason = Reason {
    code: "CAP_CHANGE_TOO_EARLY",
    zh: "签约未满期限,暂不能更换牵头机构。",
    en: "The patient has not been with the lead for as long as the scheme asks, and cannot change yet.",
};
const NO_LEAD: Reason = Reason {
    code: "CAP_NO_LEAD",
    zh: "患者没有牵头机构,无从更换。",
    en: "The patient has no lead institution to change.",
};
/// A month that has begun is not counted afterwards.
const BACKDATED: Reason = Reason {
    code: "CAP_BACKDATED",
    zh: "签约不得倒签:起算月已经开始。",
    en: "An enrolment is not backdated: the month from which it would count has begun.",
};
const IN_FUTURE: Reason = Reason {
    code: "CAP_CHOICE_IN_FUTURE",
    zh: "选择时间晚于当前时间。",
    en: "The patient's choice is dated in the future.",
};
const INSTITUTIONS: Reason = Reason {
    code: "CAP_INSTITUTIONS",
    zh: "协作机构重复、空缺或与牵头机构相同,或不属于该牵头机构。",
    en: "A partner is there twice, is empty, is the lead, or is none of this lead's.",
};
const NOT_ELIGIBLE: Reason = Reason {
    code: "CAP_NOT_ELIGIBLE",
    zh: "没有适用于该患者诊断的风险分组。",
    en: "No risk class holds a diagnosis of the patient.",
};

pub fn enrol(edition: &Edition<Scheme>, enrolment: &Enrolment, now: Instant) -> Result<Enrolled, Error> {
    let scheme = &edition.scheme;
    let accrues_from = calendar::next_month(enrolment.chosen_at);
    let (current, changes) = (enrolment.current.as_ref(), enrolment.choice == Choice::Change);
    let is_same = |current: &Membership| !changes || current.lead == enrolment.lead;
    let is_early =
        |current: &Membership| accrues_from < calendar::plus_months(current.since, scheme.enrolment.stay);
    let reasons = [
        (current.is_some_and(is_same), DUPLICATE),
        (changes && current.is_some_and(is_early), TOO_EARLY),
        (changes && current.is_none(), NO_LEAD),
        (accrues_from <= now, BACKDATED),
        (enrolment.chosen_at > now, IN_FUTURE),
        (!institutions_fit(scheme, enrolment), INSTITUTIONS),
    ];
    let citation = edition.cite(&scheme.enrolment.source);
    let refused = |reasons: Vec<Reason>| {
        Enrolled::Refused(reasons.iter().map(|reason| reason.refusal(citation.clone())).collect())
    };
    let reasons: Vec<Reason> = reasons.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason).collect();
    if !reasons.is_empty() {
        return Ok(refused(reasons));
    }
    let Some(class) = class(scheme, enrolment)? else { return Ok(refused(vec![NOT_ELIGIBLE])) };
    let risk_class = Coding::new(CLASSES, &class.code).displayed(class.title.zh());
    Ok(Enrolled::Accepted(Acceptance { accrues_from, risk_class, citation }))
}

/// The first class that fits.
fn class<'a>(scheme: &'a Scheme, enrolment: &Enrolment) -> Result<Option<&'a Class>, Error> {
    for class in scheme.class.iter().filter(|class| class.has(&enrolment.diagnoses)) {
        match (class.age_from, enrolment.age_years) {
            (Some(_), None) => {
                return Err(missing(
                    "缺少年龄,无法确定风险分组。",
                    "The age is not known, and the risk class depends on it.",
                ));
            }
            (Some(from), Some(age)) if age < from => {}
            _ => return Ok(Some(class)),
        }
    }
    Ok(None)
}

fn institutions_fit(scheme: &Scheme, Enrolment { lead, partners, .. }: &Enrolment) -> bool {
    let mut named: Vec<&str> = partners.iter().map(String::as_str).chain([lead.as_str()]).collect();
    named.sort_unstable();
    let is_sound = !named.contains(&"") && named.windows(2).all(|pair| pair[0] != pair[1]);
    // Of this lead, if the scheme says whose they are.
    let network = scheme.network.iter().find(|network| network.lead == *lead);
    let is_known = network
        .map_or(scheme.network.is_empty(), |network| partners.iter().all(|partner| network.partners.contains(partner)));
    is_sound && is_known
}
