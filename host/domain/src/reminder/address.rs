use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Channel, words::Language};
use crate::{id::AccountId, time::Instant};

/// How long a code can be used, in minutes: a project default.
pub const CODE_MINUTES: i64 = 10;
/// Wrong codes after which another one is needed: a project default. One in 200,000 guesses right.
const MOST_WRONG: u32 = 5;
/// Codes that are sent to addresses of a patient on one channel, and to one address, in an hour, and in a day: project
/// defaults, so that nobody's phone can be flooded.
const MOST_CODES: [(i64, usize); 2] = [(1, 3), (24, 6)];

/// Whether one more code may be sent, after those of these times.
pub fn may_send_code(codes: &[Instant], now: Instant) -> bool {
    let within = |hours: i64| codes.iter().filter(|at| **at > now.plus_hours(-hours)).count();
    MOST_CODES.into_iter().all(|(hours, most)| within(hours) < most)
}

/// Whether an address can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its code was not entered yet.
    Pending,
    /// The patient has it: they entered the code that was sent to it.
    Confirmed,
    /// The gateway says that there is no such address.
    Failing,
    /// The patient has removed it.
    Removed,
}

impl Standing {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Failing => "failing",
            Self::Removed => "removed",
        }
    }
}

/// Why an address cannot be changed or confirmed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressFault {
    /// Too many codes were sent.
    #[error("too many codes were sent; try again later")]
    TooMany,
    /// Another code is needed.
    #[error("no code can be used: it is too old, was used, or wrong codes were entered too often; ask for another")]
    NoCode,
    /// The code is another.
    #[error("that is not the code")]
    Wrong,
    /// There is no confirmed address.
    #[error("no address is confirmed on this channel")]
    NotConfirmed,
}

/// An address that waits for its code, without what is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entered {
    /// Who entered it.
    pub by: AccountId,
    /// The language of reminders there.
    pub language: Language,
}

/// A patient's address on one channel, without what is sealed: the address itself, and its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The channel.
    pub channel: Channel,
    /// Whether it can be used.
    pub standing: Standing,
    /// Who entered it: used only as long as they decide for the patient.
    pub by: Option<AccountId>,
    /// Whether the patient wants reminders there.
    pub enabled: bool,
    /// The language of reminders.
    pub language: Language,
    /// Until when the code can be entered.
    pub code_until: Option<Instant>,
    /// Number of wrong codes since.
    pub wrong: u32,
    /// Since when the address in use is confirmed.
    pub confirmed_at: Option<Instant>,
    /// What is used instead when its code was entered.
    pub next: Option<Entered>,
    /// When codes were sent in the last day.
    pub codes: Vec<Instant>,
}

impl Address {
    /// A channel of which nothing is known.
    pub const fn none(channel: Channel, language: Language) -> Self {
        Self {
            channel,
            standing: Standing::Removed,
            by: None,
            enabled: true,
            language,
            code_until: None,
            wrong: 0,
            confirmed_at: None,
            next: None,
            codes: Vec::new(),
        }
    }

    /// An address is entered: it is used when its code was, and the confirmed one before it until then.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn entered(mut self, by: AccountId, language: Language, now: Instant) -> Result<Self, AddressFault> {
        self.codes.retain(|at| *at > now.plus_hours(-24));
        if !may_send_code(&self.codes, now) {
            return Err(AddressFault::TooMany);
        }
        self.codes.push(now);
        self.code_until = Some(now.plus_minutes(CODE_MINUTES));
        self.wrong = 0;
        self.next = Some(Entered { by, language });
        Ok(match self.standing {
            Standing::Confirmed => self,
            Standing::Pending | Standing::Failing | Standing::Removed => {
                Self { standing: Standing::Pending, by: Some(by), language, enabled: true, ..self }
            }
        })
    }

    /// A code is entered. The address has to be stored whatever the outcome is: wrong codes count.
    pub fn confirmed(mut self, given: &str, sent: &str, now: Instant) -> (Self, Result<(), AddressFault>) {
        let open = self.wrong < MOST_WRONG && self.code_until.is_some_and(|until| now < until);
        let Some(Entered { by, language }) = self.next.filter(|_| open) else {
            return (self, Err(AddressFault::NoCode));
        };
        if sent.is_empty() || given != sent {
            self.wrong += 1;
            return (self, Err(AddressFault::Wrong));
        }
        let confirmed = Self {
            standing: Standing::Confirmed,
            by: Some(by),
            enabled: true,
            language,
            code_until: None,
            wrong: 0,
            confirmed_at: Some(now),
            next: None,
            ..self
        };
        (confirmed, Ok(()))
    }

    /// The patient chooses whether reminders come there, and in which language.
    ///
    /// # Errors
    /// `NotConfirmed` if there is none.
    pub fn preferring(self, enabled: bool, language: Language) -> Result<Self, AddressFault> {
        match self.standing {
            Standing::Removed => Err(AddressFault::NotConfirmed),
            Standing::Pending => {
                let next = self.next.map(|next| Entered { language, ..next });
                Ok(Self { enabled, language, next, ..self })
            }
            Standing::Confirmed | Standing::Failing => Ok(Self { enabled, language, ..self }),
        }
    }

    /// The gateway says that there is no such address.
    #[must_use]
    pub fn failing(self) -> Self {
        match self.standing {
            Standing::Confirmed => Self { standing: Standing::Failing, ..self },
            _ => self,
        }
    }

    /// The patient removes it. Codes that were sent go on counting.
    #[must_use]
    pub fn removed(self) -> Self {
        Self { standing: Standing::Removed, code_until: None, wrong: 0, confirmed_at: None, next: None, ..self }
    }

    /// Whether what was handed out at this moment went there, and not to the address before it.
    pub fn was_used_at(&self, moment: Instant) -> bool {
        self.confirmed_at.is_some_and(|at| at <= moment)
    }

    /// Whether reminders are sent there.
    pub fn is_used(&self) -> bool {
        self.standing == Standing::Confirmed && self.enabled
    }
}

/// An address in the one form that it is kept in; `None` if it cannot be one of the channel: the 11 digits of a mobile
/// number of the mainland, entered with or without `+86`, blanks and dashes; an `openid`.
pub fn normal(channel: Channel, text: &str) -> Option<String> {
    match channel {
        Channel::Sms => {
            let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
            let digits = bare.strip_prefix("+86").unwrap_or(&bare);
            let mobile = matches!(digits.as_bytes(), [b'1', b'3'..=b'9', rest @ ..]
                if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit));
            mobile.then(|| digits.to_owned())
        }
        Channel::Wechat => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            ((6..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::NOW;

    const BY: AccountId = AccountId::from_u128(7);

    fn pending() -> Address {
        Address::none(Channel::Sms, Language::Chinese).entered(BY, Language::Chinese, NOW).expect("the first")
    }

    #[test]
    fn who_enters_the_code_in_time_has_the_address() {
        assert!(!pending().is_used());
        let late = NOW.plus_minutes(CODE_MINUTES);
        let (_, done) = pending().confirmed("123456", "123456", late.plus_seconds(-1));
        assert_eq!(done, Ok(()));
        assert_eq!(pending().confirmed("123456", "123456", late).1, Err(AddressFault::NoCode));
        assert_eq!(pending().confirmed("", "", NOW).1, Err(AddressFault::Wrong), "no code is no code");
        let (confirmed, _) = pending().confirmed("1", "1", NOW);
        assert!(confirmed.is_used());
        assert_eq!(confirmed.clone().confirmed("1", "1", NOW).1, Err(AddressFault::NoCode), "a code is used once");
    }

    #[test]
    fn a_confirmed_address_is_used_until_the_next_is_confirmed() {
        const OTHER: AccountId = AccountId::from_u128(8);
        let (confirmed, _) = pending().confirmed("1", "1", NOW);
        let later = NOW.plus_minutes(5);
        let changed = confirmed.entered(OTHER, Language::English, later).expect("the second");
        assert!(changed.is_used() && changed.by == Some(BY) && changed.language == Language::Chinese);
        let (wrong, outcome) = changed.clone().confirmed("2", "3", later);
        assert_eq!((outcome, wrong.is_used()), (Err(AddressFault::Wrong), true));
        let late = later.plus_minutes(CODE_MINUTES);
        let (kept, outcome) = changed.clone().confirmed("3", "3", late);
        assert_eq!((outcome, kept.is_used(), kept.by), (Err(AddressFault::NoCode), true, Some(BY)));
        let (next, outcome) = changed.clone().confirmed("3", "3", later);
        assert_eq!((outcome, next.by, next.language), (Ok(()), Some(OTHER), Language::English));
        // A receipt of before is of the one before.
        assert!(next.was_used_at(later) && !next.was_used_at(later.plus_seconds(-1)));
        assert!(changed.was_used_at(NOW) && !pending().was_used_at(later));
        let (failed, outcome) = changed.clone().failing().confirmed("3", "3", later);
        assert_eq!((outcome, failed.is_used()), (Ok(()), true));
        assert_eq!(changed.removed().confirmed("3", "3", later).1, Err(AddressFault::NoCode));
    }

    #[test]
    fn who_opted_out_and_enters_another_wants_reminders_again() {
        let (confirmed, _) = pending().confirmed("1", "1", NOW);
        let out = confirmed.preferring(false, Language::Chinese).expect("there is one");
        let changed = out.entered(BY, Language::Chinese, NOW).expect("the second");
        assert!(!changed.is_used(), "not before its code was entered");
        assert!(changed.confirmed("2", "2", NOW).0.is_used());
        let english = pending().preferring(true, Language::English).expect("there is one");
        assert_eq!(english.confirmed("1", "1", NOW).0.language, Language::English);
    }

    #[test]
    fn five_wrong_codes_are_too_many() {
        let mut address = pending();
        for _ in 0..MOST_WRONG {
            let (next, wrong) = address.confirmed("0", "123456", NOW);
            assert_eq!(wrong, Err(AddressFault::Wrong));
            address = next;
        }
        assert_eq!(address.clone().confirmed("123456", "123456", NOW).1, Err(AddressFault::NoCode));
        let (next, done) = address.entered(BY, Language::Chinese, NOW).expect("another").confirmed("2", "2", NOW);
        assert_eq!((done, next.is_used()), (Ok(()), true));
    }

    #[test]
    fn codes_are_few_an_hour_and_a_day_also_after_removal() {
        let mut address = pending();
        for _ in 1..3 {
            address = address.removed().entered(BY, Language::Chinese, NOW).expect("one of three");
        }
        assert_eq!(address.clone().entered(BY, Language::Chinese, NOW.plus_minutes(59)), Err(AddressFault::TooMany));
        let mut now = NOW.plus_hours(1);
        for _ in 3..6 {
            address = address.entered(BY, Language::Chinese, now).expect("one of six");
            now = now.plus_hours(1);
        }
        assert_eq!(address.clone().entered(BY, Language::Chinese, now), Err(AddressFault::TooMany));
        assert!(address.entered(BY, Language::Chinese, NOW.plus_hours(24)).is_ok());
    }

    #[test]
    fn the_patient_decides_and_a_gateway_knows_what_fails() {
        let (confirmed, _) = pending().confirmed("1", "1", NOW);
        let out = confirmed.clone().preferring(false, Language::English).expect("there is one");
        assert!(!out.is_used() && out.language == Language::English);
        assert!(out.preferring(true, Language::English).expect("there is one").is_used());
        assert_eq!(confirmed.clone().failing().standing, Standing::Failing);
        assert_eq!(pending().failing().standing, Standing::Pending);
        let none = confirmed.removed();
        assert_eq!(none.preferring(true, Language::Chinese), Err(AddressFault::NotConfirmed));
    }

    #[test]
    fn addresses_have_a_form() {
        assert_eq!(normal(Channel::Sms, "138 0013-8000"), Some("13800138000".into()));
        assert_eq!(normal(Channel::Sms, "+86 138 0013 8000"), Some("13800138000".into()), "one number has one form");
        for no in [
            "",
            "+",
            "1380013800",
            "138001380001",
            "23800138000",
            "12800138000",
            "8613800138000",
            "+8513800138000",
            "+447700900123",
            "+86+8613800138000",
            "１3800138000",
            "a",
            "+1234567890123456",
        ] {
            assert_eq!(normal(Channel::Sms, no), None, "{no}");
        }
        assert_eq!(
            normal(Channel::Wechat, "oLVPpjqs9BhvzwPj5A-vTYAX3GLc"),
            Some("oLVPpjqs9BhvzwPj5A-vTYAX3GLc".into())
        );
        for no in ["", "short", "with blank", &"x".repeat(65)] {
            assert_eq!(normal(Channel::Wechat, no), None, "{no}");
        }
    }
}
