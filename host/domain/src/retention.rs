//! Minimum retention of records. Nothing is purged without a request, and nothing before the end
//! of its retention (国卫办医发〔2022〕2号, 互联网诊疗监管细则(试行), art. 22).

use thiserror::Error;

use crate::{code::Code, time::Instant};

/// Kind of record, with respect to retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// 门(急)诊电子病历, and the basis of decisions in it: 15 years (互联网诊疗监管细则 art. 22,
    /// 医疗机构病历管理规定 art. 29).
    OutpatientRecord,
    /// 图文对话、音视频: messages of visits, 3 years (互联网诊疗监管细则 art. 22).
    Conversation,
    /// 处方药销售记录: 5 years (药品网络销售监督管理办法, art. 14 and 17).
    PrescriptionSale,
}

/// When each kind of record of one patient was last added to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastKept {
    /// The record itself.
    pub record: Option<Instant>,
    /// The messages of visits.
    pub said: Option<Instant>,
    /// Sales on prescription.
    pub sold: Option<Instant>,
}

impl LastKept {
    /// The kinds that must be retained and until when, the latest first.
    pub fn holds(self) -> Vec<(Kept, Instant)> {
        let last = [
            (Kept::OutpatientRecord, self.record),
            (Kept::Conversation, self.said),
            (Kept::PrescriptionSale, self.sold),
        ];
        let mut holds: Vec<_> = last.into_iter().filter_map(|(kept, last)| Some((kept, kept.until(last?)))).collect();
        holds.sort_by_key(|(_, until)| std::cmp::Reverse(*until));
        holds
    }

    /// Whether the patient may be erased: no retention applies any longer.
    ///
    /// # Errors
    /// The time from which on erasure is allowed.
    pub fn may_erase(self, now: Instant) -> Result<(), ErasureHold> {
        match self.holds().first() {
            Some(&(kept, from)) if now < from => Err(ErasureHold { years: kept.years(), from }),
            _ => Ok(()),
        }
    }
}

/// A patient's record must still be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("something of this patient's must be kept for {years} years: nothing is erased before {from}")]
pub struct ErasureHold {
    /// Years of retention.
    pub years: i16,
    /// The time from which on the patient may be erased.
    pub from: Instant,
}

impl ErasureHold {
    /// The stable code.
    pub const fn code(self) -> Code {
        Code::RetentionHold
    }
}

/// The requested purge is too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("what was recorded on or after {before_at_most} must be kept: such records are kept for {years} years")]
pub struct RetentionHold {
    /// Years of retention.
    pub years: i16,
    /// Records older than this may be purged today.
    pub before_at_most: Instant,
}

impl RetentionHold {
    /// The stable code.
    pub const fn code(self) -> Code {
        Code::RetentionHold
    }
}

impl Kept {
    /// Years of retention, by the calendar.
    pub const fn years(self) -> i16 {
        match self {
            Self::OutpatientRecord => 15,
            Self::Conversation => 3,
            Self::PrescriptionSale => 5,
        }
    }

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutpatientRecord => "outpatient-record",
            Self::Conversation => "conversation",
            Self::PrescriptionSale => "prescription-sale",
        }
    }

    /// End of retention of something recorded at `last`.
    pub fn until(self, last: Instant) -> Instant {
        last.after_years(self.years())
    }

    /// Whether everything older than `before` may be purged at `now`.
    ///
    /// # Errors
    /// If retention still applies to a part of it.
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

    #[test]
    fn a_patient_is_erased_when_all_that_is_kept_has_had_its_time() {
        let day = |text| Some(at(text));
        let all = LastKept { record: day("2010-01-01"), said: day("2023-01-01"), sold: day("2019-01-01") };
        assert_eq!(all.may_erase(at("2026-01-01")), Ok(()));
        let held = |last: LastKept| last.may_erase(at("2026-01-01")).map_err(|hold| (hold.years, hold.from));
        assert_eq!(held(LastKept { record: day("2011-01-02"), ..all }), Err((15, at("2026-01-02"))));
        assert_eq!(held(LastKept { said: day("2023-06-01"), ..all }), Err((3, at("2026-06-01"))));
        assert_eq!(held(LastKept { sold: day("2024-01-01"), ..all }), Err((5, at("2029-01-01"))));
        assert_eq!(held(LastKept::default()), Ok(()), "who never had any");
    }

    #[test]
    fn until_is_when_it_may_go() {
        for text in ["2012-02-29T12:00:00+08:00", "2011-11-22T10:00:00+08:00", "2012-03-01", "2012-12-31"] {
            let (last, kept) = (at(text), Kept::OutpatientRecord);
            let until = kept.until(last);
            assert_eq!(kept.may_purge(last, until), Ok(()), "{text}");
            assert!(kept.may_purge(last, until.plus_seconds(-1)).is_err(), "{text}");
        }
    }

    /// A record of 29 February is retained to the end of February.
    #[test]
    fn leap_days() {
        let may = |now| Kept::OutpatientRecord.may_purge(at("2012-02-29T12:00:00+08:00"), at(now));
        assert!(may("2027-02-28T11:59:59+08:00").is_err());
        assert!(may("2027-02-28T12:00:00+08:00").is_err());
        assert_eq!(may("2027-03-01T00:00:00+08:00"), Ok(()));
    }
}
