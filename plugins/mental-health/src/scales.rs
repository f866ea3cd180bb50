//! The scales: their questions, and what answers say.
//!
//! PHQ-9 and GAD-7 may be used by anybody (Pfizer), the ASQ by medical institutions (NIMH). ISI and C-SSRS
//! are not free: their text is not here, only a slot for the result. Chinese wording: that of the
//! versions in circulation; an institution compares it with the official forms before use.

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    clinical::{Observation, ObservationValue},
    follow_up::{AnswerValue, Response},
    types::{Coding, Codings as _, Decimal, Quantity, system},
};

use crate::numbers::{
    ACUTE_ITEM, ASQ_YES, CONCERN_ITEM, GAD7_MILD, GAD7_MODERATE, GAD7_MOST, GAD7_SEVERE, ISI_MOST, PHQ9_MILD,
    PHQ9_MODERATE, PHQ9_MODERATELY_SEVERE, PHQ9_MOST, PHQ9_SEVERE,
};

/// Codes of the questionnaires.
pub mod code {
    /// PHQ-9.
    pub const PHQ9: &str = "phq-9";
    /// GAD-7.
    pub const GAD7: &str = "gad-7";
    /// ASQ.
    pub const ASQ: &str = "asq";
    /// Result of the C-SSRS screener.
    pub const CSSRS: &str = "c-ssrs";
    /// Total of the ISI.
    pub const ISI: &str = "isi";
    /// Signs of psychosis and mania.
    pub const SIGNS: &str = "check-in";
    /// What excludes a restriction of sleep.
    pub const SLEEP_ENTRY: &str = "sleep-entry";
    /// The sleep diary of a night.
    pub const DIARY: &str = "sleep-diary";
}

/// LOINC: panel of the PHQ-9.
pub const PHQ9_PANEL: &str = "44249-1";
/// LOINC: its total.
pub const PHQ9_TOTAL: &str = "44261-6";
/// LOINC: its ninth item.
pub const PHQ9_ITEM_9: &str = "44260-8";
/// LOINC: total of the GAD-7.
pub const GAD7_TOTAL: &str = "70274-6";

/// One question, in both languages.
#[derive(Debug)]
pub struct Item {
    /// Link of the question.
    pub link: &'static str,
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

const fn item(link: &'static str, zh: &'static str, en: &'static str) -> Item {
    Item { link, zh, en }
}

/// The nine scored items.
pub const PHQ9: [Item; 9] = [
    item("phq-1", "做事时提不起劲或没有兴趣", "Little interest or pleasure in doing things"),
    item("phq-2", "感到心情低落、沮丧或绝望", "Feeling down, depressed, or hopeless"),
    item("phq-3", "入睡困难、睡不安稳或睡眠过多", "Trouble falling or staying asleep, or sleeping too much"),
    item("phq-4", "感觉疲倦或没有活力", "Feeling tired or having little energy"),
    item("phq-5", "食欲不振或吃太多", "Poor appetite or overeating"),
    item(
        "phq-6",
        "觉得自己很糟——或觉得自己很失败,或让自己或家人失望",
        "Feeling bad about yourself — or that you are a failure or have let yourself or your family down",
    ),
    item(
        "phq-7",
        "对事物专注有困难,例如阅读报纸或看电视时",
        "Trouble concentrating on things, such as reading the newspaper or watching television",
    ),
    item(
        "phq-8",
        "动作或说话速度缓慢到别人已经察觉?或正好相反——烦躁或坐立不安、动来动去的情况更胜于平常",
        "Moving or speaking so slowly that other people could have noticed? Or the opposite — being so fidgety or \
         restless that you have been moving around a lot more than usual",
    ),
    item(
        PHQ9_SAFETY,
        "有不如死掉或用某种方式伤害自己的念头",
        "Thoughts that you would be better off dead or of hurting yourself in some way",
    ),
];
/// The item that asks about safety.
pub const PHQ9_SAFETY: &str = "phq-9";
/// The tenth item, which is not scored.
pub const PHQ9_DIFFICULTY: Item = item(
    "phq-10",
    "如果您有上述任何问题,这些问题使您在工作、料理家务或与他人相处时有多困难?",
    "If you checked off any problems, how difficult have these problems made it for you to do your work, take care \
     of things at home, or get along with other people?",
);
/// The seven items.
pub const GAD7: [Item; 7] = [
    item("gad-1", "感觉紧张、焦虑或急切", "Feeling nervous, anxious or on edge"),
    item("gad-2", "不能够停止或控制担忧", "Not being able to stop or control worrying"),
    item("gad-3", "对各种各样的事情担忧过多", "Worrying too much about different things"),
    item("gad-4", "很难放松下来", "Trouble relaxing"),
    item("gad-5", "由于不安而无法静坐", "Being so restless that it is hard to sit still"),
    item("gad-6", "变得容易烦恼或急躁", "Becoming easily annoyed or irritable"),
    item("gad-7", "感到似乎将有可怕的事情发生而害怕", "Feeling afraid as if something awful might happen"),
];
/// Four questions, and whether it is now.
pub const ASQ: [Item; 5] = [
    item("asq-1", "在过去几周里,您是否曾希望自己已经死去?", "In the past few weeks, have you wished you were dead?"),
    item(
        "asq-2",
        "在过去几周里,您是否曾觉得如果您死了,您或您的家人会更好?",
        "In the past few weeks, have you felt that you or your family would be better off if you were dead?",
    ),
    item(
        "asq-3",
        "在过去一周里,您是否有过自杀的念头?",
        "In the past week, have you been having thoughts about killing yourself?",
    ),
    item("asq-4", "您是否曾经试图自杀?", "Have you ever tried to kill yourself?"),
    item(ASQ_NOW, "您现在有自杀的念头吗?", "Are you having thoughts of killing yourself right now?"),
];
/// The question about now.
pub const ASQ_NOW: &str = "asq-5";
/// Slot of the result of the C-SSRS screener.
pub const CSSRS_RISK: &str = "c-ssrs-risk";
/// Slot of the total of the ISI.
pub const ISI_TOTAL: &str = "isi-total";

/// LOINC answers of how often, scored 0 to 3.
pub const OFTEN: [(&str, &str, &str); 4] = [
    ("LA6568-5", "完全不会", "Not at all"),
    ("LA6569-3", "好几天", "Several days"),
    ("LA6570-1", "一半以上的天数", "More than half the days"),
    ("LA6571-9", "几乎每天", "Nearly every day"),
];
/// LOINC answers of how difficult.
pub const DIFFICULT: [(&str, &str, &str); 4] = [
    ("LA6572-7", "毫无困难", "Not difficult at all"),
    ("LA6573-5", "有点困难", "Somewhat difficult"),
    ("LA6574-3", "非常困难", "Very difficult"),
    ("LA6575-0", "极度困难", "Extremely difficult"),
];
/// Codes of this plugin.
pub const OWN: &str = "urn:xinglin:mental-health";
/// Results of the C-SSRS screener, by their weight.
pub const RISKS: [(&str, &str, &str); 4] = [
    ("c-ssrs-none", "无", "None"),
    ("c-ssrs-low", "低", "Low"),
    ("c-ssrs-moderate", "中", "Moderate"),
    ("c-ssrs-high", "高", "High"),
];
/// From which weight on it is a concern, and acute.
pub const RISK_EDGES: [usize; 2] = [1, 3];

/// How a band is called.
pub type Band = (&'static str, &'static str);

/// Of a total of the PHQ-9.
pub const fn phq9_band(total: i64) -> Band {
    if total >= PHQ9_SEVERE.value {
        ("重度", "severe")
    } else if total >= PHQ9_MODERATELY_SEVERE.value {
        ("中重度", "moderately severe")
    } else if total >= PHQ9_MODERATE.value {
        ("中度", "moderate")
    } else if total >= PHQ9_MILD.value {
        ("轻度", "mild")
    } else {
        ("无或极轻", "minimal")
    }
}

/// Of a total of the GAD-7.
pub const fn gad7_band(total: i64) -> Band {
    if total >= GAD7_SEVERE.value {
        ("重度", "severe")
    } else if total >= GAD7_MODERATE.value {
        ("中度", "moderate")
    } else if total >= GAD7_MILD.value {
        ("轻度", "mild")
    } else {
        ("无或极轻", "minimal")
    }
}

/// What an answer says about safety.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Nothing.
    Clear,
    /// A clinician assesses safety.
    Concern,
    /// A person contacts the patient at once.
    Acute,
}

/// What an observation says about safety: the worst that can be read, and whether something cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safety {
    /// The worst.
    pub level: Level,
    /// Whether it is of the wrong kind, out of bounds or there twice.
    pub unreadable: bool,
}

/// The answers of a response. The host has checked that they fit their questions.
#[derive(Debug)]
pub struct Answers<'a>(pub &'a Response);

impl Answers<'_> {
    fn rank(&self, link: &str, list: &[(&str, &str, &str)], system: &str) -> Option<usize> {
        match self.0.values(link) {
            [AnswerValue::Choice(choice)] => list.iter().position(|(code, ..)| choice.is(system, code)),
            _ => None,
        }
    }

    /// A yes or a no.
    pub fn yes(&self, link: &str) -> Option<bool> {
        match self.0.values(link) {
            [AnswerValue::Boolean(yes)] => Some(*yes),
            _ => None,
        }
    }

    /// Whole minutes.
    pub fn minutes(&self, link: &str, most: i64) -> Option<i64> {
        match self.0.values(link) {
            [AnswerValue::Quantity(Quantity { value, .. })] => whole(*value, most),
            _ => None,
        }
    }

    /// How difficult it was, 0 to 3; not part of the total.
    pub fn difficulty(&self) -> Option<usize> {
        self.rank(PHQ9_DIFFICULTY.link, &DIFFICULT, system::LOINC)
    }

    /// What item 9 of the PHQ-9 says.
    pub fn item_9(&self) -> Level {
        let rank = self.rank(PHQ9_SAFETY, &OFTEN, system::LOINC);
        rank.and_then(|rank| i64::try_from(rank).ok()).map_or(Level::Clear, item_9)
    }

    /// What the ASQ says.
    pub fn asq(&self) -> Level {
        let said = ASQ.iter().filter(|item| item.link != ASQ_NOW && self.yes(item.link) == Some(true)).count();
        match self.yes(ASQ_NOW) {
            Some(true) => Level::Acute,
            _ if i64::try_from(said).is_ok_and(|said| said >= ASQ_YES.value) => Level::Concern,
            _ => Level::Clear,
        }
    }

    /// What the result of the C-SSRS screener says.
    pub fn cssrs(&self) -> Level {
        let [concern, acute] = RISK_EDGES;
        match self.rank(CSSRS_RISK, &RISKS, OWN) {
            Some(rank) if rank >= acute => Level::Acute,
            Some(rank) if rank >= concern => Level::Concern,
            _ => Level::Clear,
        }
    }
}

/// What a score of item 9 says.
const fn item_9(score: i64) -> Level {
    if score >= ACUTE_ITEM.value {
        Level::Acute
    } else if score >= CONCERN_ITEM.value {
        Level::Concern
    } else {
        Level::Clear
    }
}

/// The worst of the answers to one question that can be read.
fn worst(answers: impl Iterator<Item = Option<Level>>) -> Safety {
    let (mut level, mut unreadable, mut count) = (Level::Clear, false, 0);
    for answer in answers {
        count += 1;
        match answer {
            Some(said) => level = level.max(said),
            None => unreadable = true,
        }
    }
    Safety { level, unreadable: unreadable || count != 1 }
}

fn rank(choice: &Coding, list: &[(&str, &str, &str)]) -> Option<usize> {
    list.iter().position(|(code, ..)| choice.is(system::LOINC, code))
}

fn whole(value: Decimal, most: i64) -> Option<i64> {
    let value = value.normalized();
    (value.scale == 0 && (0..=most).contains(&value.unscaled)).then_some(value.unscaled)
}

/// What an observation is, for this pathway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// What item 9 says, if it is there.
    pub safety: Option<Safety>,
    /// Total of the PHQ-9, within bounds.
    pub phq9: Option<i64>,
    /// Total of the GAD-7, within bounds.
    pub gad7: Option<i64>,
    /// Total of the ISI, within bounds.
    pub isi: Option<i64>,
}

impl Observed {
    /// The values of an observation and of its components.
    pub fn of(observation: &Observation) -> Self {
        let values = |system: &str, code: &str| -> Vec<&ObservationValue> {
            let itself = observation.code.has(system, code).then_some(&observation.value);
            let parts = observation.components.iter().filter(|part| part.code.has(system, code));
            itself.into_iter().chain(parts.map(|part| &part.value)).collect()
        };
        let total = |system: &str, code: &str, most: i64| match values(system, code)[..] {
            [value] => number(value, most),
            _ => None,
        };
        let items = values(system::LOINC, PHQ9_ITEM_9);
        let safety = (!items.is_empty())
            .then(|| worst(items.into_iter().map(|value| number(value, 3).or_else(|| coded(value)).map(item_9))));
        Self {
            safety,
            phq9: total(system::LOINC, PHQ9_TOTAL, PHQ9_MOST.value),
            gad7: total(system::LOINC, GAD7_TOTAL, GAD7_MOST.value),
            isi: total(OWN, ISI_TOTAL, ISI_MOST.value),
        }
    }
}

/// A whole number, as an integer or as a quantity without a unit.
fn number(value: &ObservationValue, most: i64) -> Option<i64> {
    match value {
        ObservationValue::Integer(value) => (0..=most).contains(value).then_some(*value),
        ObservationValue::Quantity(Quantity { value, unit }) if matches!(unit.as_str(), "" | "1" | "{score}") => {
            whole(*value, most)
        }
        _ => None,
    }
}

fn coded(value: &ObservationValue) -> Option<i64> {
    match value {
        ObservationValue::Coded(codes) => {
            let ranks: Vec<usize> = codes.iter().filter_map(|code| rank(code, &OFTEN)).collect();
            ranks.into_iter().max().and_then(|rank| i64::try_from(rank).ok())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_of_the_scales() {
        for (from, below, at) in [
            (PHQ9_MILD, "minimal", "mild"),
            (PHQ9_MODERATE, "mild", "moderate"),
            (PHQ9_MODERATELY_SEVERE, "moderate", "moderately severe"),
            (PHQ9_SEVERE, "moderately severe", "severe"),
        ] {
            let found = [-1, 0, 1].map(|step| phq9_band(from.value + step).1);
            assert_eq!(found, [below, at, at], "{from:?}");
        }
        for (from, below, at) in
            [(GAD7_MILD, "minimal", "mild"), (GAD7_MODERATE, "mild", "moderate"), (GAD7_SEVERE, "moderate", "severe")]
        {
            let found = [-1, 0, 1].map(|step| gad7_band(from.value + step).1);
            assert_eq!(found, [below, at, at], "{from:?}");
        }
        assert_eq!(
            (phq9_band(0).1, phq9_band(27).1, gad7_band(0).1, gad7_band(21).1),
            ("minimal", "severe", "minimal", "severe")
        );
    }

    #[test]
    fn the_largest_totals_are_those_of_the_items() {
        assert_eq!(i64::try_from(PHQ9.len()), Ok(PHQ9_MOST.value / 3));
        assert_eq!(i64::try_from(GAD7.len()), Ok(GAD7_MOST.value / 3));
    }
}
