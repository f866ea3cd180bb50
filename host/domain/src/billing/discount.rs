//! What the hospital gives up by its contract with a payer is bounded by that contract.

use super::{
    BillingError,
    allocation::{ADJUSTMENT, Shares},
    insured::claim_of,
};
use crate::{
    insurance::fault::{Fault, Wrong},
    money::{Money, Rounding},
    payer::{Adjudication, Bill},
};

/// Checks that a payer takes no more discount than so many thousandths: of each line, if it decides lines,
/// else of the whole bill. What payers before it took is not its own.
///
/// # Errors
/// If it takes more.
pub fn check_discount(bill: &Bill, decided: &Adjudication, per_mille: u16) -> Result<(), BillingError> {
    if let Some(insured) = &decided.insured {
        return insured.check_discount(&claim_of(bill)?, per_mille).map_err(above);
    }
    let before = bill.prior.last().map(Shares::of).transpose()?.unwrap_or_default();
    let amount = Shares::of(decided)?.adjustment.minus(before.adjustment)?;
    let gross = Money::sum(bill.lines.iter().map(|line| line.gross))?;
    let most = gross.share(i64::from(per_mille), 1000, Rounding::HalfUp)?;
    if amount > most {
        return Err(BillingError::Discount { field: format!("attributes[{ADJUSTMENT}]"), amount, most });
    }
    Ok(())
}

fn above(fault: Fault) -> BillingError {
    match fault.wrong {
        Wrong::Above { amount, most } => BillingError::Discount { field: fault.field, amount, most },
        _ => BillingError::Lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        billing::insured::adjudicated,
        coding::{Attribute, AttributeValue},
        fixture::{self, fen},
        insurance::claims::{self, LineAdjudication, Reason},
        payer::{LineKind, Source},
    };

    fn decided(bill: &Bill, contractual: &[i64]) -> Adjudication {
        let reason = Reason {
            code: crate::coding::Coding::new("urn:carc", "45"),
            message: fixture::text("合同折扣"),
            citation: fixture::citation(),
        };
        let lines = bill.lines.iter().zip(contractual).map(|(line, contractual)| LineAdjudication {
            number: line.number,
            contractual: fen(*contractual),
            not_covered: fen(0),
            allowed: line.gross.minus(fen(*contractual)).expect("positive"),
            deductible: fen(0),
            copay: fen(0),
            coinsurance: fen(0),
            over_limit: fen(0),
            benefit: line.gross.minus(fen(*contractual)).expect("positive"),
            reasons: vec![reason.clone()],
        });
        let lines = lines.collect();
        let decided = claims::Adjudication { lines, draws: vec![], citation: fixture::citation(), attributes: vec![] };
        adjudicated(bill, decided).expect("sound")
    }

    #[test]
    fn a_discount_stays_within_the_contract() {
        let bill = fixture::bill_of(&[(LineKind::Service, 100_000), (LineKind::Medicine, 20_000)]);
        let given = |amount: i64| {
            let parts = [(Source::Commercial, 120_000 - amount)];
            let attribute = Attribute { key: ADJUSTMENT.into(), value: AttributeValue::Money(fen(amount)) };
            Adjudication { attributes: vec![attribute], ..fixture::adjudication_of(&bill, &parts) }
        };
        // D2: 6000 of 120000 are 50 of a thousand.
        let rows = [
            (given(6000), 50, None),
            (given(6001), 50, Some("attributes[xinglin.provider-adjustment]")),
            (given(1), 0, Some("attributes[xinglin.provider-adjustment]")),
            (given(0), 0, None),
            (decided(&bill, &[5000, 1000]), 50, None),
            (decided(&bill, &[5001, 999]), 50, Some("lines[1].contractual")),
            (decided(&bill, &[0, 1001]), 50, Some("lines[2].contractual")),
        ];
        for (decided, per_mille, field) in rows {
            let checked = check_discount(&bill, &decided, per_mille);
            assert_eq!(checked.map_err(|error| error.field()).err().flatten().as_deref(), field);
        }
        // What an insurer before it took is not its own.
        let first = given(6000);
        let second = Adjudication { parts: first.parts.clone(), ..given(6000) };
        check_discount(&bill.after([&first]), &second, 0).expect("nothing more");
    }
}
