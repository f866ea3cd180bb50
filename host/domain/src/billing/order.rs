//! In which order settlements are taken back.

use super::{Charge, claim::Standing};
use crate::id::BillId;

/// The bill among others of the patient that has to be reversed before any settlement of this one is: the
/// last that was settled later with one of its payers, which had been told a figure that this bill had
/// moved. `None` if there is none.
///
/// Insurance offices take settlements back in the opposite order: who reverses the earlier one gets the
/// deductible back that the later one was priced without. Whether a figure made a difference is known to
/// the payer only: it is taken to, in the benefit year that both bills are of. Of another year, a bill was
/// told only what carries over, such as the balance of an account: what was taken of it stays taken.
pub fn first_to_reverse<'a>(charge: &Charge, others: impl IntoIterator<Item = &'a Charge>) -> Option<BillId> {
    let year = charge.bill().served_at.china_year();
    let order = |standing: &Standing| (standing.attempt.operation.at, standing.attempt.operation.key.clone());
    let rests = |later: &Standing, of: i16, earlier: &Standing| {
        let (told, moved) = (later.share.told(), earlier.share.told().moved(&earlier.settlement.adjudication, year));
        later.share.payer() == earlier.share.payer()
            && order(later) > order(earlier)
            && !told.figures(of).is_disjoint(&moved)
    };
    let others = others.into_iter().filter(|other| other.id() != charge.id());
    let resting = others.flat_map(|other| {
        let of = other.bill().served_at.china_year();
        let resting = move |later: &&Standing| charge.standing().iter().any(|earlier| rests(later, of, earlier));
        other.standing().iter().filter(resting).map(move |later| (order(later), other.id()))
    });
    resting.max().map(|(_, bill)| bill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        billing::{
            Claim, Contract, Membership, PayerKind, Told,
            claim::{Open, Quotation},
        },
        coding::Coding,
        fixture::{self, NOW, fen},
        id::TenantId,
        insurance::{Allowance, Balance, Draw, Period, Policy, claims},
        money::Money,
        payer::{Accumulator, Adjudication, Bill, Coverage, Part, Settled, Settlement, Source},
        time::Instant,
    };

    const PERIOD: Period = Period { start: NOW.plus_days(-100), end: NOW.plus_days(265) };

    /// A bill that a payer settled: what it was told of a figure, and what it left.
    struct Bills {
        at: Instant,
        served_at: Instant,
        payer: &'static str,
        code: &'static str,
        told: i64,
        left: i64,
        policy: bool,
    }

    impl Bills {
        /// Settled `minutes` after the first, by basic insurance, 450 of the deductible used before.
        const fn after(minutes: i64) -> Self {
            let at = NOW.plus_minutes(minutes);
            Self {
                at,
                served_at: NOW,
                payer: "fund",
                code: "deductible-used",
                told: 45_000,
                left: 50_000,
                policy: false,
            }
        }

        fn told(&self) -> Told {
            let (code, member) = (self.code.to_owned(), "m".to_owned());
            let category = Coding::new("urn:test", "1");
            if self.policy {
                let used = Allowance::Money(fen(self.told));
                let balances = vec![Balance { code, period: PERIOD, used, limit: None }];
                let (valid_from, valid_until, network, number) = (None, None, None, String::new());
                let attributes = Vec::new();
                let plan = category;
                return Told::Policy(Policy {
                    member,
                    valid_from,
                    valid_until,
                    number,
                    plan,
                    network,
                    balances,
                    attributes,
                });
            }
            let accumulators = vec![Accumulator { code, amount: fen(self.told) }];
            Told::Coverage(Coverage { member, category, valid_until: None, accumulators, attributes: vec![] })
        }

        fn decided(&self, bill: &Bill) -> Adjudication {
            let mut decided = fixture::adjudication_of(bill, &[(Source::Cash, 100)]);
            decided.parts = vec![Part { source: Source::Cash, amount: fen(100) }];
            decided.accumulators = vec![Accumulator { code: self.code.into(), amount: fen(self.left) }];
            if self.policy {
                let amount = Allowance::Money(fen(self.left - self.told));
                let draws = vec![Draw { code: self.code.into(), period: PERIOD, amount }];
                let lines = Vec::new();
                let insured = claims::Adjudication { lines, draws, citation: fixture::citation(), attributes: vec![] };
                decided.accumulators = Vec::new();
                decided.insured = Some(Box::new(insured));
            }
            decided
        }

        fn settled(&self, id: u128) -> Charge {
            let bill = fixture::bill_of(&[(crate::payer::LineKind::Service, 100)]);
            self.settled_as(id, &self.decided(&bill))
        }

        fn settled_as(&self, id: u128, adjudication: &Adjudication) -> Charge {
            let sum = |amounts: Vec<Money>| Money::sum(amounts).expect("a sum");
            let cash = sum(adjudication.parts.iter().filter(|p| p.source == Source::Cash).map(|p| p.amount).collect());
            let gross = sum(adjudication.parts.iter().map(|p| p.amount).collect());
            let bill = fixture::bill_of(&[(crate::payer::LineKind::Service, gross.as_fen())]);
            let bill = Bill { served_at: self.served_at, ..bill };
            let open = Open {
                id: BillId::from_u128(id),
                tenant: TenantId::from_u128(1),
                patient: fixture::PATIENT,
                bill: bill.clone(),
                items: Vec::new(),
                valid_until: self.at.plus_minutes(30),
            };
            let kind = if self.policy { PayerKind::Commercial } else { PayerKind::BasicInsurance };
            let quotation = Quotation {
                payer: self.payer.into(),
                kind,
                discount_per_mille: 0,
                told: self.told(),
                adjudication: adjudication.clone(),
            };
            let quoted = Claim::quote(open, vec![quotation], self.at).expect("a quote");
            let confirmed = quoted.confirm(&fixture::patient(), cash, self.at).expect("agreed");
            let settlement = Settlement { reference: format!("setl-{id}"), adjudication: adjudication.clone() };
            confirmed.begin(self.at).expect("begun").answered(Settled::Done(settlement), self.at)
        }
    }

    /// D1: the first bill uses up the deductible; what is priced after it rests on it.
    #[test]
    fn what_rests_on_a_bill_is_reversed_before_it() {
        let later = || Bills { told: 50_000, ..Bills::after(1) };
        let next_year = NOW.plus_days(300);
        let policy = || Bills { policy: true, ..Bills::after(0) };
        let rows = [
            ("the deductible was used by the first", Bills::after(0), later(), true),
            ("whatever the later one moved", Bills::after(0), Bills { left: 50_000, ..later() }, true),
            ("settled before", Bills::after(2), later(), false),
            ("another payer", Bills { payer: "other", ..Bills::after(0) }, later(), false),
            ("another figure", Bills { code: "fund-used", ..Bills::after(0) }, later(), false),
            ("the first moved nothing", Bills { left: 45_000, ..Bills::after(0) }, later(), false),
            ("another benefit year", Bills::after(0), Bills { served_at: next_year, ..later() }, false),
            (
                "an account that carries over",
                Bills { code: "account-balance", ..Bills::after(0) },
                Bills { code: "account-balance", served_at: next_year, ..later() },
                false,
            ),
            ("a policy's balance", policy(), Bills { policy: true, ..later() }, true),
            (
                "a policy that was not drawn on",
                Bills { left: 45_000, ..policy() },
                Bills { policy: true, ..later() },
                false,
            ),
            ("asked by another contract since", Bills::after(0), Bills { policy: true, ..later() }, false),
        ];
        for (what, first, second, rests) in rows {
            let (first, second) = (first.settled(1), second.settled(2));
            let found = first_to_reverse(&first, [&first, &second]);
            assert_eq!(found, rests.then(|| second.id()), "{what}");
            assert_eq!(first_to_reverse(&second, [&first]), None, "{what}");
        }
    }

    #[test]
    fn the_latest_is_named_and_what_is_final_stops_nobody() {
        let first = Bills::after(0).settled(1);
        let resting = |id, minutes| Bills { told: 50_000, ..Bills::after(minutes) }.settled(id);
        let (second, third) = (resting(2, 1), resting(3, 2));
        assert_eq!(first_to_reverse(&first, [&second, &third]), Some(third.id()));
        assert_eq!(first_to_reverse(&second, [&first, &third]), None, "it moved nothing");
        // Two of the same moment do not wait for each other.
        let (one, other) = (Bills::after(0).settled(4), Bills::after(0).settled(5));
        let waiting = [first_to_reverse(&one, [&other]), first_to_reverse(&other, [&one])];
        assert_eq!(waiting.iter().flatten().count(), 1, "{waiting:?}");
        let Charge::Settled(settled) = third else { panic!("settled") };
        let begun = settled.reverse(crate::billing::By::Host, NOW).expect("begun");
        let done = crate::payer::Reversal { reference: "rev".into(), accumulators: vec![] };
        let reversed = begun.answered(crate::payer::Reversed::Done(done), NOW);
        assert_eq!(first_to_reverse(&first, [&second, &reversed]), Some(second.id()));
    }

    /// A scheme with a deductible of 500 yuan, and three quarters of what is above it.
    fn decided(told: &Told, gross: i64) -> Adjudication {
        let used = told.accumulators()[0].amount.as_fen();
        let deductible = gross.min(50_000 - used);
        let fund = (gross - deductible) * 3 / 4;
        let bill = fixture::bill_of(&[(crate::payer::LineKind::Service, gross)]);
        let mut decided = fixture::adjudication_of(&bill, &[(Source::BasicFund, fund), (Source::Cash, gross - fund)]);
        decided.accumulators[0].amount = fen(used + deductible);
        decided
    }

    fn found() -> Membership {
        let category = Coding::new("urn:test", "1");
        let used = [Accumulator { code: "deductible-used".into(), amount: fen(0) }];
        Membership::new("m".into(), category, None, &used, NOW)
    }

    fn told(membership: &Membership) -> Told {
        membership.told(Contract::Payer, NOW).expect("a coverage")
    }

    proptest::proptest! {
        /// Whatever is settled and taken back, in whatever order somebody wishes it: each bill that stands
        /// is priced as if those that were taken back had never been. Nobody keeps a deductible that was
        /// given back, and everything can be taken back.
        #[test]
        fn nobody_keeps_a_deductible_that_was_given_back(
            wishes in proptest::collection::vec((0_i64..40_000, 0_usize..4), 1..24),
        ) {
            let (mut membership, mut standing): (_, Vec<Charge>) = (found(), Vec::new());
            let give_back = |membership: &mut Membership, charge: &Charge| {
                let made = &charge.standing()[0];
                membership.take_back(made.share.told(), &made.settlement.adjudication.accumulators, NOW).expect("known");
            };
            for (number, (gross, which)) in (1_i64..).zip(wishes) {
                if which < standing.len() {
                    if first_to_reverse(&standing[which], &standing).is_none() {
                        give_back(&mut membership, &standing.remove(which));
                    }
                } else {
                    let decided = decided(&told(&membership), gross + 1);
                    let bill = Bills {
                        told: told(&membership).accumulators()[0].amount.as_fen(),
                        left: decided.accumulators[0].amount.as_fen(),
                        ..Bills::after(number)
                    };
                    membership.run_on(&decided.accumulators, NOW);
                    standing.push(bill.settled_as(u128::try_from(number).expect("positive"), &decided));
                }
                let mut replayed = found();
                for charge in &standing {
                    let made = &charge.standing()[0].settlement.adjudication;
                    let gross = charge.bill().lines[0].gross.as_fen();
                    let anew = decided(&told(&replayed), gross);
                    proptest::prop_assert_eq!(&made.parts, &anew.parts);
                    replayed.run_on(&anew.accumulators, NOW);
                }
                proptest::prop_assert_eq!(&told(&replayed), &told(&membership));
            }
            while let Some(charge) = standing.pop() {
                proptest::prop_assert_eq!(first_to_reverse(&charge, &standing), None);
                give_back(&mut membership, &charge);
            }
            proptest::prop_assert_eq!(told(&membership), told(&found()));
        }
    }
}
