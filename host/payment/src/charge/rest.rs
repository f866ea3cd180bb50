//! What a refund has left of a bill: quoted anew, and settled.

use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::{Charge, Claim, claim::Reduced},
    code::Code,
    consent::Purpose,
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_records::consent;
use xinglin_store::{OperationState, Tenant};

use super::{
    Row,
    guard::{Who, clear, one_at_a_time, restricted},
    notice,
    operation::{Finished, begin, mark, post_settled, rest_of},
    payer::find_payers,
    quote::ask,
    settle::Step,
    update,
};

/// Asks the payers of a bill for a quote of what is left, and begins to settle it, or offers it to the
/// patient. If a payer cannot be asked, it waits as it is: the job asks again.
///
/// # Errors
/// If the store fails, or somebody else was first.
#[boxed]
pub(super) async fn requote(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    reduced: Claim<Reduced>,
    occasion: &Occasion,
) -> AppResult<Step> {
    let (platform, patient) = (&extensions.platform, reduced.patient());
    let waits = |row: Row, cause: AppError| match cause.code {
        Code::StoreUnavailable | Code::VersionConflict => Err(cause),
        _ => {
            tracing::warn!(bill = %row.id, %cause, "what is left after a refund waits: its payers cannot be asked");
            Ok(Step::waits(row, reduced.clone().into()))
        }
    };
    let Some(operation) = reduced.asked().map(|attempt| attempt.operation.clone()) else {
        return Ok(Step::waits(row, reduced.into()));
    };
    let served_at = reduced.bill().served_at;
    let payers = match find_payers(extensions, records, (patient, served_at), Some(reduced.payers())).await {
        Ok(payers) => payers,
        Err(cause) => return waits(row, cause),
    };
    if payers.len() < reduced.payers().len() || payers.iter().any(|(_, payer)| payer.install.recalled.is_some()) {
        return waits(row, AppError::new(Code::PayUnavailable, "a payer of the bill is not enabled"));
    }
    let charge = Charge::from(reduced.clone());
    let order = rest_of(records, &row).await?;
    let discloses = restricted(records, charge.bill(), charge.items(), order.medicines()).await?;
    let mut willing = Vec::new();
    for (kind, payer) in payers {
        if consent::may_bill(platform, records, payer.id(), patient, discloses).await? {
            willing.push((kind, payer));
        }
    }
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now)
        .of(patient, Purpose::Payment)
        .about(row.id);
    let mut rest = charge.bill().clone();
    let asked = ask(extensions, &mut rest, &willing, &mut calls, &mut Vec::new()).await;
    let now = platform.now();
    let after = match asked {
        Ok(quotations) => reduced.clone().quoted(quotations, now).map_err(|(_, error)| AppError::from(error)),
        Err(cause) => Err(cause),
    };
    let tx = records.begin().await?;
    let views = calls.write(&tx).await?;
    let after = match after {
        Ok(after) => after,
        Err(cause) => {
            tx.commit().await?;
            return waits(row, cause);
        }
    };
    let done = async |tx| mark(tx, &operation.key, OperationState::Done, None, (operation.at, now)).await;
    let (row, charge) = match after {
        Charge::Confirmed(confirmed) => {
            let charge = Charge::from(confirmed.clone());
            let cleared = async {
                let cleared = clear(platform, &tx, Who::Host, (&charge, &order), now).await?;
                one_at_a_time(&tx, &charge).await?;
                Ok::<_, AppError>(cleared)
            };
            let cleared = match cleared.await {
                Ok(cleared) => cleared,
                Err(cause) => {
                    tx.commit().await?;
                    return waits(row, cause);
                }
            };
            done(&tx).await?;
            if confirmed.payers().is_empty() {
                let charge = Charge::from(confirmed.collect(now)?);
                (post_settled(&tx, row, &charge, now).await?, charge)
            } else {
                let (row, settling) = begin(&tx, row, confirmed, &cleared, now).await?;
                (row, settling.into())
            }
        }
        offered => {
            done(&tx).await?;
            notice::offered(&tx, &offered, now).await?;
            (update(&tx, row, &offered, now).await?, offered)
        }
    };
    tx.commit().await?;
    Ok(Step { finished: Finished { row, charge, send: true, figures: None }, calls: views, refusals: Vec::new() })
}
