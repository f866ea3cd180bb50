//! The messages of payment by telephone: 6201 to 6401.

use scheme::json::Json;
use xinglin_sdk::{
    log,
    payment::{Bill, Operation, Reversal, Settlement, Source, Status},
    time::Instant,
};

use super::{
    Channel, Failure, Office, Person, Reference, Registered, Uploaded, answer,
    answer::Setl,
    counter::not_begun,
    envelope::{nonsense, text},
    expires, message,
};
use crate::{adjudicate::ACCOUNT_BALANCE, memory::Claim};

/// 6201, which quotes at once.
pub fn upload(office: &Office, now: Instant, person: &Person, bill: &Bill, claim: Claim) -> Result<Uploaded, Failure> {
    let batch = message::batch();
    let total = answer::total(bill).ok_or_else(nonsense)?;
    let answer = office.send(now, "6201", message::order(office, person, &batch, bill, total)?)?;
    let id = text(answer.get("payOrdId")).filter(|id| (1..=100).contains(&id.len())).ok_or_else(nonsense)?;
    let token = text(answer.get("payToken")).ok_or_else(nonsense)?;
    let more = answer.get("extData").ok_or_else(nonsense)?;
    let registered = Registered {
        claim,
        channel: Channel::Online,
        psn_no: person.psn_no.clone(),
        insutype: person.insutype.clone(),
        id: id.to_owned(),
        token: token.to_owned(),
        total,
        lines: answer::lines(more.get("feedetail"), bill).ok_or_else(nonsense)?,
        use_account: bill.use_account,
        used: person.used,
        expires: expires(now),
    };
    let setl = Setl::read(more.get("preSetl")).ok_or_else(nonsense)?;
    Ok(Uploaded { registered, setl: Some(setl) })
}

/// 6401: nothing is left of a quote.
pub fn quote(office: &Office, now: Instant, uploaded: Uploaded) -> Result<(Registered, Setl), Failure> {
    let Uploaded { registered, setl } = uploaded;
    let withdrawn = office.send(now, "6401", message::of_order(office, "6401", &registered));
    if let Err(failure) = withdrawn {
        // An order that is not paid moves nothing.
        log::warn(format!("the office keeps the order {} of a quote: {failure:?}", registered.id));
    }
    setl.map(|setl| (registered, setl)).ok_or_else(nonsense)
}

/// 6202; the reference of the settlement.
pub fn settle(office: &Office, operation: &Operation, registered: &Registered) -> Result<(String, Setl), Failure> {
    let answer = office.send_once(operation, "6202", message::of_order(office, "6202", registered))?;
    paid(&answer, registered).ok_or_else(nonsense)
}

/// `ordStas`: 6 is settled, 8 wholly given back, 12 and 13 withdrawn at the office.
fn state(answer: &Json, order: &str) -> Option<String> {
    let is_ours = text(answer.get("payOrdId")) == Some(order);
    text(answer.get("ordStas")).filter(|_| is_ours).map(str::to_owned)
}

fn paid(answer: &Json, registered: &Registered) -> Option<(String, Setl)> {
    state(answer, &registered.id).filter(|state| state == "6")?;
    let setl = Setl::read(answer.get("extData")?.get("setl"))?;
    Some((format!("O:{}", registered.id), setl))
}

/// 6301: what became of a settlement. An order that is not paid is withdrawn, so that it never will be.
pub fn settled(office: &Office, operation: &Operation, registered: &Registered) -> Result<Status, Failure> {
    let answer = office.send(operation.at, "6301", message::of_order(office, "6301", registered))?;
    match state(&answer, &registered.id).as_deref() {
        Some("6") => {
            let (reference, setl) = paid(&answer, registered).ok_or_else(nonsense)?;
            Ok(Status::Settled(office.settlement(registered, reference, &setl)))
        }
        Some("0" | "1") => {
            office.send(operation.at, "6401", message::of_order(office, "6401", registered))?;
            Ok(Status::NeverSeen)
        }
        Some("2" | "3" | "4" | "5") => Ok(Status::Pending),
        Some("8" | "12" | "13") => Ok(Status::NeverSeen),
        _ => Err(nonsense()),
    }
}

/// 6203; the reference of the refund, and what is on the account after it.
pub fn reverse(
    office: &Office,
    operation: &Operation,
    reference: &Reference<'_>,
    settlement: &Settlement,
) -> Result<(String, Option<i64>), Failure> {
    let part = |wanted: &[Source]| {
        let parts = settlement.adjudication.parts.iter().filter(|part| wanted.contains(&part.source));
        parts.map(|part| part.amount.minor_units).fold(0, i64::saturating_add)
    };
    let mut amounts = [
        0,
        part(&[Source::BasicFund, Source::SupplementaryFund]),
        part(&[Source::PersonalAccount, Source::FamilyAccount]),
        part(&[Source::Cash]),
    ];
    amounts[0] = amounts[1..].iter().copied().fold(0, i64::saturating_add);
    if settlement.adjudication.parts.is_empty() {
        // What did not add up: the office is asked what it holds.
        let asked = office.send(operation.at, "6301", message::question(office, reference.first)).map_err(not_begun)?;
        let setl = asked.get("extData").and_then(|more| Setl::read(more.get("setl"))).ok_or_else(nonsense);
        amounts = setl.map_err(not_begun)?.paid();
    }
    let answer = office.send_once(operation, "6203", message::refund(office, operation, reference.first, amounts))?;
    refund(&answer, reference.first).ok_or_else(nonsense)
}

fn refund(answer: &Json, order: &str) -> Option<(String, Option<i64>)> {
    state(answer, order).filter(|state| state == "8")?;
    let number = text(answer.get("refdSn")).filter(|number| (1..=100).contains(&number.len()))?;
    Some((format!("O:{number}"), answer::fen(answer.get("balc"))))
}

/// 6301: what became of a refund.
pub fn refunded(office: &Office, operation: &Operation, order: &str) -> Result<Status, Failure> {
    let answer = office.send(operation.at, "6301", message::question(office, order))?;
    match state(&answer, order).as_deref() {
        Some("8") => {
            let (reference, balance) = refund(&answer, order).ok_or_else(nonsense)?;
            let balance = balance.map(|balance| xinglin_sdk::payment::Accumulator {
                code: ACCOUNT_BALANCE.to_owned(),
                amount: xinglin_sdk::money::Fen::new(balance.max(0)).into(),
            });
            Ok(Status::Reversed(Reversal { reference, accumulators: balance.into_iter().collect() }))
        }
        Some("6") => Ok(Status::NeverSeen),
        _ => Err(nonsense()),
    }
}
