//! Payment per head (按人头付费), as in `xinglin:payment/capitation@1.1`: answers of a scheme and
//! their checks. The host keeps the members, counts the months, and books: [`year`].

pub mod year;

use serde::{Deserialize, Serialize};

use crate::{
    coding::{Citation, Coding, Decimal},
    insurance::{
        Fault, Period, Refusal, Wrong,
        fault::{amount, citation, coding, refused, sum, sums},
    },
    money::Money,
    time::Instant,
};

/// An enrolment that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Id of the lead institution.
    pub lead: String,
    /// Accrues from here.
    pub since: Instant,
}

/// What a patient chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// To enter the scheme.
    Join,
    /// To leave the lead for another.
    Change,
}

/// A patient's choice of a lead institution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Pseudonym of the member.
    pub member: String,
    /// Whether it enters or changes.
    pub choice: Choice,
    /// The lead institution.
    pub lead: String,
    /// Its partners.
    pub partners: Vec<String>,
    /// When the patient chose it.
    pub chosen_at: Instant,
    /// Coded diagnoses.
    pub diagnoses: Vec<Coding>,
    /// Completed years; absent if not known.
    pub age_years: Option<u16>,
    /// Where the patient is enrolled now.
    pub current: Option<Membership>,
}

/// An accepted enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// First month that counts.
    pub accrues_from: Instant,
    /// Risk class whose weight applies.
    pub risk_class: Coding,
    /// The source of the rule.
    pub citation: Citation,
}

/// Answer to an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enrolled {
    /// Accepted.
    Accepted(Acceptance),
    /// Refused.
    Refused(Vec<Refusal>),
}

impl Enrolled {
    /// Checks the answer: a member counts from the beginning of a later month than that of the
    /// choice.
    ///
    /// # Errors
    /// If it is backdated or not the beginning of a month, or refused without a reason.
    pub fn check(&self, enrolment: &Enrolment) -> Result<(), Fault> {
        match self {
            Self::Refused(why) => refused("refused", why),
            Self::Accepted(Acceptance { accrues_from, risk_class, citation: source }) => {
                if !accrues_from.is_month_start() || *accrues_from <= enrolment.chosen_at {
                    return Err(Wrong::Time(*accrues_from).at("accrues_from"));
                }
                coding("risk_class", risk_class)?;
                citation("citation", source)
            }
        }
    }
}

/// Months of members of one risk class; one member for one month is 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberMonths {
    /// The risk class.
    pub risk_class: Coding,
    /// How many.
    pub months: u32,
}

/// Budget of the months since the beginning of the year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// For all months given.
    pub amount: Money,
    /// What of it is paid in advance.
    pub prepayment: Money,
    /// The source of the rule.
    pub citation: Citation,
}

impl Budget {
    /// Checks the answer.
    ///
    /// # Errors
    /// If an amount is negative, there is a budget without a month, or more is paid in advance.
    pub fn check(&self, months: &[MemberMonths]) -> Result<(), Fault> {
        let budget = amount("amount", self.amount)?;
        let prepayment = amount("prepayment", self.prepayment)?;
        if prepayment > budget {
            return Err(Wrong::Above { amount: prepayment, most: budget }.at("prepayment"));
        }
        if budget > Money::ZERO && months.iter().all(|class| class.months == 0) {
            return Err(Wrong::Above { amount: budget, most: Money::ZERO }.at("amount"));
        }
        citation("citation", &self.citation)
    }

    /// Checks that nothing falls from one month to the next; the caller has counted no member out
    /// of an earlier month.
    ///
    /// # Errors
    /// If budget or prepayment is less than `before`.
    pub fn check_after(&self, before: &Self) -> Result<(), Fault> {
        let pairs = [("amount", self.amount, before.amount), ("prepayment", self.prepayment, before.prepayment)];
        for (field, amount, least) in pairs {
            if amount < least {
                return Err(Wrong::Below { amount, least }.at(field));
            }
        }
        Ok(())
    }
}

/// Where care was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the lead.
    Lead,
    /// In a partner that the member chose.
    Partner,
    /// Elsewhere, sent there by the lead.
    Referred,
    /// Elsewhere, by the member's own choice.
    Elsewhere,
}

/// The fund's share of the care of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumption {
    /// Opaque id of the bill, or of another institution's statement.
    pub bill: String,
    /// When the service was given.
    pub served_at: Instant,
    /// By whom.
    pub institution: String,
    /// Where that is.
    pub place: Place,
    /// The lead of the member.
    pub lead: String,
    /// Of the bill; empty of a statement.
    pub diagnoses: Vec<Coding>,
    /// Above zero.
    pub fund: Money,
}

impl Consumption {
    /// Checks what of it is charged to the budget: from zero to the fund's share.
    ///
    /// # Errors
    /// If it is beyond either end.
    pub fn check(&self, charged: Money) -> Result<(), Fault> {
        let (least, most) = (Money::ZERO, self.fund);
        if charged > most {
            Err(Wrong::Above { amount: charged, most }.at("charge"))
        } else if charged < least {
            Err(Wrong::Below { amount: charged, least }.at("charge"))
        } else {
            Ok(())
        }
    }
}

/// An indicator that the host counted: `numerator` of `denominator` members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Indicator {
    pub code: String,
    pub numerator: u32,
    pub denominator: u32,
}

/// Points for one indicator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Code of the indicator.
    pub code: String,
    /// Earned.
    pub points: Decimal,
    /// The most there are.
    pub maximum: Decimal,
}

/// The score of a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// By indicator.
    pub points: Vec<Points>,
    /// Their sum, 0 to 100.
    pub total: Decimal,
    /// The source of the rule.
    pub citation: Citation,
}

impl Quality {
    /// Checks the answer.
    ///
    /// # Errors
    /// If points are negative, above their maximum, or earned by what the host did not count, or if
    /// the total is not their sum, or above 100.
    pub fn check(&self, indicators: &[Indicator]) -> Result<(), Fault> {
        let zero = Decimal::whole(0);
        let number = |is: Decimal, must: String| Wrong::Number { is: is.to_string(), must };
        let mut sum = zero;
        for (at, one) in self.points.iter().enumerate() {
            let field = format!("points[{}]", one.code);
            if self.points[..at].iter().any(|other| other.code == one.code) {
                return Err(Wrong::Twice.at(field));
            }
            let counted = indicators.iter().any(|indicator| indicator.code == one.code);
            let most = if counted { one.maximum } else { zero };
            if one.points < zero || one.points > most {
                return Err(number(one.points, format!("0 to {most}")).at(field));
            }
            sum = sum.plus(one.points).map_err(|_| Wrong::Money(crate::money::MoneyError::Overflow).at(field))?;
        }
        if self.total != sum || self.total > Decimal::whole(100) {
            return Err(number(self.total, format!("{sum}, at most 100")).at("total"));
        }
        citation("citation", &self.citation)
    }
}

/// The account of a year, before it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The year.
    pub year: Period,
    /// Its budget.
    pub budget: Money,
    /// Paid in advance.
    pub prepaid: Money,
    /// Sum of what was charged.
    pub used: Money,
    /// Total of the score.
    pub quality: Decimal,
}

/// Who gets a part of what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// `lead`, `partners` or `team`.
    pub code: String,
    /// How much.
    pub amount: Money,
}

/// How a year ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// Surplus that is kept.
    pub kept: Money,
    /// Surplus that is returned.
    pub returned: Money,
    /// Overrun that the fund takes on.
    pub fund_bears: Money,
    /// Overrun that the provider takes on.
    pub provider_bears: Money,
    /// What the fund still pays; below zero if the provider pays back.
    pub payable: Money,
    /// How the kept surplus is divided.
    pub shares: Vec<Share>,
    /// The source of the rule.
    pub citation: Citation,
}

impl Closing {
    /// Checks the answer.
    ///
    /// # Errors
    /// If an amount is negative, or one of the equations does not hold: kept + returned = budget −
    /// used, or fund + provider = used − budget, the other pair zero; payable = used + kept −
    /// provider's − prepaid; the shares sum to what is kept.
    pub fn check(&self, account: &Account) -> Result<(), Fault> {
        for (field, one) in [
            ("kept", self.kept),
            ("returned", self.returned),
            ("fund_bears", self.fund_bears),
            ("provider_bears", self.provider_bears),
        ] {
            amount(field, one)?;
        }
        let less = |field: &str, one: Money, other: Money| one.minus(other).map_err(|e| Wrong::Money(e).at(field));
        let surplus = less("kept", account.budget, account.used)?.max(Money::ZERO);
        let overrun = less("fund_bears", account.used, account.budget)?.max(Money::ZERO);
        sums("returned", surplus, [self.kept, self.returned])?;
        sums("provider_bears", overrun, [self.fund_bears, self.provider_bears])?;
        let owed = sum("payable", [account.used, self.kept])?;
        let owed = less("payable", less("payable", owed, self.provider_bears)?, account.prepaid)?;
        if self.payable != owed {
            return Err(Wrong::Sum { parts: owed, whole: self.payable }.at("payable"));
        }
        for (at, share) in self.shares.iter().enumerate() {
            let field = format!("shares[{}]", share.code);
            if !["lead", "partners", "team"].contains(&share.code.as_str()) {
                return Err(Wrong::Strange.at(field));
            }
            if self.shares[..at].iter().any(|other| other.code == share.code) {
                return Err(Wrong::Twice.at(field));
            }
            amount(field, share.amount)?;
        }
        sums("shares", self.kept, self.shares.iter().map(|share| share.amount))?;
        citation("citation", &self.citation)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        insurance::fixture::{YEAR, citation as source, refusal},
        money::MoneyError,
    };

    fn class(code: &str) -> Coding {
        Coding::new("https://scheme.example/risk", code)
    }

    #[test]
    fn a_member_counts_from_the_beginning_of_a_later_month() {
        let at = |text: &str| Instant::parse(text).expect("a time");
        for (chosen, from, is_taken) in [
            ("2026-03-14T09:00:00+08:00", "2026-04-01", true),
            ("2026-03-14T09:00:00+08:00", "2026-05-01", true),
            ("2026-12-31T23:59:59+08:00", "2027-01-01", true),
            ("2026-03-14T09:00:00+08:00", "2026-03-01", false),
            ("2026-03-14T09:00:00+08:00", "2026-04-02", false),
            ("2026-03-14T09:00:00+08:00", "2026-04-01T00:00:01+08:00", false),
            // Midnight in London is not the beginning of a month in China.
            ("2026-03-14T09:00:00+08:00", "2026-04-01T00:00:00Z", false),
            ("2026-04-01", "2026-04-01", false),
        ] {
            let enrolment = Enrolment {
                member: "m-1".into(),
                choice: Choice::Join,
                lead: "org-1".into(),
                partners: vec!["org-2".into()],
                chosen_at: at(chosen),
                diagnoses: Vec::new(),
                age_years: Some(58),
                current: None,
            };
            let acceptance = Acceptance { accrues_from: at(from), risk_class: class("middle"), citation: source() };
            let found = Enrolled::Accepted(acceptance).check(&enrolment);
            assert_eq!(found, if is_taken { Ok(()) } else { Err(Wrong::Time(at(from)).at("accrues_from")) });
            assert_eq!(Enrolled::Refused(vec![refusal("CAP_DUPLICATE")]).check(&enrolment), Ok(()));
            assert_eq!(Enrolled::Refused(Vec::new()).check(&enrolment), Err(Wrong::Empty.at("refused")));
        }
    }

    fn budget(amount: i64, prepayment: i64) -> Budget {
        Budget { amount: Money::fen(amount), prepayment: Money::fen(prepayment), citation: source() }
    }

    #[test]
    fn a_budget_has_months_and_never_falls() {
        let months = |counts: [u32; 3]| {
            let classes = ["low", "middle", "high"].into_iter().zip(counts);
            classes.map(|(code, months)| MemberMonths { risk_class: class(code), months }).collect::<Vec<_>>()
        };
        let above = |amount, most| Wrong::Above { amount: Money::fen(amount), most: Money::fen(most) };
        for (budget, counts, wrong) in [
            // 600,000 × (690 × 0.8 + 360 × 1.2 + 120 × 1.8) / 12 = 60,000,000, of which 90 %.
            (budget(60_000_000, 54_000_000), [690, 360, 120], None),
            (budget(0, 0), [0, 0, 0], None),
            (budget(0, 0), [1, 0, 0], None),
            (budget(60_000_000, 60_000_001), [690, 360, 120], Some(above(60_000_001, 60_000_000))),
            (budget(1, 0), [0, 0, 0], Some(above(1, 0))),
            (budget(-1, 0), [1, 0, 0], Some(Wrong::Money(MoneyError::Negative))),
            (budget(1, -1), [1, 0, 0], Some(Wrong::Money(MoneyError::Negative))),
        ] {
            assert_eq!(budget.check(&months(counts)).err().map(|fault| fault.wrong), wrong, "{budget:?}");
        }
        let (november, december) = (budget(55_000_000, 49_500_000), budget(60_000_000, 54_000_000));
        assert_eq!(december.check_after(&november), Ok(()));
        assert_eq!(december.check_after(&december), Ok(()));
        let below = Wrong::Below { amount: Money::fen(55_000_000), least: Money::fen(60_000_000) };
        assert_eq!(november.check_after(&december), Err(below.at("amount")));
    }

    #[test]
    fn a_charge_is_between_zero_and_the_funds_share() {
        for (fund, charged, is_taken) in [
            (5_550, 5_550, true),
            (5_550, 0, true),
            (5_550, 5_551, false),
            (5_550, -1, false),
            (0, 0, true),
            (0, 1, false),
            (i64::MAX, i64::MAX, true),
        ] {
            let consumption = Consumption {
                bill: "bill-1".into(),
                served_at: YEAR.start,
                institution: "org-2".into(),
                place: Place::Referred,
                lead: "org-1".into(),
                diagnoses: Vec::new(),
                fund: Money::fen(fund),
            };
            assert_eq!(consumption.check(Money::fen(charged)).is_ok(), is_taken, "{charged} of {fund}");
        }
    }

    fn points(code: &str, points: &str, maximum: i64) -> Points {
        Points { code: code.into(), points: points.parse().expect("a number"), maximum: Decimal::whole(maximum) }
    }

    /// 20 + 15 + 25 × 0.8 + 20 × 0.7 + 10 + 10 × 0.7 = 86.
    fn scored() -> (Vec<Points>, Vec<Indicator>) {
        let all = [
            ("management-rate", "20", 20, (100, 100)),
            ("hba1c-tested", "15", 15, (100, 100)),
            ("hba1c-controlled", "20.0", 25, (80, 100)),
            ("complication-screening", "14", 20, (70, 100)),
            ("avoidable-admission", "10", 10, (0, 100)),
            ("satisfaction", "7.0", 10, (70, 100)),
        ];
        let indicator = |(code, _, _, (numerator, denominator)): (&str, _, _, _)| Indicator {
            code: code.into(),
            numerator,
            denominator,
        };
        (all.map(|(code, earned, most, _)| points(code, earned, most)).into(), all.map(indicator).into())
    }

    #[test]
    fn a_score_is_the_sum_of_points_for_what_was_counted() {
        let (full, indicators) = scored();
        let with = |change: fn(&mut Vec<Points>), total: &str| {
            let mut points = full.clone();
            change(&mut points);
            Quality { points, total: total.parse().expect("a number"), citation: source() }
        };
        for (quality, field) in [
            (with(|_| {}, "86"), None),
            (with(|_| {}, "86.0"), None),
            (with(|points| points.truncate(0), "0"), None),
            (with(|points| points.push(points[0].clone()), "106"), Some("points[management-rate]")),
            (with(|points| points[0].points = Decimal::whole(21), "87"), Some("points[management-rate]")),
            (with(|points| points[1].points = Decimal::whole(-1), "70"), Some("points[hba1c-tested]")),
            (with(|_| {}, "87"), Some("total")),
            (with(|points| points[0].code = "not-counted".into(), "86"), Some("points[not-counted]")),
            (
                with(|points| (points[0].points, points[0].maximum) = (Decimal::whole(50), Decimal::whole(50)), "116"),
                Some("total"),
            ),
        ] {
            assert_eq!(quality.check(&indicators).err().map(|fault| fault.field).as_deref(), field, "{quality:?}");
        }
    }

    fn account(used: i64) -> Account {
        Account {
            year: YEAR,
            budget: Money::fen(60_000_000),
            prepaid: Money::fen(54_000_000),
            used: Money::fen(used),
            quality: Decimal::whole(86),
        }
    }

    fn closing([kept, returned, fund, provider, payable]: [i64; 5], shares: &[(&str, i64)]) -> Closing {
        let share = |&(code, fen): &(&str, i64)| Share { code: code.into(), amount: Money::fen(fen) };
        Closing {
            kept: Money::fen(kept),
            returned: Money::fen(returned),
            fund_bears: Money::fen(fund),
            provider_bears: Money::fen(provider),
            payable: Money::fen(payable),
            shares: shares.iter().map(share).collect(),
            citation: source(),
        }
    }

    #[test]
    fn both_ends_of_a_year_balance_to_the_fen() {
        const SURPLUS: i64 = 54_600_000;
        const OVERRUN: i64 = 66_000_000;
        let shares = [("lead", 2_916_000), ("partners", 1_215_000), ("team", 729_000)];
        let unequal = [("lead", 2_916_000), ("partners", 1_215_000), ("team", 729_001)];
        for (used, closing, field) in [
            (SURPLUS, closing([4_860_000, 540_000, 0, 0, 5_460_000], &shares), None),
            (OVERRUN, closing([0, 0, 1_500_000, 4_500_000, 7_500_000], &[]), None),
            (60_000_000, closing([0, 0, 0, 0, 6_000_000], &[]), None),
            // Used less than was prepaid, and nothing kept: the provider pays back.
            (50_000_000, closing([0, 10_000_000, 0, 0, -4_000_000], &[]), None),
            (SURPLUS, closing([4_860_000, 540_001, 0, 0, 5_460_000], &shares), Some("returned")),
            (SURPLUS, closing([5_400_001, -1, 0, 0, 6_000_001], &shares), Some("returned")),
            (SURPLUS, closing([4_860_000, 540_000, 1, 0, 5_460_000], &shares), Some("provider_bears")),
            (SURPLUS, closing([4_860_000, 540_000, 0, 0, 5_460_001], &shares), Some("payable")),
            (SURPLUS, closing([4_860_000, 540_000, 0, 0, 5_460_000], &unequal), Some("shares")),
            (SURPLUS, closing([4_860_000, 540_000, 0, 0, 5_460_000], &[("friend", 1)]), Some("shares[friend]")),
            (
                SURPLUS,
                closing([4_860_000, 540_000, 0, 0, 5_460_000], &[("team", 1), ("team", 1)]),
                Some("shares[team]"),
            ),
            (OVERRUN, closing([0, 0, 6_000_000, 0, 12_000_000], &[]), None),
            (OVERRUN, closing([0, 0, 1_500_000, 4_499_999, 7_500_001], &[]), Some("provider_bears")),
            (OVERRUN, closing([1, 0, 1_500_000, 4_500_000, 7_500_001], &[("lead", 1)]), Some("returned")),
        ] {
            let found = closing.check(&account(used)).err().map(|fault| fault.field);
            assert_eq!(found.as_deref(), field, "{closing:?}");
        }
    }

    proptest! {
        /// Whatever is accepted, the fund has paid in all: what was used and is kept, or the budget
        /// and its part of the overrun.
        #[test]
        fn the_fund_pays_what_the_closing_says(used in 0_i64..90_000_000, part in 0_i64..=100) {
            let (surplus, overrun) = ((60_000_000 - used).max(0), (used - 60_000_000).max(0));
            let (kept, provider) = (surplus * part / 100, overrun * part / 100);
            let payable = used + kept - provider - 54_000_000;
            let end = closing([kept, surplus - kept, overrun - provider, provider, payable], &[("lead", kept)]);
            prop_assert_eq!(end.check(&account(used)), Ok(()));
            prop_assert_eq!(54_000_000 + payable, if used <= 60_000_000 { used + kept } else { 60_000_000 + overrun - provider });
        }
    }
}
