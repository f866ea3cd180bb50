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
use xinglin_store::{OperationState, Work};

use super::{Finished, Outcome, Verb, finish, load, mark, payer_of, reverse_payment, settle};

/// Resolves an operation without a known outcome (the host stopped during it, or the payer did
/// not answer) by querying the payer.
#[tracing::instrument(target = "xinglin::trace", name = "resolve_payment", skip_all)]
#[boxed]
pub async fn resolve(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let records = extensions.platform.store().tenant(work.tenant);
    let pending = records.get_payment(&work.id).await?;
    if matches!(pending.state, OperationState::Done | OperationState::Failed) {
        return work::finish(&records, work).await;
    }
    let Stored { row, value } = load(&records, pending.bill_id).await?;
    let unknown = match value {
        Charge::Unknown(unknown) => unknown,
        Charge::Settling(settling) => settling.unanswered(occasion.now),
        Charge::Reversing(reversing) => reversing.unanswered(occasion.now),
        _ => return Err(AppError::internal(format!("operation {} is pending, its bill is not", pending.key))),
    };
    let asked_about = unknown_charge(&unknown);
    let payer = payer_of(extensions, &records, &asked_about).await?;
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now)
        .of(asked_about.patient(), Purpose::Payment)
        .about(row.id);
    let context = calls.context(&payer.install, &payer.plugin)?;
    let operation = unknown.state().pending.attempt().operation.clone();
    let answer = calls.took(&payer.install, extensions.runtime().query(&payer.plugin, context, &operation).await).await;
    let Ok(Ok(status)) = answer else {
        // Still unknown: asked again later.
        let tx = records.begin().await?;
        let charge = Charge::from(unknown);
        tx.update_document(&next(row, charge.state().as_str(), &charge, occasion.now)?).await?;
        mark(&tx, &operation.key, OperationState::Unknown, None, occasion.now).await?;
        calls.write(&tx).await?;
        tx.commit().await?;
        return Ok(());
    };
    tracing::info!(bill = %row.id, operation = operation.key, ?status, "asked after a payment");
    let outcome = Outcome {
        verb: match unknown.state().pending {
            Pending::Settle(_) => Verb::Settle,
            Pending::Reverse(_) => Verb::Reverse,
        },
        key: operation.key,
        unsent: matches!(status, Status::NeverSeen),
        after: unknown.resolve(status, occasion.now),
    };
    let tx = records.begin().await?;
    let Finished { row, charge, .. } = finish(&tx, row, outcome, &payer, calls, occasion.now).await?;
    tx.commit().await?;
    match charge {
        Charge::Settling(settling) => settle(extensions, &records, row, settling, occasion).await.map(drop),
        Charge::Reversing(reversing) => reverse_payment(extensions, &records, row, reversing, occasion).await.map(drop),
        _ => Ok(()),
    }
}

fn unknown_charge(unknown: &Claim<Unknown>) -> Charge {
    unknown.clone().into()
}
