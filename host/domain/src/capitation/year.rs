//! The account of one lead for one year: months are counted, the budget accrues, care is charged, and
//! when it is over it is closed once.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Account, Budget, Closing, Indicator, MemberMonths, Quality};
use crate::{
    code::Code,
    id::AccountId,
    insurance::{Fault, Period},
    ledger::Period as Month,
    money::{Money, MoneyError},
    time::Instant,
};

/// An institution that cares for members: this hospital by its tenant id, another by any id that the
/// scheme knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
}

/// What a fund and a lead have agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The plugin of the fund, under which it is booked.
    pub payer: String,
    /// The lead.
    pub lead: Institution,
    /// From which members choose (1+N).
    pub partners: Vec<Institution>,
    /// The month that is counted next, once it is over.
    pub next: Month,
}

/// Why a year does not change, or does not end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum YearError {
    /// It is closed for ever.
    #[error("{0} is closed")]
    Closed(i16),
    /// Something is missing for its end.
    #[error("{0}")]
    NotClosable(&'static str),
    /// A month that is not the next one.
    #[error("{0} is not the month after the last that was counted")]
    Month(Month),
    /// The balancing payment was booked before, or nothing is to be paid.
    #[error("nothing is left to be paid of {0}")]
    Paid(i16),
    /// An answer of the scheme contradicts the account.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl YearError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Closed(_) | Self::Paid(_) => Code::CapClosed,
            Self::NotClosable(_) | Self::Month(_) => Code::CapNotClosable,
            Self::Fault(_) => Code::PluginOutput,
            Self::Money(error) => error.code(),
        }
    }
}

/// The budget as of the end of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accrual {
    /// The month.
    pub month: Month,
    /// All member-months of the year so far.
    pub member_months: Vec<MemberMonths>,
    /// Their budget.
    pub budget: Budget,
}

/// An indicator, and where its figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The figures.
    pub indicator: Indicator,
    /// The report or query that they are taken from.
    pub source: String,
    /// Who entered them.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// How a year ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// As the scheme proposed and the host checked.
    pub closing: Closing,
    /// Who closed it.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// The bank slip of the balancing payment, once it is booked.
    pub slip: Option<String>,
}

/// The account of a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Year {
    year: i16,
    /// The last month that was counted.
    counted: Option<Month>,
    /// Whether months were counted, or counted out, since the last accrual.
    stale: bool,
    /// Whether any were counted out, so that the budget may fall.
    fell: bool,
    accruals: Vec<Accrual>,
    prepaid: Money,
    used: Money,
    measured: Vec<Measured>,
    quality: Option<Quality>,
    end: Option<End>,
}

impl Year {
    /// A year of which nothing is known yet.
    pub const fn new(year: i16) -> Self {
        Self {
            year,
            counted: None,
            stale: false,
            fell: false,
            accruals: Vec::new(),
            prepaid: Money::ZERO,
            used: Money::ZERO,
            measured: Vec::new(),
            quality: None,
            end: None,
        }
    }

    /// Its number in the calendar of Asia/Shanghai.
    pub const fn number(&self) -> i16 {
        self.year
    }

    /// Its period.
    pub fn period(&self) -> Period {
        let start = |year: i16| Instant::parse(&format!("{year:04}-01-01")).unwrap_or(Instant::from_micros(i64::MAX));
        Period { start: start(self.year), end: start(self.year.saturating_add(1)) }
    }

    /// The last month that was counted.
    pub const fn counted(&self) -> Option<Month> {
        self.counted
    }

    /// Whether the scheme is to be asked for the budget.
    pub const fn is_stale(&self) -> bool {
        self.stale
    }

    /// By month, oldest first.
    pub fn accruals(&self) -> &[Accrual] {
        &self.accruals
    }

    /// The budget so far.
    pub fn budget(&self) -> Money {
        self.accruals.last().map_or(Money::ZERO, |accrual| accrual.budget.amount)
    }

    /// What of it is to be paid in advance.
    pub fn prepayment(&self) -> Money {
        self.accruals.last().map_or(Money::ZERO, |accrual| accrual.budget.prepayment)
    }

    /// What was paid in advance.
    pub const fn prepaid(&self) -> Money {
        self.prepaid
    }

    /// What was charged.
    pub const fn used(&self) -> Money {
        self.used
    }

    /// The indicators.
    pub fn measured(&self) -> &[Measured] {
        &self.measured
    }

    /// The score.
    pub const fn quality(&self) -> Option<&Quality> {
        self.quality.as_ref()
    }

    /// How it ended, once it is closed.
    pub const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    fn open(&self) -> Result<(), YearError> {
        if self.end.is_some() { Err(YearError::Closed(self.year)) } else { Ok(()) }
    }

    /// Notes that the members of a month were counted: one after the other, each once.
    ///
    /// # Errors
    /// If it is closed, or it is not the next month of this year.
    pub fn count(&mut self, month: Month) -> Result<(), YearError> {
        self.open()?;
        let follows = self.counted.is_none_or(|last| last.next() == month);
        if !follows || !self.period().contains(month.first().start()) {
            return Err(YearError::Month(month));
        }
        (self.counted, self.stale) = (Some(month), true);
        Ok(())
    }

    /// Notes that members were counted out of months afterwards.
    ///
    /// # Errors
    /// If it is closed.
    pub fn count_out(&mut self) -> Result<(), YearError> {
        self.open()?;
        (self.stale, self.fell) = (self.counted.is_some(), true);
        Ok(())
    }

    /// Takes the budget of all months that are counted.
    ///
    /// # Errors
    /// If it is closed, or the answer is not sound.
    pub fn accrue(&mut self, member_months: Vec<MemberMonths>, budget: Budget) -> Result<(), YearError> {
        self.open()?;
        budget.check(&member_months)?;
        let Some(month) = self.counted else { return Ok(()) };
        if let Some(last) = self.accruals.last().filter(|_| !self.fell) {
            budget.check_after(&last.budget)?;
        }
        self.accruals.retain(|accrual| accrual.month != month);
        self.accruals.push(Accrual { month, member_months, budget });
        (self.stale, self.fell) = (false, false);
        Ok(())
    }

    /// The fund paid in advance.
    ///
    /// # Errors
    /// If it is closed; `MONEY_INVALID`.
    pub fn prepay(&mut self, amount: Money) -> Result<(), YearError> {
        self.open()?;
        self.prepaid = self.prepaid.plus(amount.non_negative()?)?;
        Ok(())
    }

    /// Charges care, or takes a charge off, below zero.
    ///
    /// # Errors
    /// If it is closed; on overflow.
    pub fn charge(&mut self, amount: Money) -> Result<(), YearError> {
        self.open()?;
        self.used = self.used.plus(amount)?;
        Ok(())
    }

    /// Takes the indicators as measured, in place of those before, with the score that the scheme gives
    /// for them.
    ///
    /// # Errors
    /// If it is closed, or the score is not sound.
    pub fn score(&mut self, measured: Vec<Measured>, quality: Quality) -> Result<(), YearError> {
        self.open()?;
        let indicators: Vec<Indicator> = measured.iter().map(|one| one.indicator.clone()).collect();
        quality.check(&indicators)?;
        (self.measured, self.quality) = (measured, Some(quality));
        Ok(())
    }

    /// The account that is closed: all months are counted and accrued, and the quality is known.
    ///
    /// # Errors
    /// If it is closed before, or what is missing.
    pub fn account(&self, now: Instant) -> Result<Account, YearError> {
        self.open()?;
        let year = self.period();
        if now < year.end {
            return Err(YearError::NotClosable("the year is not over"));
        }
        if self.counted.is_none_or(|month| month.last().next().start() < year.end) || self.stale {
            return Err(YearError::NotClosable("not all months are accrued yet"));
        }
        let Some(quality) = &self.quality else {
            return Err(YearError::NotClosable("the quality is not scored"));
        };
        if self.used < Money::ZERO {
            return Err(YearError::NotClosable("more was taken back than was charged"));
        }
        let (budget, prepaid, used) = (self.budget(), self.prepaid, self.used);
        Ok(Account { year, budget, prepaid, used, quality: quality.total })
    }

    /// Ends the year, for ever.
    ///
    /// # Errors
    /// As [`account`](Self::account); if the scheme's answer does not fit it.
    pub fn close(&mut self, closing: Closing, by: AccountId, now: Instant) -> Result<(), YearError> {
        closing.check(&self.account(now)?)?;
        self.end = Some(End { closing, by, at: now, slip: None });
        Ok(())
    }

    /// Notes the balancing payment, and says what it comes to: below zero if the provider pays.
    ///
    /// # Errors
    /// If the year is open, nothing is to be paid, or it was paid before.
    pub fn pay(&mut self, slip: String) -> Result<Money, YearError> {
        let year = self.year;
        let end = self.end.as_mut().ok_or(YearError::NotClosable("the year is not closed yet"))?;
        if end.slip.is_some() || end.closing.payable == Money::ZERO {
            return Err(YearError::Paid(year));
        }
        end.slip = Some(slip);
        Ok(end.closing.payable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        capitation::{Points, Share},
        coding::{Coding, Decimal},
        insurance::fixture::citation,
    };

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("a time")
    }

    fn by() -> AccountId {
        AccountId::from_u128(7)
    }

    fn months(count: u32) -> Vec<MemberMonths> {
        vec![MemberMonths { risk_class: Coding::new("urn:class", "low"), months: count }]
    }

    fn budget(amount: i64) -> Budget {
        Budget { amount: Money::fen(amount), prepayment: Money::fen(amount / 10 * 9), citation: citation() }
    }

    fn quality(total: i64) -> (Vec<Measured>, Quality) {
        let indicator = Indicator { code: "all".into(), numerator: 1, denominator: 1 };
        let (points, maximum) = (Decimal::whole(total), Decimal::whole(100));
        let measured = Measured { indicator, source: "report 7".into(), by: by(), at: at("2027-01-05") };
        let points = vec![Points { code: "all".into(), points, maximum }];
        (vec![measured], Quality { points, total: Decimal::whole(total), citation: citation() })
    }

    /// As DOMAIN.md D3: a budget of 60,000,000, prepaid 54,000,000, a score of 86.
    fn accrued() -> Year {
        let mut year = Year::new(2026);
        for number in 1..=12 {
            year.count(month(&format!("2026-{number:02}"))).expect("the next month");
            let so_far = u32::try_from(number).expect("few");
            year.accrue(months(so_far * 100), budget(number * 5_000_000)).expect("sound");
        }
        year.prepay(Money::fen(54_000_000)).expect("open");
        let (measured, quality) = quality(86);
        year.score(measured, quality).expect("sound");
        year
    }

    fn closing(figures: [i64; 5], shares: [i64; 3]) -> Closing {
        let [kept, returned, fund_bears, provider_bears, payable] = figures.map(Money::fen);
        let shares = ["lead", "partners", "team"].into_iter().zip(shares);
        let share = |(code, fen): (&str, i64)| Share { code: code.into(), amount: Money::fen(fen) };
        Closing {
            kept,
            returned,
            fund_bears,
            provider_bears,
            payable,
            shares: shares.map(share).collect(),
            citation: citation(),
        }
    }

    #[test]
    fn months_follow_each_other_and_each_counts_once() {
        for (before, next, is_next) in [
            (None, "2026-01", true),
            (None, "2026-07", true),
            (None, "2025-12", false),
            (None, "2027-01", false),
            (Some("2026-01"), "2026-02", true),
            (Some("2026-01"), "2026-01", false),
            (Some("2026-01"), "2026-03", false),
            (Some("2026-12"), "2027-01", false),
        ] {
            let mut year = Year::new(2026);
            if let Some(before) = before {
                year.count(month(before)).expect("the first");
            }
            let unchanged = year.clone();
            assert_eq!(year.count(month(next)).is_ok(), is_next, "{before:?} {next}");
            assert_eq!(year == unchanged, !is_next);
        }
    }

    #[test]
    fn a_budget_falls_only_when_members_are_counted_out() {
        let mut year = Year::new(2026);
        year.count(month("2026-01")).expect("the first");
        year.accrue(months(2), budget(200)).expect("sound");
        year.count(month("2026-02")).expect("the next");
        assert!(year.is_stale());
        assert_eq!(year.accrue(months(1), budget(100)).map_err(|e| e.code()), Err(Code::PluginOutput));
        year.count_out().expect("open");
        year.accrue(months(1), budget(100)).expect("somebody had died");
        assert!(!year.is_stale());
        assert_eq!((year.budget(), year.prepayment(), year.accruals().len()), (Money::fen(100), Money::fen(90), 2));
        // The same month again, after another was counted out.
        year.count_out().expect("open");
        year.accrue(months(0), budget(0)).expect("sound");
        assert_eq!((year.budget(), year.accruals().len()), (Money::ZERO, 2));
    }

    #[test]
    fn a_year_ends_once_in_the_figures_of_its_account() {
        let surplus = closing([4_860_000, 540_000, 0, 0, 5_460_000], [2_916_000, 1_215_000, 729_000]);
        let overrun = closing([0, 0, 1_500_000, 4_500_000, 7_500_000], [0, 0, 0]);
        for (used, good, bad) in [(54_600_000, &surplus, &overrun), (66_000_000, &overrun, &surplus)] {
            let mut year = accrued();
            year.charge(Money::fen(used)).expect("open");
            let code = |result: Result<(), YearError>| result.map_err(|error| error.code());
            let over = at("2027-01-10");
            assert_eq!(
                code(year.close(good.clone(), by(), at("2026-12-31T23:59:59+08:00"))),
                Err(Code::CapNotClosable)
            );
            assert!(year.close(bad.clone(), by(), over).is_err());
            year.close(good.clone(), by(), over).expect("the figures fit");
            assert_eq!(code(year.close(good.clone(), by(), over)), Err(Code::CapClosed));
            assert_eq!(code(year.charge(Money::fen(1))), Err(Code::CapClosed));
            assert_eq!(code(year.prepay(Money::fen(1))), Err(Code::CapClosed));
            assert_eq!(code(year.count_out()), Err(Code::CapClosed));
            let (measured, quality) = quality(90);
            assert_eq!(code(year.score(measured, quality)), Err(Code::CapClosed));
            assert_eq!(year.pay("slip 1".into()), Ok(good.payable));
            assert_eq!(year.pay("slip 2".into()), Err(YearError::Paid(2026)));
            let read: Year = serde_json::from_value(serde_json::to_value(&year).expect("JSON")).expect("it reads");
            assert_eq!(read, year);
        }
        let mut early = accrued();
        early.count_out().expect("open");
        assert_eq!(early.account(at("2027-02-01")), Err(YearError::NotClosable("not all months are accrued yet")));
        assert!(early.pay("slip".into()).is_err());
        assert!(matches!(Year::new(2026).account(at("2027-02-01")), Err(YearError::NotClosable(_))));
    }

    proptest! {
        /// Whatever is charged and taken back, the account is the sum, and nothing of a closed year moves.
        #[test]
        fn what_is_used_is_what_was_charged(charges in prop::collection::vec(-1_000_000_i64..1_000_000, 0..40)) {
            let mut year = accrued();
            for charge in &charges {
                year.charge(Money::fen(*charge)).expect("open");
            }
            let sum: i64 = charges.iter().sum();
            prop_assert_eq!(year.used(), Money::fen(sum));
            match year.account(at("2027-01-01")) {
                Ok(account) => prop_assert_eq!(account.used, Money::fen(sum)),
                Err(_) => prop_assert!(sum < 0),
            }
        }
    }
}
