//! Danger to the patient's life in an answer or a result: which items are safety items, and the contact
//! with a person that must follow.
//!
//! The list is the host's own. It holds whatever a pathway declares, and whether or not its plugin runs.
//! Times, and what is repeated, are project defaults; what counts as positive is that of the scales.

use serde::{Deserialize, Serialize};

use crate::{
    access::{Action, Actor, can},
    clinical::{Observation, ObservationValue},
    coding::{Citation, Coding, Decimal, LocalizedText, Quantity, system},
    enrolment::CareError,
    id::{AccountId, AlertId, ContactId, PatientId},
    pathway::{Alert, AnswerValue, Role},
    review::Severity,
    time::Instant,
};

/// Code of the contact, and of its alert.
pub const SUICIDE_RISK: &str = "SUICIDE_RISK";
/// Code of a contact that is made again, and of its alert.
pub const SUICIDE_RISK_AGAIN: &str = "SUICIDE_RISK_RECONTACT";

/// Minutes within which a clinician assesses the patient's safety.
const ASSESS_MINUTES: u32 = 4 * 60;
/// Minutes within which a person speaks with a patient who is in acute danger.
const ACUTE_MINUTES: u32 = 5;
/// Hours after which a patient who was in acute danger is contacted again: a day, three, a week.
const AGAIN_HOURS: [u16; 3] = [24, 72, 168];
/// For how many minutes an attempt keeps the alert from climbing.
const ATTEMPT_MINUTES: i64 = 30;
/// Most attempts that are kept with a contact.
const MAX_ATTEMPTS: usize = 200;

/// How great the danger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// A clinician must assess it within hours.
    Assess,
    /// A person must speak with the patient within minutes.
    Acute,
}

impl Danger {
    /// Minutes within which the contact must take place.
    pub const fn minutes(self) -> u32 {
        match self {
            Self::Assess => ASSESS_MINUTES,
            Self::Acute => ACUTE_MINUTES,
        }
    }
}

/// How an item is read.
#[derive(Debug, Clone, Copy)]
enum Positive {
    /// Any yes is this danger.
    Yes(Danger),
    /// How often, from 0 (not at all) to 3 (nearly every day): 1 is to be assessed, 2 and more are acute.
    Often,
}

/// LOINC items, by their code.
const CODED: [(&str, Positive); 7] = [
    // PHQ-9, item 9: thoughts of being better off dead, or of hurting oneself.
    ("44260-8", Positive::Often),
    // The screener of the C-SSRS: wish to be dead, thoughts, method; intent, plan; behaviour, in the last three
    // months.
    ("93246-7", Positive::Yes(Danger::Assess)),
    ("93247-5", Positive::Yes(Danger::Assess)),
    ("93248-3", Positive::Yes(Danger::Assess)),
    ("93249-1", Positive::Yes(Danger::Acute)),
    ("93250-9", Positive::Yes(Danger::Acute)),
    ("93269-9", Positive::Yes(Danger::Acute)),
];

/// Items of the ASQ (NIMH), which have no codes, by their `link_id`: the last asks about this moment.
const LINKED: [(&str, Positive); 5] = [
    ("asq-1", Positive::Yes(Danger::Assess)),
    ("asq-2", Positive::Yes(Danger::Assess)),
    ("asq-3", Positive::Yes(Danger::Assess)),
    ("asq-4", Positive::Yes(Danger::Assess)),
    ("asq-5", Positive::Yes(Danger::Acute)),
];

/// Words of a question about safety that has neither code nor `link_id`: a vendor may have left them out.
const WORDS: [&str; 16] = [
    "better off dead",
    "hurting yourself",
    "hurt yourself",
    "harm yourself",
    "kill yourself",
    "killing yourself",
    "end your life",
    "suicid",
    "were dead",
    "不如死",
    "自杀",
    "自伤",
    "伤害自己",
    "轻生",
    "结束生命",
    "结束自己的生命",
];

/// Answers that say no, beside LOINC's: whatever else is chosen or written is looked at by a person.
const DENIALS: [&str; 14] =
    ["no", "none", "never", "not at all", "n", "false", "0", "-", "否", "无", "没有", "从不", "从未", "完全不会"];

/// LOINC answers of how often, by rank.
const OFTEN: [&str; 4] = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"];
/// LOINC answers "yes" and "no".
const YES: &str = "LA33-6";
const NO: &str = "LA32-8";

/// A value, as far as it matters here.
#[derive(Debug, Clone, Copy)]
enum Said {
    Yes(bool),
    Number(i64),
    /// In words or codes that the host does not know.
    Unclear,
}

impl Said {
    fn quantity(quantity: &Quantity) -> Option<Self> {
        Self::number(quantity.value)
    }

    fn number(number: Decimal) -> Option<Self> {
        // Rounded up: what is more than nothing is not nothing.
        let (value, scale) = (number.unscaled(), number.scale());
        let unit = 10_i64.checked_pow(u32::from(scale))?;
        Some(Self::Number(value.div_euclid(unit).saturating_add(i64::from(value.rem_euclid(unit) != 0))))
    }

    fn coded(codes: &[Coding]) -> Option<Self> {
        let known = codes.iter().map(Coding::canonical).filter(|coding| coding.system == system::LOINC);
        let known = known.into_iter().find_map(|coding| match coding.code.as_str() {
            YES => Some(Self::Yes(true)),
            NO => Some(Self::Yes(false)),
            code => {
                let rank = OFTEN.iter().position(|known| *known == code)?;
                i64::try_from(rank).ok().map(Self::Number)
            }
        });
        known.or_else(|| codes.iter().find_map(|coding| Self::words(coding.display.as_deref().unwrap_or(&coding.code))))
    }

    fn words(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let text = text.trim_end_matches(['.', '。', '!', '！']);
        match DENIALS.contains(&text) {
            _ if text.is_empty() => None,
            true => Some(Self::Yes(false)),
            false => Some(Self::Unclear),
        }
    }

    fn of_answer(value: &AnswerValue) -> Option<Self> {
        match value {
            AnswerValue::Boolean(yes) => Some(Self::Yes(*yes)),
            AnswerValue::Integer(number) => Some(Self::Number(*number)),
            AnswerValue::Decimal(value) => Self::number(*value),
            AnswerValue::Quantity(quantity) => Self::quantity(quantity),
            AnswerValue::Date(_) | AnswerValue::Moment(_) => Some(Self::Unclear),
            AnswerValue::Choice(choice) => Self::coded(std::slice::from_ref(choice)),
            AnswerValue::Text(text) => Self::words(text),
        }
    }

    fn of_observation(value: &ObservationValue) -> Option<Self> {
        match value {
            ObservationValue::Boolean(yes) => Some(Self::Yes(*yes)),
            ObservationValue::Integer(number) => Some(Self::Number(*number)),
            ObservationValue::Quantity(quantity) => Self::quantity(quantity),
            ObservationValue::Coded(codes) => Self::coded(codes),
            ObservationValue::Text(text) => Self::words(text),
            ObservationValue::Absent => None,
        }
    }
}

impl Positive {
    fn judge(self, said: Said) -> Option<Danger> {
        match (self, said) {
            (Self::Yes(danger), Said::Yes(true)) => Some(danger),
            (Self::Yes(danger), Said::Number(1..)) => Some(danger),
            (Self::Often, Said::Number(2..)) => Some(Danger::Acute),
            (Self::Often, Said::Number(1) | Said::Yes(true)) | (_, Said::Unclear) => Some(Danger::Assess),
            _ => None,
        }
    }
}

fn coded(codes: &[Coding]) -> Option<Positive> {
    let mut loinc = codes.iter().map(Coding::canonical).filter(|coding| coding.system == system::LOINC);
    loinc.find_map(|coding| CODED.iter().find(|(code, _)| *code == coding.code)).map(|(_, positive)| *positive)
}

/// By `link_id`, which many questionnaires write as the LOINC code, with or without a slash.
fn linked(link_id: &str) -> Option<Positive> {
    let link = link_id.trim_start_matches('/');
    LINKED.iter().chain(&CODED).find(|(known, _)| *known == link).map(|(_, positive)| *positive)
}

/// Whether a LOINC code is that of a safety item, for a first look at a resource.
pub fn is_item(code: &str) -> bool {
    CODED.iter().any(|(known, _)| *known == code.trim())
}

fn worded(text: &LocalizedText) -> Option<Positive> {
    let asks = |text: &str| {
        let text = text.to_lowercase();
        WORDS.iter().any(|word| text.contains(word))
    };
    text.0.iter().any(|one| asks(&one.text)).then_some(Positive::Often)
}

/// What a questionnaire says of a question: its `link_id`, text, and the code that the answer is recorded as.
/// Of a question that nobody knows there is only the first.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// FHIR `linkId`.
    pub link_id: &'a str,
    /// The words.
    pub text: Option<&'a LocalizedText>,
    /// The code of the observation.
    pub records_as: Option<&'a Coding>,
}

impl Asked<'_> {
    /// The danger in an answer to it, if any. The question is known by its code, else by its link, else by its
    /// words.
    pub fn danger(self, value: &AnswerValue) -> Option<Danger> {
        let positive = self.records_as.and_then(|code| coded(std::slice::from_ref(code)));
        let positive = positive.or_else(|| linked(self.link_id)).or_else(|| worded(self.text?))?;
        positive.judge(Said::of_answer(value)?)
    }
}

/// The greatest danger in an observation and its components, if any.
pub fn of_observation(observation: &Observation) -> Option<Danger> {
    let parts = observation.components.iter().map(|part| (&part.code, &part.value));
    std::iter::once((&observation.code, &observation.value))
        .chain(parts)
        .filter_map(|(codes, value)| coded(codes)?.judge(Said::of_observation(value)?))
        .max()
}

/// An attempt to reach the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Who.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// What happened.
    pub note: String,
}

/// How a contact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A clinician spoke with the patient, and found no acute danger.
    Safe,
    /// The patient is with an emergency department, 120 or the family.
    HandedOver,
    /// The answer was entered by mistake, or is not the patient's.
    Mistaken,
}

/// The end of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Who recorded it.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// How.
    pub outcome: Outcome,
    /// What was said and done.
    pub note: String,
}

/// Somebody must speak with the patient in person, until a clinician records how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SafetyContact {
    /// Generated by the caller.
    pub id: ContactId,
    /// Its alert, generated by the caller.
    pub alert: AlertId,
    /// The patient.
    pub patient: PatientId,
    /// How great the danger is.
    pub danger: Danger,
    /// What it was found in: `Observation/…` or `enr-…/questionnaire`.
    pub found_in: String,
    /// When it was opened.
    pub opened: Instant,
    /// Until when the contact must take place.
    pub deadline: Instant,
    /// The contact that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<ContactId>,
    /// Attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
}

impl SafetyContact {
    /// Opened because of a danger.
    pub fn open(
        (id, alert): (ContactId, AlertId),
        patient: PatientId,
        danger: Danger,
        found_in: String,
        now: Instant,
    ) -> Self {
        let deadline = now.plus_minutes(i64::from(danger.minutes()));
        let (again, attempts, ended) = (None, Vec::new(), None);
        Self { id, alert, patient, danger, found_in, opened: now, deadline, again, attempts, ended }
    }

    /// The contact that repeats this one.
    #[must_use]
    pub fn repeated(&self, ids: (ContactId, AlertId), now: Instant) -> Self {
        let again = Some(self.again.unwrap_or(self.id));
        Self { again, ..Self::open(ids, self.patient, Danger::Assess, self.found_in.clone(), now) }
    }

    /// Whether nobody has recorded how it ended.
    pub const fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether no visit of the patient may be closed, and nothing prescribed, charged or dispensed.
    pub fn locks_visits(&self) -> bool {
        self.is_open() && self.danger == Danger::Acute
    }

    /// Its code.
    pub const fn code(&self) -> &'static str {
        if self.again.is_some() { SUICIDE_RISK_AGAIN } else { SUICIDE_RISK }
    }

    /// Unique while it is open: one contact of a code at a time.
    pub fn exclusive_key(&self) -> Option<String> {
        self.is_open().then(|| key(self.code(), self.patient))
    }

    /// A danger was found while it is open. Of two, the greater and the shorter time count; `None` if it
    /// changes nothing.
    pub fn worsened(&self, danger: Danger, found_in: &str, now: Instant) -> Option<Self> {
        (self.is_open() && danger > self.danger).then(|| {
            let deadline = self.deadline.min(now.plus_minutes(i64::from(danger.minutes())));
            Self { danger, found_in: found_in.to_owned(), deadline, ..self.clone() }
        })
    }

    /// When the patient is contacted again, with the hours after it was opened.
    pub fn repeats(&self) -> impl Iterator<Item = (u16, Instant)> {
        let hours = if self.danger == Danger::Acute && self.again.is_none() { &AGAIN_HOURS[..] } else { &[] };
        let opened = self.opened;
        hours.iter().map(move |hours| (*hours, opened.plus_hours(i64::from(*hours))))
    }

    /// Whether the patient need not be contacted again: it was a mistake.
    pub fn was_mistaken(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| ended.outcome == Outcome::Mistaken)
    }

    /// What its alert says, which climbs until it ends.
    pub fn notice(&self) -> Alert {
        let message = match (self.again, self.danger) {
            (Some(_), _) => LocalizedText::zh_en(
                "请再次联系患者并评估其安全，并记录联系结果。",
                "Contact the patient again, assess their safety, and record how it ended.",
            ),
            (None, Danger::Assess) => LocalizedText::zh_en(
                "患者的回答提示自杀风险：请在4小时内由临床人员评估安全，并记录结果。",
                "An answer hints at a risk of suicide: a clinician assesses safety within 4 hours and records the \
                 outcome.",
            ),
            (None, Danger::Acute) => LocalizedText::zh_en(
                "患者的回答提示急性自杀风险：请立即（5分钟内）与患者本人联系，通知监护人或紧急联系人，并记录结果。",
                "An answer hints at an acute risk of suicide: speak with the patient now, within 5 minutes, tell the \
                 guardian or the emergency contact, and record the outcome.",
            ),
        };
        let minutes = self.deadline.micros().saturating_sub(self.opened.micros()) / 60_000_000;
        Alert {
            code: self.code().to_owned(),
            severity: Severity::Critical,
            message,
            owner: Role::Doctor,
            sla_minutes: u32::try_from(minutes).unwrap_or(ASSESS_MINUTES).max(1),
            escalation: Vec::new(),
            citation: Citation {
                title: "Ask Suicide-Screening Questions (ASQ) Toolkit, National Institute of Mental Health".into(),
                section: None,
                year: 2020,
                url: None,
            },
        }
    }

    /// Until when an attempt keeps the alert from climbing.
    pub fn quiet_until(attempted: Instant) -> Instant {
        attempted.plus_minutes(ATTEMPT_MINUTES)
    }

    /// Records an attempt to reach the patient.
    ///
    /// # Errors
    /// If the actor may not, the note is missing, or it has ended.
    pub fn attempt(mut self, by: &Actor, note: String, at: Instant) -> Result<Self, CareError> {
        let note = self.checked(by, &note, at)?;
        if self.attempts.len() >= MAX_ATTEMPTS {
            return Err(CareError::State("too many attempts: record how the contact ended"));
        }
        self.attempts.push(Attempt { by: by.account, at, note });
        Ok(self)
    }

    /// Records how it ended.
    ///
    /// # Errors
    /// If the actor may not, the note is missing, or it has ended.
    pub fn end(mut self, by: &Actor, outcome: Outcome, note: String, at: Instant) -> Result<Self, CareError> {
        let note = self.checked(by, &note, at)?;
        self.ended = Some(Ended { by: by.account, at, outcome, note });
        Ok(self)
    }

    fn checked(&self, by: &Actor, note: &str, at: Instant) -> Result<String, CareError> {
        can(by, Action::EndSafetyContact, at)?;
        if !self.is_open() {
            return Err(CareError::State("somebody recorded before how the contact ended"));
        }
        match note.trim() {
            "" => Err(CareError::ReasonRequired),
            note => Ok(note.to_owned()),
        }
    }
}

/// The exclusive key of the open contact of a patient.
pub fn key(code: &str, patient: PatientId) -> String {
    format!("{code}/{patient}")
}

/// A line of help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Helpline {
    /// The number to call.
    pub number: String,
    /// What it is, as the patient reads it.
    pub title: LocalizedText,
}

/// What a hospital shows a patient in danger at once. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Help {
    /// The hospital's own words.
    pub text: LocalizedText,
    /// Numbers to call, the first first.
    pub lines: Vec<Helpline>,
}

/// Most lines of help.
const MAX_LINES: usize = 8;
/// Longest number and title, in characters.
const MAX_NUMBER: usize = 20;
/// Longest text, in characters.
const MAX_TEXT: usize = 1000;

impl Help {
    /// What is wrong with it, if anything: a text in Chinese and one to eight numbers that can be dialled.
    pub fn fault(&self) -> Option<&'static str> {
        let dialled = |line: &Helpline| {
            let number = line.number.as_str();
            !number.is_empty()
                && number.len() <= MAX_NUMBER
                && number.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | ' '))
                && number.chars().any(|c| c.is_ascii_digit())
        };
        let said = |text: &LocalizedText| {
            !text.get("zh-CN").trim().is_empty() && text.0.iter().all(|one| one.text.chars().count() <= MAX_TEXT)
        };
        if !said(&self.text) {
            return Some("text: at most 1,000 characters, and never empty");
        }
        if !(1..=MAX_LINES).contains(&self.lines.len()) {
            return Some("lines: one to eight");
        }
        match self.lines.iter().all(|line| dialled(line) && said(&line.title)) {
            true => None,
            false => Some("lines: each has a number that can be dialled, and a title"),
        }
    }
}

impl Default for Help {
    /// 12356 (全国统一心理援助热线) and 120.
    fn default() -> Self {
        let line = |number: &str, zh: &str, en: &str| Helpline {
            number: number.to_owned(),
            title: LocalizedText::zh_en(zh, en),
        };
        Self {
            text: LocalizedText::zh_en(
                "您并不孤单，我们的医务人员会尽快联系您。如果您现在有伤害自己的念头，请立即拨打下面的电话，\
                 或前往最近的急诊，并请身边的人陪伴您。",
                "You are not alone: somebody of our team will contact you as soon as possible. If you think of hurting \
                 yourself now, call one of the numbers below at once, or go to the nearest emergency department, and \
                 ask somebody to stay with you.",
            ),
            lines: vec![
                line("12356", "全国统一心理援助热线", "National psychological assistance hotline"),
                line("120", "医疗急救", "Medical emergency"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
        fixture::{self, NOW},
    };

    const ITEM_9: &str = "44260-8";

    fn loinc(code: &str) -> Coding {
        Coding::new(system::LOINC, code)
    }

    fn quantity(unscaled: i64, scale: u8) -> AnswerValue {
        AnswerValue::Quantity(Quantity { value: Decimal::new(unscaled, scale).expect("a decimal"), unit: "1".into() })
    }

    fn contact(danger: Danger) -> SafetyContact {
        let patient = fixture::enrolment().patient;
        SafetyContact::open((ContactId::from_u128(1), AlertId::from_u128(1)), patient, danger, "x".into(), NOW)
    }

    #[test]
    fn item_nine_by_every_kind_of_answer() {
        use Danger::{Acute, Assess};
        let choice = |code: &str| AnswerValue::Choice(loinc(code));
        let rows = [
            (AnswerValue::Integer(0), None),
            (AnswerValue::Integer(1), Some(Assess)),
            (AnswerValue::Integer(2), Some(Acute)),
            (AnswerValue::Integer(3), Some(Acute)),
            (AnswerValue::Integer(-1), None),
            (choice("LA6568-5"), None),
            (choice("LA6569-3"), Some(Assess)),
            (choice("LA6570-1"), Some(Acute)),
            (choice("LA6571-9"), Some(Acute)),
            (choice("LA32-8"), None),
            (AnswerValue::Choice(Coding::new("urn:own", "often")), Some(Assess)),
            (AnswerValue::Choice(Coding::new("urn:own", "0")), None),
            (AnswerValue::Choice(Coding { display: Some("完全不会".into()), ..Coding::new("urn:own", "a") }), None),
            (quantity(0, 1), None),
            (quantity(10, 1), Some(Assess)),
            (quantity(11, 1), Some(Acute)),
            (quantity(1, 1), Some(Assess)),
            (quantity(-5, 1), None),
            (AnswerValue::Boolean(true), Some(Assess)),
            (AnswerValue::Boolean(false), None),
            (AnswerValue::Text("2".into()), Some(Assess)),
            (AnswerValue::Text(" No. ".into()), None),
            (AnswerValue::Text(" ".into()), None),
        ];
        for (value, danger) in rows {
            let code = loinc(ITEM_9);
            let asked = Asked { link_id: "any", text: None, records_as: Some(&code) };
            assert_eq!(asked.danger(&value), danger, "{value:?}");
            assert_eq!(Asked { link_id: "/44260-8", records_as: None, ..asked }.danger(&value), danger, "{value:?}");
            for words in ["有不如死掉或用某种方式伤害自己的念头", "Thoughts of hurting YOURSELF"] {
                let words = LocalizedText::zh_en(words, "");
                let worded = Asked { link_id: "item-9", text: Some(&words), records_as: None };
                assert_eq!(worded.danger(&value), danger, "{value:?}");
            }
        }
        let harmless = LocalizedText::zh_en("入睡困难", "Trouble falling asleep");
        let asked = Asked { link_id: "item-3", text: Some(&harmless), records_as: None };
        assert_eq!(asked.danger(&AnswerValue::Integer(3)), None);
    }

    #[test]
    fn any_yes_of_the_asq_and_of_the_screener() {
        let yes = AnswerValue::Boolean(true);
        for (link, danger) in [
            ("asq-1", Some(Danger::Assess)),
            ("asq-2", Some(Danger::Assess)),
            ("asq-3", Some(Danger::Assess)),
            ("asq-4", Some(Danger::Assess)),
            ("asq-5", Some(Danger::Acute)),
            ("asq-6", None),
            ("93247-5", Some(Danger::Assess)),
            ("93250-9", Some(Danger::Acute)),
            ("93267-3", None),
        ] {
            let asked = Asked { link_id: link, text: None, records_as: None };
            assert_eq!(asked.danger(&yes), danger, "{link}");
            assert_eq!(asked.danger(&AnswerValue::Choice(loinc(YES))), danger, "{link}");
            for no in [AnswerValue::Boolean(false), AnswerValue::Choice(loinc(NO))] {
                assert_eq!(asked.danger(&no), None, "{link}");
            }
        }
        let other = loinc("8480-6");
        let asked = Asked { link_id: "asq-5", text: None, records_as: Some(&other) };
        assert_eq!(asked.danger(&yes), Some(Danger::Acute), "the link counts too");
    }

    #[test]
    fn a_component_of_a_panel_counts() {
        let mut panel = Observation {
            code: vec![loinc("44249-1")],
            value: ObservationValue::Integer(12),
            components: Vec::new(),
            effective: None,
            attributes: Vec::new(),
        };
        assert_eq!(of_observation(&panel), None);
        panel.components = vec![crate::clinical::Component {
            code: vec![Coding::new("urn:local", "q9"), loinc(ITEM_9)],
            value: ObservationValue::Coded(vec![loinc("LA6571-9")]),
        }];
        assert_eq!(of_observation(&panel), Some(Danger::Acute));
    }

    #[test]
    fn the_greater_danger_and_the_shorter_time_count() {
        let assess = contact(Danger::Assess);
        assert_eq!((assess.deadline, assess.locks_visits()), (NOW.plus_minutes(240), false));
        assert_eq!(assess.repeats().count(), 0);
        assert_eq!(assess.worsened(Danger::Assess, "y", NOW.plus_minutes(1)), None);
        let later = NOW.plus_minutes(10);
        let acute = assess.worsened(Danger::Acute, "y", later).expect("worse");
        assert_eq!((acute.deadline, acute.found_in.as_str()), (NOW.plus_minutes(15), "y"));
        assert!(acute.locks_visits());
        let late = assess.worsened(Danger::Acute, "y", NOW.plus_minutes(238)).expect("worse");
        assert_eq!(late.deadline, NOW.plus_minutes(240), "not later than before");
        assert_eq!(acute.worsened(Danger::Acute, "z", later), None);
        let hours: Vec<(u16, Instant)> = acute.repeats().collect();
        assert_eq!(hours, [24, 72, 168].map(|hours| (hours, NOW.plus_hours(i64::from(hours)))));
    }

    #[test]
    fn a_contact_again_is_another_and_is_not_repeated() {
        let first = contact(Danger::Acute);
        let again = first.repeated((ContactId::from_u128(2), AlertId::from_u128(2)), NOW.plus_hours(24));
        assert_eq!((again.again, again.code()), (Some(first.id), SUICIDE_RISK_AGAIN));
        assert_eq!((again.repeats().count(), again.locks_visits()), (0, false));
        assert_ne!(again.exclusive_key(), first.exclusive_key());
        assert_eq!(again.deadline, NOW.plus_hours(28));
    }

    #[test]
    fn ends_once_by_a_clinician_with_a_note() {
        let open = contact(Danger::Acute);
        let code = |result: Result<SafetyContact, CareError>| result.expect_err("refused").code();
        let end = |by: &Actor, note: &str| open.clone().end(by, Outcome::Safe, note.into(), NOW);
        assert_eq!(code(end(&fixture::pharmacist(), "ok")), Code::AuthForbidden);
        assert_eq!(code(end(&fixture::patient(), "ok")), Code::AuthForbidden);
        assert_eq!(code(end(&fixture::doctor(), "  ")), Code::PathwayReasonRequired);
        let tried = open.clone().attempt(&fixture::doctor(), "无人接听".into(), NOW).expect("tried");
        assert!(tried.is_open() && tried.locks_visits());
        let ended = tried.end(&fixture::doctor(), Outcome::HandedOver, "已送急诊".into(), NOW).expect("ended");
        assert!(!ended.is_open() && !ended.locks_visits() && !ended.was_mistaken());
        assert_eq!(ended.exclusive_key(), None);
        assert_eq!(code(ended.clone().end(&fixture::doctor(), Outcome::Safe, "x".into(), NOW)), Code::PathwayState);
        assert_eq!(code(ended.attempt(&fixture::doctor(), "x".into(), NOW)), Code::PathwayState);
    }

    #[test]
    fn help_is_never_empty_and_can_be_dialled() {
        let help = Help::default();
        assert_eq!(help.fault(), None);
        assert_eq!(help.lines.iter().map(|line| line.number.as_str()).collect::<Vec<_>>(), ["12356", "120"]);
        let line = |number: &str| Helpline { number: number.into(), ..help.lines[0].clone() };
        for (number, dialled) in
            [("400-161-9995", true), ("+86 21 12345678", true), ("", false), ("-", false), ("12a", false)]
        {
            let of = Help { lines: vec![line(number)], ..help.clone() };
            assert_eq!(of.fault().is_none(), dialled, "{number}");
        }
        let blank = LocalizedText::zh_en(" ", "Call");
        assert!(Help { text: blank.clone(), ..help.clone() }.fault().is_some());
        assert!(Help { lines: Vec::new(), ..help.clone() }.fault().is_some());
        assert!(Help { lines: vec![line("120"); 9], ..help.clone() }.fault().is_some());
        let untitled = Helpline { title: blank, ..help.lines[0].clone() };
        assert!(Help { lines: vec![untitled], ..help }.fault().is_some());
    }
}
