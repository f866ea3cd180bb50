use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Reminder;
use crate::time::Instant;

/// The longest time between two attempts, in minutes: a project default.
pub const MOST_ATTEMPTS_WAIT_MINUTES: i64 = 60;

/// Longest name of a hospital in reminders, in characters: a template message of WeChat takes no more.
const MAX_NAME: usize = 20;

/// A time of day in Asia/Shanghai: `21:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay(i64);

/// The text is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of day of the form 21:00")]
pub struct InvalidTime(pub String);

impl FromStr for TimeOfDay {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let number = |part: &str, below: i64| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<i64>().ok()).flatten().filter(|number| *number < below)
        };
        let read = || {
            let (hours, minutes) = text.split_once(':')?;
            Some(Self(number(hours, 24)? * 60 + number(minutes, 60)?))
        };
        read().ok_or_else(|| InvalidTime(text.to_owned()))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        text.parse()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

/// Hours in which nobody is disturbed, in Asia/Shanghai; over midnight if they end before they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The first moment that is quiet.
    pub from: TimeOfDay,
    /// The first that is not.
    pub until: TimeOfDay,
}

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60;

impl Quiet {
    /// The end of the quiet hours that a moment is in; `None` if it is not quiet.
    pub const fn ends(&self, at: Instant) -> Option<Instant> {
        let (from, until) = (self.from.0, self.until.0);
        let local = at.plus_hours(8).micros();
        let midnight = local.div_euclid(DAY * MINUTE) * DAY * MINUTE;
        let minute = local.rem_euclid(DAY * MINUTE) / MINUTE;
        let within = if from < until { minute >= from && minute < until } else { minute >= from || minute < until };
        if !within {
            return None;
        }
        let days = if minute < until { 0 } else { DAY };
        Some(Instant::from_micros(midnight + (days + until) * MINUTE).plus_hours(-8))
    }
}

/// When and how often a hospital reminds a patient. The numbers are project defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Quiet hours, if there are any.
    pub quiet: Option<Quiet>,
    /// Most reminders in any 24 hours.
    pub per_day: u32,
    /// Most in any 7 days.
    pub per_week: u32,
    /// Most urgent ones in any 24 hours, which are not counted otherwise. What exceeds it is not urgent.
    pub urgent_per_day: u32,
    /// Hours after which a reminder is not sent any more.
    pub expire_hours: u32,
    /// What the hospital calls itself in reminders, if its name says what patients have.
    pub sender: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            quiet: Some(Quiet { from: TimeOfDay(21 * 60), until: TimeOfDay(8 * 60) }),
            per_day: 3,
            per_week: 10,
            urgent_per_day: 5,
            expire_hours: 7 * 24,
            sender: None,
        }
    }
}

/// Another reminder of the patient that was handed to a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The last time.
    pub at: Instant,
    /// Whether it was urgent.
    pub urgent: bool,
}

/// What is done with a reminder now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is sent.
    Send,
    /// It is looked at again at this time.
    Wait(Instant),
    /// Its time is over.
    Expire,
}

/// What the rules say of a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is still urgent: not beyond the bound of urgent ones.
    pub urgent: bool,
    /// What is done.
    pub next: Next,
}

impl Rules {
    /// What is wrong with them, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        let bounded = |number: u32, most: u32| (1..=most).contains(&number);
        if self.quiet.is_some_and(|quiet| quiet.from == quiet.until) {
            return Some("quiet: they begin and end at another time, or are left out");
        }
        if !bounded(self.per_day, 20) || !bounded(self.per_week, 100) || self.per_week < self.per_day {
            return Some("per_day: 1 to 20; per_week: up to 100, and no fewer than per_day");
        }
        if !bounded(self.urgent_per_day, 20) {
            return Some("urgent_per_day: 1 to 20");
        }
        if !bounded(self.expire_hours, 14 * 24) {
            return Some("expire_hours: 1 to 336");
        }
        let named = |name: &String| {
            let length = name.trim().chars().count();
            length == 0 || length > MAX_NAME || name.chars().any(char::is_control)
        };
        self.sender.as_ref().is_some_and(named).then_some("sender: 1 to 20 characters")
    }

    /// What is done now with a queued reminder; `others` are those of the same patient that were tried in the last week.
    ///
    /// Each is counted by its last attempt. Whatever attempt it was by which it arrived, no 24 hours have more than
    /// `per_day` reminders then: one that was attempted in them was last attempted in them, or is attempted again.
    pub fn judge(&self, reminder: &Reminder, others: &[Tried], now: Instant) -> Verdict {
        // One that was tried stays what it is, or it would be counted as another.
        let urgent = reminder.urgent && (reminder.attempts > 0 || self.free(others, true, now) <= now);
        let at = self.free(others, urgent, now);
        let next = if now >= reminder.expires {
            Next::Expire
        } else if at <= now {
            Next::Send
        } else {
            Next::Wait(at.min(reminder.expires))
        };
        Verdict { urgent, next }
    }

    /// The first moment from now on at which one more of a class may be sent.
    fn free(&self, others: &[Tried], urgent: bool, now: Instant) -> Instant {
        let mut times: Vec<Instant> =
            others.iter().filter(|other| other.urgent == urgent).map(|other| other.at).collect();
        times.sort_unstable();
        let budgets: &[(i64, u32)] =
            if urgent { &[(24, self.urgent_per_day)] } else { &[(24, self.per_day), (7 * 24, self.per_week)] };
        let quiet = self.quiet.filter(|_| !urgent);
        let mut at = now;
        loop {
            let before = at;
            at = quiet.and_then(|quiet| quiet.ends(at)).unwrap_or(at);
            for (hours, most) in budgets {
                let within = times.iter().filter(|time| **time > at.plus_hours(-hours)).count();
                // The one whose end leaves room for one more.
                if let Some(excess) = within.checked_sub(*most as usize)
                    && let Some(last) = times.get(times.len() - within + excess)
                {
                    at = at.max(last.plus_hours(*hours));
                }
            }
            if at == before {
                return at;
            }
        }
    }
}

/// When a reminder without an answer is tried again: after 1, 2, 4, … minutes, at most
/// [`MOST_ATTEMPTS_WAIT_MINUTES`]; when its time is over, if that is before.
pub fn retry_at(reminder: &Reminder, now: Instant) -> Instant {
    let minutes = 1_i64 << reminder.attempts.saturating_sub(1).min(10);
    now.plus_minutes(minutes.min(MOST_ATTEMPTS_WAIT_MINUTES)).min(reminder.expires)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        id::{PatientId, ReminderId},
        reminder::Channel,
    };

    /// 2026-11-30, at this time in Asia/Shanghai.
    fn at(time: &str) -> Instant {
        Instant::parse(&format!("2026-11-30T{time}:00+08:00")).expect("a time")
    }

    fn reminder(urgent: bool, now: Instant) -> Reminder {
        let what = (PatientId::from_u128(1), "msg".to_owned());
        Reminder::new(ReminderId::from_u128(1), what, urgent, (now, now.plus_days(7)))
    }

    fn ordinary(at: Instant) -> Tried {
        Tried { at, urgent: false }
    }

    #[test]
    fn nights_are_quiet_to_the_minute() {
        let quiet = Rules::default().quiet.expect("by default");
        let morning = at("08:00");
        assert_eq!(quiet.ends(at("20:59")), None);
        assert_eq!(quiet.ends(at("21:00")), Some(morning.plus_days(1)));
        assert_eq!(quiet.ends(at("23:59")), Some(morning.plus_days(1)));
        assert_eq!(quiet.ends(at("00:00")), Some(morning));
        assert_eq!(quiet.ends(at("07:59")), Some(morning));
        assert_eq!(quiet.ends(morning), None);
        let noon = Quiet { from: "12:00".parse().expect("a time"), until: "14:30".parse().expect("a time") };
        assert_eq!((noon.ends(at("11:59")), noon.ends(at("14:30"))), (None, None));
        assert_eq!(noon.ends(at("12:00")), Some(at("14:30")));
    }

    #[test]
    fn times_of_day() {
        for text in ["00:00", "07:05", "23:59"] {
            assert_eq!(text.parse::<TimeOfDay>().expect("a time").to_string(), text);
        }
        for no in ["24:00", "7:05", "07:60", "0705", "", "07:5", "-1:00", "+1:00"] {
            assert!(no.parse::<TimeOfDay>().is_err(), "{no}");
        }
    }

    #[test]
    fn what_is_quiet_waits_and_what_is_urgent_does_not() {
        let rules = Rules::default();
        let night = at("22:00");
        let morning = at("08:00").plus_days(1);
        assert_eq!(rules.judge(&reminder(false, night), &[], night).next, Next::Wait(morning));
        assert_eq!(rules.judge(&reminder(true, night), &[], night), Verdict { urgent: true, next: Next::Send });
        let many = vec![Tried { at: night, urgent: true }; 5];
        let beyond = rules.judge(&reminder(true, night), &many, night);
        assert_eq!(beyond, Verdict { urgent: false, next: Next::Wait(morning) }, "urgent ones have a bound");
        assert!(rules.judge(&reminder(true, night), &many[..4], night).urgent);
    }

    #[test]
    fn a_budget_is_free_again_when_the_first_is_a_day_or_a_week_old() {
        let rules = Rules { quiet: None, ..Rules::default() };
        let now = at("12:00");
        let three = [ordinary(now.plus_hours(-23)), ordinary(now.plus_hours(-2)), ordinary(now.plus_hours(-1))];
        let next = |others: &[Tried]| rules.judge(&reminder(false, now), others, now).next;
        assert_eq!(next(&three[..2]), Next::Send);
        assert_eq!(next(&three), Next::Wait(now.plus_hours(1)));
        assert_eq!(next(&[ordinary(now.plus_hours(-24)), three[1], three[2]]), Next::Send, "a day is over");
        let ten: Vec<Tried> = (0..10).map(|n| ordinary(now.plus_hours(-160 + n * 12))).collect();
        assert_eq!(next(&ten), Next::Wait(now.plus_hours(8)));
        assert_eq!(next(&ten[1..]), Next::Send);
        // Urgent ones count for nobody else.
        let urgent = [Tried { at: now, urgent: true }; 5];
        assert_eq!(next(&urgent), Next::Send);
    }

    #[test]
    fn nothing_is_sent_when_its_time_is_over() {
        let rules = Rules::default();
        let now = at("12:00");
        for urgent in [false, true] {
            let late = Reminder { expires: now, ..reminder(urgent, now) };
            assert_eq!(rules.judge(&late, &[], now).next, Next::Expire);
        }
        let night = at("22:00");
        let brief = Reminder { expires: at("23:00"), ..reminder(false, night) };
        assert_eq!(rules.judge(&brief, &[], night).next, Next::Wait(at("23:00")));
    }

    #[test]
    fn attempts_come_after_longer_and_longer_times() {
        let now = at("12:00");
        let mut tried = reminder(false, now);
        let mut waits = Vec::new();
        for _ in 0..9 {
            tried = tried.trying(Channel::Sms, 1, now);
            waits.push((retry_at(&tried, now).micros() - now.micros()) / MINUTE);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let brief = Reminder { expires: now.plus_seconds(5), ..tried };
        assert_eq!(retry_at(&brief, now), now.plus_seconds(5));
    }

    #[test]
    fn rules_have_bounds() {
        let fault = |change: &dyn Fn(&mut Rules)| {
            let mut rules = Rules::default();
            change(&mut rules);
            rules.fault().is_some()
        };
        assert!(!fault(&|_| ()));
        assert!(!fault(&|rules| rules.quiet = None));
        assert!(!fault(&|rules| rules.sender = Some("杏林健康".into())));
        assert!(fault(&|rules| rules.quiet = rules.quiet.map(|quiet| Quiet { until: quiet.from, ..quiet })));
        for no in [0, 21] {
            assert!(fault(&|rules| rules.per_day = no) && fault(&|rules| rules.urgent_per_day = no));
        }
        assert!(fault(&|rules| rules.per_week = 2) && fault(&|rules| rules.per_week = 101));
        assert!(fault(&|rules| rules.expire_hours = 0) && fault(&|rules| rules.expire_hours = 337));
        for no in [" ", "一二三四五六七八九十一二三四五六七八九十一", "a\nb"] {
            assert!(fault(&|rules| rules.sender = Some(no.into())), "{no}");
        }
    }

    /// What a day of the model does: minutes until the next event, and whether it is urgent.
    fn course() -> impl Strategy<Value = Vec<(i64, bool, u8)>> {
        prop::collection::vec((0_i64..400, prop::bool::weighted(0.15), 0_u8..4), 1..120)
    }

    proptest! {
        /// Messages come at any time, gateways answer or not: nothing is handed out in quiet hours or beyond the
        /// budgets, in whatever window, and every reminder ends as sent, bundled or expired.
        #[test]
        fn no_course_exceeds_a_budget_or_disturbs_anybody(course in course(), per_day in 1_u32..4, per_week in 4_u32..11) {
            let rules = Rules { per_day, per_week, urgent_per_day: 2, ..Rules::default() };
            let mut now = at("12:00");
            let mut waiting: Vec<(Instant, Reminder)> = Vec::new();
            let mut ended: Vec<Reminder> = Vec::new();
            let mut attempts: Vec<(Instant, u128, bool)> = Vec::new();
            let mut messages = 0;
            let last = course.len();
            for (step, (minutes, urgent, answer)) in course.into_iter().chain((0..400).map(|_| (60, false, 3))).enumerate() {
                now = now.plus_minutes(minutes);
                if step < last {
                    messages += 1;
                    let what = (PatientId::from_u128(1), format!("msg-{messages}"));
                    let times = (now, now.plus_hours(i64::from(rules.expire_hours)));
                    waiting.push((now, Reminder::new(ReminderId::from_u128(messages), what, urgent, times)));
                }
                waiting.sort_by_key(|(at, one)| (*at, one.id));
                while let Some(place) = waiting.iter().position(|(at, _)| *at <= now) {
                    let (_, mut one) = waiting.remove(place);
                    let others: Vec<Tried> = ended.iter().chain(waiting.iter().map(|(_, other)| other))
                        .filter_map(|other| Some(Tried { at: other.tried?, urgent: other.urgent }))
                        .collect();
                    let verdict = rules.judge(&one, &others, now);
                    let demoted = one.urgent && !verdict.urgent;
                    one.urgent = verdict.urgent;
                    let host = waiting.iter_mut().find(|(_, other)| other.takes_in() && one.takes_in());
                    if let Some((_, host)) = host && (one.created == now || demoted) && now < one.expires {
                        *host = host.clone().with(&one);
                        ended.push(one.bundled(host.id, now));
                        continue;
                    }
                    match verdict.next {
                        Next::Expire => ended.push(one.dropped(super::super::Reason::Expired, now)),
                        Next::Wait(at) => {
                            prop_assert!(at > now);
                            waiting.push((at, one));
                        }
                        Next::Send => {
                            attempts.push((now, one.id.as_u128(), one.urgent));
                            let tried = one.trying(Channel::Sms, 1, now);
                            match answer {
                                0 => waiting.push((retry_at(&tried, now), tried)),
                                _ => ended.push(tried.sent(now)),
                            }
                        }
                    }
                }
            }
            prop_assert!(waiting.is_empty(), "all have ended");
            prop_assert_eq!(ended.len() as u128, messages);
            for (moment, _, urgent) in &attempts {
                if !urgent {
                    prop_assert_eq!(rules.quiet.and_then(|quiet| quiet.ends(*moment)), None);
                }
                for (hours, most, class) in [(24, rules.per_day, false), (168, rules.per_week, false), (24, 2, true)] {
                    let within = attempts.iter().filter(|(at, _, urgent)| {
                        *urgent == class && at <= moment && *at > moment.plus_hours(-hours)
                    });
                    let distinct: std::collections::BTreeSet<u128> = within.map(|(_, id, _)| *id).collect();
                    prop_assert!(distinct.len() <= most as usize, "{distinct:?} in {hours} hours");
                }
            }
        }
    }
}
