use xinglin_care::{pathway::Occasion, prescription};
use xinglin_domain::{
    billing::{
        Charge, Claim,
        claim::{Pending, Unknown},
    },
    consent::Purpose,
    id::PrescriptionId,
    payer::{PayerError, Status},
    time::Instant,
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_platform::{
    AppError, AppResult, boxed,
    document::{Stored, next},
    work,
};
use xinglin_store::{OperationState, Tenant, Work};

use super::{
    Finished, Outcome, Then, Verb, ask_again, finish, load, mark, mistake, parent, payer_of, reverse_payment, settle,
};

/// Resolves an operation without a known outcome (the host stopped during it, or the payer did
/// not answer, or could not be called) by querying the payer. While the payer cannot be called or
/// does not answer, it is asked again, each time after as long as it is late.
#[tracing::instrument(target = "xinglin::trace", name = "resolve_payment", skip_all)]
#[boxed]
pub async fn resolve(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let (records, now) = (extensions.platform.store().tenant(work.tenant), occasion.now);
    let pending = records.get_payment(&work.id).await?;
    if matches!(pending.state, OperationState::Done | OperationState::Failed) {
        return work::finish(&records, work).await;
    }
    let Stored { row, value } = load(&records, pending.bill_id).await?;
    let patient = value.patient();
    let payer = match payer_of(extensions, &records, patient, value.payer()).await {
        Ok(payer) => payer,
        Err(cause) => {
            tracing::warn!(bill = %row.id, payer = pending.payer, %cause, "a payment waits: the payer cannot be called");
            return work::postpone(&records, work, ask_again(pending.created_at, now)).await;
        }
    };
    let unknown = match value {
        Charge::Unknown(unknown) => unknown,
        Charge::Settling(settling) => settling.unanswered(now),
        Charge::Reversing(reversing) => reversing.unanswered(now),
        _ => return Err(AppError::internal(format!("operation {} is pending, its bill is not", pending.key))),
    };
    let operation = unknown.state().pending.attempt().operation.clone();
    let mut calls =
        Calls::new(extensions, records.id(), &occasion.request_id, now).of(patient, Purpose::Payment).about(row.id);
    let judge = |answer: &Result<Status, PayerError>| match answer {
        Ok(status) => mistake(unknown.check(status)),
        Err(_) => None,
    };
    let answer = match calls.context(&payer.install, &payer.plugin) {
        Ok(context) => {
            let call = extensions.runtime().query(&payer.plugin, context, &operation, &judge).await;
            calls.took(&payer.install, call).await
        }
        Err(forbidden) => Err(forbidden),
    };
    let Ok(Ok(status)) = answer else {
        // Still unknown: asked again later.
        let tx = records.begin().await?;
        let charge = Charge::from(unknown);
        // The operation before the bill, as in `finish`.
        mark(&tx, &operation.key, OperationState::Unknown, None, (operation.at, now)).await?;
        tx.update_document(&next(row, charge.state().as_str(), &charge, now)?).await?;
        calls.write(&tx).await?;
        tx.commit().await?;
        return Ok(());
    };
    tracing::info!(bill = %row.id, operation = operation.key, ?status, "asked after a payment");
    let send_again = matches!(status, Status::NeverSeen)
        && (verb(&unknown) == Verb::Reverse || may_still_settle(&records, parent(&row)?, now).await?);
    let outcome = Outcome {
        verb: verb(&unknown),
        key: operation.key,
        then: if send_again { Then::SendAgain } else { Then::Stop },
        after: unknown.resolve(status, now),
    };
    let tx = records.begin().await?;
    let Finished { row, charge, send } = finish(&tx, row, outcome, now).await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    match charge {
        Charge::Settling(settling) if send => {
            match settle(extensions, &records, row, settling, &payer, occasion).await {
                // The answer is stored; nobody waits for it.
                Ok(_) => Ok(()),
                Err(error) if error.code.class().status() < 500 => Ok(()),
                Err(error) => Err(error),
            }
        }
        Charge::Reversing(reversing) if send => {
            reverse_payment(extensions, &records, row, reversing, occasion).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// Whether the order is still to be settled: it is valid, and its visit and patient allow it.
async fn may_still_settle(records: &Tenant, id: PrescriptionId, now: Instant) -> AppResult<bool> {
    let rx = prescription::load(records, id).await?.value;
    Ok(rx.valid_until().is_some_and(|until| now < until) && !prescription::is_void(records, &rx).await?)
}

pub(super) const fn verb(unknown: &Claim<Unknown>) -> Verb {
    match unknown.state().pending {
        Pending::Settle(_) => Verb::Settle,
        Pending::Reverse(_) => Verb::Reverse,
    }
}
