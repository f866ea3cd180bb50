//! Questionnaires: their items, and what the host makes of answers. As FHIR `Questionnaire` has it: an item
//! is enabled by answers to items before it, and answers to what is not enabled do not count.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Contact, Role};
use crate::{
    code::Code,
    coding::{Citation, Coding, Decimal, LocalizedText, Quantity},
    measure::{self, measurand},
    time::{Day, Instant},
};

/// Most items of a questionnaire.
const MAX_ITEMS: usize = 300;
/// Most values of one answer.
const MAX_VALUES: usize = 50;
/// Longest text of an answer, in characters.
const MAX_TEXT: usize = 4000;
/// How long ago an answer may have been given, in days: a project default.
const MAX_AGE_DAYS: i64 = 366;
/// By how many minutes the clock of who answers may be ahead.
const MAX_AHEAD_MINUTES: i64 = 5;

/// Bounds of a number, both allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<Decimal>,
    /// The most, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Decimal>,
}

impl Bounds {
    fn hold(&self, value: Decimal) -> bool {
        self.least.is_none_or(|least| least <= value) && self.most.is_none_or(|most| value <= most)
    }

    /// The nearest value within them.
    pub fn nearest(&self, value: Decimal) -> Decimal {
        let value = self.least.map_or(value, |least| value.max(least));
        self.most.map_or(value, |most| value.min(most))
    }

    fn are_in_order(&self) -> bool {
        !matches!((self.least, self.most), (Some(least), Some(most)) if least > most)
    }
}

/// One of the answers to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceOption {
    /// Its code.
    pub code: Coding,
    /// Its words; of a pathway that gives none, the display of the code.
    pub text: LocalizedText,
    /// What it counts in a score (FHIR `itemWeight`).
    pub weight: Option<i32>,
}

/// The type of answer of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Words only, no answer: a heading, an instruction.
    Display,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer(Bounds),
    /// A number.
    Decimal(Bounds),
    /// A day.
    Date,
    /// A moment.
    Moment,
    /// Text.
    Text,
    /// A number in this unit (UCUM).
    Quantity(String, Bounds),
    /// One of these.
    Choice(Vec<ChoiceOption>),
}

/// Whether an answer…
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// …is there at all.
    Answered,
    /// …is this choice.
    Equals(Coding),
    /// …is this yes or no.
    Is(bool),
    /// …is a number, or a choice with a weight, of at least so much.
    AtLeast(Decimal),
}

/// A test of the answer to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The item.
    pub link_id: String,
    /// The test.
    pub test: Test,
}

/// How many conditions must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Behavior {
    All,
    Any,
}

/// When an item is asked (FHIR `enableWhen` with `enableBehavior`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enablement {
    /// How many of the conditions must hold.
    pub behavior: Behavior,
    /// On items that come before. Never empty.
    pub conditions: Vec<Condition>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Unique in the questionnaire.
    pub link_id: String,
    /// The text of the question.
    pub text: LocalizedText,
    /// The type of its answer.
    pub kind: AnswerKind,
    /// Whether an answer is required if it is enabled.
    pub required: bool,
    /// Whether it may have several answers.
    pub repeats: bool,
    /// When it is asked; always, if absent.
    pub enabled_when: Option<Enablement>,
    /// The code of the observation that the answer is stored as, if any.
    pub records_as: Option<Coding>,
}

/// A sum of answers: weights of choices, and whole numbers as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Code of the observation that it is recorded as.
    pub code: Coding,
    /// By `link_id`. Never empty.
    pub items: Vec<String>,
}

/// Somebody must speak with the patient on certain answers, whatever becomes of the plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Safeguard {
    /// Any of these. Never empty.
    pub conditions: Vec<Condition>,
    /// The contact.
    pub contact: Contact,
}

/// A set of questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Questionnaire {
    /// Unique in the pathway.
    pub code: String,
    /// Title for display.
    pub title: LocalizedText,
    /// The questions, in order.
    pub items: Vec<Item>,
    /// What is summed.
    #[serde(default)]
    pub scores: Vec<Score>,
    /// What must happen on certain answers.
    #[serde(default)]
    pub safeguards: Vec<Safeguard>,
    /// Source of the questions.
    pub citation: Option<Citation>,
}

/// The value of one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Decimal(Decimal),
    /// A day.
    Date(Day),
    /// A moment.
    Moment(Instant),
    /// Text.
    Text(String),
    /// A quantity.
    Quantity(Quantity),
    /// One of the choices.
    Choice(Coding),
}

/// The answer to one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// `link_id` of the item.
    pub link_id: String,
    /// Several only where the item repeats. Never empty.
    pub values: Vec<AnswerValue>,
    /// When it was given.
    pub at: Instant,
    /// Who gave it.
    pub author: Role,
}

/// A completed questionnaire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Its code.
    pub questionnaire: String,
    /// The answers to enabled items, in the order of the items.
    pub answers: Vec<Answer>,
}

/// Why answers are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("answer `{link_id}`: {what}")]
pub struct AnswerFault {
    /// The item.
    pub link_id: String,
    /// What is wrong.
    pub what: String,
    /// `BODY_INVALID`, or the code of a value that cannot be true.
    pub code: Code,
}

impl AnswerFault {
    fn new(link_id: &str, what: impl Into<String>) -> Self {
        Self { link_id: link_id.to_owned(), what: what.into(), code: Code::BodyInvalid }
    }
}

/// Answers by the item.
type Given<'a> = BTreeMap<&'a str, &'a [AnswerValue]>;

impl Questionnaire {
    fn item(&self, link_id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.link_id == link_id)
    }

    /// Checks that every answer is to an item that was asked and fits it, and that no required one is missing;
    /// returns the answers in the order of the items. A value that cannot be right is refused at once: who typed
    /// it can correct it.
    ///
    /// # Errors
    /// The first fault. Nothing is to be stored.
    pub fn response(&self, mut answers: Vec<Answer>, now: Instant) -> Result<Response, AnswerFault> {
        let mut given = Given::new();
        for answer in &answers {
            let link = answer.link_id.as_str();
            let item = self.item(link).ok_or_else(|| AnswerFault::new(link, "there is no such question"))?;
            if given.insert(link, &answer.values).is_some() {
                return Err(AnswerFault::new(link, "answered twice"));
            }
            match answer.values.len() {
                0 => return Err(AnswerFault::new(link, "has no value")),
                1 => {}
                2..=MAX_VALUES if item.repeats => {}
                _ if item.repeats => return Err(AnswerFault::new(link, format!("more than {MAX_VALUES} values"))),
                _ => return Err(AnswerFault::new(link, "takes one value")),
            }
            answer.values.iter().try_for_each(|value| item.takes(value))?;
            if answer.at > now.plus_minutes(MAX_AHEAD_MINUTES) {
                return Err(AnswerFault::new(link, "was given in the future"));
            }
            if answer.at < now.plus_days(-MAX_AGE_DAYS) {
                return Err(AnswerFault::new(link, "was given more than a year ago"));
            }
        }
        let enabled = self.enabled(&given);
        if let Some(link) = given.keys().find(|link| !enabled.contains(**link)) {
            return Err(AnswerFault::new(link, "is not asked after the other answers"));
        }
        let missing = self.items.iter().find(|item| {
            let link = item.link_id.as_str();
            item.required && item.kind != AnswerKind::Display && enabled.contains(link) && !given.contains_key(link)
        });
        if let Some(item) = missing {
            return Err(AnswerFault::new(&item.link_id, "is required"));
        }
        let place: BTreeMap<&str, usize> =
            self.items.iter().enumerate().map(|(at, item)| (item.link_id.as_str(), at)).collect();
        answers.sort_by_key(|answer| place.get(answer.link_id.as_str()).copied());
        Ok(Response { questionnaire: self.code.clone(), answers })
    }

    /// Whether an item is asked after these answers to items before it.
    pub fn asks(&self, item: &Item, before: &[Answer]) -> bool {
        let given: Given<'_> =
            before.iter().map(|answer| (answer.link_id.as_str(), answer.values.as_slice())).collect();
        self.enabled(&given).contains(item.link_id.as_str())
    }

    /// The items that are asked. A condition on an item that is not asked does not hold.
    fn enabled(&self, given: &Given<'_>) -> BTreeSet<&str> {
        let mut enabled = BTreeSet::new();
        for item in &self.items {
            let holds =
                |condition: &Condition| enabled.contains(condition.link_id.as_str()) && self.holds(condition, given);
            let asked = item.enabled_when.as_ref().is_none_or(|when| match when.behavior {
                Behavior::All => when.conditions.iter().all(holds),
                Behavior::Any => when.conditions.iter().any(holds),
            });
            if asked {
                enabled.insert(item.link_id.as_str());
            }
        }
        enabled
    }

    fn holds(&self, condition: &Condition, given: &Given<'_>) -> bool {
        let Some(values) = given.get(condition.link_id.as_str()) else { return false };
        let item = self.item(&condition.link_id);
        values.iter().any(|value| match &condition.test {
            Test::Answered => true,
            Test::Equals(choice) => matches!(value, AnswerValue::Choice(given) if given.same(choice)),
            Test::Is(yes) => matches!(value, AnswerValue::Boolean(given) if given == yes),
            Test::AtLeast(least) => item.and_then(|item| item.number(value)).is_some_and(|number| number >= *least),
        })
    }

    /// The scores of answers that were [accepted](Self::response): of each all whose enabled items have an answer.
    pub fn scores(&self, answers: &[Answer]) -> Vec<(&Coding, i64)> {
        let given: Given<'_> =
            answers.iter().map(|answer| (answer.link_id.as_str(), answer.values.as_slice())).collect();
        let enabled = self.enabled(&given);
        let sum = |score: &Score| {
            let mut sum = 0_i64;
            for link in score.items.iter().map(String::as_str).filter(|link| enabled.contains(link)) {
                let item = self.item(link)?;
                for value in *given.get(link)? {
                    sum = sum.checked_add(item.counts(value)?)?;
                }
            }
            Some(sum)
        };
        self.scores.iter().filter_map(|score| Some((&score.code, sum(score)?))).collect()
    }

    /// The contacts of safeguards whose conditions hold of these values by `link_id`, whether or not they would be
    /// accepted as answers.
    pub fn safeguards(&self, values: &[(&str, Vec<AnswerValue>)]) -> Vec<&Contact> {
        let given: Given<'_> = values.iter().map(|(link, values)| (*link, values.as_slice())).collect();
        let holds = |one: &&Safeguard| one.conditions.iter().any(|condition| self.holds(condition, &given));
        self.safeguards.iter().filter(holds).map(|one| &one.contact).collect()
    }

    /// What is wrong with the questionnaire itself, if anything.
    pub fn fault(&self) -> Option<String> {
        if self.items.len() > MAX_ITEMS {
            return Some(format!("{} items; at most {MAX_ITEMS} are taken", self.items.len()));
        }
        let mut before: BTreeMap<&str, &Item> = BTreeMap::new();
        for item in &self.items {
            let link = item.link_id.as_str();
            if link.trim().is_empty() {
                return Some("an item without a link-id".to_owned());
            }
            if item.text.is_empty() {
                return Some(format!("item `{link}` has no text"));
            }
            match &item.kind {
                AnswerKind::Choice(options) if options.is_empty() => {
                    return Some(format!("item `{link}` has nothing to choose from"));
                }
                AnswerKind::Integer(bounds) | AnswerKind::Decimal(bounds) | AnswerKind::Quantity(_, bounds)
                    if !bounds.are_in_order() =>
                {
                    return Some(format!("item `{link}`: the least is more than the most"));
                }
                _ => {}
            }
            if let Some(when) = &item.enabled_when {
                if when.conditions.is_empty() {
                    return Some(format!("item `{link}` is enabled by no condition"));
                }
                for condition in &when.conditions {
                    if let Some(fault) = wrong(condition, &before) {
                        return Some(format!("item `{link}` is enabled by {fault}"));
                    }
                }
            }
            if before.insert(link, item).is_some() {
                return Some(format!("item `{link}` comes twice"));
            }
        }
        for Score { code, items } in &self.scores {
            if items.is_empty() {
                return Some(format!("score `{}` sums nothing", code.code));
            }
            let counted: BTreeSet<&String> = items.iter().collect();
            let wrong = items.iter().find(|link| !before.get(link.as_str()).is_some_and(|item| item.is_counted()));
            if counted.len() < items.len() || wrong.is_some() {
                let link = wrong.or(items.first()).map(String::as_str).unwrap_or_default();
                return Some(format!("score `{}`: `{link}` comes twice or counts nothing", code.code));
            }
        }
        self.safeguards.iter().find_map(|one| {
            if one.conditions.is_empty() {
                return Some(format!("safeguard `{}` has no condition", one.contact.code));
            }
            let fault = one.conditions.iter().find_map(|condition| wrong(condition, &before))?;
            Some(format!("safeguard `{}` has {fault}", one.contact.code))
        })
    }
}

/// What is wrong with a condition on one of these items.
fn wrong(condition: &Condition, items: &BTreeMap<&str, &Item>) -> Option<String> {
    let link = &condition.link_id;
    let Some(item) = items.get(link.as_str()) else {
        return Some(format!("an answer to `{link}`, which does not come before"));
    };
    let fits = match (&condition.test, &item.kind) {
        (_, AnswerKind::Display) => false,
        (Test::Answered, _) | (Test::Is(_), AnswerKind::Boolean) => true,
        (Test::Equals(code), AnswerKind::Choice(options)) => options.iter().any(|option| option.code.same(code)),
        (Test::AtLeast(_), AnswerKind::Integer(_) | AnswerKind::Decimal(_) | AnswerKind::Quantity(..)) => true,
        (Test::AtLeast(_), AnswerKind::Choice(options)) => options.iter().any(|option| option.weight.is_some()),
        _ => false,
    };
    (!fits).then(|| format!("a test that no answer to `{link}` can pass"))
}

impl Item {
    fn takes(&self, value: &AnswerValue) -> Result<(), AnswerFault> {
        let link = self.link_id.as_str();
        let bounded = |bounds: &Bounds, value: Decimal| {
            if bounds.hold(value) { Ok(()) } else { Err(AnswerFault::new(link, format!("{value} is out of bounds"))) }
        };
        match (&self.kind, value) {
            (AnswerKind::Boolean, AnswerValue::Boolean(_))
            | (AnswerKind::Date, AnswerValue::Date(_))
            | (AnswerKind::Moment, AnswerValue::Moment(_)) => Ok(()),
            (AnswerKind::Integer(bounds) | AnswerKind::Decimal(bounds), AnswerValue::Integer(value)) => {
                bounded(bounds, Decimal::whole(*value))
            }
            (AnswerKind::Decimal(bounds), AnswerValue::Decimal(value)) => bounded(bounds, *value),
            (AnswerKind::Text, AnswerValue::Text(text)) => match text.chars().count() {
                0..=MAX_TEXT => Ok(()),
                _ => Err(AnswerFault::new(link, format!("is longer than {MAX_TEXT} characters"))),
            },
            (AnswerKind::Quantity(unit, bounds), AnswerValue::Quantity(quantity))
                if *unit == measure::unit(&quantity.unit) =>
            {
                let what = self.records_as.as_ref().and_then(|code| measurand(std::slice::from_ref(code)));
                if let Some(Err(fault)) = what.map(|what| what.canonical(quantity)) {
                    let what = format!("{} {}", quantity.value, quantity.unit);
                    return Err(AnswerFault { code: fault.code(), ..AnswerFault::new(link, what) });
                }
                bounded(bounds, quantity.value)
            }
            (AnswerKind::Quantity(unit, _), AnswerValue::Quantity(_)) => {
                Err(AnswerFault::new(link, format!("asked in `{unit}`")))
            }
            (AnswerKind::Choice(options), AnswerValue::Choice(choice)) => {
                match options.iter().any(|option| option.code.same(choice)) {
                    true => Ok(()),
                    false => Err(AnswerFault::new(link, "is not one of the choices")),
                }
            }
            (AnswerKind::Display, _) => Err(AnswerFault::new(link, "is no question")),
            _ => Err(AnswerFault::new(link, "is of another kind than the question")),
        }
    }

    fn weight(&self, choice: &Coding) -> Option<i32> {
        let AnswerKind::Choice(options) = &self.kind else { return None };
        options.iter().find(|option| option.code.same(choice))?.weight
    }

    fn number(&self, value: &AnswerValue) -> Option<Decimal> {
        match value {
            AnswerValue::Integer(number) => Some(Decimal::whole(*number)),
            AnswerValue::Decimal(number) => Some(*number),
            AnswerValue::Quantity(quantity) => Some(quantity.value),
            AnswerValue::Choice(choice) => self.weight(choice).map(|weight| Decimal::whole(i64::from(weight))),
            _ => None,
        }
    }

    /// Whether all its answers count in a score.
    fn is_counted(&self) -> bool {
        match &self.kind {
            AnswerKind::Integer(_) => true,
            AnswerKind::Choice(options) => options.iter().all(|option| option.weight.is_some()),
            _ => false,
        }
    }

    fn counts(&self, value: &AnswerValue) -> Option<i64> {
        match value {
            AnswerValue::Integer(number) => Some(*number),
            AnswerValue::Choice(choice) => self.weight(choice).map(i64::from),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coding::system,
        fixture::{self, NOW},
    };

    fn item(link: &str, kind: AnswerKind) -> Item {
        Item {
            link_id: link.into(),
            text: fixture::text("问题"),
            kind,
            required: false,
            repeats: false,
            enabled_when: None,
            records_as: None,
        }
    }

    fn when(behavior: Behavior, conditions: &[(&str, Test)]) -> Option<Enablement> {
        let of = |(link, test): &(&str, Test)| Condition { link_id: (*link).into(), test: test.clone() };
        Some(Enablement { behavior, conditions: conditions.iter().map(of).collect() })
    }

    fn often() -> AnswerKind {
        let option = |code: &str, weight| ChoiceOption {
            code: Coding::new(system::LOINC, code),
            text: fixture::text("几天"),
            weight: Some(weight),
        };
        AnswerKind::Choice(vec![option("LA6568-5", 0), option("LA6569-3", 1), option("LA6570-1", 2)])
    }

    fn form(items: Vec<Item>) -> Questionnaire {
        Questionnaire {
            code: "form".into(),
            title: fixture::text("表"),
            items,
            scores: vec![],
            safeguards: vec![],
            citation: None,
        }
    }

    fn given(link: &str, values: Vec<AnswerValue>) -> Answer {
        Answer { link_id: link.into(), values, at: NOW, author: Role::Patient }
    }

    fn one(link: &str, value: AnswerValue) -> Answer {
        given(link, vec![value])
    }

    fn chosen(code: &str) -> AnswerValue {
        AnswerValue::Choice(Coding::new(system::LOINC, code))
    }

    fn decimal(unscaled: i64, scale: u8) -> Decimal {
        Decimal::new(unscaled, scale).expect("a decimal")
    }

    #[test]
    fn each_kind_takes_its_values_within_its_bounds() {
        let bounds = Bounds { least: Some(Decimal::whole(1)), most: Some(decimal(55, 1)) };
        let quantity = |value: Decimal, unit: &str| AnswerValue::Quantity(Quantity { value, unit: unit.into() });
        let day = AnswerValue::Date("2026-11-21".parse().expect("a day"));
        let text = |length| AnswerValue::Text("x".repeat(length));
        let rows: Vec<(AnswerKind, AnswerValue, bool)> = vec![
            (AnswerKind::Boolean, AnswerValue::Boolean(false), true),
            (AnswerKind::Boolean, AnswerValue::Integer(0), false),
            (AnswerKind::Integer(bounds), AnswerValue::Integer(0), false),
            (AnswerKind::Integer(bounds), AnswerValue::Integer(1), true),
            (AnswerKind::Integer(bounds), AnswerValue::Integer(5), true),
            (AnswerKind::Integer(bounds), AnswerValue::Integer(6), false),
            (AnswerKind::Integer(bounds), AnswerValue::Decimal(decimal(20, 1)), false),
            (AnswerKind::Decimal(bounds), AnswerValue::Decimal(decimal(54, 1)), true),
            (AnswerKind::Decimal(bounds), AnswerValue::Decimal(decimal(55, 1)), true),
            (AnswerKind::Decimal(bounds), AnswerValue::Decimal(decimal(56, 1)), false),
            (AnswerKind::Decimal(bounds), AnswerValue::Integer(2), true),
            (AnswerKind::Decimal(Bounds::default()), AnswerValue::Integer(-9), true),
            (AnswerKind::Date, day.clone(), true),
            (AnswerKind::Moment, day, false),
            (AnswerKind::Moment, AnswerValue::Moment(NOW), true),
            (AnswerKind::Text, text(MAX_TEXT), true),
            (AnswerKind::Text, text(MAX_TEXT + 1), false),
            (AnswerKind::Quantity("mmol/L".into(), bounds), quantity(decimal(55, 1), "mmol/L"), true),
            (AnswerKind::Quantity("mmol/L".into(), bounds), quantity(decimal(56, 1), "mmol/L"), false),
            (AnswerKind::Quantity("mmol/L".into(), bounds), quantity(decimal(55, 1), "mg/dL"), false),
            (often(), chosen("LA6569-3"), true),
            (often(), chosen("LA6571-9"), false),
            (often(), AnswerValue::Text("LA6569-3".into()), false),
            (AnswerKind::Display, AnswerValue::Boolean(true), false),
        ];
        for (kind, value, taken) in rows {
            let said = form(vec![item("a", kind.clone())]).response(vec![one("a", value.clone())], NOW);
            assert_eq!(said.is_ok(), taken, "{kind:?} {value:?}: {said:?}");
        }
    }

    #[test]
    fn several_answers_only_where_the_question_takes_them() {
        let takes = |repeats, values| {
            let of = form(vec![Item { repeats, ..item("a", often()) }]);
            of.response(vec![given("a", values)], NOW).is_ok()
        };
        let two = || vec![chosen("LA6568-5"), chosen("LA6569-3")];
        assert!(takes(true, two()) && !takes(false, two()) && !takes(true, vec![]));
        assert!(takes(true, vec![chosen("LA6568-5"); MAX_VALUES]));
        assert!(!takes(true, vec![chosen("LA6568-5"); MAX_VALUES + 1]));
        let of = form(vec![item("a", often())]);
        assert!(of.response(vec![one("a", chosen("LA6568-5")), one("a", chosen("LA6568-5"))], NOW).is_err());
        assert!(of.response(vec![one("b", chosen("LA6568-5"))], NOW).is_err());
    }

    #[test]
    fn an_answer_is_of_its_time() {
        let of = form(vec![item("a", AnswerKind::Boolean)]);
        let at = |at| of.response(vec![Answer { at, ..one("a", AnswerValue::Boolean(true)) }], NOW).is_ok();
        assert!(at(NOW) && at(NOW.plus_minutes(5)) && !at(NOW.plus_minutes(6)));
        assert!(at(NOW.plus_days(-366)) && !at(NOW.plus_days(-367)));
    }

    /// Unwell? → what; and of what at least so much → since when.
    fn branching() -> Questionnaire {
        form(vec![
            Item { required: true, ..item("unwell", AnswerKind::Boolean) },
            Item {
                required: true,
                enabled_when: when(Behavior::All, &[("unwell", Test::Is(true))]),
                ..item("how-often", often())
            },
            Item {
                enabled_when: when(
                    Behavior::Any,
                    &[
                        ("how-often", Test::AtLeast(Decimal::whole(2))),
                        ("how-often", Test::Equals(Coding::new(system::LOINC, "LA6569-3"))),
                    ],
                ),
                ..item("since", AnswerKind::Date)
            },
        ])
    }

    #[test]
    fn what_is_not_asked_is_not_answered_and_not_required() {
        let of = branching();
        let unwell = |yes| one("unwell", AnswerValue::Boolean(yes));
        let since = || one("since", AnswerValue::Date("2026-11-01".parse().expect("a day")));
        let fault = |answers| of.response(answers, NOW).err().map(|fault| fault.to_string());
        assert_eq!(fault(vec![unwell(false)]), None);
        assert_eq!(fault(vec![]).as_deref(), Some("answer `unwell`: is required"));
        assert_eq!(fault(vec![unwell(true)]).as_deref(), Some("answer `how-often`: is required"));
        let stray = fault(vec![unwell(false), one("how-often", chosen("LA6569-3"))]);
        assert_eq!(stray.as_deref(), Some("answer `how-often`: is not asked after the other answers"));
        for (code, asked) in [("LA6568-5", false), ("LA6569-3", true), ("LA6570-1", true)] {
            assert_eq!(fault(vec![unwell(true), one("how-often", chosen(code)), since()]).is_none(), asked, "{code}");
        }
        // A condition on what is not asked does not hold, though it was answered.
        assert!(fault(vec![unwell(false), one("how-often", chosen("LA6570-1")), since()]).is_some());
        let shuffled = vec![since(), one("how-often", chosen("LA6570-1")), unwell(true)];
        let response = of.response(shuffled, NOW).expect("all fit");
        let order: Vec<&str> = response.answers.iter().map(|answer| answer.link_id.as_str()).collect();
        assert_eq!(order, ["unwell", "how-often", "since"]);
    }

    #[test]
    fn a_score_is_the_sum_of_what_is_asked_once_all_of_it_is_answered() {
        let items = ["unwell", "how-often", "count"].map(str::to_owned);
        let mut of = branching();
        of.items.push(item("count", AnswerKind::Integer(Bounds::default())));
        let code = Coding::new(system::LOINC, "44261-6");
        of.scores = vec![Score { code: code.clone(), items: items[1..].to_vec() }];
        assert_eq!(of.fault(), None);
        let unwell = |yes| one("unwell", AnswerValue::Boolean(yes));
        let count = || one("count", AnswerValue::Integer(4));
        assert_eq!(of.scores(&[unwell(true), one("how-often", chosen("LA6570-1")), count()]), [(&code, 6)]);
        assert_eq!(of.scores(&[unwell(false), count()]), [(&code, 4)], "what is not asked counts nothing");
        assert_eq!(of.scores(&[unwell(true), one("how-often", chosen("LA6570-1"))]), [], "one is missing");
        of.scores[0].items = items.to_vec();
        assert!(of.fault().is_some_and(|fault| fault.contains("counts nothing")), "a yes is no number");
    }

    #[test]
    fn a_questionnaire_that_cannot_be_asked_is_refused() {
        let refused = |change: fn(&mut Questionnaire), word: &str| {
            let mut of = branching();
            change(&mut of);
            assert!(of.fault().is_some_and(|fault| fault.contains(word)), "{word}: {:?}", of.fault());
        };
        assert_eq!(branching().fault(), None);
        refused(|of| of.items[2].link_id = "unwell".into(), "twice");
        refused(|of| of.items[0].link_id = " ".into(), "link-id");
        refused(|of| of.items[0].text = LocalizedText::default(), "no text");
        refused(|of| of.items[1].kind = AnswerKind::Choice(vec![]), "nothing to choose");
        refused(|of| of.items.swap(0, 1), "does not come before");
        refused(|of| of.items[1].enabled_when = when(Behavior::All, &[]), "no condition");
        refused(
            |of| of.items[1].enabled_when = when(Behavior::All, &[("unwell", Test::AtLeast(Decimal::whole(1)))]),
            "no answer",
        );
        refused(|of| of.items[0].kind = AnswerKind::Display, "no answer");
        refused(
            |of| {
                let bounds = Bounds { least: Some(Decimal::whole(2)), most: Some(Decimal::whole(1)) };
                of.items[2].kind = AnswerKind::Integer(bounds);
            },
            "least",
        );
        refused(|of| of.items = vec![of.items[0].clone(); MAX_ITEMS + 1], "items");
        refused(|of| of.scores = vec![Score { code: Coding::new("urn:own", "s"), items: vec![] }], "sums nothing");
        refused(
            |of| of.scores = vec![Score { code: Coding::new("urn:own", "s"), items: vec!["how-often".into(); 2] }],
            "twice",
        );
    }

    #[test]
    fn safeguards_hold_whether_or_not_the_answers_fit() {
        let contact = Contact {
            code: "SUICIDE_RISK".into(),
            owner: Role::Doctor,
            within_minutes: 5,
            escalation: vec![],
            helplines: Vec::new(),
            inform_kin: false,
            locks_visit: true,
            recontact_hours: vec![],
            reason: fixture::text("联系"),
            citation: fixture::alert().citation,
        };
        let mut of = branching();
        let test = Test::AtLeast(Decimal::whole(2));
        let conditions = vec![Condition { link_id: "how-often".into(), test }];
        of.safeguards = vec![Safeguard { conditions, contact }];
        assert_eq!(of.fault(), None);
        let found = |code: &str| of.safeguards(&[("how-often", vec![chosen(code)])]).len();
        assert_eq!((found("LA6569-3"), found("LA6570-1")), (0, 1));
        of.safeguards[0].conditions.clear();
        assert!(of.fault().is_some());
    }

    #[test]
    fn the_nearest_value_is_within_the_bounds() {
        let bounds = Bounds { least: Some(Decimal::whole(2)), most: Some(Decimal::whole(4)) };
        for (value, nearest) in [(1, 2), (2, 2), (3, 3), (4, 4), (5, 4)] {
            assert_eq!(bounds.nearest(Decimal::whole(value)), Decimal::whole(nearest));
        }
    }
}
