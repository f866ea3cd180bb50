//! Checks an adjudication against its bill.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    BillingError,
    split::{LineShares, split},
};
use crate::{
    coding::{Attribute, AttributeValue, Citation, LocalizedText},
    money::Money,
    payer::{Accumulator, Adjudication, Bill, LineKind, LineResult, Part, Source},
};

/// Key of the attribute in which a commercial payer gives the contract discount borne by the
/// provider. It counts as a share of the bill.
pub const ADJUSTMENT: &str = "xinglin.provider-adjustment";

/// Kind of payer of a plugin. Set by the tenant with the grants, never by the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerKind {
    /// 基本医疗保险, with other public funds and personal accounts.
    BasicInsurance,
    /// 商业保险.
    Commercial,
    /// The patient alone.
    SelfPay,
}

impl PayerKind {
    /// Whether the payer determines the share of this source.
    pub const fn controls(self, source: Source) -> bool {
        match source {
            Source::Cash => true,
            Source::Commercial => matches!(self, Self::Commercial),
            Source::BasicFund | Source::SupplementaryFund | Source::PersonalAccount | Source::FamilyAccount => {
                matches!(self, Self::BasicInsurance)
            }
        }
    }
}

/// A checked adjudication of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    kind: PayerKind,
    gross: Money,
    parts: BTreeMap<Source, Money>,
    adjustment: Money,
    revenue: BTreeMap<LineKind, Money>,
    lines: Vec<LineResult>,
    shares: Vec<LineShares>,
    accumulators: Vec<Accumulator>,
}

/// Shares by source, and the contract discount.
#[derive(Default)]
pub(super) struct Shares {
    parts: BTreeMap<Source, Money>,
    pub(super) adjustment: Money,
}

impl Shares {
    pub(super) fn of(adjudication: &Adjudication) -> Result<Self, BillingError> {
        let mut parts = BTreeMap::<Source, Money>::new();
        for part in &adjudication.parts {
            let share = parts.entry(part.source).or_default();
            *share =
                part.amount.non_negative().and_then(|amount| share.plus(amount)).map_err(|error| {
                    BillingError::Figure { field: format!("parts[{}]", part.source.as_str()), error }
                })?;
        }
        parts.retain(|_, amount| *amount != Money::ZERO);
        Ok(Self { parts, adjustment: adjustment(&adjudication.attributes)? })
    }

    pub(super) fn get(&self, source: Source) -> Money {
        self.parts.get(&source).copied().unwrap_or_default()
    }
}

fn adjustment(attributes: &[Attribute]) -> Result<Money, BillingError> {
    let amounts = attributes.iter().filter(|a| a.key == ADJUSTMENT).filter_map(|a| match a.value {
        AttributeValue::Money(amount) => Some(amount),
        _ => None,
    });
    Money::sum(amounts)
        .and_then(Money::non_negative)
        .map_err(|error| BillingError::Figure { field: format!("attributes[{ADJUSTMENT}]"), error })
}

/// Checks the accumulators that a payer returned.
///
/// # Errors
/// If one is negative or comes twice.
pub fn check_accumulators(accumulators: &[Accumulator]) -> Result<(), BillingError> {
    let mut seen = BTreeSet::new();
    for accumulator in accumulators {
        if accumulator.amount < Money::ZERO || !seen.insert(&accumulator.code) {
            return Err(BillingError::Accumulator(accumulator.code.clone()));
        }
    }
    Ok(())
}

impl Allocation {
    /// Checks the adjudication of a payer of this kind.
    ///
    /// A payer after others returns the whole bill: it may move shares from the patient's cash to
    /// the sources that it controls, and nothing else.
    ///
    /// # Errors
    /// If a line is missing, an amount or an accumulator negative, a sum is not the gross, a
    /// share of another payer changed, or the personal account used against the patient's choice.
    pub fn check(bill: &Bill, adjudication: &Adjudication, kind: PayerKind) -> Result<Self, BillingError> {
        let (gross, revenue) = gross(bill)?;
        check_lines(bill, adjudication)?;

        let shares = Shares::of(adjudication)?;
        let parts = Money::sum(shares.parts.values().copied())
            .and_then(|parts| parts.plus(shares.adjustment))
            .map_err(|error| BillingError::Figure { field: "parts".into(), error })?;
        if parts != gross {
            return Err(BillingError::Sum { parts, gross });
        }
        let prior = bill.prior.last().map(Shares::of).transpose()?;
        check_sources(bill, kind, &shares, prior.as_ref())?;

        check_accumulators(&adjudication.accumulators)?;
        Ok(Self {
            kind,
            gross,
            parts: shares.parts,
            adjustment: shares.adjustment,
            revenue,
            lines: adjudication.lines.clone(),
            shares: split(bill, adjudication)?,
            accumulators: adjudication.accumulators.clone(),
        })
    }

    /// The patient pays everything.
    ///
    /// # Errors
    /// If the bill has no lines, or one of them is negative.
    pub fn self_pay(bill: &Bill) -> Result<Self, BillingError> {
        let (gross, revenue) = gross(bill)?;
        let lines = bill
            .lines
            .iter()
            .map(|line| LineResult {
                number: line.number,
                self_funded: line.gross,
                over_limit: Money::ZERO,
                pre_self_pay: Money::ZERO,
                in_scope: Money::ZERO,
                note: LocalizedText::default(),
            })
            .collect();
        let mut parts = BTreeMap::from([(Source::Cash, gross)]);
        parts.retain(|_, amount| *amount != Money::ZERO);
        let shares = bill.lines.iter().map(|line| {
            let mut parts = BTreeMap::from([(Source::Cash, line.gross)]);
            parts.retain(|_, amount| *amount != Money::ZERO);
            LineShares { number: line.number, parts, adjustment: Money::ZERO }
        });
        Ok(Self {
            shares: shares.collect(),
            kind: PayerKind::SelfPay,
            gross,
            parts,
            adjustment: Money::ZERO,
            revenue,
            lines,
            accumulators: Vec::new(),
        })
    }

    /// The patient pays the bill, but no more than this; the provider bears the rest.
    ///
    /// # Errors
    /// As [`self_pay`](Self::self_pay).
    pub fn borne(bill: &Bill, most: Money) -> Result<Self, BillingError> {
        let alone = Self::self_pay(bill)?;
        if alone.gross <= most {
            return Ok(alone);
        }
        let discount = AttributeValue::Money(alone.gross.minus(most)?);
        let decided = Adjudication {
            lines: alone.lines,
            parts: vec![Part { source: Source::Cash, amount: most }],
            accumulators: Vec::new(),
            citation: Citation { title: String::new(), section: None, year: 0, url: None },
            attributes: vec![Attribute { key: ADJUSTMENT.to_owned(), value: discount }],
            insured: None,
        };
        let borne = Self::check(&Bill { prior: Vec::new(), ..bill.clone() }, &decided, PayerKind::Commercial)?;
        Ok(Self { kind: PayerKind::SelfPay, ..borne })
    }

    /// What is left of it where lines that are the patient's alone are charged less, or not at all.
    ///
    /// # Errors
    /// If other lines differ, or on overflow.
    pub fn without(&self, rest: &Bill) -> Result<Self, BillingError> {
        let (gross, revenue) = gross(rest)?;
        let mut left = self.clone();
        (left.gross, left.revenue) = (gross, revenue);
        let of = |number: u32| rest.lines.iter().find(|line| line.number == number);
        left.lines.retain(|result| of(result.number).is_some());
        left.shares.retain(|shares| of(shares.number).is_some());
        for (result, shares) in left.lines.iter_mut().zip(&mut left.shares) {
            let Some(line) = of(result.number) else { continue };
            let parts = Money::sum([result.self_funded, result.over_limit, result.pre_self_pay, result.in_scope])?;
            if parts != line.gross {
                if parts != result.self_funded || shares.parts.keys().any(|source| *source != Source::Cash) {
                    return Err(BillingError::LineSum { line: line.number, parts, gross: line.gross });
                }
                result.self_funded = line.gross;
                shares.parts = BTreeMap::from([(Source::Cash, line.gross)]);
            }
        }
        let mut parts = BTreeMap::<Source, Money>::new();
        for (source, amount) in left.shares.iter().flat_map(|shares| &shares.parts) {
            let part = parts.entry(*source).or_default();
            *part = part.plus(*amount)?;
        }
        let sum = Money::sum(parts.values().copied())?.plus(left.adjustment)?;
        left.parts = parts;
        if sum == gross { Ok(left) } else { Err(BillingError::Sum { parts: sum, gross }) }
    }

    /// Kind of payer.
    pub const fn kind(&self) -> PayerKind {
        self.kind
    }

    /// Gross of the bill.
    pub const fn gross(&self) -> Money {
        self.gross
    }

    /// Shares by source, without zero shares.
    pub const fn parts(&self) -> &BTreeMap<Source, Money> {
        &self.parts
    }

    /// The share of a source.
    pub fn part(&self, source: Source) -> Money {
        self.parts.get(&source).copied().unwrap_or_default()
    }

    /// The contract discount borne by the provider.
    pub const fn adjustment(&self) -> Money {
        self.adjustment
    }

    /// The gross by kind of line.
    pub const fn revenue(&self) -> &BTreeMap<LineKind, Money> {
        &self.revenue
    }

    /// The payer's result for each line.
    pub fn lines(&self) -> &[LineResult] {
        &self.lines
    }

    /// Who pays what of each line.
    pub fn shares(&self) -> &[LineShares] {
        &self.shares
    }

    /// The new values of the accumulators.
    pub fn accumulators(&self) -> &[Accumulator] {
        &self.accumulators
    }

    /// Whether the other has the same shares, discount and amounts of every line. Accumulators
    /// and notes may differ.
    pub fn same_figures(&self, other: &Self) -> bool {
        fn figures(line: &LineResult) -> (u32, [Money; 4]) {
            (line.number, [line.self_funded, line.over_limit, line.pre_self_pay, line.in_scope])
        }
        self.shares == other.shares && self.lines.iter().map(figures).eq(other.lines.iter().map(figures))
    }
}

/// The gross, in total and by kind.
fn gross(bill: &Bill) -> Result<(Money, BTreeMap<LineKind, Money>), BillingError> {
    let mut revenue = BTreeMap::<LineKind, Money>::new();
    let mut numbers = BTreeSet::new();
    for line in &bill.lines {
        if !numbers.insert(line.number) {
            return Err(BillingError::Lines);
        }
        let sum = revenue.entry(line.kind).or_default();
        *sum = sum.plus(line.gross.non_negative()?)?;
    }
    if numbers.is_empty() {
        return Err(BillingError::Lines);
    }
    revenue.retain(|_, amount| *amount != Money::ZERO);
    Ok((Money::sum(revenue.values().copied())?, revenue))
}

fn check_lines(bill: &Bill, adjudication: &Adjudication) -> Result<(), BillingError> {
    if bill.lines.len() != adjudication.lines.len() {
        return Err(BillingError::Lines);
    }
    for (line, result) in bill.lines.iter().zip(&adjudication.lines) {
        if line.number != result.number {
            return Err(BillingError::Lines);
        }
        let mut parts = Money::ZERO;
        for (name, amount) in [
            ("self-funded", result.self_funded),
            ("over-limit", result.over_limit),
            ("pre-self-pay", result.pre_self_pay),
            ("in-scope", result.in_scope),
        ] {
            parts = amount
                .non_negative()
                .and_then(|amount| parts.plus(amount))
                .map_err(|error| BillingError::Figure { field: format!("lines[{}].{name}", line.number), error })?;
        }
        if parts != line.gross {
            return Err(BillingError::LineSum { line: line.number, parts, gross: line.gross });
        }
    }
    Ok(())
}

fn check_sources(bill: &Bill, kind: PayerKind, shares: &Shares, prior: Option<&Shares>) -> Result<(), BillingError> {
    for source in Source::ALL {
        let share = shares.get(source);
        let carried = prior.map_or(Money::ZERO, |prior| prior.get(source));
        let allowed = match source {
            // The remainder: no other source pays less than before.
            Source::Cash => true,
            Source::PersonalAccount | Source::FamilyAccount if !bill.use_account => share == carried,
            _ if kind.controls(source) => share >= carried,
            _ => share == carried,
        };
        if !allowed {
            return Err(BillingError::Source(source));
        }
    }
    let carried = prior.map_or(Money::ZERO, |prior| prior.adjustment);
    let allowed =
        if kind == PayerKind::Commercial { shares.adjustment >= carried } else { shares.adjustment == carried };
    if allowed { Ok(()) } else { Err(BillingError::Source(Source::Commercial)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        code::Code,
        fixture::{self, fen},
        payer::Part,
    };

    fn code(bill: &Bill, adjudication: &Adjudication, kind: PayerKind) -> Option<Code> {
        Allocation::check(bill, adjudication, kind).err().map(|e| e.code())
    }

    fn basic(change: impl FnOnce(&mut Bill, &mut Adjudication)) -> Option<Code> {
        let (mut bill, mut adjudication) = (fixture::bill(), fixture::adjudication());
        change(&mut bill, &mut adjudication);
        code(&bill, &adjudication, PayerKind::BasicInsurance)
    }

    #[test]
    fn the_worked_example_is_taken_to_the_fen() {
        let allocation =
            Allocation::check(&fixture::bill(), &fixture::adjudication(), PayerKind::BasicInsurance).expect("sound");
        assert_eq!(allocation.gross(), fen(18300));
        assert_eq!(allocation.part(Source::BasicFund), fen(5550));
        assert_eq!(allocation.part(Source::PersonalAccount), fen(6000));
        assert_eq!(allocation.part(Source::Cash), fen(6750));
        assert_eq!(allocation.revenue().get(&LineKind::Medicine), Some(&fen(11800)));
    }

    #[test]
    fn sums_must_be_whole() {
        assert_eq!(basic(|_, a| a.parts[0].amount = fen(5549)), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|_, a| a.lines[2].over_limit = fen(799)), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|b, _| b.lines[0].gross = fen(2001)), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|_, a| drop(a.lines.pop())), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|_, a| a.lines.swap(0, 1)), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|b, a| (b.lines.clear(), a.lines.clear(), a.parts.clear()).0), Some(Code::LedgerUnbalanced));
    }

    #[test]
    fn amounts_must_exist() {
        let negative = basic(|_, a| {
            a.parts[0].amount = fen(-1);
            a.parts[2].amount = fen(18300 - 6000 + 1);
        });
        assert_eq!(negative, Some(Code::MoneyInvalid));
        let overflow = basic(|_, a| a.parts.extend([Part { source: Source::Cash, amount: fen(i64::MAX) }; 2]));
        assert_eq!(overflow, Some(Code::MoneyInvalid));
        assert_eq!(basic(|_, a| a.accumulators[0].amount = fen(-1)), Some(Code::MoneyInvalid));
        assert_eq!(basic(|_, a| a.accumulators.push(a.accumulators[0].clone())), Some(Code::MoneyInvalid));
    }

    #[test]
    fn a_payer_spends_only_what_is_its_own() {
        assert_eq!(
            code(&fixture::bill(), &fixture::adjudication(), PayerKind::Commercial),
            Some(Code::LedgerUnbalanced)
        );
        assert_eq!(code(&fixture::bill(), &fixture::adjudication(), PayerKind::SelfPay), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|b, _| b.use_account = false), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|_, a| a.parts[0].source = Source::Commercial), Some(Code::LedgerUnbalanced));
        assert_eq!(basic(|_, a| a.parts[0].source = Source::SupplementaryFund), None);
    }

    /// 5550 fund + 4200 insurer + 8550 patient, from 5550 fund + 12750 patient.
    #[test]
    fn a_second_payer_moves_only_cash() {
        let part = |source, amount| Part { source, amount: fen(amount) };
        let first = Adjudication {
            parts: vec![part(Source::BasicFund, 5550), part(Source::Cash, 12750)],
            ..fixture::adjudication()
        };
        let bill = Bill { prior: vec![first.clone()], use_account: false, ..fixture::bill() };
        let second = |parts: Vec<Part>| {
            let adjudication = Adjudication { parts, ..first.clone() };
            code(&bill, &adjudication, PayerKind::Commercial)
        };
        let fund = part(Source::BasicFund, 5550);
        assert_eq!(second(vec![fund, part(Source::Commercial, 4200), part(Source::Cash, 8550)]), None);
        let less_fund = part(Source::BasicFund, 5549);
        let refused = second(vec![less_fund, part(Source::Commercial, 4200), part(Source::Cash, 8551)]);
        assert_eq!(refused, Some(Code::LedgerUnbalanced));
    }

    /// 120000 gross: 6000 contract discount, 10000 copay, 104000 insurer.
    #[test]
    fn a_contract_discount_is_the_providers() {
        let bill = fixture::bill_of(&[(LineKind::Service, 120_000)]);
        let mut adjudication =
            fixture::adjudication_of(&bill, &[(Source::Commercial, 104_000), (Source::Cash, 10_000)]);
        assert_eq!(code(&bill, &adjudication, PayerKind::Commercial), Some(Code::LedgerUnbalanced));
        adjudication.attributes.push(Attribute { key: ADJUSTMENT.into(), value: AttributeValue::Money(fen(6000)) });
        let allocation = Allocation::check(&bill, &adjudication, PayerKind::Commercial).expect("sound");
        assert_eq!(allocation.adjustment(), fen(6000));
        assert_eq!(code(&bill, &adjudication, PayerKind::BasicInsurance), Some(Code::LedgerUnbalanced));
    }

    #[test]
    fn self_pay_is_all_cash() {
        let allocation = Allocation::self_pay(&fixture::bill()).expect("sound");
        assert_eq!(allocation.parts(), &BTreeMap::from([(Source::Cash, fen(18300))]));
    }

    proptest! {
        /// Every accepted adjudication conserves the money; every other is refused.
        #[test]
        fn money_is_conserved(
            lines in proptest::collection::vec((0_i64..10_000_000, 0_i64..=1000), 1..8),
            fund in 0_i64..=1000,
            account in 0_i64..=1000,
            stray in -3_i64..=3,
        ) {
            let bill = fixture::bill_of(
                &lines.iter().map(|(gross, _)| (LineKind::Medicine, *gross)).collect::<Vec<_>>(),
            );
            let total: i64 = lines.iter().map(|(gross, _)| gross).sum();
            let fund = total * fund / 1000;
            let account = (total - fund) * account / 1000;
            let cash = total - fund - account + stray;
            let parts = [(Source::BasicFund, fund), (Source::PersonalAccount, account), (Source::Cash, cash)];
            let mut adjudication = fixture::adjudication_of(&bill, &parts);
            for (result, (gross, scope)) in adjudication.lines.iter_mut().zip(&lines) {
                result.in_scope = fen(gross * scope / 1000);
                result.self_funded = fen(gross - gross * scope / 1000);
            }
            match Allocation::check(&bill, &adjudication, PayerKind::BasicInsurance) {
                Ok(allocation) => {
                    prop_assert_eq!(stray, 0);
                    prop_assert_eq!(Money::sum(allocation.parts().values().copied()), Ok(fen(total)));
                    prop_assert_eq!(Money::sum(allocation.revenue().values().copied()), Ok(fen(total)));
                }
                Err(_) => prop_assert_ne!(stray, 0),
            }
        }
    }
}
