//! Which questions are safety items, and what an answer to one says.

use unicode_normalization::UnicodeNormalization as _;

use super::Danger;
use crate::{
    coding::{Coding, Decimal, LocalizedText},
    pathway::AnswerValue,
};

/// How an item is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Positive {
    /// Any yes is this danger.
    Yes(Danger),
    /// How often, from 0 (not at all) to 3 (nearly every day): 1 is to be assessed, 2 and more are acute.
    Often,
    /// How great a rater found the risk, from 0 (none) to 3 (high): all but none is to be assessed, high is acute.
    Rated,
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

/// Items that have no codes, by their `link_id`: those of the ASQ (NIMH), of which the last asks about this moment,
/// and the result of the C-SSRS on the licensed form.
const LINKED: [(&str, Positive); 6] = [
    ("asq-1", Positive::Yes(Danger::Assess)),
    ("asq-2", Positive::Yes(Danger::Assess)),
    ("asq-3", Positive::Yes(Danger::Assess)),
    ("asq-4", Positive::Yes(Danger::Assess)),
    ("asq-5", Positive::Yes(Danger::Acute)),
    ("c-ssrs-risk", Positive::Rated),
];

/// Words of a question about safety that has neither code nor `link_id`: a vendor may have left them out.
const WORDS: [&str; 25] = [
    "better off dead",
    "hurting yourself",
    "hurt yourself",
    "harm yourself",
    "harming yourself",
    "self-harm",
    "kill yourself",
    "killing yourself",
    "end your life",
    "suicid",
    "were dead",
    "不如死",
    "死去",
    "想死",
    "死了",
    "自杀",
    "自伤",
    "自残",
    "伤害自己",
    "轻生",
    "结束生命",
    "结束自己的生命",
    // A scale by its name.
    "c-ssrs",
    "cssrs",
    "哥伦比亚自杀",
];
/// Words of a scale whose result is a rating.
const RATED: [&str; 2] = ["c-ssrs", "cssrs"];

/// Words for this moment.
const NOW: [&str; 11] =
    ["at the moment", "at this moment", "currently", "tonight", "现在", "此刻", "目前", "眼下", "今晚", "马上", "立刻"];
/// The same, denied.
const NOT_NOW: [&str; 11] = [
    "not now",
    "not right now",
    "not currently",
    "not at the moment",
    "no longer",
    "现在没",
    "现在不",
    "此刻没",
    "此刻不",
    "目前没",
    "目前不",
];
/// Words of a question about intent.
const INTENT: [&str; 4] = ["intend", "intention", "打算", "意图"];

/// Answers that say no, beside the coded ones: whatever else is chosen or written is looked at by a person.
const DENIALS: [&str; 28] = [
    "no",
    "none",
    "never",
    "not at all",
    "n",
    "f",
    "false",
    "0",
    "-",
    "negative",
    "no risk",
    "denied",
    "否",
    "无",
    "没有",
    "没",
    "从不",
    "从未",
    "完全不会",
    "阴性",
    "否认",
    "无风险",
    "不",
    "不是",
    "没有过",
    "从来没有",
    "没有想过",
    "无此念头",
];
/// Answers that say yes.
const CONSENTS: [&str; 10] = ["yes", "y", "t", "true", "positive", "是", "是的", "有", "会", "阳性"];
/// Answers of how often in words, with their rank; the other is a denial.
const RANKS: [(&str, i64); 9] = [
    ("nearly every day", 3),
    ("almost every day", 3),
    ("几乎每天", 3),
    ("几乎天天", 3),
    ("more than half", 2),
    ("一半以上", 2),
    ("超过一半", 2),
    ("several days", 1),
    ("好几天", 1),
];
/// Ratings that are high.
const HIGH: [&str; 6] = ["high", "imminent", "severe", "高危", "高风险", "重度"];

/// Answers by their codes, in whatever system, for these codes are no others': LOINC's of how often, by rank, and its
/// yes and no; SNOMED CT's yes and no; results of the C-SSRS.
const ANSWERS: [(&str, Said); 12] = [
    ("LA6568-5", Said::Number(0)),
    ("LA6569-3", Said::Number(1)),
    ("LA6570-1", Said::Number(2)),
    ("LA6571-9", Said::Number(3)),
    ("LA33-6", Said::Yes(true)),
    ("LA32-8", Said::Yes(false)),
    ("373066001", Said::Yes(true)),
    ("373067005", Said::Yes(false)),
    ("c-ssrs-none", Said::Number(0)),
    ("c-ssrs-low", Said::Number(1)),
    ("c-ssrs-moderate", Said::Number(2)),
    ("c-ssrs-high", Said::Number(3)),
];

/// A part of an answer, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Yes(bool),
    Number(i64),
    /// That it is now, or that the risk is high.
    Acute,
    /// In words or codes that the host does not know.
    Unclear,
}

fn narrow(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Whether a text in small letters speaks of this moment.
fn is_now(text: &str) -> bool {
    let text = NOT_NOW.iter().fold(text.to_owned(), |text, denied| text.replace(denied, " "));
    has(&text, &NOW) || text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == "now")
}

/// An answer to a safety item. What is not understood counts.
#[derive(Debug, Clone, Default)]
pub struct Reply(Vec<Said>);

impl Reply {
    /// Yes or no.
    pub fn yes(yes: bool) -> Self {
        Self(vec![Said::Yes(yes)])
    }

    /// A number.
    pub fn number(value: Decimal) -> Self {
        // Rounded up: what is more than nothing is not nothing.
        let unit = 10_i64.checked_pow(u32::from(value.scale()));
        let ceil = |unit: i64| {
            let (whole, rest) = (value.unscaled().div_euclid(unit), value.unscaled().rem_euclid(unit));
            whole.saturating_add(i64::from(rest != 0))
        };
        Self(vec![unit.map_or(Said::Unclear, |unit| Said::Number(ceil(unit)))])
    }

    /// Something that the host cannot read.
    pub fn unclear() -> Self {
        Self(vec![Said::Unclear])
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same, and something else that the host cannot read.
    #[must_use]
    pub fn or_unclear(mut self) -> Self {
        self.0.push(Said::Unclear);
        self
    }

    /// Words; nothing, if there are none. Both languages of one answer may be in it, and its score:
    /// `2 = 一半以上的天数 · More than half the days`.
    pub fn text(text: &str) -> Self {
        let text = narrow(text);
        let text = trimmed(&text);
        if text.is_empty() {
            return Self::default();
        }
        match whole(text) {
            Said::Unclear => {
                let parts = text.split(['·', '=', ':', ';', ',', '、', '。', '/', '|', '(', ')', '\n']);
                let parts = parts.flat_map(|part| part.split(" - ")).map(trimmed).filter(|part| !part.is_empty());
                Self(parts.map(whole).collect())
            }
            said => Self(vec![said]),
        }
    }

    /// Codes, each with its display, and the words beside them. Codes that are known count, else all words do.
    pub fn coded<'a>(codes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>, words: Option<&'a str>) -> Self {
        let (mut known, mut texts) = (Vec::new(), Vec::from_iter(words));
        for (code, display) in codes {
            let answer = ANSWERS.iter().find(|(answer, _)| answer.eq_ignore_ascii_case(code.trim()));
            known.extend(answer.map(|(_, said)| *said));
            texts.push(display.filter(|display| !display.trim().is_empty()).unwrap_or(code));
        }
        match known.is_empty() {
            true => Self(texts.into_iter().flat_map(|text| Self::text(text).0).collect()),
            false => Self(known),
        }
    }

    fn of(value: &AnswerValue) -> Self {
        match value {
            AnswerValue::Boolean(yes) => Self::yes(*yes),
            AnswerValue::Integer(number) => Self(vec![Said::Number(*number)]),
            AnswerValue::Decimal(value) => Self::number(*value),
            AnswerValue::Quantity(quantity) => Self::number(quantity.value),
            AnswerValue::Date(day) => Self::text(&day.to_string()),
            AnswerValue::Moment(at) => Self::text(&at.to_string()),
            AnswerValue::Choice(Coding { code, display, .. }) => {
                Self::coded([(code.as_str(), display.as_deref())], None)
            }
            AnswerValue::Text(text) => Self::text(text),
        }
    }
}

/// Without blanks and the punctuation around it.
fn trimmed(text: &str) -> &str {
    text.trim().trim_end_matches(['.', '。', '!', '?', '分']).trim()
}

/// What a text, or a part of one, says as a whole.
fn whole(text: &str) -> Said {
    if DENIALS.contains(&text) {
        return Said::Yes(false);
    }
    if CONSENTS.contains(&text) {
        return Said::Yes(true);
    }
    if let Ok(number) = text.parse::<Decimal>() {
        return Reply::number(number).0.first().copied().unwrap_or(Said::Unclear);
    }
    if is_now(text) || has(text, &HIGH) || text == "高" {
        return Said::Acute;
    }
    match RANKS.iter().find(|(words, _)| text.contains(words)) {
        Some((_, rank)) => Said::Number(*rank),
        None => Said::Unclear,
    }
}

/// A safety item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item(Positive);

impl Item {
    /// By its code, or by its `link_id`, which many questionnaires write as the LOINC code, behind slashes. Whatever
    /// the system is called: these codes are no others'.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().rsplit('/').next().unwrap_or_default();
        let mut known = LINKED.iter().chain(&CODED);
        known.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, positive)| Self(*positive))
    }

    /// By the words of the question.
    pub fn worded(text: &str) -> Option<Self> {
        let text = narrow(text);
        let positive = if is_now(&text) || has(&text, &INTENT) {
            Positive::Yes(Danger::Acute)
        } else if has(&text, &RATED) {
            Positive::Rated
        } else {
            Positive::Often
        };
        has(&text, &WORDS).then_some(Self(positive))
    }

    /// The greatest danger in an answer to it, if any.
    pub fn danger(self, reply: &Reply) -> Option<Danger> {
        reply.0.iter().filter_map(|said| self.judge(*said)).max()
    }

    const fn judge(self, said: Said) -> Option<Danger> {
        match (self.0, said) {
            (_, Said::Acute) => Some(Danger::Acute),
            (Positive::Yes(danger), Said::Yes(true) | Said::Number(1..) | Said::Unclear) => Some(danger),
            (Positive::Often, Said::Number(2..)) | (Positive::Rated, Said::Number(3..)) => Some(Danger::Acute),
            (Positive::Often | Positive::Rated, Said::Number(1..) | Said::Yes(true) | Said::Unclear) => {
                Some(Danger::Assess)
            }
            (_, Said::Yes(false) | Said::Number(..=0)) => None,
        }
    }
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
        self.item()?.danger(&Reply::of(value))
    }

    fn item(self) -> Option<Item> {
        let code = self.records_as.and_then(|code| Item::named(&code.canonical().code));
        let display = || Item::worded(self.records_as?.display.as_deref()?);
        let words = || self.text?.0.iter().find_map(|one| Item::worded(&one.text));
        code.or_else(|| Item::named(self.link_id)).or_else(words).or_else(display)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coding::{Quantity, system},
        compartment::{Compartment, Compartments},
    };
    use Danger::{Acute, Assess};

    const ITEM_9: &str = "44260-8";

    fn loinc(code: &str) -> Coding {
        Coding::new(system::LOINC, code)
    }

    fn quantity(unscaled: i64, scale: u8) -> AnswerValue {
        AnswerValue::Quantity(Quantity { value: Decimal::new(unscaled, scale).expect("a decimal"), unit: "1".into() })
    }

    fn text(text: &str) -> AnswerValue {
        AnswerValue::Text(text.to_owned())
    }

    fn linked(link_id: &str) -> Asked<'_> {
        Asked { link_id, text: None, records_as: None }
    }

    fn displayed(display: &str) -> AnswerValue {
        AnswerValue::Choice(Coding { display: Some(display.into()), ..Coding::new("urn:own", "a") })
    }

    #[test]
    fn item_nine_by_every_kind_of_answer() {
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
            (AnswerValue::Choice(Coding::new("", "LA6571-9")), Some(Acute)),
            (AnswerValue::Choice(Coding::new("urn:own", "la6568-5")), None),
            (AnswerValue::Choice(Coding::new("urn:own", "often")), Some(Assess)),
            (AnswerValue::Choice(Coding::new("urn:own", "0")), None),
            (AnswerValue::Choice(Coding::new("urn:own", "3")), Some(Acute)),
            (displayed("完全不会"), None),
            (displayed("完全不会 · Not at all"), None),
            (displayed("好几天"), Some(Assess)),
            (displayed("一半以上的天数 · More than half the days"), Some(Acute)),
            (displayed("几乎每天"), Some(Acute)),
            (displayed("3 = Nearly every day"), Some(Acute)),
            (displayed("0 - Not at all"), None),
            (quantity(0, 1), None),
            (quantity(10, 1), Some(Assess)),
            (quantity(11, 1), Some(Acute)),
            (quantity(1, 1), Some(Assess)),
            (quantity(-5, 1), None),
            (AnswerValue::Boolean(true), Some(Assess)),
            (AnswerValue::Boolean(false), None),
            (text("2"), Some(Acute)),
            (text("２分"), Some(Acute)),
            (text("1"), Some(Assess)),
            (text("0.5"), Some(Assess)),
            (text("0分。"), None),
            (text(" No. "), None),
            (text("没有"), None),
            (text("从来没有。"), None),
            (text("不想活"), Some(Assess)),
            (text("是"), Some(Assess)),
            (text("偶尔"), Some(Assess)),
            (text("我现在就想死"), Some(Acute)),
            (text("I want to do it now"), Some(Acute)),
            (text("I know"), Some(Assess)),
            (text("以前有，现在没有"), Some(Assess)),
            (text("没有，但今晚不好说"), Some(Acute)),
            (text(" "), None),
        ];
        for (value, danger) in rows {
            let code = loinc(ITEM_9);
            let asked = Asked { link_id: "any", text: None, records_as: Some(&code) };
            assert_eq!(asked.danger(&value), danger, "{value:?}");
            for link in ["/44260-8", "/44249-1/44260-8", "44260-8"] {
                assert_eq!(linked(link).danger(&value), danger, "{value:?}");
            }
            for words in ["有不如死掉或用某种方式伤害自己的念头", "Thoughts of hurting YOURSELF", "是否想死或自残"]
            {
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
        let snomed = |code: &str| AnswerValue::Choice(Coding::new(system::SNOMED, code));
        let table =
            |code: &str| AnswerValue::Choice(Coding::new("http://terminology.hl7.org/CodeSystem/v2-0136", code));
        let any = [
            AnswerValue::Boolean(true),
            AnswerValue::Choice(loinc("LA33-6")),
            AnswerValue::Choice(Coding::new("", "LA33-6")),
            snomed("373066001"),
            table("Y"),
            text("是"),
            text("有"),
            text("Yes"),
            text("y"),
            text("1"),
            // What nobody understands is as bad as the item may say.
            text("说不清楚"),
            AnswerValue::Choice(Coding::new("urn:own", "asked-declined")),
        ];
        let none = [
            AnswerValue::Boolean(false),
            AnswerValue::Choice(loinc("LA32-8")),
            snomed("373067005"),
            table("N"),
            text("否"),
            text("无"),
            text("0"),
        ];
        for (link, danger) in [
            ("asq-1", Some(Assess)),
            ("asq-2", Some(Assess)),
            ("asq-3", Some(Assess)),
            ("asq-4", Some(Assess)),
            ("asq-5", Some(Acute)),
            ("ASQ-5", Some(Acute)),
            ("asq-6", None),
            ("93247-5", Some(Assess)),
            ("93250-9", Some(Acute)),
            ("93267-3", None),
        ] {
            for yes in &any {
                assert_eq!(linked(link).danger(yes), danger, "{link} {yes:?}");
            }
            for no in &none {
                assert_eq!(linked(link).danger(no), None, "{link} {no:?}");
            }
        }
        assert_eq!(linked("asq-1").danger(&text("我现在就想死")), Some(Acute));
        let other = loinc("8480-6");
        let asked = Asked { link_id: "asq-5", text: None, records_as: Some(&other) };
        assert_eq!(asked.danger(&any[0]), Some(Acute), "the link counts too");
        for (words, danger) in [
            ("您现在有自杀的念头吗?", Acute),
            ("Are you having thoughts of killing yourself right now?", Acute),
            ("Have you had these thoughts of suicide and some intention of acting on them?", Acute),
            ("您是否曾经试图自杀?", Assess),
            ("In the past few weeks, have you wished you were dead?", Assess),
        ] {
            let words = LocalizedText::zh_en(words, "");
            let asked = Asked { link_id: "q", text: Some(&words), records_as: None };
            assert_eq!(asked.danger(&any[0]), Some(danger), "{words:?}");
        }
    }

    #[test]
    fn the_result_of_a_licensed_form() {
        let own = |code: &str| AnswerValue::Choice(Coding::new("urn:xinglin:mental-health", code));
        let both = |code: &str, display: &str| {
            AnswerValue::Choice(Coding { display: Some(display.into()), ..Coding::new("urn:own", code) })
        };
        let words = LocalizedText::zh_en("C-SSRS筛查结果", "Result of the C-SSRS screener");
        for (value, danger) in [
            (own("c-ssrs-none"), None),
            (own("c-ssrs-low"), Some(Assess)),
            (own("c-ssrs-moderate"), Some(Assess)),
            (own("c-ssrs-high"), Some(Acute)),
            (both("c-ssrs-high", "III"), Some(Acute)),
            (displayed("高 · High"), Some(Acute)),
            (displayed("极高危"), Some(Acute)),
            (displayed("中 · Moderate"), Some(Assess)),
            (displayed("无 · None"), None),
            (text("高风险"), Some(Acute)),
            (text("见附件"), Some(Assess)),
            (AnswerValue::Integer(0), None),
            (AnswerValue::Integer(2), Some(Assess)),
            (AnswerValue::Integer(3), Some(Acute)),
        ] {
            assert_eq!(linked("c-ssrs-risk").danger(&value), danger, "{value:?}");
            let worded = Asked { link_id: "slot-1", text: Some(&words), records_as: None };
            assert_eq!(worded.danger(&value), danger, "{value:?}");
        }
    }

    #[test]
    fn every_coded_item_is_in_the_compartment() {
        for (code, _) in CODED {
            let of_code = Compartments::of_code(Some(system::LOINC), code);
            assert!(of_code.contains(Compartment::MentalHealth), "{code}");
        }
    }
}
