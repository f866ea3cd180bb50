//! What the host makes of questionnaires: whether one can be asked, which answers it takes, scores and safeguards.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::contact_fault;
use crate::{
    follow_up::{
        Answer, AnswerKind, AnswerValue, Behavior, Bounds, Condition, Contact, Item, Questionnaire, Score, Test,
    },
    time::{Instant, plus_days, plus_minutes},
    types::{Coding, Decimal},
};

const MOST_ITEMS: usize = 300;
const MOST_VALUES: usize = 50;
const LONGEST_TEXT: usize = 4_000;
const OLDEST_DAYS: i64 = 366;
const AHEAD_MINUTES: i64 = 5;

/// Values by the item.
pub(super) type Given<'a> = BTreeMap<&'a str, &'a [AnswerValue]>;

pub(super) fn given(answers: &[Answer]) -> Given<'_> {
    answers.iter().map(|answer| (answer.link_id.as_str(), answer.values.as_slice())).collect()
}

/// A questionnaire as the host asks it.
#[derive(Clone, Copy)]
pub(super) struct Form<'a>(pub(super) &'a Questionnaire);

impl<'a> Form<'a> {
    pub(super) fn item(self, link_id: &str) -> Option<&'a Item> {
        self.0.items.iter().find(|item| item.link_id == link_id)
    }

    /// Puts the answers in the order of the items, or says why the host refuses them.
    pub(super) fn response(self, mut answers: Vec<Answer>, now: Instant) -> Result<Vec<Answer>, String> {
        for answer in &answers {
            let link = &answer.link_id;
            let item = self.item(link).ok_or_else(|| format!("answer `{link}`: there is no such question"))?;
            takes(item, answer, now).map_err(|what| format!("answer `{link}`: {what}"))?;
        }
        let given = given(&answers);
        if given.len() < answers.len() {
            return Err("a question is answered twice".to_owned());
        }
        let enabled = self.enabled(&given);
        if let Some(link) = given.keys().find(|link| !enabled.contains(**link)) {
            return Err(format!("answer `{link}`: is not asked after the other answers"));
        }
        let missing = self.0.items.iter().find(|item| {
            let link = item.link_id.as_str();
            let asked = item.required && !matches!(item.kind, AnswerKind::Display) && enabled.contains(link);
            asked && !given.contains_key(link)
        });
        if let Some(item) = missing {
            return Err(format!("answer `{}`: is required", item.link_id));
        }
        answers.sort_by_key(|answer| self.0.items.iter().position(|item| item.link_id == answer.link_id));
        Ok(answers)
    }

    /// The items that are asked. A condition on an item that is not asked does not hold.
    fn enabled(self, given: &Given<'_>) -> BTreeSet<&'a str> {
        let mut enabled = BTreeSet::new();
        for item in &self.0.items {
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

    fn holds(self, condition: &Condition, given: &Given<'_>) -> bool {
        let Some(values) = given.get(condition.link_id.as_str()) else { return false };
        let item = self.item(&condition.link_id);
        values.iter().any(|value| match &condition.test {
            Test::Answered => true,
            Test::Equals(choice) => matches!(value, AnswerValue::Choice(given) if given.same(choice)),
            Test::Is(yes) => matches!(value, AnswerValue::Boolean(given) if given == yes),
            Test::AtLeast(least) => item.and_then(|item| number(item, value)).is_some_and(|number| number >= *least),
        })
    }

    /// The sums of answers that were taken: of each score all whose enabled items have an answer.
    pub(super) fn scores(self, answers: &[Answer]) -> Vec<(&'a Coding, i64)> {
        let given = given(answers);
        let enabled = self.enabled(&given);
        let sum = |score: &Score| {
            let mut sum = 0_i64;
            for link in score.items.iter().map(String::as_str).filter(|link| enabled.contains(link)) {
                let item = self.item(link)?;
                for value in *given.get(link)? {
                    sum = sum.checked_add(counts(item, value)?)?;
                }
            }
            Some(sum)
        };
        self.0.scores.iter().filter_map(|score| Some((&score.code, sum(score)?))).collect()
    }

    /// The contacts whose conditions hold, whether or not the answers would be taken.
    pub(super) fn safeguards(self, given: &Given<'_>) -> impl Iterator<Item = &'a Contact> {
        let holds = move |condition: &Condition| self.holds(condition, given);
        let apply = self.0.safeguards.iter().filter(move |one| one.conditions.iter().any(holds));
        apply.map(|one| &one.contact)
    }

    /// Why the host would not ask it, if so.
    pub(super) fn fault(self) -> Option<String> {
        if self.0.items.len() > MOST_ITEMS {
            return Some(format!("{} items; at most {MOST_ITEMS} are taken", self.0.items.len()));
        }
        let mut before: BTreeMap<&str, &Item> = BTreeMap::new();
        for item in &self.0.items {
            let link = item.link_id.as_str();
            if let Some(fault) = item_fault(item, &before) {
                return Some(format!("item `{link}` {fault}"));
            }
            if before.insert(link, item).is_some() {
                return Some(format!("item `{link}` comes twice"));
            }
        }
        for Score { code, items } in &self.0.scores {
            let counted: BTreeSet<&String> = items.iter().collect();
            let all_count = items.iter().all(|link| before.get(link.as_str()).is_some_and(|item| is_counted(item)));
            if items.is_empty() || counted.len() < items.len() || !all_count {
                return Some(format!("score `{}` sums nothing, an item twice, or one that counts nothing", code.code));
            }
        }
        self.0.safeguards.iter().find_map(|one| {
            let code = &one.contact.code;
            if one.conditions.is_empty() {
                return Some(format!("safeguard `{code}` has no condition"));
            }
            let fault = one.conditions.iter().find_map(|condition| condition_fault(condition, &before));
            fault.or_else(|| contact_fault(&one.contact).err()).map(|fault| format!("safeguard `{code}`: {fault}"))
        })
    }
}

fn item_fault(item: &Item, before: &BTreeMap<&str, &Item>) -> Option<String> {
    if item.link_id.trim().is_empty() || item.text.iter().all(|text| text.text.trim().is_empty()) {
        return Some("has no link-id, or no text".to_owned());
    }
    match &item.kind {
        AnswerKind::Choice(options) if options.is_empty() => return Some("has nothing to choose from".to_owned()),
        AnswerKind::Integer(bounds) | AnswerKind::Decimal(bounds) => {
            if let Some(fault) = bounds_fault(bounds) {
                return Some(fault);
            }
        }
        AnswerKind::Quantity(measured) => {
            if let Some(fault) = bounds_fault(&measured.bounds) {
                return Some(fault);
            }
        }
        _ => {}
    }
    let when = item.enabled_when.as_ref()?;
    if when.conditions.is_empty() {
        return Some("is enabled by no condition".to_owned());
    }
    let fault = when.conditions.iter().find_map(|condition| condition_fault(condition, before))?;
    Some(format!("is enabled by {fault}"))
}

fn bounds_fault(bounds: &Bounds) -> Option<String> {
    let crossed = matches!((bounds.least, bounds.most), (Some(least), Some(most)) if least > most);
    crossed.then(|| "has a least that is more than its most".to_owned())
}

fn condition_fault(condition: &Condition, items: &BTreeMap<&str, &Item>) -> Option<String> {
    let link = &condition.link_id;
    let Some(item) = items.get(link.as_str()) else {
        return Some(format!("an answer to `{link}`, which does not come before"));
    };
    let fits = match (&condition.test, &item.kind) {
        (_, AnswerKind::Display) => false,
        (Test::Answered, _) | (Test::Is(_), AnswerKind::Boolean) => true,
        (Test::Equals(code), AnswerKind::Choice(options)) => options.iter().any(|option| option.code.same(code)),
        (Test::AtLeast(_), AnswerKind::Integer(_) | AnswerKind::Decimal(_) | AnswerKind::Quantity(_)) => true,
        (Test::AtLeast(_), AnswerKind::Choice(options)) => options.iter().any(|option| option.weight.is_some()),
        _ => false,
    };
    (!fits).then(|| format!("a test that no answer to `{link}` can pass"))
}

fn takes(item: &Item, answer: &Answer, now: Instant) -> Result<(), String> {
    match answer.values.len() {
        0 => return Err("has no value".to_owned()),
        1 => {}
        2..=MOST_VALUES if item.repeats => {}
        _ if item.repeats => return Err(format!("more than {MOST_VALUES} values")),
        _ => return Err("takes one value".to_owned()),
    }
    if answer.at > plus_minutes(now, AHEAD_MINUTES) || answer.at < plus_days(now, -OLDEST_DAYS) {
        return Err("was given in the future, or more than a year ago".to_owned());
    }
    answer.values.iter().try_for_each(|value| fits(&item.kind, value))
}

fn fits(kind: &AnswerKind, value: &AnswerValue) -> Result<(), String> {
    let bounded = |bounds: &Bounds, value: Decimal| {
        let within = bounds.least.is_none_or(|least| least <= value) && bounds.most.is_none_or(|most| value <= most);
        if within { Ok(()) } else { Err(format!("{value} is out of bounds")) }
    };
    match (kind, value) {
        (AnswerKind::Boolean, AnswerValue::Boolean(_))
        | (AnswerKind::Date, AnswerValue::Date(_))
        | (AnswerKind::Moment, AnswerValue::Moment(_)) => Ok(()),
        (AnswerKind::Integer(bounds) | AnswerKind::Decimal(bounds), AnswerValue::Integer(value)) => {
            bounded(bounds, Decimal::whole(*value))
        }
        (AnswerKind::Decimal(bounds), AnswerValue::Decimal(value)) => bounded(bounds, *value),
        (AnswerKind::Text, AnswerValue::Text(text)) if text.chars().count() <= LONGEST_TEXT => Ok(()),
        (AnswerKind::Text, AnswerValue::Text(_)) => Err(format!("is longer than {LONGEST_TEXT} characters")),
        (AnswerKind::Quantity(measured), AnswerValue::Quantity(quantity)) if measured.unit == quantity.unit => {
            bounded(&measured.bounds, quantity.value)
        }
        (AnswerKind::Quantity(measured), AnswerValue::Quantity(_)) => Err(format!("asked in `{}`", measured.unit)),
        (AnswerKind::Choice(options), AnswerValue::Choice(choice)) => {
            let known = options.iter().any(|option| option.code.same(choice));
            if known { Ok(()) } else { Err("is not one of the choices".to_owned()) }
        }
        (AnswerKind::Display, _) => Err("is no question".to_owned()),
        _ => Err("is of another kind than the question".to_owned()),
    }
}

fn weight(item: &Item, choice: &Coding) -> Option<i32> {
    let AnswerKind::Choice(options) = &item.kind else { return None };
    options.iter().find(|option| option.code.same(choice))?.weight
}

fn number(item: &Item, value: &AnswerValue) -> Option<Decimal> {
    match value {
        AnswerValue::Integer(number) => Some(Decimal::whole(*number)),
        AnswerValue::Decimal(number) => Some(*number),
        AnswerValue::Quantity(quantity) => Some(quantity.value),
        AnswerValue::Choice(choice) => weight(item, choice).map(|weight| Decimal::whole(i64::from(weight))),
        _ => None,
    }
}

/// Whether all its answers count in a score.
fn is_counted(item: &Item) -> bool {
    match &item.kind {
        AnswerKind::Integer(_) => true,
        AnswerKind::Choice(options) => options.iter().all(|option| option.weight.is_some()),
        _ => false,
    }
}

fn counts(item: &Item, value: &AnswerValue) -> Option<i64> {
    match value {
        AnswerValue::Integer(number) => Some(*number),
        AnswerValue::Choice(choice) => weight(item, choice).map(i64::from),
        _ => None,
    }
}
