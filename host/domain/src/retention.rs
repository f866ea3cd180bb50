//! How long records are kept at least. Nothing is ever purged unasked, and nothing
//! before its time (国卫办医发〔2022〕2号, 互联网诊疗监管细则(试行), art. 22).

use thiserror::Error;

use crate::{code::Code, time::Instant};

/// What a record is, as far as its keeping goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// 门(急)诊电子病历, and what decisions in it rest on: 15 years
    /// (互联网诊疗监管细则 art. 22, 医疗机构病历管理规定 art. 29).
    OutpatientRecord,
    /// 图文对话、音视频: what was said in a visit, 3 years (互联网诊疗监管细则 art. 22).
    Conversation,
}

/// It is asked too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("what was recorded on or after {before_at_most} must be kept: such records are kept for {years} years")]
pub struct RetentionHold {
    /// How long.
    pub years: i16,
    /// What is older may go today.
    pub before_at_most: Instant,
}

impl RetentionHold {
    /// The stable code.
    pub const fn code(self) -> Code {
        Code::RetentionHold
    }
}

impl Kept {
    /// For how many years, by the calendar.
    pub const fn years(self) -> i16 {
        match self {
            Self::OutpatientRecord => 15,
            Self::Conversation => 3,
        }
    }

    /// Whether all that is older than `before` may be purged at `now`.
    ///
    /// # Errors
    /// If a part of it must still be kept.
    pub fn may_purge(self, before: Instant, now: Instant) -> Result<(), RetentionHold> {
        let hold = RetentionHold { years: self.years(), before_at_most: now.minus_years(self.years()) };
        if before > hold.before_at_most { Err(hold) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("a time")
    }

    #[test]
    fn fifteen_years_to_the_day() {
        let now = at("2026-11-22T10:00:00+08:00");
        let may = |before| Kept::OutpatientRecord.may_purge(at(before), now);
        assert_eq!(may("2011-11-22T10:00:00+08:00"), Ok(()));
        let hold = may("2011-11-22T10:00:00.000001+08:00").expect_err("too early");
        assert_eq!((hold.code().as_str(), hold.before_at_most), ("RETENTION_HOLD", at("2011-11-22T10:00:00+08:00")));
        assert!(may("2030-01-01").is_err());
    }

    #[test]
    fn conversations_go_before_the_record_they_belong_to() {
        let now = at("2026-11-22T10:00:00+08:00");
        assert_eq!(Kept::Conversation.may_purge(at("2023-11-22T10:00:00+08:00"), now), Ok(()));
        assert!(Kept::Conversation.may_purge(at("2023-11-22T10:00:01+08:00"), now).is_err());
    }

    /// A record of 29 February is kept to the end of February.
    #[test]
    fn leap_days() {
        let may = |now| Kept::OutpatientRecord.may_purge(at("2012-02-29T12:00:00+08:00"), at(now));
        assert!(may("2027-02-28T11:59:59+08:00").is_err());
        assert!(may("2027-02-28T12:00:00+08:00").is_err());
        assert_eq!(may("2027-03-01T00:00:00+08:00"), Ok(()));
    }
}
