//! Decisions of this plugin, by the scheme that the hospital has set.

use xinglin_sdk::{
    payment::{
        Authorization, Authorized, Bill, Coverage, Error, Operation, Quoted, Refusal, Reversal, Reversed, Settled,
        Settlement, Status,
    },
    time::{Instant, plus_days},
    types::Citation,
};

use crate::{
    AUTHORIZATION_DAYS,
    adjudicate::Case,
    memory::{self, Key, Outcome},
    other_verb,
    refusal::{refusal, rule},
    rules::Scheme,
};

/// How the scheme would share the bill.
pub fn quote(bill: &Bill, coverage: &Coverage) -> Result<Quoted, Error> {
    Ok(match Case::of(bill, coverage)? {
        Err(refusals) => Quoted::Declined(refusals),
        Ok(case) => Quoted::Covered(case.figures()?.adjudication(case.citation())),
    })
}

/// Whether it stands for the bill.
pub fn authorize(operation: &Operation, bill: &Bill, coverage: &Coverage) -> Result<Authorized, Error> {
    let key = Key::of(operation);
    let claim = memory::claim(bill, coverage)?;
    match memory::recall(operation, &claim)? {
        Some(Outcome::Authorized { expires }) => return Ok(granted(&key, expires)),
        Some(Outcome::Refused(refusals)) => return Ok(Authorized::Refused(restore(&refusals))),
        Some(_) => return Err(other_verb()),
        None => {}
    }
    if let Err(refusals) = Case::of(bill, coverage)? {
        return refused(operation, claim, refusals).map(Authorized::Refused);
    }
    let expires = plus_days(operation.at, AUTHORIZATION_DAYS);
    memory::remember(operation, claim, Outcome::Authorized { expires })?;
    Ok(granted(&key, expires))
}

/// Settles the bill.
pub fn settle(
    operation: &Operation,
    authorization: &Authorization,
    bill: &Bill,
    coverage: &Coverage,
) -> Result<Settled, Error> {
    let key = Key::of(operation);
    let claim = memory::claim(bill, coverage)?;
    match memory::recall(operation, &claim)? {
        Some(Outcome::Settled { figures, .. }) => {
            return Ok(Settled::Done(Settlement {
                reference: key.settlement(),
                adjudication: figures.adjudication(cited(bill.served_at)),
            }));
        }
        Some(Outcome::Refused(refusals)) => return Ok(Settled::Refused(restore(&refusals))),
        Some(_) => return Err(other_verb()),
        None => {}
    }
    if let Some(code) = unauthorized(authorization, &claim, operation.at)? {
        return refused(operation, claim, vec![refusal(code)]).map(Settled::Refused);
    }
    let case = match Case::of(bill, coverage)? {
        Ok(case) => case,
        Err(refusals) => return refused(operation, claim, refusals).map(Settled::Refused),
    };
    let figures = case.figures()?;
    let adjudication = figures.adjudication(case.citation());
    memory::remember(operation, claim, Outcome::Settled { figures, reversed: false })?;
    Ok(Settled::Done(Settlement { reference: key.settlement(), adjudication }))
}

/// What became of an operation; `None` if it was never seen.
pub fn query(operation: &Operation) -> Result<Option<Status>, Error> {
    let key = Key::of(operation);
    let Some(outcome) = memory::outcome(operation)? else { return Ok(None) };
    Ok(Some(match outcome {
        Outcome::Settled { figures, .. } => {
            let adjudication = figures.adjudication(cited(operation.at));
            Status::Settled(Settlement { reference: key.settlement(), adjudication })
        }
        Outcome::Reversed { after } => {
            Status::Reversed(Reversal { reference: key.reversal(), accumulators: after.accumulators() })
        }
        Outcome::Refused(refusals) => Status::Refused(restore(&refusals)),
        Outcome::Authorized { .. } => return Err(other_verb()),
    }))
}

/// Takes a settlement back.
pub fn reverse(operation: &Operation, settlement: &Settlement, coverage: &Coverage) -> Result<Reversed, Error> {
    let key = Key::of(operation);
    let claim = memory::reversal_claim(settlement, coverage);
    match memory::recall(operation, &claim)? {
        Some(Outcome::Reversed { after }) => {
            return Ok(Reversed::Done(Reversal { reference: key.reversal(), accumulators: after.accumulators() }));
        }
        Some(Outcome::Refused(refusals)) => return Ok(Reversed::Refused(restore(&refusals))),
        Some(_) => return Err(other_verb()),
        None => {}
    }
    let Some((settled_key, settled)) = memory::settled(&settlement.reference)? else {
        return refused(operation, claim, vec![refusal("SETTLEMENT_UNKNOWN")]).map(Reversed::Refused);
    };
    if settled.reversed {
        return refused(operation, claim, vec![refusal("PAY_ALREADY_REVERSED")]).map(Reversed::Refused);
    }
    if settled.figures.parts() != settlement.adjudication.parts {
        return Err(Error::Conflict(format!("`{}` was settled with other amounts", settlement.reference)));
    }
    let after = settled.figures.taken_back(coverage)?;
    let accumulators = after.accumulators();
    memory::mark_reversed(&settled_key, settled)?;
    memory::remember(operation, claim, Outcome::Reversed { after })?;
    Ok(Reversed::Done(Reversal { reference: key.reversal(), accumulators }))
}

fn granted(key: &Key, expires: Instant) -> Authorized {
    Authorized::Granted(Authorization { reference: key.authorization(), expires })
}

/// Why this authorization does not cover this claim, if it does not.
fn unauthorized(
    authorization: &Authorization,
    claim: &memory::Claim,
    at: Instant,
) -> Result<Option<&'static str>, Error> {
    Ok(match memory::authorized(&authorization.reference)? {
        None => Some("AUTHORIZATION_UNKNOWN"),
        Some((authorized, _)) if authorized != *claim => Some("AUTHORIZATION_OTHER_BILL"),
        Some((_, expires)) if at >= expires => Some("AUTHORIZATION_EXPIRED"),
        Some(_) => None,
    })
}

/// Stores a refusal, so that the same operation is refused again.
fn refused(operation: &Operation, claim: memory::Claim, refusals: Vec<Refusal>) -> Result<Vec<Refusal>, Error> {
    let codes = refusals.iter().map(|refusal| refusal.code.clone()).collect();
    memory::remember(operation, claim, Outcome::Refused(codes))?;
    Ok(refusals)
}

fn restore(codes: &[String]) -> Vec<Refusal> {
    codes.iter().map(|code| refusal(code)).collect()
}

/// The source of the rules of a day; that of the law, if the hospital has none any more.
fn cited(at: Instant) -> Citation {
    Scheme::at(at).map_or_else(|_| rule(), |edition| edition.cite(&edition.scheme.source))
}
