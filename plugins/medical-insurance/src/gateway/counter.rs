//! The messages of the counter: 2201 to 2208.

use xinglin_sdk::{
    log,
    payment::{Bill, Operation},
    time::Instant,
};

use super::{
    Channel, Failure, Office, Person, Reference, Registered, Uploaded, answer,
    answer::Setl,
    envelope::{nonsense, text},
    expires, message,
};
use crate::memory::Claim;

/// 2201, 2203A, 2204
pub fn upload(office: &Office, now: Instant, person: &Person, bill: &Bill, claim: Claim) -> Result<Uploaded, Failure> {
    let visit = office.send(now, "2201", message::registration(office, person, bill)?)?;
    let id = visit.get("data").and_then(|data| text(data.get("mdtrt_id"))).filter(|id| is_plain(id));
    let id = id.ok_or_else(nonsense)?.to_owned();
    office.send(now, "2203A", message::visit(office, person, &id, bill))?;
    let batch = message::batch();
    let uploaded = office.send(now, "2204", message::fees(office, person, &id, &batch, bill))?;
    let lines = answer::lines(uploaded.get("result"), bill).ok_or_else(nonsense)?;
    let total = answer::total(bill).ok_or_else(nonsense)?;
    let registered = Registered {
        claim,
        channel: Channel::Counter,
        psn_no: person.psn_no.clone(),
        insutype: person.insutype.clone(),
        id,
        token: batch,
        total,
        lines,
        use_account: bill.use_account,
        used: person.used,
        expires: expires(now),
    };
    Ok(Uploaded { registered, setl: None })
}

/// What is part of a reference.
fn is_plain(text: &str) -> bool {
    (1..=60).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// 2206, and then 2205 and 2202: nothing is left of a quote.
pub fn quote(office: &Office, now: Instant, uploaded: Uploaded, bill: &Bill) -> Result<(Registered, Setl), Failure> {
    let registered = uploaded.registered;
    let asked = message::settlement(office, "2206", &registered, bill, None)?;
    let answer = office.send(now, "2206", asked);
    let (fees, visit) = message::withdrawal(&registered, bill);
    let withdrawn = office.send(now, "2205", fees).and_then(|_| office.send(now, "2202", visit));
    if let Err(failure) = withdrawn {
        // A registration without a settlement moves nothing.
        log::warn(format!("the office keeps the visit {} of a quote: {failure:?}", registered.id));
    }
    let setl = Setl::read(answer?.get("setlinfo")).filter(|setl| setl.visit == registered.id);
    setl.map(|setl| (registered, setl)).ok_or_else(nonsense)
}

/// 2207; the reference of the settlement.
pub fn settle(
    office: &Office,
    operation: &Operation,
    registered: &Registered,
    bill: &Bill,
) -> Result<(String, Setl), Failure> {
    let asked = message::settlement(office, "2207", registered, bill, Some(&registered.lines))?;
    let answer = office.send_once(operation, "2207", asked)?;
    let setl = Setl::read(answer.get("setlinfo")).filter(|setl| setl.visit == registered.id && is_plain(&setl.id));
    let setl = setl.ok_or_else(nonsense)?;
    Ok((format!("C:{}:{}", setl.id, registered.id), setl))
}

/// 2208; the reference of the reversal, and what is on the account after it.
pub fn reverse(
    office: &Office,
    operation: &Operation,
    reference: &Reference<'_>,
) -> Result<(String, Option<i64>), Failure> {
    // Before anything moves: what fails here has done nothing.
    let person = office.find(operation.at).map_err(not_begun)?;
    let answer = office.send_once(operation, "2208", message::reversal(&person, reference))?;
    let setl = answer.get("setlinfo").ok_or_else(nonsense)?;
    let id = text(setl.get("setl_id")).filter(|id| is_plain(id)).ok_or_else(nonsense)?;
    Ok((format!("C:{id}:{}", reference.second), answer::fen(setl.get("balc"))))
}

/// A message before the one that moves money failed.
pub fn not_begun(failure: Failure) -> Failure {
    match failure {
        Failure::Lost(why) => Failure::NotDone(why),
        Failure::Refused { infno, said } => Failure::NotDone(format!("the office refused {infno}: {said}")),
        other => other,
    }
}
