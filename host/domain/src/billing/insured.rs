//! Bills and the claims of insurers (`xinglin:payment/claims`), which speak for their own share only,
//! line by line.

use super::{
    BillingError,
    allocation::{ADJUSTMENT, Shares},
    split::split,
};
use crate::{
    coding::{Attribute, AttributeValue, LocalizedText},
    insurance::{BasicClass, Claim, ClaimLine, PriorShare, Source as PriorSource, claims::Adjudication as Decided},
    money::Money,
    payer::{Adjudication, Bill, Line, LineResult, Part, Source},
};

/// The claim that a bill is to an insurer, by the id of its plugin: each line with what payers before it pay
/// of it, and how basic insurance classed it.
///
/// # Errors
/// If what they decided exceeds the gross.
pub fn claim_of(bill: &Bill, insurer: &str) -> Result<Claim, BillingError> {
    let before = match bill.prior.split_last() {
        Some((last, first)) => split(&bill.after(first), last)?,
        None => Vec::new(),
    };
    // Insurers repeat what basic insurance said of the lines.
    let basic = bill.prior.iter().find(|prior| prior.insured.is_none());
    let line = |line: &Line| {
        let paid =
            before.iter().find(|shares| shares.number == line.number).into_iter().flat_map(|shares| &shares.parts);
        let prior = paid.filter_map(|(&source, &amount)| Some(PriorShare { source: PriorSource::of(source)?, amount }));
        let class = basic.and_then(|basic| basic.lines.iter().find(|result| result.number == line.number));
        ClaimLine {
            number: line.number,
            kind: line.kind,
            code: line.code.clone(),
            quantity: line.quantity,
            gross: line.gross,
            prior: prior.collect(),
            basic: class.map(|class| BasicClass {
                self_funded: class.self_funded,
                over_limit: class.over_limit,
                pre_self_pay: class.pre_self_pay,
                in_scope: class.in_scope,
            }),
            attributes: line.attributes.clone(),
        }
    };
    Ok(Claim {
        bill: bill.id.clone(),
        served_at: bill.served_at,
        diagnoses: bill.diagnoses.clone(),
        lines: bill.lines.iter().map(line).collect(),
        preauthorization: bill.guarantee_of(insurer).map(str::to_owned),
        related: None,
        documents: Vec::new(),
        attributes: bill.attributes.clone(),
    })
}

/// What an insurer decided of [the claim](claim_of) of a bill, as an adjudication of the whole bill. Its
/// figures are checked against the claim before, and as all others after.
///
/// # Errors
/// On overflow.
pub fn adjudicated(bill: &Bill, decided: Decided) -> Result<Adjudication, BillingError> {
    let before = bill.prior.last().map(Shares::of).transpose()?.unwrap_or_default();
    let benefit = Money::sum(decided.lines.iter().map(|line| line.benefit))?;
    let contractual = Money::sum(decided.lines.iter().map(|line| line.contractual))?;
    let adjustment = before.adjustment.plus(contractual)?;
    let mut left = Money::sum(bill.lines.iter().map(|line| line.gross))?.minus(adjustment)?;
    let mut parts = Vec::new();
    for source in Source::ALL {
        let amount = match source {
            Source::Commercial => before.get(source).plus(benefit)?,
            Source::Cash => left,
            _ => before.get(source),
        };
        left = left.minus(amount)?;
        if amount != Money::ZERO {
            parts.push(Part { source, amount });
        }
    }
    let lines = match bill.prior.last() {
        Some(prior) => prior.lines.clone(),
        None => decided
            .lines
            .iter()
            .map(|line| {
                Ok(LineResult {
                    number: line.number,
                    self_funded: line.not_covered,
                    over_limit: line.over_limit,
                    pre_self_pay: Money::sum([line.deductible, line.copay, line.coinsurance])?,
                    in_scope: line.benefit.plus(line.contractual)?,
                    note: LocalizedText(line.reasons.iter().flat_map(|reason| reason.message.0.clone()).collect()),
                })
            })
            .collect::<Result<_, BillingError>>()?,
    };
    let discount = Attribute { key: ADJUSTMENT.to_owned(), value: AttributeValue::Money(adjustment) };
    Ok(Adjudication {
        lines,
        parts,
        accumulators: Vec::new(),
        citation: decided.citation.clone(),
        attributes: Some(discount).filter(|_| adjustment != Money::ZERO).into_iter().collect(),
        insured: Some(Box::new(decided)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        billing::{Allocation, PayerKind},
        fixture::{self, fen},
        insurance::claims::{LineAdjudication, Reason},
        payer::LineKind,
    };

    fn line(
        number: u32,
        [contractual, not_covered, deductible, copay, coinsurance, benefit]: [i64; 6],
    ) -> LineAdjudication {
        let reason = Reason {
            code: crate::coding::Coding::new("urn:carc", "96"),
            message: fixture::text("不在保障范围"),
            citation: fixture::citation(),
        };
        LineAdjudication {
            number,
            contractual: fen(contractual),
            not_covered: fen(not_covered),
            allowed: fen(deductible + copay + coinsurance + benefit),
            deductible: fen(deductible),
            copay: fen(copay),
            coinsurance: fen(coinsurance),
            over_limit: fen(0),
            benefit: fen(benefit),
            reasons: if contractual + not_covered > 0 { vec![reason] } else { vec![] },
        }
    }

    fn decided(lines: Vec<LineAdjudication>) -> Decided {
        Decided { lines, draws: vec![], citation: fixture::citation(), attributes: vec![] }
    }

    fn parts(allocation: &Allocation) -> Vec<(Source, i64)> {
        allocation.parts().iter().map(|(source, amount)| (*source, amount.as_fen())).collect()
    }

    /// D2 after D1, without account: 5550, 4200, 8550.
    #[test]
    fn an_insurer_after_the_fund_pays_to_the_fen() {
        let part = |source, amount| Part { source, amount: fen(amount) };
        let fund = Adjudication {
            parts: vec![part(Source::BasicFund, 5550), part(Source::Cash, 12_750)],
            ..fixture::adjudication()
        };
        let bill = Bill { use_account: false, ..fixture::bill() }.after([&fund]);
        let claim = claim_of(&bill, "insurer").expect("a claim");
        let prior: Vec<i64> =
            claim.lines.iter().map(|line| line.prior.iter().map(|p| p.amount.as_fen()).sum()).collect();
        assert_eq!(prior, [895, 2238, 2417, 0]);
        assert_eq!(claim.lines[2].basic.map(|class| class.over_limit), Some(fen(800)));

        let lines = vec![
            line(1, [0, 0, 1105, 0, 0, 0]),
            line(2, [0, 0, 1895, 0, 174, 693]),
            line(3, [0, 0, 0, 0, 876, 3507]),
            line(4, [0, 4500, 0, 0, 0, 0]),
        ];
        let whole = adjudicated(&bill, decided(lines)).expect("sound");
        let allocation = Allocation::check(&bill, &whole, PayerKind::Commercial).expect("sound");
        assert_eq!(parts(&allocation), [(Source::BasicFund, 5550), (Source::Commercial, 4200), (Source::Cash, 8550)]);
        // Line by line as it decided.
        let of = |number: usize, source| allocation.shares()[number].parts.get(&source).map(|amount| amount.as_fen());
        assert_eq!(
            (of(1, Source::Commercial), of(2, Source::Commercial), of(3, Source::Cash)),
            (Some(693), Some(3507), Some(4500))
        );
        assert!(Allocation::check(&bill, &whole, PayerKind::BasicInsurance).is_err(), "an insurer is none");
    }

    /// D2 alone: 120000 gross, 6000 by contract, 10000 copay, 104000 from the insurer.
    #[test]
    fn an_insurer_alone_pays_to_the_fen() {
        let bill = fixture::bill_of(&[(LineKind::Service, 120_000)]);
        let whole = adjudicated(&bill, decided(vec![line(1, [6000, 0, 0, 10_000, 0, 104_000])])).expect("sound");
        let allocation = Allocation::check(&bill, &whole, PayerKind::Commercial).expect("sound");
        assert_eq!(parts(&allocation), [(Source::Commercial, 104_000), (Source::Cash, 10_000)]);
        assert_eq!((allocation.adjustment(), allocation.shares()[0].adjustment), (fen(6000), fen(6000)));
    }
}
