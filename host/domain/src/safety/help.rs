//! What a patient in danger is shown.

use serde::{Deserialize, Serialize};

use super::SafetyContact;
use crate::coding::LocalizedText;

/// A line of help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Helpline {
    /// The number to call.
    pub number: String,
    /// What it is, as the patient reads it.
    pub title: LocalizedText,
}

/// What a hospital shows a patient in danger at once.
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

impl Help {
    /// What is shown of it because of a contact: all of it to who may harm themselves. For what a pathway asked for under
    /// a name of its own, a sentence that says nothing of why, and the lines that it names; where it names none that is
    /// on the list, all lines if it is a matter of minutes, else none.
    #[must_use]
    pub fn because_of(&self, contact: &SafetyContact) -> Self {
        if contact.named.is_none() {
            return self.clone();
        }
        let named = |line: &&Helpline| contact.asked.iter().any(|one| one.contact.helplines.contains(&line.number));
        let lines: Vec<Helpline> = self.lines.iter().filter(named).cloned().collect();
        Self {
            text: LocalizedText::zh_en(
                "我们的医务人员会尽快与您联系。如有不适或情况紧急，请立即拨打急救电话或前往最近的急诊。",
                "Somebody of our team will contact you as soon as possible. If you feel unwell or it is urgent, call the \
                 emergency number or go to the nearest emergency department at once.",
            ),
            lines: if lines.is_empty() && contact.is_urgent() { self.lines.clone() } else { lines },
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
        fixture,
        id::{AlertId, ContactId},
        pathway::{Contact, Role},
        safety::{AskedContact, Danger, Finding},
    };

    #[test]
    fn what_is_shown_for_a_pathway_says_nothing_of_self_harm_and_has_the_lines_it_names() {
        let help = Help::default();
        let finding = Finding::new(Danger::Assess, "x".into(), fixture::NOW);
        let ids = (ContactId::from_u128(1), AlertId::from_u128(1));
        let open = SafetyContact::open(ids, fixture::enrolment().patient, finding);
        assert_eq!(help.because_of(&open), help);
        let numbers = |helplines: &[&str], within_minutes| {
            let contact = Contact {
                code: "KETONES_HIGH".into(),
                owner: Role::Nurse,
                within_minutes,
                escalation: Vec::new(),
                helplines: helplines.iter().map(|line| (*line).to_owned()).collect(),
                inform_kin: false,
                locks_visit: false,
                recontact_hours: Vec::new(),
                reason: LocalizedText::zh_en("酮体升高。", "Ketones are high."),
                citation: fixture::alert().citation,
            };
            let asked = AskedContact { enrolment: fixture::enrolment().id, contact };
            let named =
                SafetyContact { named: Some("KETONES_HIGH".into()), minutes: Some(within_minutes), ..open.clone() };
            let shown = help.because_of(&named.asked_by(vec![asked]));
            assert!(!shown.text.get("zh-CN").is_empty() && !shown.text.get("zh-CN").contains("伤害自己"));
            shown.lines.iter().map(|line| line.number.clone()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&["120", "999"], 60), ["120"]);
        assert!(numbers(&[], 60).is_empty());
        assert_eq!(numbers(&["999"], 5), ["12356", "120"], "never none when it is a matter of minutes");
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
