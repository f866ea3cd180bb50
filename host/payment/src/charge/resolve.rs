use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::{
        Charge, Claim,
        claim::{Pending, Unknown},
    },
    consent::Purpose,
    payer::Status,
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_platform::{
    AppError, AppResult, boxed,
    document::{Stored, next},
    work,
};
use xinglin_store::{Operation, OperationState, Work};

use super::{
    load,
    operation::{Called, Finished, Outcome, Then, Verb, ask_again, finish, in_flight_until, take},
    payer::payer_of,
    settle::carry_out,
};

/// Resolves an operation without a known outcome (the host stopped during it, or the payer did
/// not answer, or could not be called) by querying the payer, once it cannot be in flight any more.
/// While the payer cannot be called or does not answer, it is asked again, each time after as long as
/// it is late.
#[tracing::instrument(target = "xinglin::trace", name = "resolve_payment", skip_all)]
#[boxed]
pub async fn resolve(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let platform = &extensions.platform;
    let (records, now) = (platform.store().tenant(work.tenant), occasion.now);
    let pending = records.get_payment(&work.id).await?;
    if matches!(pending.state, OperationState::Done | OperationState::Failed) {
        return work::finish(&records, work).await;
    }
    let landed = in_flight_until(&pending);
    if now < landed || Called::is(&work.id) {
        return work::postpone(&records, work, landed.max(now.plus_seconds(1))).await;
    }
    let Stored { row, value } = load(&records, pending.bill_id).await?;
    if let Charge::Reduced(reduced) = &value
        && reduced.asked().is_some_and(|asked| asked.operation.key == work.id)
    {
        let later = ask_again(pending.created_at, now);
        return match carry_out(extensions, &records, row, value, occasion).await {
            Ok(reply) => match reply.charge {
                Charge::Reduced(reduced) if reduced.asked().is_some_and(|asked| asked.operation.key == work.id) => {
                    work::postpone(&records, work, later).await
                }
                _ => Ok(()),
            },
            Err(error) if error.code.class().status() < 500 => Ok(()),
            Err(error) => Err(error),
        };
    }
    let in_progress = value.in_progress().filter(|(attempt, _)| attempt.operation.key == work.id);
    let Some((_, share)) = in_progress else {
        // Somebody else has its outcome, and is at the bill.
        return work::postpone(&records, work, work::next_try(work, now)).await;
    };
    let patient = value.patient();
    let payer = match payer_of(extensions, &records, (patient, value.bill().served_at), share).await {
        Ok(payer) => payer,
        Err(cause) => {
            tracing::warn!(bill = %row.id, payer = pending.payer, %cause, "a payment waits: the payer cannot be called");
            return work::postpone(&records, work, ask_again(pending.created_at, now)).await;
        }
    };
    let unknown = match value {
        Charge::Unknown(unknown) => unknown,
        Charge::Settling(settling) => settling.unanswered(pending.updated_at),
        Charge::Reversing(reversing) => reversing.unanswered(pending.updated_at),
        _ => return Err(AppError::internal(format!("operation {} is pending, its bill is not", pending.key))),
    };
    let operation = unknown.state().pending.attempt().operation.clone();
    // From now on nobody calls the payer for it: to some payers a question is the order to undo what was done.
    let charge = Charge::from(unknown.clone());
    let asked = Operation { state: OperationState::Unknown, updated_at: now, ..pending };
    let row = next(row, charge.state().as_str(), &charge, now)?;
    let Some(row) = take(records.begin().await?, (&asked, ask_again(asked.created_at, now)), row).await? else {
        return work::postpone(&records, work, work::next_try(work, now)).await;
    };
    let mut calls =
        Calls::new(extensions, records.id(), &occasion.request_id, now).of(patient, Purpose::Payment).about(row.id);
    let answer = payer.query(extensions, &mut calls, &operation, &unknown).await;
    let now = platform.now();
    let Ok(Ok(status)) = answer else {
        // Still unknown: asked again later.
        let tx = records.begin().await?;
        calls.write(&tx).await?;
        tx.commit().await?;
        return Ok(());
    };
    tracing::info!(bill = %row.id, operation = operation.key, ?status, "asked after a payment");
    let then = if status == Status::NeverSeen { Then::SendAgain } else { Then::Stop };
    let outcome = Outcome { verb: verb(&unknown), key: operation.key, then, after: unknown.resolve(status, now) };
    let tx = records.begin().await?;
    let Finished { row, charge, send, .. } = finish(platform, &tx, row, outcome, now).await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    if !send {
        return Ok(());
    }
    match carry_out(extensions, &records, row, charge, occasion).await {
        // The outcome is stored; nobody waits for it.
        Ok(_) => Ok(()),
        Err(error) if error.code.class().status() < 500 => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) const fn verb(unknown: &Claim<Unknown>) -> Verb {
    match unknown.state().pending {
        Pending::Settle(_) => Verb::Settle,
        Pending::Reverse(_) => Verb::Reverse,
    }
}
