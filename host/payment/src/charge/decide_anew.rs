use xinglin_domain::{
    billing::{
        Charge, insured,
        request::{Ask, Request},
    },
    insurance::claims::ExplanationOfBenefit,
    money::Money,
    payer::Settlement,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, document::Stored};
use xinglin_records::resource;
use xinglin_store::{PayerClaim, TenantTx};

use super::{load, notice, operation::change_membership, update, view::decisions};
use crate::ledger;

/// Applies what an insurer decided anew upon an appeal: to the bill, the ledger, its running figures of the
/// patient, and the record. Of a bill that was taken back meanwhile nothing is booked.
pub(crate) async fn decide_anew(
    tx: &TenantTx,
    request: &Request,
    decided: &ExplanationOfBenefit,
    now: Instant,
) -> AppResult<()> {
    let (Ask::Appeal { objection, former, .. }, Some(bill)) = (&request.ask, request.bill) else {
        return Err(AppError::internal("an appeal without a bill"));
    };
    let payer = request.payer.as_str();
    let Stored { row, value } = load(tx, bill).await?;
    let still = value.standing().last().is_some_and(|last| last.settlement.reference == objection.reference);
    let settled = match value {
        Charge::Settled(settled) if still => settled,
        other => {
            tracing::error!(%bill, payer, state = %other.state(), reference = decided.reference, "an insurer decided anew on a bill that is not settled any more: take the decision back with it");
            return Ok(());
        }
    };
    let charge = Charge::from(settled.clone());
    let sent = charge.bill_before(payer);
    let adjudication = insured::adjudicated(&sent, decided.adjudication.clone())?;
    let settlement = Settlement { reference: decided.reference.clone(), adjudication };
    let (settled, before) = settled.decided_anew(payer, settlement)?;
    let charge = Charge::from(settled);
    let Some(after) = charge.allocation() else { return Err(AppError::internal("a settled bill without figures")) };
    ledger::book_anew(tx, (bill, payer), (&before, after, &charge.denials_of(payer)), now).await?;
    ledger::update_share(tx, bill, now).await?;
    let benefit = |lines: &[xinglin_domain::insurance::claims::LineAdjudication]| {
        Money::sum(lines.iter().map(|line| line.benefit)).map_err(AppError::internal)
    };
    let (was, is) = (benefit(&former.lines)?, benefit(&decided.adjudication.lines)?);
    for (what, reference, amount) in
        [("former", &objection.reference, was.negate().map_err(AppError::internal)?), ("anew", &decided.reference, is)]
    {
        let claim = PayerClaim {
            id: format!("{}/{what}", request.id),
            payer: payer.to_owned(),
            reference: reference.clone(),
            bill_id: bill,
            amount,
            booked_at: now,
        };
        tx.insert_payer_claim(&claim).await?;
    }
    change_membership(tx, (&charge, payer), now, |membership, _| {
        let changed = membership.give_back(&former.draws).and_then(|()| membership.draw(&decided.adjudication.draws));
        if let Err(wrong) = changed {
            tracing::error!(payer, %wrong, "what an insurer drew does not fit what is on file: ask it for the balances");
        }
    })
    .await?;
    if let Some(standing) = charge.standing().last() {
        resource::project(tx, decisions(&charge, standing, false, now), now).await?;
    }
    notice::decided_anew(tx, &charge, &decided.reference, now).await?;
    update(tx, row, &charge, now).await.map(drop)
}
