use xinglin_care::{pathway::Occasion, prescription};
use xinglin_domain::{
    billing::{
        Charge, Claim,
        claim::{Pending, Unknown},
    },
    consent::Purpose,
    id::PrescriptionId,
    payer::{PayerError, Status},
    prescription::Prescription,
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_platform::{
    AppError, AppResult, Platform, boxed,
    document::{Stored, next},
    work,
};
use xinglin_store::{OperationState, TenantTx, Work};

use super::{
    Finished, Outcome, Then, Verb, ask_again, finish,
    guard::{Cleared, Who, clear},
    in_flight_until, load, mark, mistake, parent, payer_of, reverse_payment, settle,
};

/// Resolves an operation without a known outcome (the host stopped during it, or the payer did
/// not answer, or could not be called) by querying the payer, once it cannot be in flight any more. While the payer cannot be called or
/// does not answer, it is asked again, each time after as long as it is late.
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
    if now < landed {
        return work::postpone(&records, work, landed).await;
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
        Charge::Settling(settling) => settling.unanswered(pending.updated_at),
        Charge::Reversing(reversing) => reversing.unanswered(pending.updated_at),
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
    let now = platform.now();
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
    let tx = records.begin().await?;
    let then = match (&status, verb(&unknown)) {
        (Status::NeverSeen, Verb::Reverse) => Then::SendAgain,
        (Status::NeverSeen, Verb::Settle) => {
            let cleared = may_still_settle(platform, &tx, &unknown, parent(&row)?).await?;
            cleared.map_or(Then::Stop, Then::SettleAgain)
        }
        _ => Then::Stop,
    };
    let outcome = Outcome { verb: verb(&unknown), key: operation.key, then, after: unknown.resolve(status, now) };
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

/// The proof that the order is still to be settled; `None` if not: then the patient confirms again, or
/// cancels.
async fn may_still_settle(
    platform: &Platform,
    tx: &TenantTx,
    unknown: &Claim<Unknown>,
    id: PrescriptionId,
) -> AppResult<Option<Cleared>> {
    let Prescription::Reserved(reserved) = prescription::load(tx, id).await?.value else { return Ok(None) };
    let charge = Charge::from(unknown.clone());
    match clear(platform, tx, Who::Host, (&charge, &reserved), platform.now()).await {
        Ok(cleared) => Ok(Some(cleared)),
        Err(refused) if refused.code.class().status() < 500 => {
            tracing::info!(bill = %charge.id(), code = refused.code.as_str(), "a settlement is not sent again");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

pub(super) const fn verb(unknown: &Claim<Unknown>) -> Verb {
    match unknown.state().pending {
        Pending::Settle(_) => Verb::Settle,
        Pending::Reverse(_) => Verb::Reverse,
    }
}
